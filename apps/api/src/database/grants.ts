import { sql } from 'kysely';
import type { Logger } from 'pino';

import type { Database } from './database.js';

export interface Roles {
  readonly app: string;
  readonly exporter: string;
  readonly backup: string;
}

/** Gives each role what it needs and no more; PostgreSQL's init script makes the roles, not this. */
export async function grantRoles(database: Database, roles: Roles, logger: Logger): Promise<void> {
  const wanted: Readonly<Record<keyof Roles, readonly string[]>> = {
    app: [
      'grant usage on schema public to %',
      'grant select, insert, update, delete on all tables in schema public to %',
      'grant usage, select on all sequences in schema public to %',
      // Only migrations write what says which of them have run.
      'revoke insert, update, delete on migrations, migrations_lock from %',
    ],
    exporter: ['grant usage on schema public to %', 'grant select on outbox, migrations to %'],
    backup: [
      'grant usage on schema public to %',
      'grant select on all tables in schema public to %',
      'grant select on all sequences in schema public to %',
    ],
  };
  const existing = await database.query
    .selectFrom(sql<{ rolname: string }>`pg_roles`.as('roles'))
    .select('rolname')
    .where('rolname', 'in', Object.values(roles))
    .execute();
  const present = new Set(existing.map((role) => role.rolname));
  for (const part of ['app', 'exporter', 'backup'] as const) {
    const role = roles[part];
    if (role === database.address.user) continue;
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
