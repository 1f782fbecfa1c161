import { setTimeout as sleep } from 'node:timers/promises';

import { type Kysely, type MigrationResult, Migrator, sql } from 'kysely';
import type { PoolClient } from 'pg';
import type { Logger } from 'pino';

import { Refusal } from '../common/refusal.js';
import { askForBackup, type SchemaState } from './backup-rule.js';
import { type Database, hasSqlState, LOCK_NOT_AVAILABLE, UNDEFINED_TABLE } from './database.js';
import { migrations } from './migrations/index.js';
import type { Tables } from './tables.js';

/** The advisory lock of the one process that migrates: "ZakP" as a number. */
const MIGRATION_LOCK = 0x5a616b50;
const LOCK_SECONDS = 3;

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

/** Changes nothing; names that this version doesn't know are a newer version's. */
export async function readSchemaState(db: Kysely<Tables>): Promise<SchemaState> {
  const applied = await appliedMigrations(db);
  const pending = Object.keys(migrations).filter((name) => !applied.includes(name));
  return { applied, pending: pending.sort() };
}

async function appliedMigrations(db: Kysely<Tables>): Promise<string[]> {
  const there = await sql<{
    migrated: boolean;
  }>`select to_regclass('migrations') is not null as migrated`.execute(db);
  if (there.rows[0]?.migrated !== true) return [];
  const { rows } = await sql<{ name: string }>`select name from migrations`.execute(db);
  return rows.map((row) => row.name).sort();
}

/**
 * Applies what is pending, all of it or none; returns the names. After a rollback nothing is: Kysely would refuse the
 * newer version's migrations as unknown ones.
 */
export async function applyMigrations(db: Kysely<Tables>, backupRequired: boolean): Promise<string[]> {
  const state = await readSchemaState(db);
  if (state.pending.length === 0) return [];
  const { mayMigrate, reason } = await askForBackup(db, state, backupRequired);
  if (!mayMigrate) throw new Refusal(reason);
  return db.connection().execute(async (connection) => {
    // Sales wait behind a migration that waits for a table, and what it waits for may be a dump of an hour.
    await sql`set lock_timeout = ${sql.lit(`${LOCK_SECONDS}s`)}`.execute(connection);
    const { error, results = [] } = await createMigrator(connection).migrateToLatest();
    if (error !== undefined) throw explain(error, results);
    return results.map((result) => result.migrationName);
  });
}

function explain(error: unknown, results: readonly MigrationResult[]): Error {
  const failed = results.find((result) => result.status === 'Error')?.migrationName ?? 'A migration';
  if (hasSqlState(error, LOCK_NOT_AVAILABLE)) {
    return new Refusal(
      `${failed} waited ${LOCK_SECONDS} s for a table that something else holds, as a running dump does. ` +
        'Nothing was changed. Migrate again when that has ended: a container is started again by itself.',
    );
  }
  return new Error(`${failed} failed, and nothing was changed`, { cause: error });
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
