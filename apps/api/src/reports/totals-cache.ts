import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { z } from 'zod';

import { CONFIG, LOGGER } from '../common/tokens.js';
import type { ServerConfig } from '../config/schema.js';
import { Redis, RedisUnavailable } from '../redis/redis.js';
import { shopDate } from './shop-day.js';

const TTL_SECONDS = 60;
const VERSION_TTL_SECONDS = 86_400;

/** Stores a total unless a sale has changed the version since it was computed. */
const STORE_UNLESS_CHANGED = `
if (redis.call('GET', KEYS[2]) or '') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end`;

const cachedTotals = z.object({ count: z.number(), totalMinor: z.number() });
export type Totals = z.output<typeof cachedTotals>;

export type CacheUse = 'HIT' | 'MISS' | 'BYPASS';

/** A day's totals in Redis. Without Redis they are computed each time. */
@Injectable()
export class TotalsCache {
  constructor(
    private readonly redis: Redis,
    @Inject(CONFIG) private readonly config: ServerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    // Sales made while Redis was away couldn't invalidate what it may still hold.
    this.redis.onReady(() => void this.invalidate('reconnected'));
  }

  async read(date: string, compute: () => Promise<Totals>): Promise<{ totals: Totals; use: CacheUse }> {
    try {
      const [stored, version] = await this.redis.run((client) =>
        client.mGet([keyOf(date), versionKeyOf(date)]),
      );
      if (typeof stored === 'string') return { totals: cachedTotals.parse(JSON.parse(stored)), use: 'HIT' };
      const totals = await compute();
      await this.store(date, version ?? '', totals);
      return { totals, use: 'MISS' };
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      return { totals: await compute(), use: 'BYPASS' };
    }
  }

  /** Called after each sale's commit. A version is a fresh value, never a counter that could start again. */
  async invalidate(version: string): Promise<void> {
    const date = shopDate(this.config.shop.timeZone);
    try {
      await this.redis.run((client) =>
        client
          .multi()
          .set(versionKeyOf(date), version, { expiration: { type: 'EX', value: VERSION_TTL_SECONDS } })
          .del(keyOf(date))
          .exec(),
      );
    } catch (error) {
      this.logger.debug({ err: error }, 'the totals could not be invalidated');
    }
  }

  private async store(date: string, version: string, totals: Totals): Promise<void> {
    try {
      await this.redis.run((client) =>
        client.eval(STORE_UNLESS_CHANGED, {
          keys: [keyOf(date), versionKeyOf(date)],
          arguments: [version, JSON.stringify(totals), String(TTL_SECONDS)],
        }),
      );
    } catch (error) {
      this.logger.debug({ err: error }, 'the totals could not be cached');
    }
  }
}

const keyOf = (date: string) => `zakpos:totals:${date}`;
const versionKeyOf = (date: string) => `zakpos:totals:${date}:version`;
