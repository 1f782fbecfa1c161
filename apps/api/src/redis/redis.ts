import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';

import { createClient } from '@redis/client';
import type { Logger } from 'pino';

import { reasonOf } from '../common/reason.js';
import type { RedisConfig } from '../config/schema.js';

const COMMAND_TIMEOUT_MS = 500;
const CONNECT_TIMEOUT_MS = 2000;
const WATCH_EVERY_MS = 2000;
const RECONNECT_AFTER_MS = 500;

export type RedisClient = ReturnType<typeof newClient>;

/** Redis can't be asked at the moment; callers decide what goes on without it. */
export class RedisUnavailable extends Error {
  constructor(options?: ErrorOptions) {
    super('Redis does not answer', options);
    this.name = 'RedisUnavailable';
  }
}

/**
 * One connection that comes back by itself. A command fails at once while the connection is away, and a
 * connection that stopped answering is replaced: waiting for TCP to notice would take a quarter of an hour.
 */
export class Redis {
  readonly client: RedisClient;
  private watch: NodeJS.Timeout | undefined;
  private latestReason = '';

  constructor(
    config: RedisConfig,
    private readonly name: string,
    private readonly logger: Logger,
  ) {
    this.client = newClient(config, name);
    this.client.on('error', (error: unknown) => {
      this.latestReason = reasonOf(error);
      this.logger.debug({ reason: this.latestReason, connection: name }, 'Redis connection failed');
    });
    this.client.on('ready', () => {
      this.logger.info({ connection: name }, 'Redis is connected');
    });
    this.client.on('reconnecting', () => {
      const reason = this.latestReason;
      this.logger.warn({ reason, connection: name }, 'Redis is away: connecting again');
    });
  }

  /** Starts connecting and doesn't wait: the server works without Redis. */
  open(): void {
    this.connect();
    this.watch = setInterval(() => {
      if (this.isReady) this.run((client) => client.ping()).catch(() => undefined);
    }, WATCH_EVERY_MS).unref();
  }

  get isReady(): boolean {
    return this.client.isReady;
  }

  onReady(listener: () => void): void {
    this.client.on('ready', listener);
  }

  /** Runs commands, or throws RedisUnavailable within half a second. */
  async run<Result>(work: (client: RedisClient) => Promise<Result>): Promise<Result> {
    if (!this.isReady) throw new RedisUnavailable();
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.replaceConnection();
        reject(new RedisUnavailable());
      }, COMMAND_TIMEOUT_MS);
    });
    try {
      return await Promise.race([work(this.client), silence]);
    } catch (error) {
      if (error instanceof RedisUnavailable) throw error;
      throw new RedisUnavailable({ cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    clearInterval(this.watch);
    if (this.client.isOpen) this.client.destroy();
  }

  private connect(): void {
    this.client.connect().catch((error: unknown) => {
      this.logger.warn({ reason: reasonOf(error), connection: this.name }, 'Redis refused the connection');
    });
  }

  private replaceConnection(): void {
    if (!this.client.isReady) return;
    this.logger.warn({ connection: this.name }, 'Redis stopped answering: connecting again');
    this.client.destroy();
    this.connect();
  }
}

/** Sent along (SNI), since managed servers may share an address; an address itself can't be. */
const serverName = ({ hostname }: URL) => (isIP(hostname) === 0 ? { servername: hostname } : {});

function newClient(config: RedisConfig, name: string) {
  const url = new URL(config.url);
  const common = {
    host: url.hostname,
    port: Number(url.port || 6379),
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectStrategy: RECONNECT_AFTER_MS,
  };
  const ca = config.sslCaFile === undefined ? {} : { ca: readFileSync(config.sslCaFile, 'utf8') };
  return createClient({
    name,
    RESP: 2,
    socket: url.protocol === 'rediss:' ? { ...common, ...ca, tls: true, ...serverName(url) } : common,
    database: Number(url.pathname.slice(1) || 0),
    // Asked for each new connection, so that a changed password file is picked up.
    credentialsProvider: {
      type: 'async-credentials-provider',
      credentials: () => {
        const password = config.password.read() ?? decodeURIComponent(url.password);
        const username = decodeURIComponent(url.username);
        return Promise.resolve({ ...(username && { username }), ...(password && { password }) });
      },
    },
    disableOfflineQueue: true,
  });
}
