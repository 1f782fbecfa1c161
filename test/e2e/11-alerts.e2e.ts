/**
 * Each alert is told of its fault alone, when it has lasted long enough, until it is over: prod's rules in promtool, the
 * tool of Prometheus itself, over series that are made here, from midnight on.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { z } from 'zod';
import { objectsOf, only, render, ROOT } from '../manifests.ts';
import { apply, CONTEXT, kubectl } from './harness.ts';

const PROMETHEUS = 'prom/prometheus:v2.53.0';
const prod = render('prod', {
  backups: { s3: { bucket: 'till', endpoint: 'https://s3.example.com' } },
  monitoring: { mode: 'operator' },
});

const ruleFile = z.object({
  groups: z.array(
    z.looseObject({
      rules: z.array(
        z.looseObject({
          alert: z.string(),
          labels: z.record(z.string(), z.string()),
          annotations: z.looseObject({ runbook: z.string() }),
        }),
      ),
    }),
  ),
});
const { raw } = only(objectsOf(prod, 'PrometheusRule'), 'PrometheusRule');
const { spec } = z.object({ spec: ruleFile }).parse(raw);
const rules = spec.groups.flatMap((group) => group.rules);

/** Runs promtool on the rules and a file of tests, and answers what it says; 0 is good. */
async function promtool(args: readonly string[], tests: unknown = {}): Promise<[number | undefined, string]> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-alerts-'));
  try {
    // For the user of the image, too.
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'rules.yaml'), stringify(spec));
    writeFileSync(join(folder, 'tests.yaml'), stringify(tests));
    const container = ['run', '--rm', '--network=none', '-v', `${folder}:/rules:ro`, '-w', '/rules'];
    const { exitCode, all } = await execa(
      'docker',
      [...container, '--entrypoint', 'promtool', PROMETHEUS, ...args],
      { reject: false, all: true },
    );
    return [exitCode, all];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [HOUR, DAY] = [60, 24 * 60];
const GIB = 2 ** 30;

/** Values of all series in a minute; one that is not there isn't scraped then. */
type World = (minute: number) => Readonly<Record<string, number>>;

const ofBackups = (metric: string, labels = ''): string =>
  `${metric}{namespace="zakpos",pod="zakpos-backup-0"${labels}}`;
const ofVolume = (metric: string, claim: string, namespace = 'zakpos'): string =>
  `kubelet_volume_stats_${metric}_bytes{namespace="${namespace}",persistentvolumeclaim="${claim}",node="worker"}`;

const STORAGE_UP = ofBackups('zakpos_backup_storage_up');
const UPLOADED = ofBackups('zakpos_backup_wal_uploaded_timestamp_seconds');
const GAP = ofBackups('zakpos_backup_wal_gap');
const FINISHED = {
  base: ofBackups('zakpos_backup_last_success_timestamp_seconds', ',kind="base"'),
  dump: ofBackups('zakpos_backup_last_success_timestamp_seconds', ',kind="dump"'),
};
const GOOD = {
  base: ofBackups('zakpos_backup_good', ',kind="base"'),
  dump: ofBackups('zakpos_backup_good', ',kind="dump"'),
};
const DRILLED = ofBackups('zakpos_restore_drill_last_timestamp_seconds');
const DRILL_SUCCESS = ofBackups('zakpos_restore_drill_success');
const POSTGRES = 'data-zakpos-postgres-0';
const AVAILABLE = ofVolume('available', POSTGRES);

/** Seconds at which something was last done that is done once in a period. */
const last = (minute: number, period: number, at: number): number =>
  60 * (Math.floor((minute - at) / period) * period + at);
/** From 8 to 18 o'clock, how much of the day's work is done, and all of the days before. */
const workDone = (minute: number): number =>
  Math.floor(minute / DAY) + Math.min(1, Math.max(0, ((minute % DAY) - 8 * HOUR) / (10 * HOUR)));

