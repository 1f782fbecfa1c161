import { type Kysely, sql } from 'kysely';

/** A sale knows its event, so that one that got lost can be sent again under the same id. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sales add column event_id uuid`.execute(db);
}
