import { setTimeout as sleep } from 'node:timers/promises';

import type { Logger } from 'pino';
import type { z } from 'zod';

import { runEntry } from '../common/entry.js';
import { createLogger } from '../common/logger.js';
import { reasonOf } from '../common/reason.js';
import { Refusal } from '../common/refusal.js';
import { parseEnvironment } from '../config/environment.js';
import type { MigrateConfig } from '../config/schema.js';
import {
  Database,
  hasSqlState,
  INVALID_PASSWORD,
  isDatabaseUnavailable,
  isServerUntrusted,
} from './database.js';

export interface Task<Config, Arguments> {
  readonly config: Config;
  readonly args: Arguments;
  readonly database: Database;
  readonly logger: Logger;
}

/** Runs an entry that does one thing to the database and ends. What is asked of it is looked at before the server is. */
export function runTask<Schema extends z.ZodType<MigrateConfig>, Arguments>(
  service: string,
  schema: Schema,
  readArguments: () => Arguments,
  work: (task: Task<z.output<Schema>, Arguments>) => Promise<void>,
): void {
  runEntry(service, async () => {
    const args = readArguments();
    const config = parseEnvironment(schema, process.env);
    const logger = createLogger(service, config.process.logLevel);
    const options = { applicationName: service, longestSilenceMs: 0 };
    const database = new Database(config.database, options, logger);
    try {
      await reach(database, config.bootstrap.waitSeconds, logger);
      await work({ config, args, database, logger });
      return undefined;
    } finally {
      await database.close();
    }
  });
}

/** Waits until the server answers; a refused password or certificate won't get better by waiting. */
async function reach(database: Database, waitSeconds: number, logger: Logger): Promise<void> {
  const { host, port, name } = database.address;
  const deadline = Date.now() + waitSeconds * 1000;
  for (;;) {
    try {
      await database.pool.query('select 1');
      return;
    } catch (error) {
      const reason = reasonOf(error);
      if (hasSqlState(error, INVALID_PASSWORD)) {
        const user = database.latestUser;
        throw new Refusal(
          `The server at ${host}:${port} refused the password of role ${user}: the password (or its file) ` +
            `does not fit the existing database volume. Put the old password back, or set the new one there ` +
            `with ALTER ROLE ${user} PASSWORD '…'.`,
        );
      }
      if (isServerUntrusted(error)) {
        throw new Refusal(
          `The server at ${host}:${port} is not trusted: ${reason}. Check that DATABASE_SSL_CA_FILE holds the ` +
            `authority that signed its certificate, and that DATABASE_URL names the host as the certificate does.`,
        );
      }
      if (!isDatabaseUnavailable(error)) throw error;
      if (Date.now() >= deadline) {
        throw new Refusal(
          `Database ${name} at ${host}:${port} could not be reached within ${waitSeconds} s: ${reason}. ` +
            `Check that PostgreSQL runs there and that DATABASE_URL names it.`,
        );
      }
      logger.warn(`Waiting for database ${name} at ${host}:${port}: ${reason}`);
      await sleep(1000);
    }
  }
}
