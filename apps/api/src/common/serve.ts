import { createServer, type Server } from 'node:http';

import type { PlainRoutes } from '../health/routes.js';

/** A server of a few plain answers, for a process that nobody but orchestrators and Prometheus talks to. */
export function serve(routes: PlainRoutes): Server {
  return createServer((request, response) => {
    const answer = routes[request.url?.split('?')[0] ?? ''];
    if (answer === undefined || request.method !== 'GET') {
      response.writeHead(404).end();
      return;
    }
    answer().then(
      ({ status, contentType, body }) =>
        response.writeHead(status, { 'content-type': contentType }).end(body),
      () => response.writeHead(500).end(),
    );
  });
}
