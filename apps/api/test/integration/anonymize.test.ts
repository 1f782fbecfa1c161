import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import pg from 'pg';

import { ADMIN, type Api, type Program, Shop } from './harness.js';

const CONSENT = '--yes-this-is-a-copy';
/** What nobody may find in the copy. */
const PERSONAL = [
  'Lovelace',
  'Hopper',
  '7946',
  'zakpos.test',
  'new.colleague',
  'Grace at the till',
  '$argon2id',
];

describe('anonymize', () => {
  let shop: Shop;
  let api: Api;

  before(async () => {
    shop = await Shop.open();
    assert.equal(await shop.migrate().exit, 0);
    api = await shop.api();
    const token = await api.login();
    const product = await api.newProduct(token, 100);
    const customers = [
      { name: 'Ada Lovelace', phone: '+44 20 7946 0000' },
      { name: 'Ada Lovelace', phone: '+44 20 7946 0000' },
      { name: 'Ada Lovelace' },
      { name: 'Grace Hopper', phone: '+44 20 7946 0001' },
      undefined,
    ];
    for (const customer of customers) {
      const { status } = await api.call('POST', '/api/v1/sales', {
        token,
        headers: { 'idempotency-key': randomUUID(), 'x-request-id': 'Grace-at-the-till' },
        body: { items: [{ productId: product, quantity: 1 }], payment: 'cash', customer },
      });
      assert.equal(status, 201);
    }
    const invitation = await api.call<{ token: string }>('POST', '/api/v1/users/invitations', {
      token,
      body: { email: 'grace@zakpos.test', role: 'cashier' },
    });
    assert.equal(invitation.status, 201);
    await api.call('POST', '/api/v1/auth/accept-invitation', {
      body: { token: invitation.body.token, name: 'Grace at the till', password: 'a password of hers' },
    });
    await api.call('POST', '/api/v1/users/invitations', {
      token,
      body: { email: 'new.colleague@zakpos.test', role: 'cashier' },
    });
    await shop.sql.query("insert into backups (id, kind, schema_version) values ('one', 'dump', '0003')");
  });
  after(() => shop.close());

  const anonymize = (environment: Record<string, string> = {}, ...args: string[]) =>
    shop.run('anonymize', environment, ...args);

  async function refuses(program: Program, reason: RegExp): Promise<void> {
    assert.equal(await program.exit, 1);
    assert.match(program.output, reason);
    assert.equal(await shop.count("users where email = 'admin@zakpos.test'"), 1);
  }

  /** Every row of every table, as text. */
  async function everything(): Promise<string> {
    const { rows } = await shop.sql.query<{ table: string }>(
      "select relname as table from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'",
    );
    const tables = await Promise.all(
      rows.map(({ table }) =>
        shop.sql.query<{ row: string }>(`select row_to_json(t)::text as row from ${table} t`),
      ),
    );
    return tables.flatMap((table) => table.rows.map(({ row }) => row)).join('\n');
  }

  /** What the tables of people are on the disk of the server. */
  async function files(): Promise<string> {
    await shop.sql.query('checkpoint');
    const { rows } = await shop.sql.query<{ content: Buffer }>(
      "select pg_read_binary_file(pg_relation_filepath(name)) as content from unnest('{users,sales}'::text[]) as name",
    );
    return rows.map(({ content }) => content.toString('latin1')).join('');
  }

  const address = (change: (url: URL) => void) => {
    const url = new URL(shop.environment['DATABASE_URL'] ?? '');
    change(url);
    return url.href;
  };

  /** Ends every session of the database, so that the program finds itself alone. */
  async function leave(): Promise<void> {
    const connectionString = address((url) => {
      url.pathname = '/postgres';
    });
    const outside = new pg.Client({ connectionString });
    await outside.connect();
    const database = new URL(shop.environment['DATABASE_URL'] ?? '').pathname.slice(1);
    await outside.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1', [
      database,
    ]);
    await outside.end();
  }

  it('refuses without consent, and a database that somebody works with', async () => {
    await refuses(
      anonymize(),
      /--yes-this-is-a-copy is not set: names.* would be gone from this database for good/,
    );
    await refuses(
      anonymize({}, CONSENT),
      /shop_\w+ is in use by .*zakpos-api as zakpos_owner.* Nothing was changed/,
    );
    assert.equal(await api.stop(), 0);
  });

  it('refuses a column that nobody has thought about', async () => {
    await shop.sql.query(
      'alter table sales add column note text; create table diary (day date, words varchar(20)[])',
    );
    await leave();
    await refuses(
      anonymize({}, CONSENT),
      /whether diary\.day, diary\.words, sales\.note may tell of a person/,
    );
    await shop.sql.query('alter table sales drop column note; drop table diary');
  });

  it('leaves nothing that tells of anybody, in rows and files', async () => {
    const before = await everything();
    for (const text of PERSONAL) assert.ok(before.includes(text), `${text} is not there to be found`);
    assert.ok((await files()).includes('Lovelace'));

    const reader = `test_reader_${Date.now()}`;
    await shop.sql.query(
      `create role ${reader} login password 'role-password'; grant pg_monitor to ${reader}`,
    );
    await leave();
    const connectionString = address((url) => {
      url.username = reader;
      url.password = 'role-password';
    });
    const watching = new pg.Client({ connectionString });
    await watching.connect();
    const program = anonymize({ EXPORTER_ROLE: reader }, CONSENT);
    assert.equal(await program.exit, 0, program.output);
    assert.match(program.output, /"users":2,"sales":4,"removed":\d+/);
    await watching.end();
    await shop.sql.query(`drop owned by ${reader}; drop role ${reader}`);

    const after = await everything();
    for (const text of PERSONAL) assert.ok(!after.includes(text), `${text} is still there`);
    for (const table of ['invitations', 'idempotency_keys', 'outbox', 'backups']) {
      assert.equal(await shop.count(table), 0);
    }
    assert.ok(!(await files()).includes('Lovelace'), 'a row of before is still in the files');
  });

  interface Customer {
    readonly customer_name: string | null;
    readonly customer_phone: string | null;
  }
  const customers = async () => {
    const { rows } = await shop.sql.query<Customer>(
      'select customer_name, customer_phone from sales order by number',
    );
    return rows;
  };

  it('makes the same customer the same pseudonym, another one with each run', async () => {
    const [ada, again, withoutPhone, grace, nobody] = await customers();
    assert.match(ada?.customer_name ?? '', /^Customer [0-9a-f]{12}$/);
    assert.match(ada?.customer_phone ?? '', /^\+999 \d{12}$/);
    assert.deepEqual(again, ada);
    assert.deepEqual(withoutPhone, { ...ada, customer_phone: null });
    assert.notEqual(grace?.customer_name, ada?.customer_name);
    assert.notEqual(grace?.customer_phone, ada?.customer_phone);
    assert.deepEqual(nobody, { customer_name: null, customer_phone: null });

    await leave();
    assert.equal(await anonymize({}, CONSENT).exit, 0);
    assert.notEqual((await customers())[0]?.customer_name, ada?.customer_name);
  });

  it('keeps roles, and lets the first admin of the place where the copy is in, and nobody else', async () => {
    const { rows } = await shop.sql.query('select email, name, role from users order by email');
    assert.deepEqual(rows, [
      { email: 'user-1@example.invalid', name: 'User 1', role: 'admin' },
      { email: 'user-2@example.invalid', name: 'User 2', role: 'cashier' },
    ]);
    const admin = { email: 'admin@elsewhere.test', password: 'another password' };
    const elsewhere = { BOOTSTRAP_ADMIN_EMAIL: admin.email, BOOTSTRAP_ADMIN_PASSWORD: admin.password };
    for (let round = 0; round < 2; round += 1) assert.equal(await shop.migrate(elsewhere).exit, 0);
    assert.equal(await shop.count('users'), 3);

    api = await shop.api();
    const token = await api.login(admin.email, admin.password);
    const { body } = await api.call<{ role: string }>('GET', '/api/v1/auth/me', { token });
    assert.equal(body.role, 'admin');
    const product = await api.newProduct(token, 1);
    assert.equal((await api.sell(token, product)).status, 201);
    for (const password of [ADMIN.password, 'a password of hers', '*']) {
      const login = { email: 'user-1@example.invalid', password };
      assert.equal((await api.call('POST', '/api/v1/auth/login', { body: login })).status, 401);
    }
    assert.equal(await api.stop(), 0);
    await shop.sql.query("update users set created_at = '2020-01-01' where email = $1", [admin.email]);
    await leave();
    const again = anonymize({}, CONSENT);
    assert.equal(await again.exit, 0, again.output);
    assert.equal(await shop.count("users where email like 'user-_@example.invalid'"), 3);
  });
});
