/** Backups in a real bucket: made, listed, restored to a point in time, spoilt, and missed. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import {
  eventually,
  inPod,
  killNine,
  kubectl,
  logIn,
  NAMESPACE,
  pods,
  product,
  sell,
  sql,
  tryKubectl,
  zakpos,
  type Sale,
} from './harness.ts';
import { long } from './long.ts';
import { S3 } from './s3.ts';

let s3: S3;
let token: string;
let productId: string;

const run = (command: string, ...args: string[]) => zakpos(command, args, { values: { backups: s3.values } });

async function expectDone(command: string, ...args: string[]): Promise<string> {
  const { all, exitCode } = await run(command, ...args);
  if (exitCode !== 0) throw new Error(all);
  return all;
}

/** The time of the database, for a point between two sales. */
const databaseTime = async (): Promise<string> => {
  const [time = ''] = await sql(
    `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
  );
  return time;
};

const salesIn = async (namespace: string, ids: readonly Sale[]): Promise<string[]> =>
  sql(`select id from sales where id in (${ids.map(({ id }) => `'${id}'`).join(', ')})`, namespace);

/** Seconds since when all of the log that was received is in the bucket. */
const shipped = async (): Promise<number> =>
  Number(await inPod('zakpos-backup-0', 'cat /run/backup/shipped'));

const untilShipped = (since: number) =>
  eventually('the log is in the bucket', 60, async () => ((await shipped()) > since ? true : undefined));

async function metrics(): Promise<Map<string, number>> {
  const { stdout } = await kubectl(
    ...['-n', NAMESPACE, 'exec', 'zakpos-backup-0', '-c', 'measure', '--', 'cat', '/metrics/metrics.txt'],
  );
  return new Map(
    stdout
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [name = '', value] = line.split(' ');
        return [name, Number(value)];
      }),
  );
}

const metricIs = (name: string, is: (value: number | undefined) => boolean) =>
  eventually(`${name} tells it`, 150, async () => (is((await metrics()).get(name)) ? true : undefined));

beforeAll(async () => {
  s3 = await S3.start();
  await tryKubectl('-n', NAMESPACE, 'delete', 'secret', 'zakpos-backup-s3', '--ignore-not-found');
  const { all, exitCode } = await zakpos('up', ['--no-smoke'], { values: { backups: s3.values } });
  // The one thing that only the operator has.
  expect(all).toContain('Secret zakpos-backup-s3 is missing, and is yours to make');
  expect(exitCode).toBe(1);
  await s3.giveCredentials();
  await expectDone('up', '--no-smoke');
  token = await logIn();
  productId = (await product(token)).id;
}, 600_000);

afterAll(async () => {
  await tryKubectl('delete', 'namespace', 'zakpos-restored', '--wait=false');
  await zakpos('up', ['--no-smoke']);
  await s3.stop();
}, 600_000);

test('a backup is made and read back, and listed with what is in it', async () => {
  await sell(token, productId);
  const dumps = "select count(*) from backups where kind = 'dump'";
  const [before] = await sql(dumps);
  const listed = await expectDone('backup');
  const rows = listed.split('\n').filter((line) => /^(dump|base) /.test(line));
  expect(rows.map((row) => row.split(/ +/)[0])).toEqual(['dump', 'base']);
  const [schema = ''] = await sql('select max(name) from migrations');
  for (const row of rows) expect(row).toContain(` ${schema} `);
  expect(await sql(dumps)).toEqual([String(Number(before) + 1)]);
}, 300_000);

test('nothing in the bucket can be read without the key', async () => {
  const [name = ''] = await sql(`select name from products where id = '${productId}'`);
  const objects = s3.objects('.bin');
  expect(objects.length).toBeGreaterThan(3);
  for (const object of objects) {
    const bytes = readFileSync(object);
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('RCLONE\0\0');
    expect(bytes.includes(name) || bytes.includes('PGDMP') || bytes.includes('last-sale')).toBe(false);
  }
});

test('the log is in the bucket within a minute of a sale, and the metrics say so', async () => {
  const sale = await sell(token, productId);
  const sold = Date.now();
  await untilShipped(Math.ceil(sold / 1000));
  console.log(`sale #${sale.number} in the bucket ${((Date.now() - sold) / 1000).toFixed(1)} s later`);
  expect(Date.now() - sold).toBeLessThan(60_000);
  await metricIs('zakpos_backup_good{kind="base"}', (count) => count === 1);
  const found = await metrics();
  expect(found.get('zakpos_backup_storage_up')).toBe(1);
  expect(found.get('zakpos_backup_wal_gap')).toBe(0);
  expect(found.get('zakpos_backup_wal_uploaded_timestamp_seconds')).toBeGreaterThan(sold / 1000 - 30);
}, 180_000);

