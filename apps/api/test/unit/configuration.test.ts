import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { ConfigurationError, parseEnvironment } from '../../src/config/environment.js';
import { migrateSchema, serverSchema, workerSchema } from '../../src/config/schema.js';
import { Secret } from '../../src/config/secret.js';

const folder = mkdtempSync(join(tmpdir(), 'zakpos-config-'));
const secret = 'a secret of at least 32 characters';

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function problemOf(environment: Record<string, string>): string {
  try {
    parseEnvironment(serverSchema, { JWT_SECRET: secret, ...environment });
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message;
  }
  throw new Error('the configuration was accepted');
}

after(() => {
  rmSync(folder, { recursive: true });
});

describe('configuration', () => {
  it('has defaults for everything but the key of the tokens', () => {
    const config = parseEnvironment(serverSchema, { JWT_SECRET: secret, CORS_ORIGINS: '' });
    assert.equal(config.process.port, 3000);
    assert.equal(config.http.prefix, 'api/v1');
    assert.deepEqual(config.http.corsOrigins, []);
    assert.equal(config.auth.accessTtlSeconds, 900);
    assert.equal(config.auth.refreshTtlSeconds, 30 * 86_400);
    assert.deepEqual(config.kafka.brokers, ['zakpos-kafka:9092']);
    assert.deepEqual(config.shop, { name: 'ZakPOS', currency: 'EUR', timeZone: 'UTC' });
  });

  it('asks the worker and the migration for no key', () => {
    assert.equal(parseEnvironment(workerSchema, {}).kafka.topics.sales, 'zakpos.sales');
    assert.equal(parseEnvironment(migrateSchema, {}).bootstrap.waitSeconds, 60);
  });

  const wrong: readonly [Record<string, string>, RegExp][] = [
    [{ PORT: 'http' }, /PORT is "http": expected a whole number from 0 to 65535/],
    [{ PORT: '70000' }, /PORT is "70000": expected a whole number/],
    [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL is "loud": expected one of fatal, error/],
    [{ API_PREFIX: '/api/' }, /API_PREFIX is "\/api\/": expected a path without slashes/],
    [{ DATABASE_URL: 'mysql://x' }, /DATABASE_URL is "mysql:\/\/x": expected a URL such as postgresql:/],
    [{ DATABASE_URL: 'postgresql://h/d?sslmode=require' }, /DATABASE_URL .*DATABASE_SSL_MODE/],
    [{ DATABASE_SSL_MODE: 'on' }, /DATABASE_SSL_MODE is "on": expected one of disable, require/],
    [{ REDIS_URL: 'localhost' }, /REDIS_URL is "localhost": expected a URL such as redis:/],
    [{ KAFKA_BROKERS: 'kafka' }, /KAFKA_BROKERS is "kafka": expected a comma separated list of host:port/],
    [{ KAFKA_SASL_USERNAME: 'api' }, /KAFKA_SASL_PASSWORD is not set/],
    [{ JWT_ACCESS_TTL: '15' }, /JWT_ACCESS_TTL is "15": expected a duration such as 30s, 15m/],
    [{ JWT_SECRET: 'short' }, /JWT_SECRET has 5 characters: expected at least 32/],
    [{ JWT_SECRET: '' }, /JWT_SECRET is not set: expected JWT_SECRET or JWT_SECRET_FILE/],
    [{ JWT_SECRET_FILE: '/nowhere/key' }, /JWT_SECRET_FILE: .*no such file/],
    [{ SHOP_CURRENCY: 'euro' }, /SHOP_CURRENCY is "euro": expected an ISO 4217 code/],
    [{ SHOP_TIME_ZONE: 'Mars/Base' }, /SHOP_TIME_ZONE is "Mars\/Base": expected an IANA time zone/],
    [{ OPEN_REGISTRATION: 'yes' }, /OPEN_REGISTRATION is "yes": expected true or false/],
    [{ TRUST_PROXY: '-1' }, /TRUST_PROXY is "-1": expected a whole number from 0 to 10/],
  ];
  for (const [environment, expected] of wrong) {
    it(`refuses ${JSON.stringify(environment)}`, () => {
      assert.match(problemOf(environment), expected);
    });
  }

  it('names every problem at once and shows no password', () => {
    const message = problemOf({ PORT: 'x', REDIS_URL: 'http://:hidden@host', JWT_SECRET: 'tell-no-one' });
    assert.match(message, /PORT .* REDIS_URL|REDIS_URL .* PORT/);
    assert.ok(!message.includes('hidden') && !message.includes('tell-no-one'), message);
  });
});

describe('secrets', () => {
  it('prefer the file and trim its last line break', () => {
    const config = parseEnvironment(serverSchema, {
      JWT_SECRET: 'another secret of at least 32 characters',
      JWT_SECRET_FILE: file('jwt', `${secret}\n`),
      JWT_PREVIOUS_SECRET_FILE: file('none', ''),
    });
    assert.equal(config.auth.jwtSecret.read(), secret);
    assert.equal(config.auth.jwtPreviousSecret.read(), undefined);
    assert.ok(!JSON.stringify(config).includes(secret));
  });

  it('may lack the file of the previous key', () => {
    const config = parseEnvironment(serverSchema, {
      JWT_SECRET: secret,
      JWT_PREVIOUS_SECRET_FILE: join(folder, 'not there'),
    });
    assert.equal(config.auth.jwtPreviousSecret.read(), undefined);
  });

  it('follow their file, and keep the last good value', async () => {
    const path = file('rotating', 'the first value');
    const rotating = Secret.ofFile('KEY_FILE', path, 8);
    assert.equal(rotating.read(), 'the first value');
    file('rotating', 'the second value');
    utimesSync(path, 10, 10);
    await sleep(1050);
    assert.equal(rotating.read(), 'the second value');
    file('rotating', 'short');
    await sleep(1050);
    assert.equal(rotating.read(), 'the second value');
    rmSync(path);
    await sleep(1050);
    assert.equal(rotating.read(), 'the second value');
  });
});
