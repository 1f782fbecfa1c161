import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import pg from 'pg';

import { Shop } from './harness.js';

describe('migrate', () => {
  let shop: Shop;

  before(async () => {
    shop = await Shop.open();
  });
  after(() => shop.close());

  it('shows what is pending and changes nothing', async () => {
    const plan = shop.migrate({}, '--plan');
    assert.equal(await plan.exit, 0);
    assert.match(plan.output, /"pending":\["0001-initial"/);
    assert.equal(await shop.count('pg_tables where schemaname = $$public$$'), 0);
  });

  it('keeps the api from being ready until it has run', async () => {
    const api = await shop.api();
    const startup = await api.call<{ reason: string }>('GET', '/health/startup');
    assert.equal(startup.status, 503);
    assert.match(startup.body.reason, /migration 0001-initial has not been applied/);
    assert.equal((await api.call('GET', '/health/ready')).status, 503);
    assert.equal((await api.call('GET', '/health/live')).status, 200);

    const migrations = Array.from({ length: 4 }, () => shop.migrate({ DEMO_PRODUCTS: 'true' }));
    assert.deepEqual(await Promise.all(migrations.map((each) => each.exit)), [0, 0, 0, 0]);
    const applied = migrations.filter((each) => each.output.includes('migrations applied'));
    assert.equal(applied.length, 1, 'not exactly one of four processes applied the migrations');
    assert.deepEqual([await shop.count('users'), await shop.count('products')], [1, 12]);
    assert.equal((await api.call('GET', '/health/startup')).status, 200);
    assert.equal((await api.call('GET', '/health/ready')).status, 200);
  });

  it('gives each role what it needs and no more', async () => {
    const roles = ['app', 'exporter', 'backup'].map((role) => `test_${role}_${Date.now()}`);
    const [app = '', exporter = '', backup = ''] = roles;
    for (const role of roles) await shop.sql.query(`create role ${role} login password 'role-password'`);
    const names = { APP_ROLE: app, EXPORTER_ROLE: exporter, BACKUP_ROLE: backup };
    assert.equal(await shop.migrate(names).exit, 0);

    const as = async (role: string, statement: string) => {
      const url = new URL(shop.environment['DATABASE_URL'] ?? '');
      url.username = role;
      url.password = 'role-password';
      const client = new pg.Client({ connectionString: url.href });
      await client.connect();
      try {
        await client.query(statement);
        return 'allowed';
      } catch (error) {
        return error instanceof pg.DatabaseError && error.code === '42501' ? 'denied' : String(error);
      } finally {
        await client.end();
      }
    };
    const outcomes = await Promise.all([
      as(app, 'update products set stock = stock'),
      as(app, 'select * from migrations'),
      as(app, 'delete from migrations'),
      as(app, 'create table extra (id integer)'),
      as(exporter, 'select count(*) from outbox'),
      as(exporter, 'select * from users'),
      as(backup, 'select * from sales'),
      as(backup, 'delete from sales'),
    ]);
    assert.deepEqual(outcomes, [
      ...['allowed', 'allowed', 'denied', 'denied'],
      ...['allowed', 'denied', 'allowed', 'denied'],
    ]);
    for (const role of roles) await shop.sql.query(`drop owned by ${role}; drop role ${role}`);
  });

  it('names the role, the server and the way out when the password is refused', async () => {
    const migrate = shop.migrate({ DATABASE_PASSWORD: 'not the password' });
    assert.equal(await migrate.exit, 1);
    assert.match(
      migrate.output,
      /server at 127\.0\.0\.1:\d+ refused the password of role zakpos_owner.*existing database volume.*ALTER ROLE/,
    );
    assert.equal(migrate.output.trim().split('\n').length, 1);
  });

  it('waits for the database, says why, and gives up', async () => {
    const migrate = shop.migrate({
      DATABASE_URL: 'postgresql://zakpos_owner@127.0.0.1:1/zakpos_db',
      MIGRATE_WAIT_SECONDS: '2',
    });
    assert.equal(await migrate.exit, 1);
    assert.match(migrate.output, /Waiting for database zakpos_db at 127\.0\.0\.1:1: .*ECONNREFUSED/);
    assert.match(migrate.output, /could not be reached within 2 s/);
  });
});
