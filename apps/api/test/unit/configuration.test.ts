import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';

import { ConfigurationError, parseEnvironment } from '../../src/config/environment.js';
import { migrateSchema, serverSchema, workerSchema } from '../../src/config/schema.js';
import { Secret, SecretPair } from '../../src/config/secret.js';
import { SecretVolume } from '../secret-volume.js';

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

  it('knows a time zone under its old and its new name', () => {
    for (const zone of ['Asia/Calcutta', 'Asia/Kolkata', 'Europe/Kyiv']) {
      assert.equal(parseEnvironment(workerSchema, { SHOP_TIME_ZONE: zone }).shop.timeZone, zone);
    }
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
    [
      { KAFKA_SASL_USERNAME_FILE: file('kafka-user', 'api') },
      /KAFKA_SASL_PASSWORD is not set: expected KAFKA_SASL_PASSWORD or KAFKA_SASL_PASSWORD_FILE\./,
    ],
    [{ KAFKA_SASL_USERNAME_FILE: '/nowhere/user' }, /KAFKA_SASL_USERNAME_FILE: .*no such file/],
    [
      { KAFKA_SASL_USERNAME: 'api', KAFKA_SASL_USERNAME_FILE: file('empty', '\n') },
      /KAFKA_SASL_USERNAME_FILE is ".*empty": expected a file that is not empty/,
    ],
    [{ DATABASE_USERNAME_FILE: '/nowhere/user' }, /DATABASE_USERNAME_FILE: .*no such file/],
    [
      { DATABASE_USERNAME_FILE: file('empty', '') },
      /DATABASE_USERNAME_FILE is ".*empty": expected a file that is not empty/,
    ],
    [{ JWT_ACCESS_TTL: '15' }, /JWT_ACCESS_TTL is "15": expected a duration such as 30s, 15m/],
    [{ JWT_SECRET: 'short' }, /JWT_SECRET has 5 characters: expected at least 32/],
    [{ JWT_SECRET: '' }, /JWT_SECRET is not set: expected JWT_SECRET or JWT_SECRET_FILE/],
    [{ JWT_SECRET_FILE: '/nowhere/key' }, /JWT_SECRET_FILE: .*no such file/],
    [
      { JWT_PREVIOUS_SECRET_FILE: file('short', 'tiny') },
      /JWT_PREVIOUS_SECRET_FILE has 4 characters: expected at least 32/,
    ],
    [{ SHOP_CURRENCY: 'euro' }, /SHOP_CURRENCY is "euro": expected an ISO 4217 code/],
    [{ SHOP_TIME_ZONE: 'Mars/Base' }, /SHOP_TIME_ZONE is "Mars\/Base": expected an IANA time zone/],
    [{ SHOP_TIME_ZONE: '+02:00' }, /SHOP_TIME_ZONE is "\+02:00": expected an IANA time zone/],
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
    assert.deepEqual(config.auth.jwtSecrets.read(), [secret, undefined]);
    assert.ok(!JSON.stringify(config).includes(secret));
  });

  it('may lack the file of the previous key', () => {
    const config = parseEnvironment(serverSchema, {
      JWT_SECRET: secret,
      JWT_PREVIOUS_SECRET_FILE: join(folder, 'not there'),
    });
    assert.deepEqual(config.auth.jwtSecrets.read(), [secret, undefined]);
  });

  it('follow their file, and keep the last good value', () => {
    const path = file('rotating', 'the first value');
    const rotating = Secret.ofFile('KEY_FILE', path, 8);
    assert.equal(rotating.read(), 'the first value');
    for (const [content, expected] of [
      ['the second value\n', 'the second value'],
      ['short', 'the second value'],
      ['', 'the second value'],
      ['the third value', 'the third value'],
    ] as const) {
      file('rotating', content);
      assert.equal(rotating.read(), expected);
    }
    rmSync(path);
    assert.equal(rotating.read(), 'the third value');
  });

  it('that may be missing come, and go with their file or its content; not with an error', () => {
    const path = join(folder, 'optional');
    const optional = Secret.ofFile('KEY_FILE', path, 8, true);
    assert.equal(optional.read(), undefined);
    file('optional', 'the first value');
    assert.equal(optional.read(), 'the first value');
    rmSync(path);
    // What is there can't be read.
    mkdirSync(path);
    assert.equal(optional.read(), 'the first value');
    rmdirSync(path);
    assert.equal(optional.read(), undefined);
    file('optional', 'the second value');
    assert.equal(optional.read(), 'the second value');
    file('optional', '');
    assert.equal(optional.read(), undefined);
  });
});

