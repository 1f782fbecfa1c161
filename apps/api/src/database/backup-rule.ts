import { type Kysely, sql } from 'kysely';

import { migrations } from './migrations/index.js';
import type { Tables } from './tables.js';

const FRESH_HOURS = 24;

/** What the database has had and what it hasn't yet, in order. */
export interface SchemaState {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

export interface BackupVerdict {
  readonly mayMigrate: boolean;
  readonly reason: string;
}

/** Whether the pending migrations may run: what rewrites data waits for a backup of the schema as it is. */
export async function askForBackup(
  db: Kysely<Tables>,
  { applied, pending }: SchemaState,
  required: boolean,
): Promise<BackupVerdict> {
  const may = (reason: string): BackupVerdict => ({ mayMigrate: true, reason });
  const rewriting = pending.flatMap((name) => {
    const why = migrations[name]?.rewrites;
    return why === undefined ? [] : [`Migration ${name} rewrites data: ${why}.`];
  });
  if (rewriting.length === 0) return may('No pending migration rewrites data: no backup is needed.');
  if (!required) return may('No backup is asked for: MIGRATIONS_REQUIRE_BACKUP is false.');
  const schema = applied.at(-1);
  if (schema === undefined || !(await hasData(db))) return may('There are no data to back up.');

  const mayNot = (fact: string, fix: string): BackupVerdict => ({
    mayMigrate: false,
    reason: [...rewriting, fact, fix, 'Until then nothing is changed.'].join(' '),
  });
  if (!applied.includes('0002-backups')) {
    return mayNot(
      'It needs a backup before, and the database has no table yet that says which there are.',
      'Migrate with the version that brings 0002-backups first; or make a backup by hand and set ' +
        'MIGRATIONS_REQUIRE_BACKUP=false for this one.',
    );
  }
  const newest = await db
    .selectFrom('backups')
    .select(['id', 'finished_at', 'schema_version'])
    .select(
      sql<boolean>`schema_version = ${schema} and finished_at > now() - make_interval(hours => ${FRESH_HOURS})`.as(
        'good',
      ),
    )
    .orderBy('good', 'desc')
    .orderBy('finished_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  const found =
    newest && `${newest.id} of ${newest.finished_at.toISOString()} with schema ${newest.schema_version}`;
  if (newest?.good === true) return may(`The backup that is needed is there: ${newest.id}, ${found ?? ''}.`);
  return mayNot(
    `It needs a backup of the last ${FRESH_HOURS} hours with schema ${schema} before; the newest is ${found ?? 'none'}.`,
    'Make one with "npm run backup": migrating goes on by itself once it is there.',
  );
}

async function hasData(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ data: boolean }>`
    select exists (select from users) or exists (select from products) or exists (select from sales) as data
  `.execute(db);
  return rows[0]?.data === true;
}