/** A shop that has been running for long, and another installation in the same cluster that is in trouble. */
const calm: World = (minute) => ({
  [STORAGE_UP]: 1,
  [UPLOADED]: 60 * minute - 25,
  [GAP]: 0,
  [FINISHED.dump]: last(minute, DAY, 3 * HOUR + 5),
  [FINISHED.base]: last(minute, DAY, 3 * HOUR + 10),
  [GOOD.base]: 8,
  [GOOD.dump]: 14,
  [DRILLED]: last(minute, 7 * DAY, 5 * HOUR + 20),
  [DRILL_SUCCESS]: 1,
  [ofVolume('capacity', POSTGRES)]: 20 * GIB,
  [AVAILABLE]: (13 - 0.05 * workDone(minute)) * GIB,
  [ofVolume('capacity', 'data-zakpos-kafka-0')]: 20 * GIB,
  [ofVolume('available', 'data-zakpos-kafka-0')]: (8 - 0.2 * (workDone(minute) % 1)) * GIB,
  // Log that has been shipped is deleted, and an append-only file is rewritten.
  [ofVolume('capacity', 'wal-zakpos-backup-0')]: 10 * GIB,
  [ofVolume('available', 'wal-zakpos-backup-0')]: (9.9 - 0.016 * (minute % 5)) * GIB,
  [ofVolume('capacity', 'data-zakpos-redis-0')]: 2 * GIB,
  [ofVolume('available', 'data-zakpos-redis-0')]: (1.8 - 0.4 * (workDone(minute) % 1)) * GIB,
  'zakpos_backup_storage_up{namespace="other",pod="zakpos-backup-0"}': 0,
  'zakpos_backup_wal_gap{namespace="other",pod="zakpos-backup-0"}': 1,
  'zakpos_backup_wal_uploaded_timestamp_seconds{namespace="other",pod="zakpos-backup-0"}': 0,
  'zakpos_backup_last_success_timestamp_seconds{namespace="other",pod="zakpos-backup-0",kind="base"}': 0,
  'zakpos_restore_drill_success{namespace="other",pod="zakpos-backup-0"}': 0,
  'zakpos_restore_drill_last_timestamp_seconds{namespace="other",pod="zakpos-backup-0"}': 0,
  [ofVolume('capacity', 'data-other-0', 'other')]: 20 * GIB,
  [ofVolume('available', 'data-other-0', 'other')]: 0.1 * GIB,
});

const without = (values: Readonly<Record<string, number>>, ...gone: readonly string[]) =>
  Object.fromEntries(Object.entries(values).filter(([series]) => !gone.includes(series)));
/** A pod that tells nothing, since it isn't there. */
const podGone: World = (minute) =>
  without(
    calm(minute),
    ...Object.keys(calm(minute)).filter((series) => /^zakpos_.*namespace="zakpos"/.test(series)),
  );
const storageDown = (minute: number, since: number) => ({
  ...calm(minute),
  [STORAGE_UP]: 0,
  [UPLOADED]: 60 * since - 25,
});

interface Fault {
  readonly alert: string;
  readonly of: string;
  /** The minute at which it begins, and that at which it is over. */
  readonly from: number;
  readonly until: number;
  readonly world: World;
  /** The first minute at which somebody is told. */
  readonly fires: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
}

