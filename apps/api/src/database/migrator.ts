import { setTimeout as sleep } from 'node:timers/promises';

import { type Kysely, Migrator, sql } from 'kysely';
import type { PoolClient } from 'pg';
import type { Logger } from 'pino';

import { type Database, hasSqlState, UNDEFINED_TABLE } from './database.js';
import { migrations } from './migrations/index.js';
import type { Tables } from './tables.js';

/** The advisory lock of the one process that migrates: "ZakP" as a number. */
const MIGRATION_LOCK = 0x5a616b50;

/** Runs `work` while no other process migrates; the server frees the lock of a process that died. */
export async function withMigrationLock(
  database: Database,
  logger: Logger,
  work: () => Promise<void>,
): Promise<void> {
  const holder = await database.pool.connect();
  try {
    while (!(await tryLock(holder))) {
      logger.info('Another process is migrating: waiting for it');
      await sleep(500);
    }
    await work();
  } finally {
    // Closing the connection frees the lock.
    holder.release(true);
  }
}

async function tryLock(holder: PoolClient): Promise<boolean> {
  const { rows } = await holder.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
    MIGRATION_LOCK,
  ]);
  return rows[0]?.locked === true;
}

/** Names of the migrations that the database hasn't had yet; changes nothing. */
export async function pendingMigrations(db: Kysely<Tables>): Promise<string[]> {
  const known = await createMigrator(db).getMigrations();
  return known.filter((migration) => migration.executedAt === undefined).map((migration) => migration.name);
}

/**
 * Applies what is pending, all of it or none; returns the names. After a rollback nothing is: Kysely would refuse the
 * newer version's migrations as unknown ones.
 */
export async function applyMigrations(db: Kysely<Tables>): Promise<string[]> {
  if ((await pendingMigrations(db)).length === 0) return [];
  const { error, results = [] } = await createMigrator(db).migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error(JSON.stringify(error));
  return results.map((result) => result.migrationName);
}

function createMigrator(db: Kysely<Tables>): Migrator {
  return new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
    migrationTableName: 'migrations',
    migrationLockTableName: 'migrations_lock',
  });
}

/** Whether a build that needs this migration can work; newer ones don't disturb it. */
export async function hasMigration(db: Kysely<Tables>, name: string): Promise<boolean> {
  try {
    const { rows } = await sql`select 1 from migrations where name >= ${name} limit 1`.execute(db);
    return rows.length > 0;
  } catch (error) {
    if (hasSqlState(error, UNDEFINED_TABLE)) return false;
    throw error;
  }
}
