/**
 * Production with the bundled monitoring: each fault is told by its alert and nothing else, and a rollout, a drain and a
 * calm time by nothing. Rules are those of production. What they wait for is shorter in five values, named here: how long
 * a broker may be away, an event wait and a backup be late, how often there are backups, and what sales are held to, so
 * that a short time of slow ones counts.
 */
import { loadConfig } from '../../../environments/load.ts';
import { toBytes } from '../../../environments/quantities.ts';
import {
  call,
  CLUSTER,
  ENVIRONMENT,
  eventually,
  kubectl,
  logIn,
  NAMESPACE,
  podOf,
  pods,
  redis,
  secretTexts,
  sql,
  valuesFile,
  zakpos,
} from '../harness.ts';
import { Disk } from '../disk.ts';
import { describeReport, Load, untilWhole, type Report } from '../load.ts';
import { askPanels } from '../panels.ts';
import { disconnect, firedWithin, query, scraped } from '../prometheus.ts';
import { S3 } from '../s3.ts';
import { describeIncidents, incident, type Fault, type Incident } from './incident.ts';
import { Receiver } from './receiver.ts';

const DISK = 'zakpos-e2e-metrics';
const WORKERS = ['worker', 'worker2', 'worker3'].map((name) => `${CLUSTER}-${name}`);
const STORES = ['zakpos-postgres', 'zakpos-redis', 'zakpos-prometheus'];

/** Milliseconds that a fault may take, from its strike to the end of its alert. */
const LONG = 40 * 60_000;

const incidents: Incident[] = [];
let s3: S3;
let receiver: Receiver;
let disk: Disk;
let values: Readonly<Record<string, unknown>> = {};

/** As on a laptop, whose processors the nodes of this cluster share. */
const small = loadConfig('dev', {}).monitoring.bundled;

const config = () => loadConfig(ENVIRONMENT, { configFile: valuesFile(values), onKind: true });

/** A command that has to succeed, with these values or with some more. */
async function done(command: string, args: readonly string[], more: object = {}): Promise<string> {
  const { all, exitCode } = await zakpos(command, [...args, '--env', ENVIRONMENT], {
    values: { ...values, ...more },
  });
  if (exitCode !== 0) throw new Error(all);
  return all;
}

const scale = (set: string, replicas: number) =>
  kubectl('-n', NAMESPACE, 'scale', 'statefulset', set, `--replicas=${replicas}`);

/** What has fired of late would be told along. */
const untilSilent = (minutes = 1) =>
  eventually(`nothing has fired for ${minutes} minutes`, 900 + 60 * minutes, async () =>
    (await firedWithin(minutes)).length === 0 ? true : undefined,
  );

/** An incident while the shop sells so many times a second. */
async function shown(
  salesPerSecond: number,
  ...faults: readonly Fault[]
): Promise<Incident & { readonly failed: Report['failures'] }> {
  await untilSilent();
  const load = await Load.start({ salesPerSecond });
  const result = await incident(receiver, faults).finally(() => load.stop());
  incidents.push(result);
  const report = await load.stop();
  const sold = describeReport(faults.map(({ fault }) => fault).join(', '), report);
  console.log([describeIncidents([result]), ...result.missed, ...result.summaries, sold].join('\n'));
  return { ...result, failed: report.failures };
}

beforeAll(async () => {
  s3 = await S3.start();
  await s3.giveCredentials();
  receiver = await Receiver.start();
  disk = new Disk({ name: DISK, node: (await podOf('zakpos-postgres')).node, mebibytes: 1300 });
  // A cluster that was kept has it, and what is on it.
  if (!(await disk.exists())) await disk.make();
  values = {
    backups: { ...s3.values, schedule: '*/3 * * * *' },
    monitoring: {
      mode: 'bundled',
      slo: { latency: 95 },
      alerts: { rolloutGrace: '5m', outboxAge: '6m', backupGrace: '1m' },
      bundled: {
        ...small,
        grafana: { ...small.grafana, enabled: false },
        alertmanager: { groupInterval: '1m', receivers: receiver.values },
        prometheus: {
          ...small.prometheus,
          storage: { size: '1Gi', storageClass: DISK },
          retention: { size: '512Mi' },
        },
      },
    },
  };
  await done('secrets', []);
  // Brokers roll one after the other.
  await done('up', ['--no-smoke', '--timeout', '900']);
  await untilWhole();
}, LONG);
afterAll(async () => {
  if (incidents.length > 0) console.log(describeIncidents(incidents));
  for (const node of WORKERS) await kubectl('uncordon', node);
  disconnect();
  receiver.stop();
  await s3.stop();
});

