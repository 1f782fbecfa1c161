import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { type Kysely, sql } from 'kysely';

import { migrations } from '../../src/database/migrations/index.js';
import { plainStatementsOf, refusedStatements, rewritingStatements } from './schema-change.js';

type Change = string | ((db: Kysely<unknown>) => Promise<void>);

async function refused(change: Change, mayContract = false): Promise<string[]> {
  const up = typeof change === 'string' ? (db: Kysely<unknown>) => execute(db, change) : change;
  return refusedStatements(await plainStatementsOf({ up }), mayContract);
}

async function execute(db: Kysely<unknown>, statement: string): Promise<void> {
  await sql.raw(statement).execute(db);
}

describe('migrations', () => {
  const names = Object.keys(migrations).sort();

  for (const [name, migration] of Object.entries(migrations)) {
    it(`${name} lets the version before go on`, async () => {
      const statements = await plainStatementsOf(migration);
      assert.notDeepEqual(statements, []);
      assert.deepEqual(refusedStatements(statements, migration.contracts !== undefined), []);
    });

    it(`${name} says why if it changes rows`, async () => {
      if (migration.rewrites !== undefined) return;
      assert.deepEqual(rewritingStatements(await plainStatementsOf(migration)), []);
    });

    it(`${name} names an earlier migration if it takes something away`, () => {
      const { contracts } = migration;
      if (contracts === undefined) return;
      assert.ok(
        names.slice(0, names.indexOf(name)).includes(contracts),
        `${contracts} is not an earlier one`,
      );
    });
  }
});

describe('the rule for migrations', () => {
  const additions: readonly Change[] = [
    'alter table products add column barcode text',
    'alter table products add column barcode text unique, add note text check (note <> $$a, b$$)',
    'alter table "public"."products" add column "taxed" boolean not null default true',
    'alter table sales add column total numeric not null generated always as (total_minor / 100.0) stored',
    `alter table sales add constraint "positive" check (total_minor > 0) not valid;
     alter table sales validate constraint positive`,
    'create index products_by_name on products (lower(name))',
    `create table shops (id uuid); -- drop table users
     create unique index on shops (id);
     alter table shops add primary key (id), alter column id set not null`,
    "comment on table users is 'drop table users; rename'",
    'grant select on products to zakpos_exporter',
    'update products set name = trim(name)',
    async (db) => {
      await db.schema.alterTable('products').addColumn('barcode', 'text').execute();
      await db.schema.createIndex('products_by_barcode').on('products').column('barcode').execute();
      await db.schema
        .createTable('shops')
        .addColumn('id', 'uuid', (column) => column.primaryKey())
        .execute();
      await db.schema.alterTable('shops').addUniqueConstraint('shops_unique', ['id']).execute();
    },
  ];
  for (const [index, change] of additions.entries()) {
    it(`allows addition ${index + 1}`, async () => {
      assert.deepEqual(await refused(change), []);
    });
  }

  const contractions: Readonly<Record<string, Change>> = {
    'a dropped column': 'alter table products drop column stock',
    "a dropped column, by Kysely's builder": (db) =>
      db.schema.alterTable('products').dropColumn('stock').execute(),
    'a dropped table': 'DROP TABLE IF EXISTS invitations',
    'a dropped table, by the builder': (db) => db.schema.dropTable('invitations').execute(),
    'a dropped index': 'drop index sales_by_time',
    'a dropped default': 'alter table products alter active drop default',
    'NOT NULL': 'alter table sales alter column customer_name set not null',
    'NOT NULL, by the builder': (db) =>
      db.schema
        .alterTable('sales')
        .alterColumn('customer_name', (column) => column.setNotNull())
        .execute(),
    'a constraint': 'alter table sales add constraint small check (total_minor < 100000)',
    'a foreign key': 'alter table outbox add foreign key (key) references sales (id)',
    'a unique constraint': 'alter table users add unique (name)',
    'a unique constraint, by the builder': (db) =>
      db.schema.alterTable('users').addUniqueConstraint('users_name', ['name']).execute(),
    'a unique index': 'create unique index users_name on users (name)',
    'a unique index on a table that may have been there':
      'create table if not exists users (id uuid); create unique index on users (name)',
    'a revoked grant': 'revoke select on outbox from zakpos_exporter',
    'something behind an addition': 'alter table products add a text, drop column stock',
    'something in a second statement':
      'create table a (b text); /* that was all */ alter table products drop stock',
  };
  const breaks: Readonly<Record<string, Change>> = {
    'a renamed column': 'alter table products rename column stock to on_hand',
    "a renamed column, by Kysely's builder": (db) =>
      db.schema.alterTable('products').renameColumn('stock', 'on_hand').execute(),
    'a renamed table': 'alter table products rename to articles',
    'another type': 'alter table products alter column stock type bigint',
    'another type, the long way': 'alter table products alter stock set data type bigint',
    'another type, by the builder': (db) =>
      db.schema
        .alterTable('products')
        .alterColumn('stock', (column) => column.setDataType('bigint'))
        .execute(),
    'a needed column without a default': 'alter table sales add column shop_id uuid not null',
    'a unique column with one value for all': "alter table users add code text default '' unique",
    'a primary key': 'alter table outbox add column code bigserial primary key',
    'another schema': 'alter table products set schema archive',
    'rows that go': 'delete from invitations',
    'code that can not be seen through': "do $$ begin execute 'drop table users'; end $$",
  };

  for (const [what, change] of Object.entries(contractions)) {
    it(`refuses ${what}, unless the migration contracts`, async () => {
      const [only, ...others] = await refused(change);
      assert.match(only ?? '', /^contraction: /);
      assert.deepEqual(others, []);
      assert.deepEqual(await refused(change, true), []);
    });
  }
  for (const [what, change] of Object.entries(breaks)) {
    it(`always refuses ${what}`, async () => {
      for (const mayContract of [false, true]) {
        assert.match((await refused(change, mayContract)).join(), /^break: /);
      }
    });
  }
});

describe('what rewrites data', () => {
  const cases: readonly (readonly [statement: string, rewrites: boolean])[] = [
    ['update products set name = trim(name)', true],
    ['delete from invitations', true],
    ['with old as (select 1) update sales set currency = $$EUR$$', true],
    ['insert into products (sku) values (1) on conflict (sku) do update set name = $$$$', true],
    ['truncate sales', true],
    ['create table shops (id uuid); update shops set id = null', false],
    ['alter table products add column barcode text', false],
    ['insert into products (sku) values ($$update$$)', false],
  ];
  for (const [statement, rewrites] of cases) {
    it(`${rewrites ? 'is' : 'is not'} ${statement}`, async () => {
      const statements = await plainStatementsOf({ up: (db) => execute(db, statement) });
      assert.equal(rewritingStatements(statements).length, rewrites ? 1 : 0);
    });
  }
});
