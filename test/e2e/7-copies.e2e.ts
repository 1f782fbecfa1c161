/** Migrations looked at, a shop filled, and its database copied into another installation without the people in it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import {
  ADMIN,
  apply,
  CLUSTER,
  eventually,
  inPod,
  kubectl,
  rendered,
  ROOT,
  sql,
  tryKubectl,
  valuesFile,
  zakpos,
} from './harness.ts';

/** PostgreSQL and Redis of test beside dev's, and nothing else of it. */
const COPIES = 'zakpos-copies';
const values = {
  environment: 'test',
  namespace: COPIES,
  addons: { traefik: { enabled: false }, metricsServer: { enabled: false } },
};

/** Counts and sums of everything that is sold with. */
const FIGURES = `
  select 'products', count(*), sum(price_minor) from products union all
  select 'sales', count(*), sum(total_minor) from sales union all
  select 'items', count(*), sum(line_total_minor) from sale_items union all
  select 'hours', sum(sales), sum(total_minor) from sales_hourly union all
  select 'numbers', max(number), count(distinct customer_name) from sales
  order by 1`;
const MIGRATIONS = 'select name, timestamp from migrations order by name';

/** Rows of each of the tables that are seeded. */
async function rows(): Promise<Record<'products' | 'cashiers' | 'sales' | 'items', number>> {
  const [products = 0, cashiers = 0, sales = 0, items = 0] = await Promise.all(
    ['products', "users where role = 'cashier'", 'sales', 'sale_items'].map(async (table) =>
      Number((await sql(`select count(*) from ${table}`))[0]),
    ),
  );
  return { products, cashiers, sales, items };
}

const copy = () =>
  execa(
    'npm',
    [
      ...['run', '--silent', 'db:copy', '--', '--yes'],
      ...['--from', 'dev', '--from-cluster', CLUSTER, '--to', 'test', '--to-cluster', CLUSTER],
    ],
    {
      cwd: ROOT,
      reject: false,
      all: true,
      stdin: 'ignore',
      env: { ZAKPOS_CONFIG: valuesFile(values) },
    },
  );

const dumpOf = (namespace?: string): Promise<string> =>
  inPod('zakpos-postgres-0', 'pg_dump -U postgres zakpos_db', namespace);
const redisOfCopies = (command: string): Promise<string> =>
  inPod('zakpos-redis-0', `sh /usr/local/etc/redis/cli.sh ${command}`, COPIES);
/** Databases of the copies' server, and whether each takes connections. */
const databases = (): Promise<string[]> =>
  sql(
    "select datname, datallowconn from pg_database where datname not in ('postgres', 'template0', 'template1') order by 1",
    COPIES,
  );

beforeAll(async () => {
  const folder = await rendered('test', values);
  await apply(join(folder, '00-namespace.yaml'));
  for (const command of ['secrets', 'images']) {
    const { all, exitCode } = await zakpos(command, ['--env', 'test'], { values });
    expect({ all, exitCode }).toMatchObject({ exitCode: 0 });
  }
  await apply(
    ...readdirSync(folder)
      .filter((file) => /-(postgres|redis)\.yaml$/.test(file))
      .map((file) => join(folder, file)),
  );
  for (const store of ['postgres', 'redis'])
    await kubectl('-n', COPIES, 'rollout', 'status', `statefulset/zakpos-${store}`, '--timeout=180s');
  await sql('create table of_before (shop text)', COPIES);
});
afterAll(async () => {
  await tryKubectl('delete', 'namespace', COPIES, '--wait=false');
  await sql(
    `alter table sales drop column if exists note;
     delete from users where name = 'Grace Marker';
     update sales set customer_name = null, customer_phone = null where customer_name = 'Ada Marker'`,
  );
});

test('the plan of migrations says that there is nothing to do, and does nothing', async () => {
  const before = [await sql(MIGRATIONS), await rows()];
  const { all, exitCode } = await zakpos('migrate', ['--plan']);
  expect({ all, exitCode }).toMatchObject({ exitCode: 0 });
  expect(all).toMatch(/^Pending: none$/m);
  expect(all).toMatch(/^Applied: 0001-initial, 0002-backups/m);
  expect([await sql(MIGRATIONS), await rows()]).toEqual(before);
});

