import { type Kysely, sql } from 'kysely';

/** Good backups, for migrations that rewrite data to look at. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table backups (
      id text primary key,
      kind text not null,
      finished_at timestamptz not null default now(),
      schema_version text not null
    )`.execute(db);
}