const FAULTS: readonly Fault[] = [
  {
    alert: 'BackupMetricsMissing',
    of: 'a pod that is gone',
    from: 600,
    until: 700,
    world: podGone,
    fires: 600 + 15,
    summary:
      'For 15 minutes, zakpos-backup in zakpos has told nothing, or not how far the log is in the bucket: nobody knows whether sales are backed up.',
  },
  {
    alert: 'BackupMetricsMissing',
    of: 'a log that never came to the bucket',
    from: 0,
    until: 100,
    world: (minute) => without(calm(minute), UPLOADED),
    fires: 15,
    summary:
      'For 15 minutes, zakpos-backup in zakpos has told nothing, or not how far the log is in the bucket: nobody knows whether sales are backed up.',
  },
  {
    alert: 'BackupStorageDown',
    of: 'a bucket that is away',
    from: 600,
    until: 800,
    world: (minute) => storageDown(minute, 600),
    fires: 600 + 5,
    summary:
      'The bucket of the backups of zakpos has not answered for 5 minutes: since then, sales are on the disks of the cluster alone.',
  },
  {
    alert: 'BackupStorageDown',
    of: 'a bucket that has never answered',
    from: 0,
    until: 100,
    world: (minute) => ({ ...podGone(minute), [STORAGE_UP]: 0 }),
    fires: 5,
    summary:
      'The bucket of the backups of zakpos has not answered for 5 minutes: since then, sales are on the disks of the cluster alone.',
  },
  {
    alert: 'WalNotArchived',
    of: 'log that stays where it is',
    from: 600,
    until: 700,
    world: (minute) => ({ ...calm(minute), [UPLOADED]: 60 * 600 - 25 }),
    fires: 600 + 5 + 2,
    summary:
      'The write-ahead log of zakpos was last wholly in the bucket 7m 25s ago: a lost volume would take all sales since then with it.',
  },
  {
    alert: 'WalGap',
    of: 'a segment that is missing',
    from: 600,
    until: 700,
    world: (minute) => ({ ...calm(minute), [GAP]: 1 }),
    fires: 600 + 5,
    summary:
      'Write-ahead log is missing after the newest base backup of zakpos, which is 6h 55m 0s old: no later moment can be restored.',
  },
  {
    alert: 'BackupTooOld',
    of: 'a dump that was missed',
    from: DAY,
    until: DAY + 8 * HOUR,
    world: (minute) => ({ ...calm(minute), [FINISHED.dump]: 60 * (3 * HOUR + 5) }),
    fires: 3 * HOUR + 5 + 26 * HOUR + 1 + 5,
    labels: { kind: 'dump' },
    summary: 'The newest good dump backup of zakpos is 1d 2h 6m 0s old; its schedule allows 26h.',
  },
  {
    alert: 'BackupTooOld',
    of: 'a base backup that was missed',
    from: DAY,
    until: DAY + 8 * HOUR,
    world: (minute) => ({ ...calm(minute), [FINISHED.base]: 60 * (3 * HOUR + 10) }),
    fires: 3 * HOUR + 10 + 26 * HOUR + 1 + 5,
    labels: { kind: 'base' },
    summary: 'The newest good base backup of zakpos is 1d 2h 6m 0s old; its schedule allows 26h.',
  },
  {
    alert: 'BackupNone',
    of: 'an installation that has never made one, whose pod once moved',
    from: 0,
    until: 2 * DAY,
    world: (minute) =>
      minute >= 800 && minute < 810
        ? podGone(minute)
        : { ...without(calm(minute), FINISHED.base), [GOOD.base]: 0 },
    fires: 26 * HOUR,
    labels: { kind: 'base' },
    summary: 'For 26h, the bucket has held 0 good base backups of zakpos.',
  },
  {
    alert: 'RestoreDrillFailed',
    of: 'backups that did not restore',
    from: 600,
    until: 700,
    world: (minute) => ({ ...calm(minute), [DRILLED]: 60 * 599, [DRILL_SUCCESS]: 0 }),
    fires: 600 + 5,
    summary: 'The last restore drill of zakpos, 6m 0s ago, failed: its backups may not restore.',
  },
  {
    alert: 'RestoreDrillMissing',
    of: 'a drill that was missed',
    from: 7 * DAY,
    until: 9 * DAY,
    world: (minute) => ({ ...calm(minute), [DRILLED]: 60 * (5 * HOUR + 20) }),
    fires: 5 * HOUR + 20 + 8 * DAY + 5 + HOUR,
    summary: 'The last restore drill of zakpos was 8d 1h 5m 0s ago; its schedule allows 8d.',
  },
  {
    alert: 'RestoreDrillNone',
    of: 'an installation that has never had one, whose pod once moved',
    from: 0,
    until: 9 * DAY,
    world: (minute) =>
      minute >= 800 && minute < 810 ? podGone(minute) : without(calm(minute), DRILLED, DRILL_SUCCESS),
    fires: 8 * DAY,
    summary:
      'For 8d, the bucket has known of no restore drill of zakpos: nobody has seen its backups restore.',
  },
  {
    alert: 'VolumeFilling',
    of: 'a volume at 85 %',
    from: 0,
    until: 100,
    world: (minute) => ({ ...calm(minute), [AVAILABLE]: 3 * GIB }),
    fires: 15,
    labels: { persistentvolumeclaim: POSTGRES },
    summary: `The volume of ${POSTGRES} in zakpos is 85% full.`,
  },
  {
    alert: 'VolumeAlmostFull',
    of: 'a volume at 95 %',
    from: 0,
    until: 100,
    world: (minute) => ({ ...calm(minute), [AVAILABLE]: GIB }),
    fires: 5,
    labels: { persistentvolumeclaim: POSTGRES },
    summary: `The volume of ${POSTGRES} in zakpos is 95% full, and what writes to it stops at 100 %.`,
  },
  {
    alert: 'VolumeFullSoon',
    of: 'a volume that grows by 4 GiB a day',
    from: 0,
    until: 300,
    world: (minute) => ({ ...calm(minute), [AVAILABLE]: (11 - (4 * minute) / DAY) * GIB }),
    // Two values make a line.
    fires: 1 + HOUR,
    labels: { persistentvolumeclaim: POSTGRES },
    summary: `The volume of ${POSTGRES} in zakpos has 10.83GiB left, and is full within 4 days if it goes on as in the last 6 hours.`,
  },
];