test('everything is asked, and answers', async () => {
  await eventually('every target answers', 120, async () => {
    const silent = (await scraped()).filter(({ health }) => health !== 'up');
    if (silent.length > 0) throw new Error(JSON.stringify(silent));
    return true;
  });
});

/** A trigger that makes every sale wait, as a query does that has lost its index; few enough that none waits for another. */
const SLOW = `
  create function e2e_slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.6); return new; end $$;
  create trigger e2e_slow before insert on sales for each row execute function e2e_slow()`;

const ACL =
  '--deny-principal User:zakpos-api --deny-principal User:zakpos-api-b --operation Write --topic zakpos.sales';
const acls = (change: string) =>
  kubectl(
    ...['-n', NAMESPACE, 'exec', 'zakpos-kafka-0', '-c', 'kafka', '--', 'bash', '/opt/zakpos/tool.sh'],
    ...`kafka-acls ${change} ${ACL}`.split(' '),
  );
const suspendBackups = (suspend: boolean) =>
  kubectl(
    '-n',
    NAMESPACE,
    'patch',
    'cronjob',
    'zakpos-backup-daily',
    '-p',
    JSON.stringify({ spec: { suspend } }),
  );

/** Keys that stay, of 96 KiB each, a hundred at a time, up to 95 of 100 of its memory. */
async function fillRedis(): Promise<void> {
  const hundreds = Math.round((0.95 * toBytes(config().redis.maxMemory)) / (100 * 96 * 1024));
  const hundred = `eval "for i = 1, 100 do redis.call('set', 'e2e:' .. ARGV[1] .. ':' .. i, string.rep('x', 98000)) end return 'full'" 0`;
  for (let turn = 0; turn < hundreds; turn += 1)
    expect((await redis(`${hundred} ${turn}`)).trim()).toBe('full');
}
const EMPTY_REDIS = `eval "for _, key in ipairs(redis.call('keys', 'e2e:*')) do redis.call('del', key) end" 0`;

const crash = () =>
  kubectl(
    ...['-n', NAMESPACE, 'patch', 'deployment', 'zakpos-mobile', '--type=json', '-p'],
    JSON.stringify([{ op: 'add', path: '/spec/template/spec/containers/0/command', value: ['false'] }]),
  );

async function tryPasswords(): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) {
    const body = { email: `cashier-${turn}@zakpos.example`, password: 'wrong-password' };
    expect((await call('/api/v1/auth/login', { body })).status).toBe(401);
  }
}

test(
  'faults that have nothing to do with each other are told by an alert each',
  async () => {
    const { others, missed, failed } = await shown(
      1,
      {
        fault: 'API slow (each sale waits for 0.6 s)',
        alert: 'SalesSlow',
        strike: () => sql(SLOW),
        mend: () => sql('drop function e2e_slow cascade'),
        within: 8,
        over: 20,
      },
      {
        fault: 'backup missing (its CronJob is suspended)',
        alert: 'BackupTooOld',
        strike: () => suspendBackups(true),
        mend: () => suspendBackups(false),
        within: 14,
        over: 8,
      },
      {
        fault: 'certificate near its end (two days left)',
        alert: 'CertificateAlmostExpired',
        strike: () => done('secrets', ['renew', 'zakpos-redis-tls'], { certificates: { days: 2 } }),
        mend: () => done('secrets', ['renew', 'zakpos-redis-tls']),
        within: 12,
        over: 5,
      },
      {
        fault: 'outbox stuck (Kafka refuses the topic)',
        alert: 'OutboxStuck',
        strike: () => acls('--add'),
        mend: () => acls('--remove --force'),
        within: 14,
        over: 5,
      },
      {
        fault: 'a rollout whose pod ends at once',
        alert: 'CrashLooping',
        strike: crash,
        mend: () => done('rollback', ['mobile']),
        within: 8,
        over: 15,
      },
      {
        fault: 'somebody tries passwords',
        alert: 'SecurityEvents',
        strike: tryPasswords,
        // Nothing to do: it ends by itself.
        mend: () => Promise.resolve(),
        within: 4,
        over: 13,
      },
      {
        fault: 'redis full',
        alert: 'RedisMemoryFull',
        strike: fillRedis,
        mend: () => redis(EMPTY_REDIS),
        within: 10,
        over: 5,
      },
      {
        fault: 'disk filling',
        alert: 'VolumeAlmostFull',
        strike: () => disk.fill(60 * 2 ** 20),
        mend: () => disk.empty(),
        within: 10,
        over: 5,
      },
    );
    expect([others, missed, failed]).toEqual([[], [], []]);
  },
  LONG,
);

