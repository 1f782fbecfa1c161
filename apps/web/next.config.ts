import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { NextConfig } from 'next';

const securityHeaders = [
  { key: 'X-Content-Type-Options', value: 'nosniff' },
  { key: 'X-Frame-Options', value: 'DENY' },
  { key: 'Referrer-Policy', value: 'no-referrer' },
  { key: 'Permissions-Policy', value: 'camera=(), geolocation=(), microphone=(), payment=(), usb=()' },
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Resource-Policy', value: 'same-origin' },
];

/** What dist/metrics.js loads, which Next doesn't see. */
export const loadedByServer = [
  'node_modules/prom-client/{package.json,index.js,lib/**/*.js}',
  'node_modules/tdigest/{package.json,tdigest.js}',
  'node_modules/bintrees/{package.json,index.js,lib/*.js}',
  'node_modules/@opentelemetry/api/{package.json,dist/**/*.cjs}',
];

/** Where packages are: beside this file, or one folder above it where the sources are mounted into an image that has them. */
const root = existsSync(join(__dirname, 'node_modules')) ? __dirname : dirname(__dirname);

const config: NextConfig = {
  output: 'standalone',
  poweredByHeader: false,
  reactStrictMode: true,
  // Without these, Next looks for a workspace root above and nests the output when it finds a lockfile there.
  outputFileTracingRoot: root,
  turbopack: { root },
  // What is made in development goes with its pod.
  experimental: { turbopackFileSystemCacheForDev: false },
  allowedDevOrigins: (process.env.ALLOWED_DEV_ORIGINS ?? '').split(',').filter(Boolean),
  // The till shows no raster images, so the image optimizer's native libraries stay out of the output.
  images: { unoptimized: true },
  outputFileTracingExcludes: { '*': ['node_modules/@img/**', 'node_modules/sharp/**'] },
  outputFileTracingIncludes: { '/*': loadedByServer },
  headers() {
    return Promise.resolve([{ source: '/:path*', headers: securityHeaders }]);
  },
};

export default config;
