import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import pg from 'pg';

import { type Api, eventually, Shop } from './harness.js';
import { withMore } from './more-migrations.js';

describe('migrate', () => {
  let shop: Shop;

  before(async () => {
    shop = await Shop.open();
  });
  after(() => shop.close());

  it('shows what is pending and changes nothing', async () => {
    const plan = shop.migrate({}, '--plan');
    assert.equal(await plan.exit, 0);
    assert.match(
      plan.output,
      /^Database shop_\w+ at 127\.0\.0\.1:\d+\n\nApplied: none\n\nPending: 0001-initial, 0002-/,
    );
    assert.match(plan.output, /-- 0001-initial\ncreate table users \(\n {2}id uuid primary key/);
    assert.match(plan.output, /No pending migration rewrites data/);
    assert.equal(await shop.count('pg_tables where schemaname = $$public$$'), 0);
  });

  it('keeps the api from being ready until it has run', async () => {
    const api = await shop.api();
    const startup = await api.call<{ reason: string }>('GET', '/health/startup');
    assert.equal(startup.status, 503);
    assert.match(startup.body.reason, /migration \d{4}-[\w-]+ has not been applied/);
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
    // Another login of the backup's role, as a rotation brings it in.
    const login = `${backup}_b`;
    await shop.sql.query(
      `create role ${login} login password 'role-password' in role ${backup}; alter role ${login} set role = ${backup}`,
    );
    roles.unshift(login);
    const outcomes = await Promise.all([
      as(app, 'update products set stock = stock'),
      as(app, 'select * from migrations'),
      as(app, 'delete from migrations'),
      as(app, 'create table extra (id integer)'),
      as(exporter, 'select count(*) from outbox'),
      as(exporter, 'select * from users'),
      as(backup, 'select * from sales'),
      as(backup, 'delete from sales'),
      as(backup, "insert into backups (id, kind, schema_version) values ('one', 'dump', 'none')"),
      as(login, "insert into backups (id, kind, schema_version) values ('two', 'dump', 'none')"),
      as(login, 'select * from backups'),
      as(backup, 'delete from backups'),
      as(app, "insert into backups (id, kind, schema_version) values ('three', 'dump', 'none')"),
    ]);
    assert.deepEqual(outcomes, [
      ...['allowed', 'allowed', 'denied', 'denied'],
      ...['allowed', 'denied', 'allowed', 'denied'],
      ...['allowed', 'allowed', 'allowed', 'denied', 'denied'],
    ]);
    await shop.sql.query('delete from backups');
    for (const role of roles) await shop.sql.query(`drop owned by ${role}; drop role ${role}`);
  });

  it('refuses an option that it does not know', async () => {
    const migrate = shop.migrate({}, '--pan');
    assert.equal(await migrate.exit, 1);
    assert.match(migrate.output, /Unknown option '--pan'\. There are: --plan\./);
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

describe('a migration', () => {
  let shop: Shop;
  let api: Api;
  let token: string;
  let product: string;

  before(async () => {
    shop = await Shop.open();
    assert.equal(await shop.migrate().exit, 0);
    api = await shop.api();
    token = await api.login();
    product = await api.newProduct(token, 100);
  });
  after(() => shop.close());

  /** Everything that a migration could change. */
  async function state(): Promise<unknown> {
    const columns = await shop.sql.query(
      `select table_name, column_name, data_type from information_schema.columns
       where table_schema = 'public' order by 1, 2`,
    );
    const rows = await shop.sql.query(
      'select name from migrations union all select name from products order by 1',
    );
    return [columns.rows, rows.rows];
  }

  it('that fails half way changes nothing, and the version before sells on', async () => {
    const before = await state();
    const migrate = shop.migrate(withMore('broken'));
    assert.equal(await migrate.exit, 1);
    assert.match(migrate.output, /9001-broken failed, and nothing was changed: division by zero/);
    assert.deepEqual(await state(), before);
    assert.equal((await api.sell(token, product)).status, 201);
    assert.equal((await api.call('GET', '/health/ready')).status, 200);
  });

  it('that a dump holds up gives way to sales within seconds', async () => {
    const dump = await shop.sql.connect();
    try {
      await dump.query('begin; lock table sales in access share mode');
      const migrate = shop.migrate(withMore('locking'));
      await eventually(async () => {
        const waiting = "select from pg_locks where not granted and relation = 'sales'::regclass";
        assert.equal((await shop.sql.query(waiting)).rowCount, 1);
      });
      // It waits behind the migration, which waits for the dump.
      assert.equal((await api.sell(token, product)).status, 201);
      assert.equal(await migrate.exit, 1);
      assert.match(migrate.output, /9000-locking waited 3 s for a table .* Nothing was changed/);
    } finally {
      await dump.query('rollback');
      dump.release();
    }
  });

  it('that rewrites data waits for a backup where those are made', async () => {
    const required = { ...withMore('rewriting'), MIGRATIONS_REQUIRE_BACKUP: 'true' };
    const { rows } = await shop.sql.query<{ schema: string }>('select max(name) as schema from migrations');
    const schema = rows[0]?.schema ?? '';
    const before = await state();

    const refuses = async (newest: RegExp) => {
      const [migrate, plan] = [shop.migrate(required), shop.migrate(required, '--plan')];
      assert.deepEqual([await migrate.exit, await plan.exit], [1, 0]);
      const refusal = new RegExp(
        `9001-rewriting rewrites data: names are in capitals .* with schema ${schema} before; the newest is ` +
          `${newest.source}\\. Make one with \\\\?"npm run backup`,
      );
      assert.match(migrate.output, refusal);
      assert.match(plan.output, refusal);
      assert.match(plan.output, /Pending: 9000-first, 9001-rewriting\n/);
      assert.match(plan.output, /-- 9001-rewriting\n-- rewrites data: names .*\nupdate products set name/);
      assert.deepEqual(await state(), before);
    };
    const backUp = (id: string, version: string, age: string) =>
      shop.sql.query("insert into backups values ($1, 'dump', now() - $2::interval, $3)", [id, age, version]);

    await refuses(/none/);
    await backUp('old', schema, '25 hours');
    await refuses(/old of .* with schema \S+/);
    await backUp('other', '0001-initial', '1 minute');
    await refuses(/other of .* with schema 0001-initial/);
    assert.equal((await api.sell(token, product)).status, 201);

    await backUp('good', schema, '23 hours');
    const plan = shop.migrate(required, '--plan');
    assert.equal(await plan.exit, 0);
    assert.match(plan.output, /The backup that is needed is there: good/);
    assert.equal(await shop.migrate(required).exit, 0);
    assert.equal((await shop.sql.query('select from products where name <> upper(name)')).rowCount, 0);
  });

  it('that rewrites data waits for nothing where there are none, or no backups are made', async () => {
    const empty = await Shop.open();
    assert.equal(
      await empty.migrate({ ...withMore('rewriting'), MIGRATIONS_REQUIRE_BACKUP: 'true' }).exit,
      0,
    );
    await empty.close();
    const other = await Shop.open();
    assert.equal(await other.migrate().exit, 0);
    assert.equal(await other.migrate(withMore('rewriting')).exit, 0);
    await other.close();
  });
});
