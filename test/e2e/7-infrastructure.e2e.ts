/** The stores alone in the cluster, and the API on this machine. */
import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import {
  call,
  config,
  eventually,
  inPod,
  kubectl,
  logIn,
  NAMESPACE,
  pods,
  product,
  ROOT,
  sell,
  SHOP,
  sql,
  zakpos,
} from './harness.ts';

const API = join(ROOT, 'apps/api');
const ENV_FILE = join(API, '.env');
const HERE = { ...SHOP, port: 3000 };

const claims = async (): Promise<string> =>
  (await kubectl('-n', NAMESPACE, 'get', 'pvc', '-o', 'jsonpath={range .items[*]}{.metadata.uid} {end}'))
    .stdout;
const workloads = async (): Promise<string[]> =>
  [...new Set((await pods()).map(({ workload }) => workload))].sort();

let before: { readonly claims: string; readonly workloads: string[] };
beforeAll(async () => {
  before = { claims: await claims(), workloads: await workloads() };
});
afterAll(async () => {
  rmSync(ENV_FILE, { force: true });
  const { exitCode, all } = await zakpos('up');
  if (exitCode !== 0) throw new Error(`npm run up failed:\n${all}`);
});

test('npm run up -- --only infra leaves the stores, with their claims, and says where they are', async () => {
  const sales = await sql('select count(*) from sales');
  const { exitCode, all } = await zakpos('up', ['--only', 'infra']);
  expect(exitCode).toBe(0);
  expect(all).toContain(`PostgreSQL localhost:${config.localPorts.postgres}`);
  expect(all).toContain(`Kafka      localhost:${config.localPorts.kafka}`);
  await eventually('the stores alone', 90, async () => ((await workloads()).length === 4 ? true : undefined));
  expect(await workloads()).toEqual(['zakpos-kafka', 'zakpos-postgres', 'zakpos-redis', 'zakpos-zookeeper']);
  expect(await claims()).toBe(before.claims);
  expect(await sql('select count(*) from sales')).toEqual(sales);
  const status = await zakpos('status');
  expect([status.exitCode, status.all.includes('zakpos-api')]).toEqual([0, false]);
  expect((await zakpos('doctor')).all).toContain('No problem was found.');
  expect(statSync(ENV_FILE).mode & 0o777).toBe(0o600);
  expect((await execa('git', ['status', '--porcelain', 'apps/api'], { cwd: ROOT })).stdout).not.toContain(
    '.env',
  );
});

test('npm run dev sells one product with what the command has written, in PostgreSQL and in Kafka', async () => {
  if (!existsSync(join(API, 'node_modules'))) await execa('npm', ['ci', '--loglevel=error'], { cwd: API });
  const server = execa('npm', ['run', '--silent', 'dev'], {
    cwd: API,
    reject: false,
    stdin: 'ignore',
    // A group of its own, so that all of it can be ended.
    detached: true,
    // What this process has set is no part of it.
    extendEnv: false,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
  });
  try {
    await eventually('the API on this machine', 180, async () =>
      (await call('/health', { port: HERE.port })).status === 200 ? true : undefined,
    );
    const token = await logIn(HERE);
    const { id, number } = await sell(token, (await product(token, HERE)).id, undefined, HERE);
    expect(await sql(`select number from sales where id = '${id}'`)).toEqual([String(number)]);
    const consumer =
      'KAFKA_HEAP_OPTS=-Xmx128m kafka-console-consumer --bootstrap-server localhost:9092 --topic zakpos.sales --from-beginning --timeout-ms 8000 2>/dev/null || true';
    await eventually('the sale in Kafka', 60, async () =>
      (await inPod('zakpos-kafka-0', consumer)).includes(id) ? true : undefined,
    );
  } finally {
    if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM');
    await server;
  }
});

test('npm run up brings the apps back, with the same data', async () => {
  const sales = Number((await sql('select count(*) from sales'))[0]);
  const { exitCode } = await zakpos('up');
  expect(exitCode).toBe(0);
  expect(await workloads()).toEqual(before.workloads);
  expect(await claims()).toBe(before.claims);
  expect(Number((await sql('select count(*) from sales'))[0])).toBeGreaterThanOrEqual(sales);
});
