import { Inject, Injectable } from '@nestjs/common';
import { type RawBuilder, sql } from 'kysely';

import { CONFIG } from '../common/tokens.js';
import type { ServerConfig } from '../config/schema.js';
import { Database } from '../database/database.js';
import type { HourAnswer, TodayAnswer } from './reports.dto.js';
import { shopDate } from './shop-day.js';
import { type CacheUse, type Totals, TotalsCache } from './totals-cache.js';

@Injectable()
export class ReportsService {
  constructor(
    private readonly database: Database,
    private readonly cache: TotalsCache,
    @Inject(CONFIG) private readonly config: ServerConfig,
  ) {}

  async today(): Promise<{ answer: TodayAnswer; use: CacheUse }> {
    const { timeZone, currency } = this.config.shop;
    const date = shopDate(timeZone);
    const { totals, use } = await this.cache.read(date, () => this.totalsOf(date));
    return { answer: { date, timeZone, currency, ...totals }, use };
  }

  /** What the reports worker has made of the sales' events. */
  async hourly(date = shopDate(this.config.shop.timeZone)): Promise<HourAnswer[]> {
    const rows = await this.database.query
      .selectFrom('sales_hourly')
      .selectAll()
      .where('hour', '>=', this.startOf(date, 0))
      .where('hour', '<', this.startOf(date, 1))
      .orderBy('hour')
      .execute();
    return rows.map((row) => ({
      hour: row.hour.toISOString(),
      count: row.sales,
      totalMinor: row.total_minor,
    }));
  }

  private totalsOf(date: string): Promise<Totals> {
    return this.database.query
      .selectFrom('sales')
      .select(({ fn }) => [
        fn.countAll<number>().as('count'),
        sql<number>`coalesce(sum(total_minor), 0)::bigint`.as('totalMinor'),
      ])
      .where('created_at', '>=', this.startOf(date, 0))
      .where('created_at', '<', this.startOf(date, 1))
      .executeTakeFirstOrThrow();
  }

  /** Midnight in the shop, some days after the date. */
  private startOf(date: string, daysLater: number): RawBuilder<Date> {
    const { timeZone } = this.config.shop;
    return sql<Date>`(${date}::date + ${daysLater}::integer)::timestamp at time zone ${timeZone}`;
  }
}
