import {
  DummyDriver,
  Kysely,
  type Migration,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';

import { askForBackup } from './backup-rule.js';
import type { Database } from './database.js';
import { migrations } from './migrations/index.js';
import { readSchemaState } from './migrator.js';

export interface SentStatement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** What a migration sends to PostgreSQL, on a database that answers every query with no rows. */
export async function statementsOf(migration: Migration): Promise<SentStatement[]> {
  const sent: SentStatement[] = [];
  const db = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    log: ({ query: { sql, parameters } }) => {
      sent.push({ sql, parameters });
    },
  });
  await migration.up(db);
  return sent;
}

/** What migrating would do, for people to read; the database is only read. */
export function describePlan({ address, query }: Database, backupRequired: boolean): Promise<string> {
  return query
    .transaction()
    .setAccessMode('read only')
    .execute(async (transaction) => {
      const state = await readSchemaState(transaction);
      const { reason } = await askForBackup(transaction, state, backupRequired);
      const parts = [
        `Database ${address.name} at ${address.host}:${address.port}`,
        `Applied: ${state.applied.join(', ') || 'none'}`,
        `Pending: ${state.pending.join(', ') || 'none'}`,
        ...(await Promise.all(state.pending.map(describeMigration))),
        ...(state.pending.length === 0 ? [] : [reason]),
      ];
      return `${parts.join('\n\n')}\n`;
    });
}

async function describeMigration(name: string): Promise<string> {
  const migration = migrations[name];
  if (migration === undefined) throw new Error(`There is no migration ${name}`);
  const { contracts, rewrites } = migration;
  const statements = await statementsOf(migration);
  return [
    `-- ${name}`,
    ...(rewrites === undefined ? [] : [`-- rewrites data: ${rewrites}`]),
    ...(contracts === undefined ? [] : [`-- takes away what no version since ${contracts} uses`]),
    ...statements.map(describeStatement),
  ].join('\n');
}

function describeStatement({ sql, parameters }: SentStatement): string {
  const lines = sql.trim().split('\n');
  const indentation = Math.min(...lines.slice(1).map((line) => line.search(/\S|$/)));
  const [first = '', ...rest] = lines;
  const values = parameters.map((value, index) => `-- $${index + 1} is ${JSON.stringify(value)}`);
  return [[first, ...rest.map((line) => line.slice(indentation))].join('\n') + ';', ...values].join('\n');
}
