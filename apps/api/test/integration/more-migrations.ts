import { pathToFileURL } from 'node:url';

import { type Kysely, sql } from 'kysely';

import { migrations, type SchemaMigration } from '../../src/database/migrations/index.js';

const change =
  (...statements: string[]) =>
  async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  };

/** Migrations that come after those of the product. */
const MORE = {
  broken: {
    '9000-first': { up: change('create table first (id uuid)') },
    '9001-broken': {
      up: change(
        'alter table sales drop column customer_name',
        "update products set name = 'half done'",
        'select 1 / 0',
      ),
    },
  },
  rewriting: {
    '9000-first': { up: change('create table first (id uuid)') },
    '9001-rewriting': {
      up: change('update products set name = upper(name)'),
      rewrites: 'names are in capitals from now on',
    },
  },
  locking: { '9000-locking': { up: change('alter table sales add column note text') } },
} satisfies Readonly<Record<string, Readonly<Record<string, SchemaMigration>>>>;

/** What makes a process of the product know them, too. */
export const withMore = (which: keyof typeof MORE) => ({
  NODE_OPTIONS: `--import=${pathToFileURL(import.meta.filename).href}`,
  TEST_MIGRATIONS: which,
});

const { TEST_MIGRATIONS: wanted } = process.env;
for (const [which, more] of Object.entries(MORE)) {
  if (which === wanted) Object.assign(migrations, more);
}
