import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

import { tooManyRequests } from '../common/problem.js';
import { CONFIG } from '../common/tokens.js';
import type { ServerConfig } from '../config/schema.js';
import { Redis, RedisUnavailable } from '../redis/redis.js';
import { SecurityEvents } from './security-events.js';

interface Limit {
  readonly name: string;
  readonly perMinute: number;
  readonly shared: RateLimiterRedis;
  /** Counts for this process alone while Redis is away. */
  readonly local: RateLimiterMemory;
}

@Injectable()
export class RateLimits {
  private readonly requests: Limit;
  private readonly logins: Limit;

  constructor(
    @Inject(CONFIG) config: ServerConfig,
    private readonly redis: Redis,
    private readonly security: SecurityEvents,
  ) {
    this.requests = this.limit('requests', config.http.requestsPerMinute);
    this.logins = this.limit('logins', config.http.loginsPerMinute);
  }

  spendRequest(client: string, userId: string | undefined): Promise<void> {
    return this.spend(this.requests, `${client}|${userId ?? 'anonymous'}`);
  }

  spendLogin(client: string): Promise<void> {
    return this.spend(this.logins, client);
  }

  private async spend(limit: Limit, key: string): Promise<void> {
    const spent = await this.count(limit, key);
    if (spent.consumedPoints <= limit.perMinute) return;
    this.security.record('rate_limited', { limit: limit.name, key }, 'rate limit reached');
    const retryAfterSeconds = Math.max(1, Math.ceil(spent.msBeforeNext / 1000));
    throw tooManyRequests(
      `More than ${limit.perMinute} ${limit.name} in a minute. Try again in ${retryAfterSeconds} s.`,
      retryAfterSeconds,
    );
  }

  private async count(limit: Limit, key: string): Promise<RateLimiterRes> {
    try {
      return await this.redis.run(() => settled(limit.shared.consume(key)));
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      return settled(limit.local.consume(key));
    }
  }

  private limit(name: string, perMinute: number): Limit {
    const options = { points: perMinute, duration: 60, keyPrefix: `zakpos:rate:${name}` };
    return {
      name,
      perMinute,
      shared: new RateLimiterRedis({ ...options, storeClient: this.redis.client, useRedisPackage: true }),
      local: new RateLimiterMemory(options),
    };
  }
}

/** The limiter rejects with its count when the limit is passed; both ways the count is the answer. */
async function settled(consumed: Promise<RateLimiterRes>): Promise<RateLimiterRes> {
  try {
    return await consumed;
  } catch (error) {
    if (error instanceof RateLimiterRes) return error;
    throw error;
  }
}