test('a point in time is restored into a namespace of its own: the sale before it, not the one after', async () => {
  const before = await sell(token, productId);
  const time = await databaseTime();
  const after = await sell(token, productId);
  await untilShipped(Math.ceil(Date.now() / 1000));

  const said = await expectDone('restore', '--at', time, '--yes');
  expect(said).toContain(`goes on to    ${time}`);
  expect(said).toMatch(/^sales +\d+ +\d+$/m);
  expect(await salesIn('zakpos-restored', [before, after])).toEqual([before.id]);
  expect(await salesIn(NAMESPACE, [before, after])).toHaveLength(2);

  const again = await run('restore', '--yes');
  expect(again.exitCode).toBe(1);
  expect(again.all).toContain('The namespace "zakpos-restored" is not empty');
  await kubectl('delete', 'namespace', 'zakpos-restored');
}, 300_000);

test('a point in time that the archive does not reach is refused, and the live database goes on', async () => {
  const said = await run('restore', '--at', '2001-01-01T00:00:00Z', '--yes');
  expect(said.exitCode).toBe(1);
  expect(said.all).toContain('no good base backup is there that ended before 2001-01-01');
  expect((await tryKubectl('get', 'namespace', 'zakpos-restored')).exitCode).toBe(1);
  await sell(token, productId);
}, 120_000);

test('the live database is only replaced with its name typed; then no sale is lost, and the reports agree', async () => {
  const unsaid = await run('restore', '--into', NAMESPACE);
  expect(unsaid.exitCode).toBe(1);
  expect(unsaid.all).toContain(`--confirm ${NAMESPACE}`);
  const wrong = await run('restore', '--into', NAMESPACE, '--confirm', 'zakpos-prod');
  expect(wrong.exitCode).toBe(1);

  const sale = await sell(token, productId);
  const counted = 'select count(*), sum(total_minor) from sales';
  const sales = await sql(counted);
  const started = Date.now();
  await expectDone('restore', '--into', NAMESPACE, '--confirm', NAMESPACE);
  console.log(`restored in place after ${((Date.now() - started) / 1000).toFixed(0)} s`);
  expect(await sql(counted)).toEqual(sales);
  expect(await salesIn(NAMESPACE, [sale])).toEqual([sale.id]);
  await eventually('sales go on', 60, async () => (await sell(token, productId)).id);
  await eventually('every sale is counted', 60, async () => {
    const [hourly] = await sql('select sum(sales), sum(total_minor) from sales_hourly');
    return hourly === (await sql(counted))[0] ? true : undefined;
  });
  // On the new timeline, too.
  await untilShipped(Math.ceil(Date.now() / 1000));
}, 300_000);

long(
  'a restore that is killed in the middle begins anew, and is whole',
  async () => {
    const sale = await sell(token, productId);
    await untilShipped(Math.ceil(Date.now() / 1000));
    const restoring = run('restore', '--yes');
    const pod = await eventually('the restore runs', 120, async () => {
      const found = (await pods('zakpos-restored')).find(({ workload }) => workload === 'zakpos-restore');
      if (found === undefined) return undefined;
      await inPod(found.name, 'ls -d $PGDATA.restoring', 'zakpos-restored');
      return found;
    });
    await killNine(pod);
    const { all, exitCode } = await restoring;
    expect({ all, exitCode }).toMatchObject({ exitCode: 0 });
    expect(await salesIn('zakpos-restored', [sale])).toEqual([sale.id]);
    const killed = await sql('select 1', 'zakpos-restored');
    expect(killed).toEqual(['1']);
    await kubectl('delete', 'namespace', 'zakpos-restored');
  },
  300_000,
);

