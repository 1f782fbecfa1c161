import { type RawBuilder, sql, type Transaction } from 'kysely';

import { NO_PASSWORD } from '../auth/passwords.js';
import { Refusal } from '../common/refusal.js';
import type { Database } from './database.js';
import type { Tables } from './tables.js';

/** Tables that a copy starts without: secrets, what is on its way out, and what speaks of the original's backups. */
const EMPTIED = ['invitations', 'idempotency_keys', 'outbox', 'backups'] as const satisfies (keyof Tables)[];

/** Columns that `replaceUsers` and `replaceCustomers` replace. */
const REPLACED: readonly string[] = [
  'users.email',
  'users.name',
  'users.password_hash',
  'sales.customer_name',
  'sales.customer_phone',
];

/** Columns that could tell of a person, but don't. */
const HARMLESS: readonly string[] = [
  'users.role',
  'products.sku',
  'products.name',
  'sales.payment',
  'sales.currency',
  'sale_items.name',
  'migrations.name',
  'migrations.timestamp',
  'migrations_lock.id',
];

/** Types that have no room for a name. Ids are random, and stay, since rows refer to each other by them. */
const MEANINGLESS_TYPES = ['uuid', 'smallint', 'integer', 'bigint', 'boolean', 'timestamp with time zone'];

export interface AnonymizedRows {
  readonly users: number;
  readonly sales: number;
  readonly removed: number;
}

/**
 * Takes out of a copy whom it tells of, all of it or nothing. Refuses a database that somebody works with, but for
 * roles that only read, and one with a column that nobody has thought about.
 */
export async function anonymize(
  { query, address }: Database,
  readers: readonly string[],
): Promise<AnonymizedRows> {
  const rows = await query.transaction().execute(async (transaction) => {
    await refuseIfInUse(transaction, address.name, readers);
    await refuseUnknownColumns(transaction);
    let removed = 0n;
    for (const table of EMPTIED) {
      removed += (await transaction.deleteFrom(table).executeTakeFirstOrThrow()).numDeletedRows;
    }
    const users = await replaceUsers(transaction);
    const sales = await replaceCustomers(transaction);
    return { users: Number(users), sales: Number(sales), removed: Number(removed) };
  });
  // What was replaced is still in the files until their tables are written anew.
  for (const table of [...EMPTIED, 'users', 'sales']) {
    await sql`vacuum (full, analyze) ${sql.table(table)}`.execute(query);
  }
  return rows;
}

async function refuseIfInUse(
  db: Transaction<Tables>,
  name: string,
  readers: readonly string[],
): Promise<void> {
  const { rows } = await sql<{ who: string }>`
    select distinct concat_ws(' as ', nullif(application_name, ''), usename) as who
    from pg_stat_activity session
    where datid = (select oid from pg_database where datname = current_database())
      and pid <> pg_backend_pid()
      and usesysid is not null
      and not exists (
        select from pg_roles reader
        left join pg_auth_members login on login.roleid = reader.oid
        where reader.rolname = any(${readers}) and session.usesysid in (reader.oid, login.member))
    order by who`.execute(db);
  if (rows.length === 0) return;
  throw new Refusal(
    `Database ${name} is in use by ${rows.map(({ who }) => who).join(', ')}: a copy is not, before it is anonymized. ` +
      'Nothing was changed. If it is the copy, stop what uses it, such as zakpos-api and zakpos-reports.',
  );
}

async function refuseUnknownColumns(db: Transaction<Tables>): Promise<void> {
  const { rows } = await sql<{ column: string }>`
    select concat_ws('.', nullif(nspname, 'public'), relname, attname) as column
    from pg_attribute
    join pg_class on pg_class.oid = attrelid
    join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'p', 'm', 'f')
      and nspname <> 'information_schema' and nspname not like 'pg\\_%'
      and attnum > 0 and not attisdropped
      and format_type(atttypid, null) <> all(${MEANINGLESS_TYPES})
      and relname <> all(${EMPTIED})
    order by 1`.execute(db);
  const unknown = rows.map(({ column }) => column).filter((column) => !known(column));
  if (unknown.length === 0) return;
  throw new Refusal(
    `Nobody has said whether ${unknown.join(', ')} may tell of a person. Nothing was changed. List each in ` +
      'src/database/anonymization.ts, as harmless or with what replaces it.',
  );
}

const known = (column: string) => REPLACED.includes(column) || HARMLESS.includes(column);

async function replaceUsers(db: Transaction<Tables>): Promise<bigint> {
  // First out of the way of each other: an address may be somebody else's from an earlier time.
  await sql`update users set email = id || '@example.invalid'`.execute(db);
  const { numAffectedRows = 0n } = await sql`
    update users
    set email = 'user-' || number || '@example.invalid', name = 'User ' || number, password_hash = ${NO_PASSWORD}
    from (select id, row_number() over (order by created_at, id) as number from users) numbered
    where users.id = numbered.id`.execute(db);
  return numAffectedRows;
}

/**
 * The same name becomes the same pseudonym, and the same number. The salt is made by the server and nowhere else seen,
 * so that nobody can try names out afterwards. +999 is no country.
 */
async function replaceCustomers(db: Transaction<Tables>): Promise<bigint> {
  const { numAffectedRows = 0n } = await sql`
    with salt as materialized (select gen_random_uuid()::text || gen_random_uuid()::text as grain)
    update sales
    set customer_name = 'Customer ' || ${digest(sql`customer_name`)},
      customer_phone = '+999 ' || lpad((('x' || ${digest(sql`customer_phone`)})::bit(48)::bigint % 1000000000000)::text, 12, '0')
    from salt
    where customer_name is not null or customer_phone is not null`.execute(db);
  return numAffectedRows;
}

/** Twelve hexadecimal digits; null of null. */
const digest = (value: RawBuilder<unknown>) =>
  sql`left(encode(sha256(convert_to(grain || ${value}, 'UTF8')), 'hex'), 12)`;
