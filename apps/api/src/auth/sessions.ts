import { createHash, randomBytes, randomUUID } from 'node:crypto';

import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';

import { CONFIG } from '../common/tokens.js';
import type { ServerConfig } from '../config/schema.js';
import { Redis } from '../redis/redis.js';

/**
 * Swaps the session's secret if the presented one is current. A used secret that comes back was stolen or
 * replayed and ends the session, unless the swap was moments ago: then two tabs have merely raced.
 */
const ROTATE = `
local session = redis.call('HMGET', KEYS[1], 'user', 'secret', 'rotated')
if not session[1] then return {'unknown', ''} end
if session[2] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'secret', ARGV[2], 'rotated', ARGV[3])
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  return {'rotated', session[1]}
end
if ARGV[3] - session[3] < 20 then return {'late', session[1]} end
redis.call('DEL', KEYS[1])
return {'reused', session[1]}`;

const rotation = z.tuple([z.enum(['rotated', 'unknown', 'late', 'reused']), z.string()]);

export interface Rotation {
  readonly outcome: 'rotated' | 'unknown' | 'late' | 'reused';
  readonly userId: string;
  readonly refreshToken: string;
}

/** Refresh tokens: opaque to the client, `<session>.<secret>`, of which Redis holds the secret's hash. */
@Injectable()
export class Sessions {
  constructor(
    private readonly redis: Redis,
    @Inject(CONFIG) private readonly config: ServerConfig,
  ) {}

  async open(userId: string): Promise<string> {
    const id = randomUUID();
    const secret = newSecret();
    const session = { user: userId, secret: hashOf(secret), rotated: nowInSeconds() };
    await this.redis.run((client) =>
      client.multi().hSet(keyOf(id), session).expire(keyOf(id), this.config.auth.refreshTtlSeconds).exec(),
    );
    return `${id}.${secret}`;
  }

  async rotate(refreshToken: string): Promise<Rotation> {
    const [id = '', presented = ''] = refreshToken.split('.');
    const secret = newSecret();
    const ttl = String(this.config.auth.refreshTtlSeconds);
    const reply = await this.redis.run((client) =>
      client.eval(ROTATE, {
        keys: [keyOf(id)],
        arguments: [hashOf(presented), hashOf(secret), nowInSeconds(), ttl],
      }),
    );
    const [outcome, userId] = rotation.parse(reply);
    return { outcome, userId, refreshToken: `${id}.${secret}` };
  }

  async end(refreshToken: string): Promise<void> {
    const [id = '', presented = ''] = refreshToken.split('.');
    await this.redis.run(async (client) => {
      if ((await client.hGet(keyOf(id), 'secret')) === hashOf(presented)) await client.del(keyOf(id));
    });
  }
}

const keyOf = (id: string) => `zakpos:session:${id}`;
const newSecret = () => randomBytes(32).toString('base64url');
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('base64url');
const nowInSeconds = () => String(Math.floor(Date.now() / 1000));
