import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';

import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';

import { reasonOf } from '../common/reason.js';
import type { DatabaseConfig } from '../config/schema.js';
import type { Tables } from './tables.js';

const CONNECT_TIMEOUT_MS = 3000;
/** Above the longest statement and the idle time of the pool. */
const LONGEST_SILENCE_MS = 10_000;

export interface DatabaseOptions {
  readonly applicationName: string;
  /** 0 lets a statement take as long as it needs. */
  readonly longestSilenceMs?: number;
}

/** What an error message about the server names. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

/** The connection pool and the typed queries on it. */
export class Database {
  readonly address: DatabaseAddress;
  readonly pool: pg.Pool;
  readonly query: Kysely<Tables>;
  private user = '';

  constructor(
    config: DatabaseConfig,
    { applicationName, longestSilenceMs = LONGEST_SILENCE_MS }: DatabaseOptions,
    logger: Logger,
  ) {
    const url = new URL(config.url);
    this.address = {
      host: url.hostname,
      port: Number(url.port || 5432),
      name: decodeURIComponent(url.pathname.slice(1)),
    };
    // pg takes a function for the password, but not for the user, and both must be of one generation.
    const login = () => {
      const [user, password = ''] = config.login.read();
      this.user = user ?? '';
      return { user, password: () => password };
    };
    class Client extends pg.Client {
      constructor(options?: pg.ClientConfig) {
        super({ ...options, ...login() });
        // One that is lost between two queries of a transaction fails the second; unheard, it would end the process.
        this.on('error', () => undefined);
      }
    }
    const types = new pg.TypeOverrides();
    // Money and counts fit a double's 53 bits: numbers instead of pg's strings.
    types.setTypeParser(pg.types.builtins.INT8, Number);
    this.pool = new pg.Pool({
      host: this.address.host,
      port: this.address.port,
      database: this.address.name,
      Client,
      ssl: tlsOptions(config),
      max: config.poolSize,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: 5000,
      application_name: applicationName,
      types,
      stream: () => socketThatGivesUp(longestSilenceMs),
    });
    this.pool.on('error', (error) => {
      logger.warn({ reason: reasonOf(error) }, 'An idle connection to PostgreSQL was lost');
    });
    this.query = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: this.pool }) });
  }

  /** As whom the latest connection was tried. */
  get latestUser(): string {
    return this.user;
  }

  async close(): Promise<void> {
    await this.query.destroy();
  }
}

/**
 * A server that vanished without a word would hold its connections until TCP gives up, a quarter of an hour
 * later. Silence for longer than any statement takes ends the connection, and the pool opens another.
 */
function socketThatGivesUp(longestSilenceMs: number): Socket {
  const socket = new Socket();
  return socket.setTimeout(longestSilenceMs, () => {
    const error = new Error(`PostgreSQL sent nothing for ${longestSilenceMs / 1000} s`);
    socket.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
  });
}

function tlsOptions(config: DatabaseConfig) {
  if (config.sslMode === 'disable') return false;
  const ca = config.sslCaFile === undefined ? {} : { ca: readFileSync(config.sslCaFile, 'utf8') };
  return { ...ca, rejectUnauthorized: config.sslMode === 'verify-full' };
}

const CONNECTION_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

export const DISK_FULL = '53100';

/** SQLSTATEs that say "not now", not "not like this". */
const UNAVAILABLE_STATES = new Set([
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  DISK_FULL,
  '53300', // too_many_connections
  '25006', // read_only_sql_transaction: a replica after a failover
  '28P01', // invalid_password: a rotation that hasn't reached both sides
  '28000', // invalid_authorization_specification
  '3D000', // invalid_catalog_name
]);

/** Messages of errors that pg raises without a code. */
const CONNECTION_MESSAGE =
  /Connection terminated|timeout exceeded when trying to connect|not queryable|^SASL/;

/** What Node.js says of a server whose certificate is not what was asked for. */
const CERTIFICATE_ERRORS = new Set([
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Whether an error means that the server could not show that it is the one that was asked for. */
export function isServerUntrusted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CERTIFICATE_ERRORS.has(String(error.code));
}

/** What a server can't do for anybody, whatever its code, it says by ending the session. */
const endsSession = (error: Error): boolean =>
  'severity' in error && (error.severity === 'FATAL' || error.severity === 'PANIC');

/** Whether an error means that PostgreSQL can't be asked at the moment. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return (
    CONNECTION_ERRORS.has(code) ||
    UNAVAILABLE_STATES.has(code) ||
    code.startsWith('08') ||
    endsSession(error) ||
    isServerUntrusted(error) ||
    CONNECTION_MESSAGE.test(error.message)
  );
}

export function hasSqlState(error: unknown, state: string): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.code === state;
}

export const UNIQUE_VIOLATION = '23505';
export const UNDEFINED_TABLE = '42P01';
export const LOCK_NOT_AVAILABLE = '55P03';
export const INVALID_PASSWORD = '28P01';