test('a drill restores the newest backup, compares, and publishes what came of it', async () => {
  const began = Date.now() / 1000;
  expect(await expectDone('drill')).toMatch(/^sale_items +\d+ +\d+$/m);
  await metricIs('zakpos_restore_drill_success', (success) => success === 1);
  expect((await metrics()).get('zakpos_restore_drill_last_success_timestamp_seconds')).toBeGreaterThan(began);
}, 300_000);

test.each(['truncated', 'altered'] as const)(
  'a base backup that was %s fails the drill, is told by the metrics, and is not restored',
  async (how) => {
    const newest = s3.objects('base.tar.gz.bin').at(-1) ?? '';
    const whole = readFileSync(newest);
    if (how === 'truncated') truncateSync(newest, whole.length - 100_000);
    else {
      const spoilt = Buffer.from(whole);
      const middle = Math.floor(whole.length / 2);
      spoilt.writeUInt8(spoilt.readUInt8(middle) ^ 1, middle);
      writeFileSync(newest, spoilt);
    }
    try {
      const drill = await run('drill');
      expect(drill.exitCode).toBe(1);
      expect(drill.all).toMatch(/base backup \w+ (can't be unpacked|is damaged)/);
      await metricIs('zakpos_restore_drill_success', (success) => success === 0);
      const restore = await run('restore', '--into', NAMESPACE, '--confirm', NAMESPACE);
      expect(restore.exitCode).toBe(1);
      expect(restore.all).toMatch(/base backup \w+ (can't be unpacked|is damaged)/);
      // With the files of before.
      await eventually('sales go on', 60, async () => (await sell(token, productId)).id);
    } finally {
      writeFileSync(newest, whole);
    }
  },
  600_000,
);

long(
  'S3 that is away fails a backup clearly, costs no sale, and the log catches up',
  async () => {
    await s3.away();
    let sale: Sale;
    try {
      const backup = run('backup');
      sale = await sell(token, productId);
      await metricIs('zakpos_backup_storage_up', (up) => up === 0);
      const { all, exitCode } = await backup;
      expect(exitCode).toBe(1);
      expect(all).toMatch(/Job zakpos-backup-daily-\w+ has failed/);
    } finally {
      await s3.back();
    }
    const back = Date.now();
    await untilShipped(Math.ceil(back / 1000));
    console.log(`the log caught up ${((Date.now() - back) / 1000).toFixed(0)} s after S3 was back`);
    await expectDone('backup');
    await expectDone('restore', '--yes');
    expect(await salesIn('zakpos-restored', [sale])).toEqual([sale.id]);
  },
  900_000,
);

test('the bucket is closed to all pods but those of the backups', async () => {
  const { hostname, port } = new URL(s3.endpoint);
  const answers = async (workload: string, command: string): Promise<boolean> => {
    const pod = (await pods()).find((each) => each.workload === workload && each.ready);
    if (pod === undefined) throw new Error(`no pod of ${workload} is ready`);
    const { stdout } = await kubectl('-n', NAMESPACE, 'exec', pod.name, '--', 'sh', '-c', `${command}; true`);
    return stdout.includes('connected');
  };
  expect(await answers('zakpos-backup', `nc -z -w 5 ${hostname} ${port} && echo connected`)).toBe(true);
  expect(await answers('zakpos-postgres', `nc -z -w 5 ${hostname} ${port} && echo connected`)).toBe(false);
  const script = `require('net').connect({ host: '${hostname}', port: ${port}, timeout: 5000 })
    .on('connect', () => { console.log('connected'); process.exit(); })
    .on('timeout', () => process.exit()).on('error', () => process.exit())`;
  expect(await answers('zakpos-api', `node -e "${script}"`)).toBe(false);
});
