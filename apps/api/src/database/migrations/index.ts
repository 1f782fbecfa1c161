import type { Migration } from 'kysely';

import * as initial from './0001-initial.js';
import * as backups from './0002-backups.js';
import * as saleEvents from './0003-sale-events.js';

export interface SchemaMigration extends Migration {
  /** The migration since which no released code uses what this one takes away. */
  readonly contracts?: string;
  /** Why this one changes rows that are there, in words: it waits for a backup where those are made. */
  readonly rewrites?: string;
}

/**
 * In the order of their names; a migration that has been released is never edited.
 *
 * The version before works on the new schema, since it does so while a rollout is under way and after a rollback:
 * a migration only adds tables, columns that may be null or have a default, indexes and grants. It never drops,
 * renames or retypes what is there, sets NOT NULL on a column that is there, or constrains one without NOT VALID.
 * What is no longer used is dropped or tightened by a later migration, whose `export const contracts` names the
 * migration since which no released code uses it. One that changes rows says why in `export const rewrites`.
 * test/unit/migrations.test.ts checks each migration's SQL.
 */
export const migrations: Readonly<Record<string, SchemaMigration>> = {
  '0001-initial': initial,
  '0002-backups': backups,
  '0003-sale-events': saleEvents,
};

export const LATEST_MIGRATION = Object.keys(migrations).sort().at(-1) ?? '';
