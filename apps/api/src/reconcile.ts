import { z } from 'zod';

import { readArguments } from './common/arguments.js';
import { Refusal } from './common/refusal.js';
import { migrateSchema } from './config/schema.js';
import { runTask } from './database/task.js';
import { TELL_AGAIN } from './sales/sell.sql.js';
import { EVENTS_REMEMBERED_DAYS } from './worker/housekeeping.js';

const time = z.iso.datetime({ offset: true });

/**
 * After a restore to a point in time: events that had been sent by then, but not counted, may have been read since,
 * and nobody would read them again. They are sent once more; the worker counts an id once, however often it comes.
 */
runTask(
  'zakpos-reconcile',
  migrateSchema,
  () => {
    const { since } = readArguments({ since: { type: 'string' } });
    if (since !== undefined && !time.safeParse(since).success) {
      throw new Refusal(`--since is "${since}": expected a time such as 2026-03-01T00:00:00Z.`);
    }
    return { since: since === undefined ? null : new Date(since) };
  },
  async ({ args: { since }, database, logger }) => {
    // A day less, so that none is taken for missing while it is being forgotten.
    const { rowCount } = await database.pool.query(TELL_AGAIN, [since, EVENTS_REMEMBERED_DAYS - 1]);
    logger.info({ events: rowCount ?? 0, since }, 'Events of sales that nobody has counted are sent again');
  },
);
