import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Answered } from './metrics';

export type Render = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Longer than a proxy keeps an idle connection (Traefik: 90 s), so that none is closed as it is used again. */
const KEEP_ALIVE_MS = 95_000;

/** Answers the probes, leaves every other path to Next, and drains when it is told to. */
export class TillServer {
  private readonly http: Server;
  private readonly inHand = new Set<ServerResponse>();
  private draining = false;

  /** `onAnswer` is told of each answer that is out or was cut off. */
  constructor(
    private readonly render: Render,
    private readonly onAnswer: (answered: Answered) => void = () => undefined,
  ) {
    this.http = createServer((request, response) => void this.answer(request, response));
    this.http.keepAliveTimeout = KEEP_ALIVE_MS;
    this.http.headersTimeout = KEEP_ALIVE_MS + 5_000;
  }

  /** Resolves to the port, which differs from the wanted one when that is 0. */
  async listen(port: number): Promise<number> {
    this.http.listen(port);
    await once(this.http, 'listening');
    const address: AddressInfo | string | null = this.http.address();
    return address !== null && typeof address === 'object' ? address.port : port;
  }

  /** Takes no more connections and finishes the requests in hand; those that take longer are cut off. */
  async drain(withinMs: number): Promise<void> {
    this.draining = true;
    const closed = once(this.http, 'close');
    this.http.close();
    for (const response of this.inHand) endConnectionAfter(response);
    const deadline = setTimeout(() => {
      this.http.closeAllConnections();
    }, withinMs);
    await closed;
    clearTimeout(deadline);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const from = performance.now();
    const path = request.url?.split('?')[0] ?? '/';
    this.inHand.add(response);
    response.once('close', () => {
      this.inHand.delete(response);
      const { method = '' } = request;
      this.onAnswer({
        method,
        path,
        status: response.statusCode,
        seconds: (performance.now() - from) / 1000,
      });
      // A response whose headers were out before draining began leaves an idle connection behind.
      if (this.draining)
        setImmediate(() => {
          this.http.closeIdleConnections();
        });
    });
    if (this.draining) endConnectionAfter(response);
    if (path.startsWith('/health/')) this.answerProbe(path, response);
    else await this.render(request, response);
  }

  private answerProbe(path: string, response: ServerResponse): void {
    switch (path) {
      case '/health/startup':
      case '/health/live':
        sendJson(response, 200, { status: 'ok' });
        break;
      case '/health/ready':
        sendJson(response, this.draining ? 503 : 200, { status: this.draining ? 'draining' : 'ok' });
        break;
      default:
        sendJson(response, 404, { status: 'unknown', detail: 'Probes are startup, ready and live.' });
    }
  }
}

function endConnectionAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function sendJson(response: ServerResponse, status: number, body: Record<string, string>): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(body));
}