test(
  'a store that is gone is one message, whatever follows from it',
  async () => {
    // What has ended since then would be named once more, in a message more.
    await untilSilent(15);
    const { others, missed, messages } = await shown(3, {
      fault: 'PostgreSQL gone',
      alert: 'PostgresDown',
      strike: () => scale('zakpos-postgres', 0),
      mend: () => scale('zakpos-postgres', 1),
      within: 4,
      over: 6,
    });
    expect([others, missed, messages]).toEqual([[], [], 1]);
  },
  LONG,
);

test(
  'a broker that is gone is a ticket, and no sale fails',
  async () => {
    const { others, missed, messages, failed } = await shown(3, {
      fault: 'a broker gone',
      alert: 'BrokerDown',
      strike: () => scale('zakpos-kafka', 2),
      mend: () => scale('zakpos-kafka', 3),
      within: 8,
      over: 8,
    });
    expect([others, missed, messages, failed]).toEqual([[], [], 1, []]);
    await untilWhole();
  },
  LONG,
);

describe('what is no fault', () => {
  let load: Load;
  let began: number;
  beforeAll(async () => {
    await untilWhole();
    await untilSilent();
    load = await Load.start({ salesPerSecond: 3 });
    began = Date.now();
  }, LONG);
  afterAll(async () => {
    console.log(describeReport('calm, drill, rollout and drain', await load.stop()));
  });
  const minutes = () => (Date.now() - began) / 60_000;

  test(
    'a calm time with a rehearsed restore has data in every panel',
    async () => {
      await done('drill', []);
      await eventually('the drill is measured', 180, async () =>
        (await query('zakpos_restore_drill_success')).length > 0 ? true : undefined,
      );
      const panels = await askPanels(config());
      console.log(`${panels.queries} queries of panels`);
      expect([panels.empty, panels.still]).toEqual([[], []]);
      expect(await firedWithin(minutes())).toEqual([]);
    },
    LONG,
  );

  test(
    'a rollout of everything is told by nothing',
    async () => {
      const sets = ['deployment/zakpos-api', 'deployment/zakpos-web', 'deployment/zakpos-reports'];
      const stores = ['statefulset/zakpos-kafka', 'statefulset/zakpos-zookeeper'];
      for (const set of [...sets, ...stores]) await kubectl('-n', NAMESPACE, 'rollout', 'restart', set);
      for (const set of [...sets, ...stores])
        await kubectl('-n', NAMESPACE, 'rollout', 'status', set, '--timeout=540s');
      await untilWhole();
      expect(await firedWithin(minutes())).toEqual([]);
    },
    LONG,
  );

  test(
    'a drain of a node, without what there is once, is told by nothing',
    async () => {
      const busy = (await pods()).filter(({ workload }) => STORES.includes(workload)).map(({ node }) => node);
      const node = WORKERS.find((each) => !busy.includes(each));
      if (node === undefined) throw new Error(`every worker has one of ${STORES.join(', ')}`);
      await kubectl('drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=300s');
      await eventually('the apps are elsewhere', 180, async () =>
        (await pods()).every(
          ({ workload, ready }) => ready || /kafka|zookeeper|loki|alertmanager|backup/.test(workload),
        )
          ? true
          : undefined,
      );
      await kubectl('uncordon', node);
      await untilWhole();
      expect(await firedWithin(minutes())).toEqual([]);
    },
    LONG,
  );
});

test('no log has a secret in it', async () => {
  await logIn();
  const all = await done('logs', ['--since', '2h', '--json', '--nodes']);
  expect(all).toContain('"level"');
  expect((await secretTexts()).filter((text) => all.includes(text))).toEqual([]);
});
