/** An upgrade of the database by command: what is refused, what is done in which order, and what is put back. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { upgrade, type UpgradeOptions } from '../../cli/commands/upgrade.ts';
import type { RunOptions } from '../../cli/exec.ts';
import { Kubectl } from '../../cli/kubectl.ts';
import { refuseOtherRelease, releaseOf } from '../../cli/postgres-release.ts';
import {
  failureOf,
  FakeKubectl,
  listeningToSignals,
  ownValues,
  quiet,
  whileTesting,
  withFastClock,
  type Answer,
} from './fakes.ts';

const shown = quiet();

withFastClock();

const manifest = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) });
const job = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({ containers: z.array(z.object({ image: z.string(), command: z.array(z.string()) })) }),
    }),
  }),
});

const LOG =
  '12:00:00 copying zakpos_db\nzakpos_db: 3 rows in 1 tables, all of them the same\n12:00:01 the database is one of PostgreSQL 17\n';

/** A cluster with a database of PostgreSQL 16, in words. */
class Cluster {
  readonly events: string[] = [];
  image: string | undefined = 'postgres:16-alpine';
  environment = 'dev';
  /** Size of the database's claim, by its StatefulSet. */
  size = '2Gi';
  /** What the API server has against the objects. */
  refusal: string | undefined;
  /** The Job that is at work when the command begins. */
  atWork: { readonly name: string; readonly label: string; readonly spec: object } | undefined;
  /** Whether a restore made the claim and did not fill it. */
  isUnfilled = false;
  jobFails = false;
  /** Looks that get no answer, of those at the Job. */
  silentLooks = 0;
  /** Whether the database's pod is there while its files are exchanged. */
  isStarted = false;
  /** During which call from the stop of the database on a signal comes, and which one. */
  signalAt: number | undefined;
  signal: 'SIGHUP' | 'SIGINT' = 'SIGINT';
  callsSinceStop = 0;
  onStop: () => void = () => undefined;
  private jobs: string[] = [];
  readonly kubectl = new FakeKubectl((args) =>
    this.answer(args.filter((arg, i) => arg !== '-n' && args[i - 1] !== '-n')),
  );

  private answer(args: readonly string[]): Answer {
    const call = args.join(' ');
    if (this.callsSinceStop > 0 || call.endsWith('--replicas=0')) this.callsSinceStop += 1;
    if (this.callsSinceStop === this.signalAt) process.emit(this.signal);
    if (call.startsWith('get namespace zakpos')) return { stdout: this.environment };
    if (call.startsWith('get statefulset zakpos-postgres'))
      return this.image === undefined ? {} : { stdout: JSON.stringify(setOf(this.image, this.size)) };
    if (call.startsWith('get configmaps')) return {};
    if (call.startsWith('get pvc data-zakpos-postgres-0')) return { stdout: this.isUnfilled ? 'true' : '' };
    if (call.startsWith('get jobs -l ')) return this.jobsAtWork(call);
    if (call.startsWith('get jobs,pods')) return this.look();
    if (call.startsWith('logs')) return { stdout: LOG };
    if (call.includes('--dry-run=server'))
      return this.refusal === undefined ? {} : { ok: false, stderr: this.refusal };
    if (call.startsWith('apply')) return this.apply(args.at(-1) ?? '');
    if (call.endsWith('--replicas=0')) this.onStop();
    this.events.push(call.replace(/ --timeout=\S+/, ''));
    return {};
  }

  private jobsAtWork(call: string): Answer {
    const { name = '', label = 'none', spec = {} } = this.atWork ?? {};
    const isAsked = call.split(/[(,)]/).includes(label);
    const items = isAsked ? [{ metadata: { name }, spec, status: {} }] : [];
    return { stdout: JSON.stringify({ items }) };
  }

  private look(): Answer {
    if (this.silentLooks-- > 0) return { ok: false, stderr: 'Unable to connect to the server: i/o timeout' };
    const jobs = [...this.jobs, ...(this.atWork === undefined ? [] : [this.atWork.name])];
    const items = [...jobs.map((name) => this.seen(name)), ...(this.isStarted ? [POD] : [])];
    return { stdout: JSON.stringify({ items }) };
  }

