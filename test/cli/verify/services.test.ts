import { services } from '../../../cli/verify/services.ts';
import { contextOf, LINE, list, manifest, minutesAgo, pod, set, told } from './world.ts';

const NONE = [[/get (cronjobs|events)/, list()]] as const;
const objects = [manifest('zakpos-redis')];
const judge = (...[answers, own]: Parameters<typeof contextOf>) =>
  services.run(contextOf(answers, { objects, ...own }), LINE);

test('pass when every workload is ready', async () => {
  const snapshot = [set('zakpos-redis'), pod('zakpos-redis-0', 'zakpos-redis')];
  expect(await judge(NONE, { snapshot })).toEqual({
    state: 'passed',
    words: '1 workload, 1 pod',
    findings: [],
  });
});

test('fail with the reason of the pod that is not ready', async () => {
  const unready = pod('zakpos-redis-0', 'zakpos-redis', {
    ready: false,
    image: 'redis:nowhere',
    container: { state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } },
  });
  const snapshot = [set('zakpos-redis', 0), unready];
  const verdict = await judge(NONE, { snapshot });
  expect(verdict.state).toBe('failed');
  expect(told(verdict)).toEqual([
    "StatefulSet zakpos-redis is not ready (0/1): image redis:nowhere can't be pulled: not found",
  ]);
  expect(verdict.findings[0]?.fix).toContain('Check its name and tag');
});

test('fail when a workload is not there at all', async () => {
  expect(told(await judge(NONE))).toEqual(['StatefulSet zakpos-redis is not ready (0/?): it has no pod']);
});

test.each([
  ['warn', 1, 'warned'],
  ['fail', 5, 'failed'],
] as const)('%s of a container that was restarted %d times and just now', async (_, restartCount, state) => {
  const lastState = { terminated: { exitCode: 137, reason: 'OOMKilled', finishedAt: minutesAgo(3) } };
  const restarted = pod('zakpos-redis-0', 'zakpos-redis', { container: { restartCount, lastState } });
  const verdict = await judge(NONE, { snapshot: [set('zakpos-redis'), restarted] });
  expect(verdict.state).toBe(state);
  expect(told(verdict)[0]).toMatch(/^Pod zakpos-redis-0 has had \d restarts? of main, .*for want of memory$/);
});

test('forget a restart of long ago', async () => {
  const lastState = { terminated: { exitCode: 1, finishedAt: minutesAgo(90) } };
  const old = pod('zakpos-redis-0', 'zakpos-redis', { container: { restartCount: 9, lastState } });
  expect((await judge(NONE, { snapshot: [set('zakpos-redis'), old] })).state).toBe('passed');
});

describe('what the clock starts', () => {
  const wanted = [{ kind: 'CronJob', metadata: { name: 'zakpos-backup-daily', namespace: 'zakpos' } }];
  const cronJob = (suspend: boolean) => ({
    kind: 'CronJob',
    metadata: { name: 'zakpos-backup-daily' },
    spec: { suspend },
  });
  const job = (name: string, minutes: number, type: string) => ({
    kind: 'Job',
    metadata: { name: `zakpos-backup-daily-${name}`, creationTimestamp: minutesAgo(minutes) },
    status: { conditions: [{ type, status: 'True' }] },
  });
  const run = (...items: readonly object[]) =>
    judge([[/get cronjobs/, list(...items)], ...NONE], { objects: wanted });

  test('passes when its last run was good, whatever came before', async () => {
    expect((await run(cronJob(false), job('9', 60, 'Failed'), job('10', 10, 'Complete'))).state).toBe(
      'passed',
    );
  });

  test('fails when it is suspended, or missing', async () => {
    expect(told(await run(cronJob(true)))).toEqual([
      'CronJob zakpos-backup-daily is suspended: it never runs',
    ]);
    expect(told(await run())).toEqual(['CronJob zakpos-backup-daily is missing']);
  });

  test('fails when its last run has failed', async () => {
    expect(told(await run(cronJob(false), job('10', 60, 'Complete'), job('9', 5, 'Failed')))).toEqual([
      'CronJob zakpos-backup-daily failed when it last ran, as Job zakpos-backup-daily-9',
    ]);
  });
});

test('warn of what the cluster has warned of lately, once, and not of what starts or is gone', async () => {
  const event = (reason: string, name: string, minutes: number, kind = 'Pod') => ({
    involvedObject: { kind, name },
    reason,
    message: `${reason} it is`,
    lastTimestamp: minutesAgo(minutes),
  });
  const verdict = await judge(
    [
      [
        /get events/,
        list(
          event('Evicted', 'zakpos-redis-0', 2),
          event('Evicted', 'zakpos-redis-0', 1),
          event('Evicted', 'gone', 1),
          event('Unhealthy', 'zakpos-redis-0', 1),
          event('ProvisioningFailed', 'data-zakpos-redis-0', 1, 'PersistentVolumeClaim'),
          event('Evicted', 'zakpos-redis-0', 60),
        ),
      ],
      ...NONE,
    ],
    { snapshot: [set('zakpos-redis'), pod('zakpos-redis-0', 'zakpos-redis')] },
  );
  expect(verdict.state).toBe('warned');
  expect(told(verdict)).toEqual([
    'Pod zakpos-redis-0 was warned of within 10 minutes: Evicted: Evicted it is',
    'PersistentVolumeClaim data-zakpos-redis-0 was warned of within 10 minutes: ProvisioningFailed: ProvisioningFailed it is',
  ]);
});