/** A world as promtool reads it: of each series a value every so many minutes, or that it ends. */
function seriesOf(world: World, minutes: number, step: number): { series: string; values: string }[] {
  const snapshots = Array.from({ length: Math.floor(minutes / step) + 1 }, (_, i) => world(i * step));
  const names = new Set(snapshots.flatMap((snapshot) => Object.keys(snapshot)));
  return [...names].map((series) => ({
    series,
    values: snapshots
      .map(({ [series]: value }, i) =>
        value === undefined ? (snapshots[i - 1]?.[series] === undefined ? '_' : 'stale') : String(value),
      )
      .join(' '),
  }));
}

/** What has fired at any minute up to one. */
const firedUntil = (minute: number, labels: readonly string[]) => ({
  expr: `count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[${minute + 1}m]))`,
  eval_time: `${minute}m`,
  exp_samples: labels.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
});
const firingAt = (minute: number, alerts: readonly string[]) => ({
  expr: 'ALERTS{alertstate="firing"}',
  eval_time: `${minute}m`,
  exp_samples: alerts.map((labels) => ({ labels, value: 1 })),
});

/** Of a week, every fifth minute is looked at; a value is seen for as long. */
function testOf(world: World, minutes: number, expected: object) {
  const step = minutes < 7 * DAY ? 1 : 5;
  return {
    rule_files: ['rules.yaml'],
    evaluation_interval: `${step}m`,
    tests: [{ interval: `${step}m`, input_series: seriesOf(world, minutes, step), ...expected }],
  };
}

test('promtool reads the rules', async () => {
  const [exitCode, said] = await promtool(['check', 'rules', 'rules.yaml']);
  expect(said).toContain(`${rules.length} rules found`);
  expect(exitCode).toBe(0);
});

test('every alert has a fault', () => {
  expect([...new Set(FAULTS.map(({ alert }) => alert))].sort()).toEqual(
    rules.map(({ alert }) => alert).sort(),
  );
});