  private apply(file: string): Answer {
    for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
      const object: unknown = document.toJS();
      const { kind, metadata } = manifest.parse(object);
      if (kind === 'StatefulSet') this.events.push(`apply ${metadata.name}`);
      if (kind !== 'Job') continue;
      this.jobs = [metadata.name];
      for (const { image, command } of job.parse(object).spec.template.spec.containers)
        this.events.push(`${command.at(-1) ?? ''} with ${image}`);
    }
    return {};
  }

  private seen = (name: string): object => ({
    kind: 'Job',
    metadata: { name, namespace: 'zakpos' },
    status: this.jobFails
      ? { conditions: [{ type: 'Failed', status: 'True', message: 'BackoffLimitExceeded' }] }
      : { succeeded: 1, conditions: [{ type: 'Complete', status: 'True' }] },
  });
}

/** The database's StatefulSet, with what can't be changed of it. */
const setOf = (image: string, storage: string) => ({
  kind: 'StatefulSet',
  metadata: { name: 'zakpos-postgres', namespace: 'zakpos' },
  spec: {
    serviceName: 'zakpos-postgres-headless',
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: { 'app.kubernetes.io/name': 'zakpos-postgres' } },
    template: { spec: { containers: [{ name: 'postgres', image }] } },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { resources: { requests: { storage } } } }],
  },
});

const POD = {
  kind: 'Pod',
  metadata: { name: 'zakpos-postgres-0', namespace: 'zakpos', creationTimestamp: '2026-11-22T08:00:00Z' },
  spec: { containers: [] },
  status: { phase: 'Running' },
};

/** What the Job of an upgrade does, by the images of its two halves. */
const copying = (to: string, from: string): object => ({
  template: {
    spec: {
      containers: [
        { image: to, command: ['bash', '/opt/backup/upgrade.sh', 'copy'] },
        { image: from, command: ['bash', '/opt/backup/upgrade.sh', 'serve'] },
      ],
    },
  },
});

let cluster: Cluster;
let said: string[];
const values = ownValues();

whileTesting(Kubectl.prototype, 'attempt', (args: readonly string[], options?: RunOptions) =>
  cluster.kubectl.attempt(args, options),
);
whileTesting(console, 'log', (text: string) => {
  said.push(text);
});
whileTesting(process.stdin, 'isTTY', false);
beforeEach(() => {
  cluster = new Cluster();
  said = [];
  configure({ image: 'postgres:17-alpine' });
});

function configure(postgres: object): void {
  values.write({ environment: 'dev', postgres });
}

const run = (options: Partial<UpgradeOptions> = {}, store = 'postgres'): Promise<void> =>
  upgrade(store, { env: 'dev', context: 'shop', confirm: 'zakpos', ...options });

const STOP = ['scale statefulset zakpos-postgres --replicas=0', 'wait --for=delete pod/zakpos-postgres-0'];

test('the database is stopped, copied by both images into new files, and started with the new one', async () => {
  await run();
  expect(cluster.events).toEqual([
    ...STOP,
    'copy with postgres:17-alpine',
    'serve with postgres:16-alpine',
    'apply zakpos-postgres',
    'rollout status statefulset/zakpos-postgres',
  ]);
  expect(said.join('\n')).toContain('Now `npm run up -- --env dev --context shop`');
  expect(shown.join('')).toContain(
    'Exchanging its files: zakpos_db: 3 rows in 1 tables, all of them the same; the database is one of PostgreSQL 17',
  );
});

test('the way back needs the image of before alone', async () => {
  cluster.image = 'postgres:17-alpine';
  configure({ image: 'postgres:16-alpine' });
  await run({ back: true });
  expect(cluster.events.slice(2)).toEqual([
    'back with postgres:16-alpine',
    'apply zakpos-postgres',
    'rollout status statefulset/zakpos-postgres',
  ]);
});