test('a shop that has sales is only filled with --add; then figures grow as is said, and the hours agree', async () => {
  const before = await rows();
  const refused = await zakpos('seed');
  expect(refused.exitCode).toBe(1);
  expect(refused.all).toContain('has sales already: nothing was changed.');
  expect(await rows()).toEqual(before);

  const { all, exitCode } = await zakpos('seed', ['--add']);
  expect({ all, exitCode }).toMatchObject({ exitCode: 0 });
  const [, ...said] =
    /a month of sales: (\d+) products, (\d+) cashiers, (\d+) sales, (\d+) items/.exec(all) ?? [];
  const after = await rows();
  expect([
    after.products - before.products,
    after.cashiers - before.cashiers,
    after.sales - before.sales,
    after.items - before.items,
  ]).toEqual(said.map(Number));
  expect(after.sales - before.sales).toBeGreaterThan(5000);
  await eventually('every sale is counted', 60, async () => {
    const [hours, sales] = await sql(
      'select sum(sales), sum(total_minor) from sales_hourly union all select count(*), sum(total_minor) from sales',
    );
    return hours === sales ? true : undefined;
  });
});

test('a copy with a column that nobody has thought of ends before anything is exchanged', async () => {
  const before = await databases();
  await sql('alter table sales add column note text');
  const { all, exitCode } = await copy();
  await sql('alter table sales drop column note');
  expect(exitCode).toBe(1);
  expect(all).toContain('Nobody has said whether sales.note may tell of a person.');
  expect(await databases()).toEqual(before);
  expect(await sql('select count(*) from of_before', COPIES)).toEqual(['0']);
}, 300_000);

test('a copy has every sale and nobody in it, and the database of before is still there', async () => {
  await sql(
    `insert into users (email, name, role, password_hash)
       values ('grace.marker@people.example', 'Grace Marker', 'cashier', '$argon2id$of-grace-marker');
     update sales set customer_name = 'Ada Marker', customer_phone = '+41 79 555 01 23'
       where id in (select id from sales order by number limit 3)`,
  );
  // The first admin of dev and of test has one address.
  const people = await sql(
    `select distinct customer_name from sales where customer_name is not null union
     select distinct customer_phone from sales where customer_phone is not null union
     select email from users where email <> '${ADMIN.email}' union
     select name from users where role = 'cashier' and name like '% %' union
     select password_hash from users where password_hash like '$argon2%'`,
  );
  const original = await dumpOf();
  expect(people.filter((text) => !original.includes(text))).toEqual([]);
  expect(people.length).toBeGreaterThan(100);
  const figures = await sql(FIGURES);
  expect(await redisOfCopies('set e2e:session yes')).toBe('OK');

  const started = Date.now();
  const { all, exitCode } = await copy();
  console.log(`copied after ${((Date.now() - started) / 1000).toFixed(0)} s`);
  expect({ all, exitCode }).toMatchObject({ exitCode: 0 });
  expect(people.filter((text) => all.includes(text))).toEqual([]);

  expect(await sql(FIGURES)).toEqual(figures);
  expect(await sql(FIGURES, COPIES)).toEqual(figures);
  const copied = await dumpOf(COPIES);
  expect(people.filter((text) => copied.includes(text))).toEqual([]);
  expect(copied).toContain('@example.invalid');
  expect(await redisOfCopies('exists e2e:session')).toBe('0');
  // The first admin of test can log in, and nobody else.
  expect(await sql("select email from users where password_hash like '$argon2%'", COPIES)).toEqual([
    ADMIN.email,
  ]);

  const [, before = ''] = /stays beside it as (zakpos_db_before_\w+)\./.exec(all) ?? [];
  expect(await databases()).toEqual(['zakpos_db|t', `${before}|f`]);
  const logins = ['zakpos_user', 'zakpos_exporter', 'zakpos_backup'];
  expect(
    await sql(
      `select ${logins.map((login) => `has_database_privilege('${login}', 'zakpos_db', 'connect')`).join(', ')}`,
      COPIES,
    ),
  ).toEqual(['t|t|t']);
  await sql(`alter database ${before} allow_connections true`, COPIES);
  expect(
    await inPod(
      'zakpos-postgres-0',
      `psql -U postgres -d ${before} -Atc 'select count(*) from of_before'`,
      COPIES,
    ),
  ).toBe('0');
}, 300_000);

test('a copy into a namespace of another environment is refused', async () => {
  const before = await databases();
  await kubectl('label', 'namespace', COPIES, '--overwrite', 'zakpos.io/environment=prod');
  const { all, exitCode } = await copy();
  expect(exitCode).toBe(1);
  expect(all).toContain(`Namespace ${COPIES} of context kind-${CLUSTER} holds prod, not test.`);
  expect(await databases()).toEqual(before);
});
