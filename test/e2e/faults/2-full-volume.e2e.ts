/** The volume of postgres fills up: a small one, on a file of a node, in an installation of its own. */
import { join } from 'node:path';
import { execa, type ResultPromise } from 'execa';
import {
  apply,
  call,
  CLUSTER,
  CONTEXT,
  ENVIRONMENT,
  eventually,
  kubectl,
  podOf,
  pods,
  rendered,
  restarted,
  sql,
  tryKubectl,
  zakpos,
  type Pod,
  type Shop,
} from '../harness.ts';
import { Disk } from '../disk.ts';
import { expectNothingLostOrDoubled, survive } from './survive.ts';

const NAME = 'zakpos-small';
/** Bytes that are enough for some seconds of sales. */
const LEFT = 65_536;
const SHOP: Shop = { namespace: NAME, port: 21_390 };

const small = { requests: { cpu: '50m', memory: '192Mi' }, limits: { cpu: '2', memory: '512Mi' } };
/** A shop without Kafka: each sale's event stays in the outbox, and takes space there. */
const values = {
  namespace: NAME,
  size: 'single',
  addons: { traefik: { enabled: false }, metricsServer: { enabled: false } },
  postgres: { storage: { size: '500Mi', storageClass: NAME }, resources: small },
  redis: { maxMemory: '64Mi', storage: { size: '100Mi' } },
  kafka: { mode: 'external', external: { brokers: ['kafka.invalid:9092'], tls: 'disable', sasl: false } },
  api: {
    replicas: 1,
    autoscaling: { enabled: false },
    loginLimitPerMinute: 1000,
    rateLimitPerMinute: 100_000,
    resources: small,
  },
  reports: { enabled: false },
  web: { enabled: false },
  mobile: { enabled: false },
};

const disk = new Disk({ name: NAME, node: `${CLUSTER}-worker`, mebibytes: 600 });

async function removeEverything(): Promise<void> {
  await tryKubectl('delete', 'namespace', NAME, '--ignore-not-found');
  await disk.remove();
}

const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

let forward: ResultPromise | undefined;

beforeAll(async () => {
  await removeEverything();
  await disk.make();
  const manifests = await rendered(ENVIRONMENT, values);
  await apply(join(manifests, '00-namespace.yaml'));
  expect((await zakpos('secrets', ['--env', ENVIRONMENT], { values })).exitCode).toBe(0);
  await apply(manifests);
  await kubectl('-n', NAME, 'rollout', 'status', 'deployment/zakpos-api', '--timeout=280s');
  forward = execa(
    'kubectl',
    ['--context', CONTEXT, '-n', NAME, 'port-forward', 'deployment/zakpos-api', `${SHOP.port}:3000`],
    { reject: false },
  );
  await eventually('the port is forwarded', 30, async () => (await call('/health', SHOP)).status);
});
afterAll(async () => {
  forward?.kill();
  await removeEverything();
});

/** Sales of this shop, and events that wait in its outbox: all, since nothing takes them out. */
const salesAndEvents = (): Promise<string[]> =>
  sql('select (select count(*) from sales), (select count(*) from outbox)', NAME);

test('a full volume refuses sales, says so, and sells again when there is space', async () => {
  const before = await podOf('zakpos-postgres', NAME);
  const { cost, report } = await survive({
    fault: 'volume of postgres full',
    shop: SHOP,
    strike: async () => {
      await disk.fill(LEFT);
      await pause(20);
      await disk.empty();
      return Date.now();
    },
  });
  // A session that would be new needs space, too, and doesn't come about.
  for (const { answer } of report.failures)
    expect(answer).toMatch(/^503 .*database (is full|does not answer)/);
  const refused = report.failures.filter(({ what, answer }) => what === 'sale' && answer.includes('is full'));
  expect(refused.length).toBeGreaterThan(0);
  expectNothingLostOrDoubled(cost);
  expect(cost.served).toBeLessThan(10);
  expect(await podOf('zakpos-postgres', NAME)).toEqual(before);
  const [counts = ''] = await salesAndEvents();
  expect(counts).toMatch(/^(\d+)\|\1$/);
});

test('a volume without space for the log ends postgres, which waits and comes back when there is space', async () => {
  const before = await podOf('zakpos-postgres', NAME);
  const { cost, report } = await survive({
    fault: 'volume of postgres full, its log too',
    shop: SHOP,
    strike: async () => {
      await disk.fill(LEFT);
      await endLog(before);
      await pause(60);
      await disk.empty();
      return Date.now();
    },
    ready: () => eventually('postgres is ready', 120, () => restarted(before, NAME)),
  });
  expect(report.failures.length).toBeGreaterThan(0);
  for (const { answer } of report.failures) expect(answer).toMatch(/^503 .*database/i);
  expectNothingLostOrDoubled(cost);
  expect(cost.ready).toBeLessThan(15);
  expect(cost.served).toBeLessThan(20);
  // It waited in one container; each further end of one would have made the kubelet wait longer.
  expect(await podOf('zakpos-postgres', NAME)).toEqual({ ...before, restarts: before.restarts + 1 });
  const [counts = ''] = await salesAndEvents();
  expect(counts).toMatch(/^(\d+)\|\1$/);
});

/** Begins new files of the write-ahead log until there is no space for one, which ends the server. */
async function endLog({ restarts }: Pod): Promise<void> {
  const next = ['-c', "select pg_logical_emit_message(true, 'e2e', 'e2e')", '-c', 'select pg_switch_wal()'];
  await eventually('postgres ends', 60, async () => {
    await tryKubectl(
      ...['-n', NAME, 'exec', 'zakpos-postgres-0', '--', 'psql', '-U', 'postgres', '-d', 'zakpos_db', '-At'],
      ...next,
    );
    const ended = (await pods(NAME)).some(
      (pod) => pod.workload === 'zakpos-postgres' && pod.restarts > restarts,
    );
    return ended ? true : undefined;
  });
}