test('a copy that fails leaves the database started as it was', async () => {
  cluster.jobFails = true;
  expect(await failureOf(run)).toMatch(
    /copying zakpos_db[\s\S]*The database starts with its files of before; if the others were in place already, it does not, and waits for the same command\. To upgrade after all, run the same command again\.$/,
  );
  expect(cluster.events.at(-1)).toBe('scale statefulset zakpos-postgres --replicas=1');
  expect(cluster.events).not.toContain('apply zakpos-postgres');
});

test('a cluster that is silent for a while does not end it', async () => {
  cluster.silentLooks = 2;
  await run();
  expect(cluster.events.at(-1)).toBe('rollout status statefulset/zakpos-postgres');
});

test('one that stays silent for a minute does', async () => {
  cluster.silentLooks = Infinity;
  const now = Date.now.bind(Date);
  let jumps = 0;
  Date.now = () => now() + 25_000 * jumps++;
  try {
    expect(await failureOf(run)).toMatch(/^The cluster of context "\w+" does not answer: /);
  } finally {
    Date.now = now;
  }
  expect(cluster.events.at(-1)).toBe('scale statefulset zakpos-postgres --replicas=1');
});

test('a Job that a cut-off command has left at work is followed, and none is started beside it', async () => {
  cluster.atWork = {
    name: 'zakpos-upgrade-before',
    label: 'zakpos-upgrade',
    spec: copying('postgres:17-alpine', 'postgres:16-alpine'),
  };
  await run();
  expect(cluster.events).toEqual([
    ...STOP,
    'apply zakpos-postgres',
    'rollout status statefulset/zakpos-postgres',
  ]);
});

test('a database that somebody starts meanwhile ends it, and who does that is to be paused', async () => {
  cluster.isStarted = true;
  expect(await failureOf(run)).toMatch(
    /^Somebody has started the database while its files were being exchanged\.\n +Pause what applies from git/,
  );
  expect(cluster.events).not.toContain('apply zakpos-postgres');
});

describe('a signal', () => {
  listeningToSignals();

  test.each(['SIGHUP', 'SIGINT'] as const)('of %s anywhere starts the database again', async (signal) => {
    await run();
    // The last two are those of the start.
    const calls = cluster.callsSinceStop - 2;
    expect(calls).toBeGreaterThan(3);
    for (let call = 1; call <= calls; call += 1) {
      cluster = new Cluster();
      Object.assign(cluster, { signal, signalAt: call });
      expect(await failureOf(run)).toMatch(/^The upgrade was interrupted\.\n +The database starts with its/);
      expect(cluster.events.at(-1)).toBe('scale statefulset zakpos-postgres --replicas=1');
    }
  });

  test('of a terminal that is gone does not keep it from that', async () => {
    const stream = process.stdout;
    cluster.onStop = () => {
      expect(stream.emit('error', new Error('write EIO'))).toBe(true);
    };
    await run();
    expect(cluster.events.at(-1)).toBe('rollout status statefulset/zakpos-postgres');
    expect(() => stream.emit('error', new Error('write EPIPE'))).toThrow('write EPIPE');
  });
});

