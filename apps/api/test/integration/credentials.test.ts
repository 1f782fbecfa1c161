import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { Admin } from '@platformatic/kafka';
import type { PoolClient } from 'pg';

import { reasonOf } from '../../src/common/reason.js';
import { createLogger } from '../../src/common/logger.js';
import { parseEnvironment } from '../../src/config/environment.js';
import { workerSchema } from '../../src/config/schema.js';
import { Database, hasSqlState, INVALID_PASSWORD } from '../../src/database/database.js';
import { kafkaOptions } from '../../src/kafka/kafka.js';
import { SecretVolume } from '../secret-volume.js';
import { containers, eventually, Shop } from './harness.js';
import { KAFKA_LOGIN_PORT } from './stores.js';

const withContainers = containers === undefined ? { skip: 'the stores are not ours to set up' } : {};

describe('credentials', () => {
  const suffix = randomBytes(4).toString('hex');
  const [owner, app, reader] = [`owner_${suffix}`, `app_${suffix}`, `reader_${suffix}`];
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-credentials-'));
  const volume = new SecretVolume(join(folder, 'postgres'));
  const logger = createLogger('test', 'silent');
  let shop: Shop;

  /** Logs in by the files, and not as the user or with the password that the URL says. */
  function byFiles(): Record<string, string> {
    const url = new URL(shop.environment['DATABASE_URL'] ?? '');
    url.username = 'nobody';
    url.password = 'nothing';
    return {
      DATABASE_URL: url.href,
      DATABASE_USERNAME_FILE: volume.path('username'),
      DATABASE_PASSWORD_FILE: volume.path('password'),
      APP_ROLE: app,
      BACKUP_ROLE: reader,
    };
  }

  before(async () => {
    shop = await Shop.open();
    for (const role of [owner, app]) {
      await shop.sql.query(`
        create role ${role} login password 'of a';
        create role ${role}_b login password 'of b' in role ${role};
        alter role ${role}_b set role ${role}`);
    }
    // Somebody else's database: it is not the owner's, and holds a table that is none of ours.
    await shop.sql.query(`
      create role ${reader} login;
      create table somebody_elses (id integer);
      revoke all on schema public from public;
      grant usage, create on schema public to ${owner};
      grant usage on schema public to ${app}, ${reader};
      alter default privileges for role ${owner} grant references on tables to ${reader}`);
  });
  after(async () => {
    const roles = [`${owner}_b`, owner, `${app}_b`, app, reader];
    for (const role of roles) await shop.sql.query(`drop owned by ${role} cascade`);
    await shop.sql.query(`drop role ${roles.join()}`);
    await shop.close();
    rmSync(folder, { recursive: true });
  });

  it('of the second owner migrate as the first one, without a superuser', async () => {
    volume.write({ username: `${owner}_b`, password: 'of b' });
    const migrate = shop.migrate({ ...byFiles(), DEMO_PRODUCTS: 'true' });
    assert.equal(await migrate.exit, 0, migrate.output);
    const { rows } = await shop.sql.query(`
      select distinct relowner::regrole::text as owner from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'S') and relname <> 'somebody_elses'`);
    assert.deepEqual(rows, [{ owner }]);
    assert.deepEqual([await shop.count('users'), await shop.count('products')], [1, 12]);
  });

  it('of the first owner find nothing left to do', async () => {
    volume.write({ username: owner, password: 'of a' });
    const migrate = shop.migrate(byFiles());
    assert.equal(await migrate.exit, 0, migrate.output);
    assert.match(migrate.output, /the schema is up to date/);
  });

  it('give the other roles what is theirs, and default privileges apply', async () => {
    const may = async (role: string, privilege: string, table: string): Promise<boolean> => {
      const { rows } = await shop.sql.query<{ may: boolean }>(
        'select has_table_privilege($1, $2, $3) as may',
        [...[role, table, privilege]],
      );
      return rows[0]?.may === true;
    };
    assert.ok(await may(app, 'insert', 'sales'));
    assert.ok(await may(`${app}_b`, 'insert', 'sales'));
    assert.ok(!(await may(app, 'insert', 'migrations')));
    assert.ok(!(await may(app, 'select', 'somebody_elses')));
    assert.ok(await may(reader, 'select', 'sales'));
    assert.ok(!(await may(reader, 'insert', 'sales')));
    assert.ok(await may(reader, 'references', 'sales'));
  });

  it('work on the schema of a newer version, as after a rollback', async () => {
    await shop.sql.query("insert into migrations values ('9999-newer', now())");
    const migrate = shop.migrate(byFiles());
    assert.equal(await migrate.exit, 0, migrate.output);
    assert.match(migrate.output, /the schema is up to date/);
    await shop.sql.query("delete from migrations where name = '9999-newer'");
  });

  it('are those of the files for each new connection to PostgreSQL', async () => {
    const whoIsIt = async (client: PoolClient) => {
      const { rows } = await client.query<{ login: string; role: string }>(
        'select session_user::text as login, current_user::text as role',
      );
      return rows[0];
    };
    volume.write({ username: app, password: 'of a' });
    const config = parseEnvironment(workerSchema, byFiles()).database;
    const database = new Database(config, { applicationName: 'test' }, logger);
    const first = await database.pool.connect();
    volume.write({ username: `${app}_b`, password: 'of b' });
    const second = await database.pool.connect();
    assert.deepEqual(await whoIsIt(first), { login: app, role: app });
    assert.deepEqual(await whoIsIt(second), { login: `${app}_b`, role: app });
    assert.equal(database.latestUser, `${app}_b`);

    volume.write({ username: app, password: 'of b' });
    await assert.rejects(database.pool.connect(), (error) => hasSqlState(error, INVALID_PASSWORD));
    assert.equal(database.latestUser, app);
    first.release();
    second.release();
    await database.close();
  });

  it('carry the API through a rotation', async () => {
    volume.write({ username: app, password: 'of a' });
    const api = await shop.api({ ...byFiles(), DATABASE_POOL_SIZE: '2' });
    const token = await api.login();
    const product = await api.newProduct(token, 100);
    assert.equal((await api.sell(token, product)).status, 201);
    volume.write({ username: `${app}_b`, password: 'of b' });
    await shop.sql.query(`alter role ${app} nologin`);
    const { rows } = await shop.sql.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${app}'`,
    );
    assert.notEqual(rows.length, 0);
    await eventually(async () => {
      assert.equal((await api.sell(token, product)).status, 201);
    });
    await shop.sql.query(`alter role ${app} login`);
    assert.equal(await api.stop(), 0);
  });

  it('that PostgreSQL refuses are named as they were tried', async () => {
    volume.write({ username: `${owner}_b`, password: 'of a' });
    const migrate = shop.migrate(byFiles());
    assert.equal(await migrate.exit, 1);
    assert.match(
      migrate.output,
      new RegExp(`refused the password of role ${owner}_b: .*ALTER ROLE ${owner}_b `),
    );
  });

  it('are those of the files for each new connection to Kafka', withContainers, async () => {
    const kafka = new SecretVolume(join(folder, 'kafka'));
    const [a, b] = [`app-${suffix}-a`, `app-${suffix}-b`];
    await containers?.setKafkaPassword(a, 'of-a');
    await containers?.setKafkaPassword(b, 'of-b');
    kafka.write({ username: a, password: 'of-a' });
    const { kafka: config } = parseEnvironment(workerSchema, {
      KAFKA_BROKERS: (await containers?.addressOf('kafka', KAFKA_LOGIN_PORT)) ?? '',
      KAFKA_SASL_USERNAME: 'nobody',
      KAFKA_SASL_PASSWORD: 'nothing',
      KAFKA_SASL_USERNAME_FILE: kafka.path('username'),
      KAFKA_SASL_PASSWORD_FILE: kafka.path('password'),
    });
    const options = kafkaOptions(config, 'test');
    const connect = async () => {
      const client = new Admin(options);
      try {
        return (await client.metadata({ topics: [], forceUpdate: true })).brokers.size;
      } finally {
        await client.close();
      }
    };
    assert.equal(await connect(), 1);
    await containers?.removeKafkaUser(a);
    await assert.rejects(connect, (error) => /SASL authentication failed/.test(reasonOf(error)));
    kafka.write({ username: b, password: 'of-b' });
    assert.equal(await connect(), 1);
  });
});
