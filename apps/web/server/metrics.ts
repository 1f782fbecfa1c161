import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** An answer that is out, or was cut off. */
export interface Answered {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly seconds: number;
}

/** What Prometheus reads of this server. */
export class Metrics {
  readonly registry = new Registry();

  private readonly requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  observe({ method, path, status, seconds }: Answered): void {
    this.requests.observe({ method, route: routeOf(path), status }, seconds);
  }
}

/** Anybody can ask for any path: what isn't a route of the till is one series, whatever it is. */
export function routeOf(path: string): string {
  if (path === '/' || path === '/icon.svg') return path;
  const [, folder] = path.split('/');
  return folder === '_next' || folder === 'health' ? `/${folder}` : 'unknown';
}

/** Answers Prometheus on a port of its own, to which no way leads from outside. */
export async function serveMetrics({ registry }: Metrics, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(port);
  await once(server, 'listening');
  return server;
}
