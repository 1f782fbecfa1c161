const { existsSync } = require('node:fs');
const { dirname, join } = require('node:path');

const { getDefaultConfig } = require('expo/metro-config');

const config = getDefaultConfig(__dirname);
// Where the sources are mounted into an image that has the packages, those are one folder above.
const packages = join(dirname(__dirname), 'node_modules');
if (!existsSync(join(__dirname, 'node_modules'))) config.watchFolders = [packages];
const PROBES = new Set(['/health/startup', '/health/ready', '/health/live']);

// The dev server answers the same probes as the static export, so that one manifest fits both images.
config.server.enhanceMiddleware = (metro) => (request, response, next) => {
  if (!PROBES.has(request.url)) return metro(request, response, next);
  response.setHeader('Content-Type', 'application/json');
  response.end('{"status":"ok"}\n');
};

module.exports = config;
