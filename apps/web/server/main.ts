import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import next from 'next';

import { Metrics, serveMetrics } from './metrics';
import { TillServer } from './till-server';

const DRAIN_WITHIN_MS = 20_000;
const appFolder = join(__dirname, '..');

function log(level: 'info' | 'error', msg: string, fields: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ level, time: new Date().toISOString(), msg, ...fields }));
}

function portFrom(variable: 'PORT' | 'METRICS_PORT', value: string): number {
  const port = Number(value);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`${variable} is "${value}". Set it to a whole number from 0 to 65535.`);
}

/** In a standalone build the settings of next.config.ts come from the build, as in the server.js that Next makes. */
function takeBuiltSettings(): void {
  const built: unknown = JSON.parse(
    readFileSync(join(appFolder, '.next', 'required-server-files.json'), 'utf8'),
  );
  if (typeof built !== 'object' || built === null || !('config' in built)) {
    throw new Error('.next/required-server-files.json has no "config". Run `npm run build` again.');
  }
  process.env.__NEXT_PRIVATE_STANDALONE_CONFIG = JSON.stringify(built.config);
}

async function main(): Promise<void> {
  const dev = process.env.NODE_ENV === 'development';
  const port = portFrom('PORT', process.env.PORT ?? '3000');
  if (!dev) takeBuiltSettings();

  const app = next({ dev, dir: appFolder, port, quiet: !dev });
  await app.prepare();
  const render = app.getRequestHandler();
  const metrics = new Metrics();
  const { METRICS_PORT } = process.env;
  if (METRICS_PORT !== undefined) await serveMetrics(metrics, portFrom('METRICS_PORT', METRICS_PORT));
  const server = new TillServer(
    (request, response) => render(request, response),
    (answered) => {
      metrics.observe(answered);
    },
  );
  log('info', 'listening', { port: await server.listen(port) });

  const stop = (signal: NodeJS.Signals): void => {
    log('info', 'draining', { signal });
    void server.drain(DRAIN_WITHIN_MS).then(() => {
      log('info', 'stopped');
      process.exit(0);
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: unknown) => {
  log('error', error instanceof Error ? error.message : String(error));
  process.exit(1);
});