describe('nothing is touched', () => {
  afterEach(() => {
    expect(cluster.events).toEqual([]);
  });

  test.each<[string, () => Promise<void>, string]>([
    ['for another store', () => run({}, 'kafka'), '"kafka" can\'t be upgraded by a command.'],
    ['without the name', () => run({ confirm: 'yes' }), 'Expected `--confirm zakpos`, not "yes".'],
    [
      'within a major version',
      () => {
        configure({ image: 'registry.example.com:5000/postgres:16.9' });
        return run();
      },
      'The database runs postgres:16-alpine, and postgres.image is registry.example.com:5000/postgres:16.9: both are of the same major version.',
    ],
    [
      'where there is no database',
      () => {
        cluster.image = undefined;
        return run();
      },
      'There is no database in namespace zakpos.',
    ],
    [
      "where it is somebody else's",
      () => {
        configure({ mode: 'cloudnativepg' });
        return run();
      },
      "The database of dev is none of this project's: postgres.mode is cloudnativepg.",
    ],
    [
      'where the namespace is of another environment',
      () => {
        cluster.environment = 'prod';
        return run();
      },
      'Namespace zakpos of context shop holds prod, not dev.',
    ],
    [
      'with an older image and without --back',
      () => {
        configure({ image: 'postgres:15-alpine' });
        return run();
      },
      'The database is one of PostgreSQL 16, and postgres.image is postgres:15-alpine, which is older: an upgrade goes to a newer one.',
    ],
    [
      'with a newer image and --back',
      () => run({ back: true }),
      'The database is one of PostgreSQL 16, and postgres.image is postgres:17-alpine, which is newer: --back takes an upgrade back.',
    ],
    [
      'where the claim would become another one',
      () => {
        cluster.size = '1Gi';
        return run();
      },
      'StatefulSet zakpos-postgres: volumeClaimTemplates.data.size is "1Gi" in the cluster and would become "2Gi".',
    ],
    [
      'where the cluster would not take the objects',
      () => {
        cluster.refusal = 'admission webhook "policy" denied the request';
        return run();
      },
      'kubectl failed: admission webhook "policy" denied the request',
    ],
    [
      'while a restore is at work',
      () => {
        cluster.atWork = { name: 'zakpos-restore-1', label: 'zakpos-restore', spec: copying('a', 'b') };
        return run();
      },
      'The files of the database are being exchanged in namespace zakpos (Job zakpos-restore-1); nothing was applied.',
    ],
    [
      'on a claim that a restore has yet to fill',
      () => {
        cluster.isUnfilled = true;
        return run();
      },
      'The claim data-zakpos-postgres-0 was made anew for a restore whose end nobody has seen; nothing was applied.',
    ],
    [
      'while an upgrade to something else is at work',
      () => {
        const spec = copying('postgres:18-alpine', 'postgres:16-alpine');
        cluster.atWork = { name: 'zakpos-upgrade-1', label: 'zakpos-upgrade', spec };
        return run();
      },
      'Another upgrade of namespace zakpos is at work: Job zakpos-upgrade-1, with postgres:18-alpine and postgres:16-alpine; nothing was changed.',
    ],
  ])('%s', async (_, work, message) => {
    expect((await failureOf(work)).split('\n')[0]).toBe(message);
  });
});

test.each([
  ['postgres:17-alpine', 17],
  ['postgres:16', 16],
  ['registry:5000/pg:16.4@sha256:abc', 16],
  ['registry:5000/pg', undefined],
  ['acme/pg:v17', undefined],
  ['acme/pg:17x', undefined],
])('%s is of release %s', (image, release) => {
  expect(releaseOf(image)).toBe(release);
});

test('an apply is refused that would start another release on the files', async () => {
  const apply = (image: string): Promise<string> =>
    failureOf(() =>
      refuseOtherRelease(
        cluster.kubectl,
        // Those of the manifests count, which may be a folder that was rendered elsewhere.
        [{ kind: 'Namespace', metadata: { name: 'zakpos' } }, setOf(image, '1Gi')],
        '--env dev',
      ),
    );
  expect(await apply('postgres:17-alpine')).toMatch(
    /^The database is one of PostgreSQL 16 \(postgres:16-alpine\), and the manifests have postgres:17-alpine: .*nothing was applied\.\n +`npm run upgrade -- postgres --env dev` takes the data along/,
  );
  expect(await apply('postgres:15-alpine')).toMatch(
    /`npm run upgrade -- postgres --env dev --back` puts the files/,
  );
  for (const image of ['postgres:16.9-alpine', 'acme/pg:blue']) expect(await apply(image)).toBe('no error');
  expect(await failureOf(() => refuseOtherRelease(cluster.kubectl, [], '--env dev'))).toBe('no error');
  cluster.image = undefined;
  expect(await apply('postgres:17-alpine')).toBe('no error');
});
