import { sql } from 'kysely';

import type { Database } from '../database/database.js';
import type { SaleEvent } from './sale-event.js';

/** Sums sales by the hour of the shop. */
export class HourlyReports {
  constructor(
    private readonly database: Database,
    private readonly timeZone: string,
  ) {}

  /**
   * Counts an event once, however often it is delivered: remembering and counting are one statement. A sale that isn't
   * there, since a restore has undone it, counts for nothing.
   */
  async count({ id, occurredAt, sale }: SaleEvent): Promise<boolean> {
    const { numAffectedRows = 0n } = await sql`
      with fresh as (
        insert into processed_events (event_id) values (${id}) on conflict do nothing returning event_id
      )
      insert into sales_hourly as hourly (hour, sales, total_minor)
      select date_trunc('hour', ${occurredAt}::timestamptz, ${this.timeZone}), 1, ${sale.totalMinor}::bigint
      from fresh
      where exists (select from sales where id = ${sale.id})
      on conflict (hour) do update
      set sales = hourly.sales + 1, total_minor = hourly.total_minor + excluded.total_minor
    `.execute(this.database.query);
    return numAffectedRows > 0n;
  }
}
