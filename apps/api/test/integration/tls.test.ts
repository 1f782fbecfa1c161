import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { pino } from 'pino';

import { parseEnvironment } from '../../src/config/environment.js';
import { serverSchema } from '../../src/config/schema.js';
import { Database, isDatabaseUnavailable } from '../../src/database/database.js';
import { Redis } from '../../src/redis/redis.js';
import { Authority } from './certificates.js';
import { containers, eventually, Shop } from './harness.js';
import { REDIS_TLS_PORT } from './stores.js';

const withContainers = containers === undefined ? { skip: 'the stores are not ours to set up' } : {};

describe('TLS', withContainers, () => {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-tls-'));
  let shop: Shop;
  let authority: Authority;
  let stranger: Authority;
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });

  before(async () => {
    shop = await Shop.open();
    authority = await Authority.create(folder, 'authority');
    stranger = await Authority.create(folder, 'stranger');
  });
  after(async () => {
    await shop.close();
    rmSync(folder, { recursive: true });
  });

  function postgres(host: string, sslMode: string, trusted?: Authority): Record<string, string> {
    const url = new URL(shop.environment['DATABASE_URL'] ?? '');
    url.hostname = host;
    return {
      DATABASE_URL: url.href,
      DATABASE_SSL_MODE: sslMode,
      ...(trusted && { DATABASE_SSL_CA_FILE: trusted.certificate }),
    };
  }

  const configOf = (environment: Record<string, string>) =>
    parseEnvironment(serverSchema, { ...shop.environment, ...environment });

  it('is not done without when PostgreSQL does not offer it', async () => {
    const migrate = shop.migrate(postgres('localhost', 'require'));
    assert.equal(await migrate.exit, 1);
    assert.match(migrate.output, /The server does not support SSL connections/);
  });

  it('is offered by the stores from here on', async () => {
    await containers?.serveTls(await authority.issue('localhost'));
    await eventually(async () => {
      assert.deepEqual((await shop.sql.query('show ssl')).rows, [{ ssl: 'on' }]);
    });
  });

  it('connects to the PostgreSQL that the authority vouches for', async () => {
    const migrate = shop.migrate(postgres('localhost', 'verify-full', authority));
    assert.equal(await migrate.exit, 0, migrate.output);
    const config = configOf(postgres('localhost', 'verify-full', authority)).database;
    const database = new Database(config, { applicationName: 'test' }, logger);
    const { rows } = await database.pool.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    assert.deepEqual(rows, [{ ssl: true }]);
    await database.close();
  });

  it('is encrypted, but asks for no proof, with "require"', async () => {
    assert.equal(await shop.migrate(postgres('127.0.0.1', 'require', stranger)).exit, 0);
  });

  const refusals = [
    ['of another host', '127.0.0.1', () => authority, /IP: 127\.0\.0\.1 is not in the cert's list/],
    ['of another authority', 'localhost', () => stranger, /unable to verify the first certificate/],
    ['of no known authority', 'localhost', () => undefined, /unable to verify the first certificate/],
  ] as const;

  for (const [what, host, trusted, reason] of refusals) {
    it(`refuses a PostgreSQL ${what}, at once and with the reason`, async () => {
      const environment = postgres(host, 'verify-full', trusted());
      const migrate = shop.migrate(environment);
      assert.equal(await migrate.exit, 1);
      assert.match(migrate.output, /The server at (localhost|127\.0\.0\.1):\d+ is not trusted: /);
      assert.match(migrate.output, reason);
      assert.match(migrate.output, /Check that DATABASE_SSL_CA_FILE holds/);
      assert.equal(migrate.output.trim().split('\n').length, 1);

      const database = new Database(configOf(environment).database, { applicationName: 'test' }, logger);
      await assert.rejects(database.pool.query('select 1'), isDatabaseUnavailable);
      await database.close();
    });
  }

  async function openRedis(host: string, trusted?: Authority): Promise<Redis> {
    const address = await containers?.addressOf('redis', REDIS_TLS_PORT);
    const config = configOf({
      REDIS_URL: `rediss://${host}:${new URL(`redis://${address ?? ''}`).port}`,
      ...(trusted && { REDIS_SSL_CA_FILE: trusted.certificate }),
    });
    const redis = new Redis(config.redis, 'test', logger);
    redis.open();
    return redis;
  }

  it('connects to the Redis that the authority vouches for', async () => {
    const redis = await openRedis('localhost', authority);
    assert.equal(await eventually(() => redis.run((client) => client.ping())), 'PONG');
    redis.close();
  });

  for (const [what, host, trusted, reason] of refusals) {
    it(`refuses a Redis ${what}, with the reason`, async () => {
      lines.length = 0;
      const redis = await openRedis(host, trusted());
      await eventually(() => {
        assert.match(lines.join(''), /Redis is away: connecting again/);
      });
      assert.match(lines.join(''), reason);
      assert.ok(!redis.isReady);
      redis.close();
    });
  }
});