describe('logins', () => {
  const volume = new SecretVolume(join(folder, 'login'));
  const files = {
    DATABASE_USERNAME_FILE: volume.path('username'),
    DATABASE_PASSWORD_FILE: volume.path('password'),
  };

  it('are of the URL, unless variables or files say otherwise', () => {
    volume.write({ username: 'of_file', password: 'of file' });
    const loginOf = (environment: Record<string, string>) =>
      parseEnvironment(workerSchema, {
        DATABASE_URL: 'postgresql://of_url:of%20url@host/db',
        ...environment,
      }).database.login.read();
    assert.deepEqual(loginOf({}), ['of_url', 'of url']);
    assert.deepEqual(loginOf({ DATABASE_PASSWORD: 'of variable' }), ['of_url', 'of variable']);
    assert.deepEqual(loginOf({ DATABASE_PASSWORD: 'of variable', ...files }), ['of_file', 'of file']);
    const { DATABASE_USERNAME_FILE } = files;
    assert.deepEqual(loginOf({ DATABASE_USERNAME_FILE }), ['of_file', 'of url']);
  });

  it('are those of Kafka only with a user', () => {
    const loginOf = (environment: Record<string, string>) =>
      parseEnvironment(workerSchema, environment).kafka.login?.read();
    assert.equal(loginOf({ KAFKA_SASL_PASSWORD: 'p' }), undefined);
    const byVariable = { KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' };
    assert.deepEqual(loginOf(byVariable), ['u', 'p']);
    const byFile = {
      KAFKA_SASL_USERNAME_FILE: file('kafka-username', 'v\n'),
      KAFKA_SASL_PASSWORD_FILE: file('kafka-password', 'q\n'),
    };
    assert.deepEqual(loginOf({ ...byVariable, ...byFile }), ['v', 'q']);
  });

  it('are read anew each time, and stay while one of the files is missing', () => {
    volume.write({ username: 'zakpos_user', password: 'of a' });
    const { login } = parseEnvironment(workerSchema, files).database;
    assert.deepEqual(login.read(), ['zakpos_user', 'of a']);
    volume.write({ username: 'zakpos_user_b' });
    assert.deepEqual(login.read(), ['zakpos_user', 'of a']);
    volume.write({ username: 'zakpos_user_b', password: 'of b' });
    assert.deepEqual(login.read(), ['zakpos_user_b', 'of b']);
    assert.ok(!JSON.stringify({ login }).includes('of b'));
  });

  it('are of one generation, whatever the moment in which the files are replaced', async () => {
    volume.write({ username: 'user 0', password: 'password 0' });
    const pair = new SecretPair(
      Secret.ofFile('USER_FILE', volume.path('username')),
      Secret.ofFile('PASSWORD_FILE', volume.path('password')),
    );
    const replacing = new Worker(new URL('replace-secrets.js', import.meta.url), {
      workerData: volume.folder,
    });
    await once(replacing, 'online');
    const generations = new Set<string>();
    try {
      for (const end = performance.now() + 1000; performance.now() < end;) {
        const [user = '', password = ''] = pair.read();
        assert.equal(password, user.replace('user', 'password'));
        generations.add(user);
      }
    } finally {
      await replacing.terminate();
    }
    assert.ok(generations.size > 50, `only ${generations.size} generations were seen`);
  });
});
