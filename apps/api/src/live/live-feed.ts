import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

import { AccessTokens } from '../auth/access-tokens.js';
import { SecurityEvents } from '../auth/security-events.js';
import { CONFIG, LOGGER } from '../common/tokens.js';
import type { ServerConfig } from '../config/schema.js';
import { Redis } from '../redis/redis.js';
import type { Sale } from '../sales/sales.dto.js';

const CHANNEL = 'zakpos:live';
const AUTH_WITHIN_MS = 5000;
const HEARTBEAT_MS = 30_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** A client that doesn't read is dropped before it fills the memory. */
const MOST_BUFFERED_BYTES = 1_000_000;

const GOING_AWAY = 1001;
const UNAUTHORIZED = 4401;

const authMessage = z.object({ type: z.literal('auth'), token: z.string() });
const fanOut = z.object({ from: z.string(), message: z.string() });

/**
 * The live feed of sales. Clients of this process are told at once; the others' by Redis, so that a Redis
 * that is away costs only the sales of other processes.
 */
@Injectable()
export class LiveFeed {
  private readonly self = randomUUID();
  private readonly server = new WebSocketServer({ noServer: true, maxPayload: 8192 });
  private readonly listeners = new Set<WebSocket>();
  private readonly alive = new WeakSet<WebSocket>();
  private readonly subscription: Redis;
  private heartbeat: NodeJS.Timeout | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly tokens: AccessTokens,
    private readonly security: SecurityEvents,
    @Inject(CONFIG) private readonly config: ServerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.subscription = new Redis(config.redis, 'zakpos-api-live', logger);
  }

  open(http: Server): void {
    const path = `/${this.config.http.prefix}/live`;
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (request.url?.split('?')[0] !== path) {
        socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
        return;
      }
      this.server.handleUpgrade(request, socket, head, (client) => {
        this.welcome(client);
      });
    });
    this.heartbeat = setInterval(() => {
      this.dropSilentClients();
    }, HEARTBEAT_MS).unref();
    // The subscription survives reconnects, but can only be made on a connection that is ready.
    let subscribed = false;
    this.subscription.onReady(() => {
      if (subscribed) return;
      subscribed = true;
      this.subscription.client
        .subscribe(CHANNEL, (text) => {
          this.receive(text);
        })
        .catch((error: unknown) => {
          subscribed = false;
          this.logger.warn({ err: error }, 'The live feed of other processes could not be subscribed');
        });
    });
    this.subscription.open();
  }

  /** Tells every client about a sale; never holds up the sale. */
  announce({ id, number, totalMinor, currency, createdAt }: Sale): void {
    const message = JSON.stringify({ type: 'sale', sale: { id, number, totalMinor, currency, createdAt } });
    this.tellListeners(message);
    this.redis
      .run((client) => client.publish(CHANNEL, JSON.stringify({ from: this.self, message })))
      .catch(() => {
        this.logger.debug('Redis is away: only the clients of this process were told about the sale');
      });
  }

  close(): void {
    clearInterval(this.heartbeat);
    this.subscription.close();
    for (const client of this.server.clients) client.close(GOING_AWAY, 'The server is restarting');
    this.server.close();
  }

  private receive(text: string): void {
    const { from, message } = fanOut.parse(JSON.parse(text));
    if (from !== this.self) this.tellListeners(message);
  }

  private tellListeners(message: string): void {
    for (const listener of this.listeners) {
      if (listener.bufferedAmount > MOST_BUFFERED_BYTES) listener.terminate();
      else if (listener.readyState === WebSocket.OPEN) listener.send(message);
    }
  }

  private welcome(client: WebSocket): void {
    this.alive.add(client);
    const impatience = setTimeout(() => {
      client.close(UNAUTHORIZED, 'No token within 5 seconds');
    }, AUTH_WITHIN_MS);
    client.on('pong', () => this.alive.add(client));
    client.on('error', () => {
      client.terminate();
    });
    client.on('close', () => {
      clearTimeout(impatience);
      this.listeners.delete(client);
    });
    client.once('message', (data) => {
      clearTimeout(impatience);
      void this.admit(client, data);
    });
  }

  private async admit(client: WebSocket, data: RawData): Promise<void> {
    const token = tokenOf(data);
    const principal = token === undefined ? undefined : await this.tokens.verify(token);
    if (client.readyState !== WebSocket.OPEN) return;
    if (principal === undefined) {
      if (token === undefined || !(await this.tokens.hasExpired(token)))
        this.security.record('token_refused', {}, 'access token of the live feed refused');
      client.close(UNAUTHORIZED, 'The access token is not valid');
      return;
    }
    const remaining = Math.min(principal.expiresAt.getTime() - Date.now(), LONGEST_TIMER_MS);
    const expiry = setTimeout(() => {
      client.close(UNAUTHORIZED, 'The access token has expired');
    }, remaining);
    client.on('close', () => {
      clearTimeout(expiry);
    });
    this.listeners.add(client);
    client.send(JSON.stringify({ type: 'ready' }));
  }

  private dropSilentClients(): void {
    for (const client of this.server.clients) {
      if (!this.alive.delete(client)) client.terminate();
      else client.ping();
    }
  }
}

function tokenOf(data: RawData): string | undefined {
  // The server's binaryType makes every message one buffer.
  if (!Buffer.isBuffer(data)) return undefined;
  try {
    return authMessage.safeParse(JSON.parse(data.toString())).data?.token;
  } catch {
    return undefined;
  }
}
