import { setTimeout as sleep } from 'node:timers/promises';

import type { Logger } from 'pino';

import { createLogger } from './common/logger.js';
import { runEntry } from './common/entry.js';
import { reasonOf } from './common/reason.js';
import { parseEnvironment } from './config/environment.js';
import { migrateSchema } from './config/schema.js';
import { createFirstAdmin, createDemoProducts } from './database/bootstrap.js';
import {
  Database,
  hasSqlState,
  INVALID_PASSWORD,
  isDatabaseUnavailable,
  isServerUntrusted,
} from './database/database.js';
import { grantRoles } from './database/grants.js';
import { applyMigrations, pendingMigrations, withMigrationLock } from './database/migrator.js';

runEntry('zakpos-migrate', async () => {
  const config = parseEnvironment(migrateSchema, process.env);
  const logger = createLogger('zakpos-migrate', config.process.logLevel);
  const options = { applicationName: 'zakpos-migrate', longestSilenceMs: 0 };
  const database = new Database(config.database, options, logger);
  try {
    if (!(await reach(database, config.bootstrap.waitSeconds, logger))) {
      process.exitCode = 1;
      return undefined;
    }
    if (process.argv.includes('--plan')) {
      const pending = await pendingMigrations(database.query);
      logger.info({ pending }, pending.length === 0 ? 'nothing to migrate' : 'pending migrations');
      return undefined;
    }
    await withMigrationLock(database, logger, async () => {
      const applied = await applyMigrations(database.query);
      logger.info({ applied }, applied.length === 0 ? 'the schema is up to date' : 'migrations applied');
      await grantRoles(database, config.bootstrap.roles, logger);
      await createFirstAdmin(database.query, config.bootstrap, logger);
      if (config.bootstrap.demoProducts) await createDemoProducts(database.query, logger);
    });
    return undefined;
  } finally {
    await database.close();
  }
});

/** Waits until the server answers; a refused password or certificate won't get better by waiting. */
async function reach(database: Database, waitSeconds: number, logger: Logger): Promise<boolean> {
  const { host, port, name } = database.address;
  const deadline = Date.now() + waitSeconds * 1000;
  for (;;) {
    try {
      await database.pool.query('select 1');
      return true;
    } catch (error) {
      const reason = reasonOf(error);
      if (hasSqlState(error, INVALID_PASSWORD)) {
        const user = database.latestUser;
        logger.fatal(
          `The server at ${host}:${port} refused the password of role ${user}: the password (or its file) ` +
            `does not fit the existing database volume. Put the old password back, or set the new one there ` +
            `with ALTER ROLE ${user} PASSWORD '…'.`,
        );
        return false;
      }
      if (isServerUntrusted(error)) {
        logger.fatal(
          `The server at ${host}:${port} is not trusted: ${reason}. Check that DATABASE_SSL_CA_FILE holds the ` +
            `authority that signed its certificate, and that DATABASE_URL names the host as the certificate does.`,
        );
        return false;
      }
      if (!isDatabaseUnavailable(error)) throw error;
      if (Date.now() >= deadline) {
        logger.fatal(
          `Database ${name} at ${host}:${port} could not be reached within ${waitSeconds} s: ${reason}. ` +
            `Check that PostgreSQL runs there and that DATABASE_URL names it.`,
        );
        return false;
      }
      logger.warn(`Waiting for database ${name} at ${host}:${port}: ${reason}`);
      await sleep(1000);
    }
  }
}
