import { sql } from 'kysely';
import type { Logger } from 'pino';

import type { Database } from './database.js';

export interface Roles {
  readonly app: string;
  readonly exporter: string;
  readonly backup: string;
}

/**
 * Gives each role what it needs and no more; PostgreSQL's init script makes the roles, not this. Only what belongs to
 * the role that migrates is granted: a database that is also somebody else's may hold what isn't ours to grant.
 */
export async function grantRoles(database: Database, roles: Roles, logger: Logger): Promise<void> {
  const { owner, present, tables, sequences } = await look(database, roles);
  const wanted: Readonly<Record<keyof Roles, readonly string[]>> = {
    app: [
      'grant usage on schema public to %',
      `grant select, insert, update, delete on ${tables} to %`,
      `grant usage, select on sequence ${sequences} to %`,
      // Only migrations write what says which of them have run, and only backups that there are some.
      'revoke insert, update, delete on migrations, migrations_lock, backups from %',
    ],
    exporter: ['grant usage on schema public to %', 'grant select on outbox, migrations to %'],
    backup: [
      'grant usage on schema public to %',
      `grant select on ${tables} to %`,
      `grant select on sequence ${sequences} to %`,
      'grant insert on backups to %',
    ],
  };
  for (const part of ['app', 'exporter', 'backup'] as const) {
    const role = roles[part];
    if (role === owner) continue;
    if (!present.has(role)) {
      logger.warn(`Role ${role} does not exist: nothing granted to it (PostgreSQL's init script makes it)`);
      continue;
    }
    await database.query.transaction().execute(async (transaction) => {
      for (const statement of wanted[part]) {
        await sql.raw(statement.replace('%', `"${role}"`)).execute(transaction);
      }
    });
  }
}

interface Grantable {
  /** Who owns what is created: not the role that logged in, if that one acts for another. */
  readonly owner: string;
  readonly present: ReadonlySet<string>;
  readonly tables: string;
  readonly sequences: string;
}

async function look({ query }: Database, roles: Roles): Promise<Grantable> {
  const { rows } = await sql<{ owner: string; tables: string; sequences: string }>`
    select
      current_user as owner,
      string_agg(quote_ident(relname), ', ') filter (where relkind <> 'S') as tables,
      string_agg(quote_ident(relname), ', ') filter (where relkind = 'S') as sequences
    from pg_class
    where relnamespace = 'public'::regnamespace
      and relkind in ('r', 'p', 'v', 'm', 'S')
      and pg_has_role(relowner, 'usage')`.execute(query);
  const [found] = rows;
  if (found === undefined) throw new Error('PostgreSQL did not list the tables');
  const existing = await query
    .selectFrom(sql<{ rolname: string }>`pg_roles`.as('roles'))
    .select('rolname')
    .where('rolname', 'in', Object.values(roles))
    .execute();
  return { ...found, present: new Set(existing.map((role) => role.rolname)) };
}