describe('an alert', () => {
  test.each(FAULTS.map((fault) => [`${fault.alert} is told of ${fault.of}`, fault] as const))(
    '%s, in time, alone, until it is over',
    async (_, { alert, from, until, world, fires, labels, summary }) => {
      const rule = only(
        rules.filter((each) => each.alert === alert),
        alert,
      );
      const own = { namespace: 'zakpos', ...rule.labels, ...labels };
      const all = Object.entries({ ...own, alertname: alert, alertstate: 'firing' });
      const firing = `ALERTS{${all.map(([name, value]) => `${name}="${value}"`).join(',')}}`;
      const over = until + 1;
      const result = await promtool(
        ['test', 'rules', 'tests.yaml'],
        testOf((minute) => (minute >= from && minute < until ? world : calm)(minute), over, {
          alert_rule_test: [
            {
              alertname: alert,
              eval_time: `${fires}m`,
              exp_alerts: [
                { exp_labels: own, exp_annotations: { summary, runbook: rule.annotations.runbook } },
              ],
            },
          ],
          promql_expr_test: [
            firedUntil(fires - 1, []),
            firingAt(fires, [firing]),
            firingAt(until - 1, [firing]),
            firingAt(over, []),
            firedUntil(over, [alert]),
          ],
        }),
      );
      expect(result).toEqual([0, expect.stringContaining('SUCCESS')]);
    },
  );
});

describe('nothing fires', () => {
  const quiet = (world: World, days: number) =>
    promtool(
      ['test', 'rules', 'tests.yaml'],
      testOf(world, days * DAY, { promql_expr_test: [firedUntil(days * DAY, [])] }),
    );

  test('in ten calm days, in which the pod moved twice and the bucket owed some answers', async () => {
    const world: World = (minute) => {
      if ([2000, 9000].some((at) => minute >= at && minute < at + 10)) return podGone(minute);
      const since = [3000, 7000].find((at) => minute >= at && minute < at + 4);
      return since === undefined ? calm(minute) : storageDown(minute, since);
    };
    expect(await quiet(world, 10)).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  test('in the first week, though the first backup is a day off and the first drill seven', async () => {
    // It begins when both have just been due: a backup takes its time, a drill as well.
    const world: World = (minute) => {
      const values: World = (at) => ({
        ...calm(at),
        [FINISHED.dump]: last(at, DAY, 20),
        [FINISHED.base]: last(at, DAY, 30),
        [DRILLED]: last(at, 7 * DAY, 60),
      });
      const { dump, base } = FINISHED;
      const started = minute < 5 ? [UPLOADED] : [];
      if (minute < DAY + 30)
        return {
          ...without(values(minute), dump, base, DRILLED, DRILL_SUCCESS, ...started),
          [GOOD.base]: 0,
          [GOOD.dump]: 0,
        };
      return minute < 7 * DAY + 60 ? without(values(minute), DRILLED, DRILL_SUCCESS) : values(minute);
    };
    expect(await quiet(world, 9)).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});

test('the API server accepts the rules and the monitor, where the CRDs of the operator are', async () => {
  const crds = ['podmonitors', 'prometheusrules'].map((name) =>
    join(ROOT, `imports/crds/prometheus-operator-${name}.yaml`),
  );
  await apply(...crds);
  await kubectl(
    'wait',
    '--for=condition=Established',
    '--timeout=60s',
    ...crds.flatMap((crd) => ['-f', crd]),
  );
  const { objects } = only(
    prod.charts.filter(({ id }) => id === '80-monitoring'),
    'chart',
  );
  const { stdout } = await execa(
    'kubectl',
    ['--context', CONTEXT, 'apply', '--server-side', '--dry-run=server', '-f', '-'],
    { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects.map((object) => object.raw) }) },
  );
  expect(stdout.split('\n')).toEqual([
    'podmonitor.monitoring.coreos.com/zakpos-backup serverside-applied (server dry run)',
    'prometheusrule.monitoring.coreos.com/zakpos serverside-applied (server dry run)',
  ]);
});
