/** How long a restore of a gigabyte takes, beside a plain pg_restore of the same data on the same machine. */
import { inPod, kubectl, sql, zakpos } from '../harness.ts';
import { S3 } from '../s3.ts';

/** Sales of one item, which take about 380 bytes each with their indexes. */
const SALES = 3_200_000;
const POD = 'zakpos-postgres-0';
const DUMP = '/var/lib/postgresql/data/e2e.pgc';

let s3: S3;
const run = (command: string, ...args: string[]) => zakpos(command, args, { values: { backups: s3.values } });

async function secondsOf(what: string, work: () => Promise<unknown>): Promise<number> {
  const started = Date.now();
  await work();
  const seconds = (Date.now() - started) / 1000;
  console.log(`${what}: ${seconds.toFixed(1)} s`);
  return seconds;
}

async function expectDone(command: string, ...args: string[]): Promise<void> {
  const { all, exitCode } = await run(command, '--env', 'prod', ...args);
  if (exitCode !== 0) throw new Error(all);
}

beforeAll(async () => {
  s3 = await S3.start();
  await s3.giveCredentials();
  await expectDone('up', '--no-smoke');
}, 900_000);

afterAll(async () => {
  await inPod(POD, `rm -f ${DUMP}; dropdb --if-exists -U postgres plain`);
  await kubectl('delete', 'namespace', 'zakpos-restored', '--ignore-not-found');
  await s3.stop();
}, 600_000);

test('takes no longer than twice a plain pg_restore', async () => {
  await secondsOf('a gigabyte of sales is made', async () => {
    await sql(`
      with made as (
        insert into sales (id, cashier_id, payment, total_minor, currency, customer_name, created_at)
        select gen_random_uuid(), (select id from users limit 1), 'cash', 100 + n % 900, 'EUR', 'e2e', now() - n * interval '1 second'
        from generate_series(1, ${SALES}) n returning id, total_minor
      )
      insert into sale_items (sale_id, line, product_id, name, quantity, unit_price_minor, line_total_minor)
      select id, 1, (select id from products limit 1), 'A product of the suite', 1, total_minor, total_minor from made`);
  });
  const [bytes] = await sql('select pg_database_size(current_database())');
  console.log(`the database has ${(Number(bytes) / 2 ** 20).toFixed(0)} MiB`);
  expect(Number(bytes)).toBeGreaterThan(2 ** 30);

  await secondsOf('npm run backup', () => expectDone('backup'));
  await inPod(POD, `pg_dump -U postgres -d zakpos_db -Fc -f ${DUMP}`);
  const plain = await secondsOf('pg_restore', () =>
    inPod(POD, `createdb -U postgres plain && pg_restore -U postgres --exit-on-error -d plain ${DUMP}`),
  );
  const restore = await secondsOf('npm run restore', () => expectDone('restore', '--yes'));
  console.log(`restore is ${(restore / plain).toFixed(2)} times a plain pg_restore`);
  expect(restore).toBeLessThan(2 * plain);
}, 1_800_000);
