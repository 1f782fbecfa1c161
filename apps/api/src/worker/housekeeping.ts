import { sql } from 'kysely';
import type { Logger } from 'pino';

import type { Database } from '../database/database.js';

const EVERY_MS = 3_600_000;
/** Longer than Kafka keeps an event that could be delivered again. */
export const EVENTS_REMEMBERED_DAYS = 60;

/** Removes what has served its time. Several workers may do so at once. */
export class Housekeeping {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.tidy(), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async tidy(): Promise<void> {
    const { query } = this.database;
    try {
      // Longer than any till keeps trying to send a sale.
      await query
        .deleteFrom('idempotency_keys')
        .where('created_at', '<', sql<Date>`now() - interval '7 days'`)
        .execute();
      await query
        .deleteFrom('processed_events')
        .where('processed_at', '<', sql<Date>`now() - make_interval(days => ${EVENTS_REMEMBERED_DAYS})`)
        .execute();
      await query
        .deleteFrom('invitations')
        .where('expires_at', '<', sql<Date>`now() - interval '30 days'`)
        .execute();
    } catch (error) {
      this.logger.warn({ err: error }, 'Housekeeping failed and is tried again in an hour');
    }
  }
}
