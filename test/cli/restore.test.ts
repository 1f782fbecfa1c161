/** Restores and backups by command, on a cluster in memory: what is refused, what is done in which order, what never. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { parseManifests } from '../../cli/backups.ts';
import { backup, drill } from '../../cli/commands/backup.ts';
import { restore, type RestoreOptions } from '../../cli/commands/restore.ts';
import { refuseDuringRestore } from '../../cli/exchanges.ts';
import type { RunOptions } from '../../cli/exec.ts';
import { follow } from '../../cli/jobs.ts';
import { Kubectl } from '../../cli/kubectl.ts';
import { defined } from '../manifests.ts';
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

quiet();

withFastClock();

const LIVE = 'zakpos';
const BESIDE = 'zakpos-restored';
const CLAIM = 'data-zakpos-postgres-0';
const ARCHIVE_CLAIM = 'wal-zakpos-backup-0';
const BROKER_CLAIM = 'data-zakpos-kafka-1';

const MANIFEST = `kind base
id 20261121T030000Z
system 7439000000000000001
started 2026-11-21T03:00:00Z
database-bytes 31000000
schema 0002-backups
rows products 12
rows sales 40
last-sale 5f 40 abc
start-wal 000000010000000000000003
end-wal 000000010000000000000004
file base.tar.gz 4194304 0123abc
finished 2026-11-21T03:01:00Z
`;
const COMPARED = `12:00:01 replaying the log
table                          backup     restored
products                           12           12
sales                              40           41
12:00:09 restored
`;

const applied = z.looseObject({
  kind: z.string(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
});
const appliedJob = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.tuple([
          z.object({
            command: z.array(z.string()),
            env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
          }),
        ]),
      }),
    }),
  }),
});
const secretList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        namespace: z.string(),
        labels: z.record(z.string(), z.string()),
      }),
      type: z.string(),
      data: z.record(z.string(), z.string()),
    }),
  ),
});

type What = 'plan' | 'restore' | 'backup' | 'drill' | 'task';
/** How a Job goes: to its end, to a failure, on for ever, on without an answer of the cluster, or nowhere. */
type Course = 'done' | 'fails' | 'works' | 'unanswered' | 'without a node' | 'deleted';

interface Job {
  readonly what: What;
  readonly namespace: string;
  course: Course;
}

/** A cluster with the live namespace, and what restores do to it, in words. */
class Cluster {
  readonly events: string[] = [];
  /** What must never be. */
  readonly wrongs: string[] = [];
  readonly kubectl = new FakeKubectl((args, input) => this.answer(args, input));
  /** What each kind of Job comes to. */
  readonly courses: Partial<Record<What, Course>> = {};
  readonly jobs = new Map<string, Job>();
  /** Names of things by namespace, and whether a restore has begun to fill it. */
  readonly namespaces = new Map<string, { things: string[]; restoring: boolean }>();
  readonly secrets = new Map<string, Readonly<Record<string, string>>>(
    [
      ...['superuser', 'owner', 'app', 'exporter', 'backup'].map((role) => `zakpos-postgres-${role}`),
      ...['zakpos-backup-key', 'zakpos-backup-s3', 'zakpos-postgres-tls', 'zakpos-jwt', 'zakpos-redis'],
    ].map((name) => [name, { password: Buffer.from(`secret of ${name}`).toString('base64') }]),
  );
  claims = [CLAIM, ARCHIVE_CLAIM, BROKER_CLAIM];
  /** Whether the archive runs, and what it says when it was last asked. */
  archive: 'ships' | 'stuck' | 'away' = 'ships';
  list = '';
  /** Where the files were that were applied. */
  readonly folders = new Set<string>();
  /** Variables of the Jobs that were applied. */
  readonly variables: Record<string, string | undefined>[] = [];
  copied: z.output<typeof secretList>['items'] = [];

  /** Namespaces whose database has a claim that is not known to be restored. */
  readonly unfilled = new Set<string>();
  /** During which call a signal comes, of those that are made from the moment on when the database is stopped. */
  signalAt: number | undefined;
  callsSinceStop = 0;
  /** Whether the database can't be started. */
  isStuck = false;
  replicas = 1;

  /** Segments of the log that the archive has still to upload. */
  backlog = 1;
  private clock = 1_795_000_000;
  private readonly policies = new Set<string>();

  private answer(args: readonly string[], input: string | undefined): Answer {
    if (this.replicas === 0 || args.includes('--replicas=0')) this.callsSinceStop += 1;
    if (this.callsSinceStop === this.signalAt) process.emit('SIGINT');
    return this.answerTo(args, input);
  }

  private answerTo(args: readonly string[], input: string | undefined): Answer {
    for (const text of this.secrets.values()) {
      const secret = [
        defined(text.password, 'password'),
        Buffer.from(text.password ?? '', 'base64').toString(),
      ];
      if (args.some((arg) => secret.some((value) => arg.includes(value))))
        this.wrongs.push('a secret in an argument');
    }
    const [flag, name = ''] = args;
    const namespace = flag === '-n' ? name : '';
    return this.execute((flag === '-n' ? args.slice(2) : args).join(' '), namespace, input ?? '');
  }

  private execute(call: string, namespace: string, input: string): Answer {
    const match = (pattern: RegExp): RegExpExecArray | undefined => pattern.exec(call) ?? undefined;
    const found = (names: readonly string[]): Answer => ({ stdout: names.join('\n') });
    let what: RegExpExecArray | undefined;

    if ((what = match(/^get namespace (\S+) --ignore-not-found -o jsonpath=there/))) {
      const there = this.namespaces.get(what[1] ?? '');
      return { stdout: there === undefined ? '' : `there${there.restoring ? 'true' : ''}` };
    }
    if (call.startsWith('get statefulsets,deployments,persistentvolumeclaims,secrets'))
      return found(this.namespaces.get(namespace)?.things ?? []);
    if (call === 'get persistentvolumeclaims -o name')
      return found(this.claims.map((claim) => `persistentvolumeclaim/${claim}`));
    if (call === `get pvc ${CLAIM} --ignore-not-found -o name`)
      return found(this.claims.includes(CLAIM) ? [`persistentvolumeclaim/${CLAIM}`] : []);
    if (call === 'get pods -o json') return { stdout: JSON.stringify({ items: this.holders() }) };
    if ((what = match(/^get secrets (.*) --ignore-not-found -o json$/)))
      return { stdout: JSON.stringify({ items: this.secretsOf((what[1] ?? '').split(' ')) }) };
    if (call === 'get jobs -l app.kubernetes.io/name in (zakpos-restore,zakpos-upgrade) -o json')
      return { stdout: JSON.stringify({ items: this.seenJobs(namespace, ['plan', 'restore']) }) };
    // The plans of moves under way.
    if (call.startsWith('get configmaps')) return {};
    if (/^get (deployments,|jobs,pods)/.test(call)) return this.look(namespace);
    if ((what = match(/^logs job\/(\S+)( --tail=1)?$/))) {
      const said = this.saidBy(what[1] ?? '');
      return { stdout: what[2] === undefined ? said : (said.trim().split('\n').at(-1) ?? '') };
    }
    if (match(/^exec zakpos-backup-0 -c upload -- /)) return this.ofArchive(call.replace(/.* -- /, ''));

    if (call === 'apply --server-side --force-conflicts --validate=false -f -') return this.copy(input);
    if ((what = match(/^apply --server-side --force-conflicts --validate=false -f (\S+)$/)))
      return this.apply(what[1] ?? '');
    if ((what = match(/^annotate namespace (\S+) (?:--overwrite )?zakpos\.io\/restoring(=true|-)$/))) {
      const there = defined(this.namespaces.get(what[1] ?? ''), 'namespace');
      there.restoring = what[2] === '=true';
      return this.note(
        there.restoring ? `${what[1] ?? ''} is being restored` : `${what[1] ?? ''} is restored`,
      );
    }
    if (this.isStuck && call.endsWith('--replicas=1'))
      return { ok: false, stderr: 'admission webhook denied' };
    if ((what = match(/^scale statefulset zakpos-postgres --replicas=([01])$/)))
      return this.scale(Number(what[1]));
    if (match(/^annotate pvc data-zakpos-postgres-0 zakpos\.io\/restoring-$/)) {
      this.unfilled.delete(namespace);
      return {};
    }
    if (match(/^get pvc data-zakpos-postgres-0 --ignore-not-found -o jsonpath=\{\.metadata\.annotations\./))
      return { stdout: this.unfilled.has(namespace) ? 'true' : '' };
    if (match(/^wait --for=delete pod\/zakpos-postgres-0 --timeout=120s$/))
      return this.note('waits for its end');
    if (match(/^wait --for=delete pvc\/data-zakpos-postgres-0 --timeout=60s$/)) return {};
    if (match(/^rollout status statefulset\/zakpos-postgres --timeout=300s$/))
      return this.note('waits for its start');
    if ((what = match(/^create job (\S+) --from=cronjob\/zakpos-(backup-daily|restore-drill)$/))) {
      const of = what[2] === 'restore-drill' ? 'drill' : 'backup';
      this.start(what[1] ?? '', of, namespace);
      return this.note(`${of} begins`);
    }
    if ((what = match(/^delete jobs?[ /](.*)$/))) {
      for (const job of (what[1] ?? '').split(' ').filter((word) => !word.startsWith('--'))) {
        const gone = this.jobs.get(job);
        this.jobs.delete(job);
        if (gone !== undefined)
          this.note(`${gone.what} is deleted${gone.course === 'done' ? '' : ' at work'}`);
      }
      return {};
    }
    if ((what = match(/^delete persistentvolumeclaim (\S+) --ignore-not-found --wait=false$/))) {
      this.claims = this.claims.filter((claim) => claim !== what?.[1]);
      return this.note(`claim ${what[1] ?? ''} is deleted`);
    }
    if ((what = match(/^delete pod (\S+) --force --grace-period=0 --ignore-not-found$/)))
      return this.note(`pod ${what[1] ?? ''} is deleted`);
    throw new Error(`nobody knows how to ${call}`);
  }

  private note(event: string): Answer {
    this.events.push(event);
    return {};
  }

  private apply(file: string): Answer {
    this.folders.add(dirname(file));
    for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
      const object: unknown = document.toJS();
      const { kind, metadata } = applied.parse(object);
      const namespace = metadata.namespace ?? '';
      if (kind === 'Namespace' && !this.namespaces.has(metadata.name))
        this.namespaces.set(metadata.name, { things: [], restoring: false });
      if (kind === 'NetworkPolicy' && metadata.name === 'default-deny') {
        this.policies.add(namespace);
        this.note(`policies of ${namespace}`);
      }
      if (kind === 'Namespace') this.note(`namespace ${metadata.name}`);
      if (kind === 'PersistentVolumeClaim') {
        if (namespace === LIVE) this.claims.push(metadata.name);
        if (metadata.annotations['zakpos.io/restoring'] === 'true') this.unfilled.add(namespace);
        this.note(`claim ${metadata.name} in ${namespace}`);
      }
      if (kind === 'StatefulSet') {
        if (this.unfilled.has(namespace)) this.wrongs.push(`a database of ${namespace} on an empty claim`);
        this.note(`${metadata.name} in ${namespace}`);
      }
      if (kind === 'Job') this.applyJob(metadata.name, namespace, object);
    }
    return {};
  }

  private applyJob(name: string, namespace: string, object: unknown): void {
    const [{ command, env }] = appliedJob.parse(object).spec.template.spec.containers;
    this.variables.push(Object.fromEntries(env.map((variable) => [variable.name, variable.value])));
    const what = command.includes('plan') ? 'plan' : command.includes('restore') ? 'restore' : 'task';
    if (what === 'restore') {
      if (namespace === LIVE && this.replicas > 0) this.wrongs.push('a restore beside a running database');
      if (namespace === LIVE && !this.claims.includes(CLAIM)) this.wrongs.push('a restore without a claim');
      if (namespace !== LIVE && !this.policies.has(namespace)) this.wrongs.push('a restore without policies');
      if (namespace !== LIVE && this.copied.length === 0) this.wrongs.push('a restore without secrets');
    }
    this.start(name, what, namespace);
    this.note(`${what} in ${namespace}${what === 'task' ? `: ${command.join(' ')}` : ''}`);
  }

  private start(name: string, what: What, namespace: string): void {
    this.jobs.set(name, { what, namespace, course: this.courses[what] ?? 'done' });
  }

  private scale(replicas: number): Answer {
    const atWork = [...this.jobs.values()].some(
      ({ what, course }) => what === 'restore' && course !== 'done' && course !== 'fails',
    );
    if (replicas > 0 && atWork) this.wrongs.push('the database is started under a restore');
    if (replicas > 0 && (!this.claims.includes(CLAIM) || this.unfilled.has(LIVE)))
      this.wrongs.push('the database is started on an empty claim');
    this.replicas = replicas;
    return this.note(replicas === 0 ? 'the database is stopped' : 'the database is started');
  }

  private copy(input: string): Answer {
    this.copied = secretList.parse(JSON.parse(input)).items;
    return this.note(`${this.copied.length} secrets in ${String(this.copied[0]?.metadata.namespace)}`);
  }

  private secretsOf(names: readonly string[]): object[] {
    return [...this.secrets]
      .filter(([name]) => names.includes(name))
      .map(([name, data]) => ({
        metadata: { name, namespace: LIVE, labels: { of: name }, uid: 'x', resourceVersion: '7' },
        type: 'kubernetes.io/basic-auth',
        data,
      }));
  }

  private holders(): object[] {
    return [
      ['zakpos-kafka-1', BROKER_CLAIM],
      ['zakpos-postgres-0', CLAIM],
      ['zakpos-web-1', undefined],
    ].map(([name, claimName]) => ({
      metadata: { name },
      spec: { volumes: claimName === undefined ? [{}] : [{ persistentVolumeClaim: { claimName } }] },
    }));
  }

  private seenJobs(namespace: string, kinds: readonly What[]): object[] {
    return [...this.jobs]
      .filter(
        ([, job]) => job.namespace === namespace && kinds.includes(job.what) && job.course !== 'deleted',
      )
      .map(([name, { course }]) => ({
        kind: 'Job',
        metadata: { name, namespace },
        spec: { template: { spec: { containers: [] } } },
        status: {
          ...(course === 'done' ? { succeeded: 1 } : {}),
          conditions:
            course === 'done'
              ? [{ type: 'Complete', status: 'True' }]
              : course === 'fails'
                ? [{ type: 'Failed', status: 'True', message: 'Job has reached the specified backoff limit' }]
                : [],
        },
      }));
  }

  private look(namespace: string): Answer {
    const kinds: What[] = ['plan', 'restore', 'backup', 'drill', 'task'];
    if ([...this.jobs.values()].some(({ course }) => course === 'unanswered'))
      return { ok: false, stderr: 'The connection to the server was refused' };
    const pods = [...this.jobs]
      .filter(([, { course }]) => course === 'without a node')
      .map(([name]) => pendingPod(name, namespace));
    const items = [...this.seenJobs(namespace, kinds), ...pods, postgresIn(namespace)];
    return { stdout: JSON.stringify({ items }) };
  }

  private saidBy(name: string): string {
    const job = this.jobs.get(name);
    if (job?.what === 'plan' && job.course === 'done') return MANIFEST;
    if (job?.course === 'fails') return 'one\ntwo\nthree\nfour\nfive\n12:00:02 base backup x is damaged\n';
    return job?.what === 'drill' ? `${COMPARED}${COMPARED}` : COMPARED;
  }

  private ofArchive(command: string): Answer {
    if (this.archive === 'away')
      return { ok: false, stderr: 'pod zakpos-backup-0 does not have a host assigned' };
    if (command === 'bash /opt/backup/list.sh') return { stdout: this.list };
    this.clock += 1;
    if (command === 'sh -c date +%s') return { stdout: `${this.clock}\n` };
    if (!command.includes('/run/backup/uploaded')) throw new Error(`nobody knows ${command}`);
    this.note('asks what is uploaded');
    if (this.archive === 'ships' && this.backlog > 0) this.backlog -= 1;
    const done = this.archive === 'ships' && this.backlog === 0;
    return { stdout: `${done ? this.clock : 1_795_000_000} ${this.backlog}\n` };
  }
}

const pendingPod = (job: string, namespace: string): object => ({
  kind: 'Pod',
  metadata: {
    name: `${job}-x`,
    namespace,
    creationTimestamp: '2026-01-01T00:00:00Z',
    ownerReferences: [{ kind: 'Job', name: job }],
  },
  spec: { containers: [{ name: 'restore', image: 'postgres:16-alpine' }] },
  status: {
    phase: 'Pending',
    conditions: [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message: '0/1 nodes: Insufficient memory.',
      },
    ],
  },
});
const postgresIn = (namespace: string): object => ({
  kind: 'StatefulSet',
  metadata: { name: 'zakpos-postgres', namespace, generation: 1 },
  spec: { replicas: 1 },
  status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1 },
});

let cluster: Cluster;
let said: string[];
const values = ownValues();

// What the commands make for themselves: kubectl, and lines for people.
whileTesting(Kubectl.prototype, 'attempt', (args: readonly string[], options?: RunOptions) =>
  cluster.kubectl.attempt(args, options),
);
whileTesting(console, 'log', (text: string) => {
  said.push(text);
});
whileTesting(process.stdin, 'isTTY', false);
beforeEach(() => {
  cluster = new Cluster();
  cluster.namespaces.set(LIVE, { things: ['statefulset.apps/zakpos-postgres'], restoring: false });
  said = [];
  configure({ backups: { s3: { bucket: 'till' } } });
});
afterEach(() => {
  expect(cluster.wrongs).toEqual([]);
  const left = [...cluster.folders].filter(existsSync);
  for (const each of left) rmSync(each, { recursive: true });
  expect(left.filter((each) => !each.includes('zakpos-task-'))).toEqual([]);
});

/** Own values of prod. */
function configure(own: object): void {
  values.write({ environment: 'prod', ...own });
}

const run = (options: Partial<RestoreOptions> = {}): Promise<void> =>
  restore({ env: 'prod', context: 'shop', replaceClaim: [], ...options });
const TYPED = { into: LIVE, confirm: LIVE };
/** Calls of kubectl that changed something. */
const changes = (): string[] =>
  cluster.kubectl.calls
    .map(({ args }) => args.filter((arg, i) => arg !== '-n' && args[i - 1] !== '-n').join(' '))
    .filter((call) => !/^(get|logs|exec) /.test(call));

/** Runs it with a clock that jumps by 50 s each time that it is read. */
async function hurried<T>(work: () => Promise<T>): Promise<T> {
  const now = Date.now.bind(Date);
  let jumps = 0;
  Date.now = () => now() + 50_000 * jumps++;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}

describe('a restore is refused', () => {
  /** Before anything was changed; without any call at all where it could be known without. */
  async function refusal(options: Partial<RestoreOptions>, calls = 0): Promise<string> {
    const message = await failureOf(() => run(options));
    expect(changes()).toEqual([]);
    expect(cluster.kubectl.calls).toHaveLength(calls);
    return message;
  }

  test('where there are no backups', async () => {
    configure({});
    expect(await refusal({ yes: true })).toBe(
      'prod has no backups: backups.s3 is not set.\n  docs/how-to/back-up-and-restore.md shows how to set them up.',
    );
    configure({ postgres: { mode: 'cloudnativepg' }, backups: { s3: { bucket: 'till' } } });
    expect(await refusal({ yes: true })).toMatch(
      /^prod has no backups of this project's: postgres\.mode is cloudnativepg, which has its own\./,
    );
    expect(await failureOf(() => backup({ env: 'prod', context: 'shop' }))).toMatch(/^prod has no backups/);
    expect(await failureOf(() => drill({ env: 'prod', context: 'shop' }))).toMatch(/^prod has no backups/);
    expect(cluster.kubectl.calls).toEqual([]);
  });

  test.each([
    '2026-11-21T10:30:00',
    '2026-11-21 10:30',
    '2026-11-21',
    'yesterday',
    '10:30Z',
    '2026-13-01T10:30:00Z',
    '2026-02-30T10:30:00Z',
    '2026-11-21T25:30:00Z',
    '2026-11-21T10:30:00 CET',
    '',
  ])('to "%s", which is no time with its zone', async (at) => {
    expect(await refusal({ at, yes: true })).toBe(
      `--at is "${at}"; expected a time with its zone.\n` +
        '  For example 2026-11-21T10:30:00Z or 2026-11-21T11:30:00+01:00.',
    );
  });

  test('to a time that is still to come', async () => {
    const at = new Date(Date.now() + 60_000).toISOString();
    expect(await refusal({ at, yes: true })).toBe(
      `--at: ${at} is still to come.\n  Leave it out to restore all there is.`,
    );
  });

  test.each(['Zakpos', 'zakpos/restored', '', '-a', 'a'.repeat(64)])(
    'into "%s", which is no name',
    async (into) => {
      expect(await refusal({ into, yes: true })).toBe(
        `--into is "${into}".\n  Expected lower case letters, digits and hyphens, at most 63 characters.`,
      );
    },
  );

  test('into a namespace that has something in it', async () => {
    cluster.namespaces.set('other', {
      things: ['deployment.apps/shop', 'secret/password'],
      restoring: false,
    });
    expect(await refusal({ into: 'other', yes: true }, 2)).toBe(
      'The namespace "other" is not empty: it has deployment.apps/shop, secret/password.\n' +
        '  Choose another with --into; or, when nothing in it is needed any more, `kubectl --context shop delete namespace other`.',
    );
  });

  test('onto the live database when another name was typed', async () => {
    for (const confirm of ['zakpos-prod', 'yes', ''])
      expect(await refusal({ into: LIVE, confirm })).toBe(
        `Expected \`--confirm zakpos\`, not "${confirm}".\n  Nothing was changed.`,
      );
  });

  test('with what is said of the live database, where it is another', async () => {
    expect(await refusal({ replaceClaim: [CLAIM], yes: true })).toBe(
      'For the live namespace alone: --replace-claim.\n  Add `--into zakpos`, or leave it out.',
    );
    expect(await refusal({ confirm: LIVE, replaceClaim: [CLAIM] })).toMatch(
      /^For the live namespace alone: --confirm, --replace-claim\./,
    );
    expect(await refusal({ into: 'other', confirm: 'other' })).toMatch(
      /^For the live namespace alone: --confirm\./,
    );
  });

  test('with a claim that there is not', async () => {
    expect(await refusal({ ...TYPED, replaceClaim: [CLAIM, 'data-zakpos-postgre-0'] }, 1)).toBe(
      'The namespace "zakpos" has no claim data-zakpos-postgre-0.\n' +
        `  Those there are: ${CLAIM}, ${ARCHIVE_CLAIM}, ${BROKER_CLAIM}.`,
    );
  });
});

describe('when there is nobody to ask', () => {
  test.each<[string, Partial<RestoreOptions>, string]>([
    ['beside', {}, '--yes'],
    ['the live one', { into: LIVE }, '--confirm zakpos'],
    ['the live one, which --yes does not mean', { into: LIVE, yes: true }, '--confirm zakpos'],
  ])('it shows what it would do, and does nothing: %s', async (_, options, option) => {
    expect(await failureOf(() => run(options))).toBe(
      `Nobody is there to confirm it.\n  Say it on the command line: \`${option}\`.`,
    );
    expect(said.join('\n')).toContain('base backup 20261121T030000Z');
    expect(cluster.events).toEqual(['plan in zakpos', 'plan is deleted']);
  });

  test('a restore at work goes on', async () => {
    cluster.jobs.set('zakpos-restore-1', { what: 'restore', namespace: LIVE, course: 'works' });
    await failureOf(() => run({ into: LIVE }));
    expect(cluster.jobs.get('zakpos-restore-1')?.course).toBe('works');
  });
});

describe('what a restore says beforehand', () => {
  test('is from where, to when, into what, and how many rows there were', async () => {
    await run({ yes: true, at: '2026-11-20T23:30:00+01:00' });
    expect(said[0]).toBe(
      [
        '',
        'The database of prod, from bucket till, folder zakpos-prod:',
        '  begins with   base backup 20261121T030000Z, finished 2026-11-21T03:01:00Z, 4.0 MiB, schema 0002-backups',
        '  goes on to    2026-11-20T22:30:00.000Z',
        '  into          namespace zakpos-restored, as a database alone; the live one is not touched',
        '  rows then     products 12, sales 40',
        '',
      ].join('\n'),
    );
  });

  test('names what is stopped, and what stays', async () => {
    await run(TYPED);
    expect(said[0]).toContain('  goes on to    the end of the log\n');
    expect(said[0]).toContain(
      '  into          the live namespace zakpos: its database is stopped, and sales are refused until it is back;\n' +
        `                its files of now stay on claim ${CLAIM}, beside the restored ones\n`,
    );
  });

  test('names each claim that is deleted', async () => {
    await run({ ...TYPED, replaceClaim: [BROKER_CLAIM, CLAIM] });
    expect(said[0]).toContain(`                claim ${CLAIM} is deleted and made anew\n`);
    expect(said[0]).toContain(`  deletes       claim ${BROKER_CLAIM}, which is made anew and empty\n`);
    expect(said[0]).not.toContain('stay on claim');
  });
});

describe('a restore into a namespace of its own', () => {
  test('makes it, copies secrets, closes it, and only then restores; the live one is not touched', async () => {
    await run({ yes: true });
    expect(cluster.events).toEqual([
      'plan in zakpos',
      'plan is deleted',
      `namespace ${BESIDE}`,
      `${BESIDE} is being restored`,
      `8 secrets in ${BESIDE}`,
      `policies of ${BESIDE}`,
      `claim ${CLAIM} in ${BESIDE}`,
      `restore in ${BESIDE}`,
      `zakpos-postgres in ${BESIDE}`,
      `${BESIDE} is restored`,
    ]);
    const [, told = ''] = said;
    expect(told).toContain(
      'table                          backup     restored\nproducts                           12           12\n' +
        'sales                              40           41\n',
    );
    expect(told).not.toContain('replaying');
    expect(told).toContain(
      'kubectl --context shop -n zakpos-restored exec -it zakpos-postgres-0 -- psql -U postgres zakpos_db',
    );
    expect(told).toContain('kubectl --context shop delete namespace zakpos-restored');
  });

  test('copies those secrets alone that the database and its restore use, through standard input', async () => {
    await run({ yes: true, into: 'shop-2' });
    expect(cluster.copied.map(({ metadata }) => metadata.name).sort()).toEqual([
      'zakpos-backup-key',
      'zakpos-backup-s3',
      'zakpos-postgres-app',
      'zakpos-postgres-backup',
      'zakpos-postgres-exporter',
      'zakpos-postgres-owner',
      'zakpos-postgres-superuser',
      'zakpos-postgres-tls',
    ]);
    for (const { metadata, type, data } of cluster.copied) {
      expect(metadata).toEqual({ name: metadata.name, namespace: 'shop-2', labels: { of: metadata.name } });
      expect([type, data]).toEqual(['kubernetes.io/basic-auth', cluster.secrets.get(metadata.name)]);
    }
    expect(said.join('\n')).not.toContain('secret of');
  });

  test('needs no certificate where connections are not encrypted', async () => {
    configure({ backups: { s3: { bucket: 'till', secret: 'till-s3' } }, certificates: { source: 'none' } });
    cluster.secrets.set('till-s3', { password: Buffer.from('the key of till').toString('base64') });
    await run({ yes: true });
    const names = cluster.copied.map(({ metadata }) => metadata.name);
    expect(names).toContain('till-s3');
    expect(names).not.toContain('zakpos-postgres-tls');
  });

  test('names a secret that the live one lacks, and begins nothing', async () => {
    cluster.secrets.delete('zakpos-backup-s3');
    cluster.secrets.delete('zakpos-postgres-owner');
    expect(await failureOf(() => run({ yes: true }))).toBe(
      'The namespace "zakpos" lacks the Secret zakpos-postgres-owner, zakpos-backup-s3.\n' +
        '  The restored database needs it, too: make it there, or let `npm run up` do it, then run this again.',
    );
    expect(cluster.events).not.toContain(`restore in ${BESIDE}`);
  });

  test('that was cut off is begun anew, and its Job of before is ended first', async () => {
    cluster.namespaces.set(BESIDE, { things: [`persistentvolumeclaim/${CLAIM}`], restoring: true });
    cluster.jobs.set('zakpos-restore-1', { what: 'restore', namespace: BESIDE, course: 'works' });
    cluster.jobs.set('zakpos-restore-0', { what: 'restore', namespace: BESIDE, course: 'fails' });
    await run({ yes: true });
    const { events } = cluster;
    expect(events.indexOf('restore is deleted at work')).toBeGreaterThan(0);
    expect(events.indexOf('restore is deleted at work')).toBeLessThan(events.indexOf(`restore in ${BESIDE}`));
    // What has failed stays, to be looked at.
    expect([...cluster.jobs.keys()]).toContain('zakpos-restore-0');
    expect(cluster.namespaces.get(BESIDE)?.restoring).toBe(false);
  });

  test('that fails says why, and starts no database of it', async () => {
    cluster.courses.restore = 'fails';
    expect(await failureOf(() => run({ yes: true }))).toMatch(
      /^Job zakpos-restore-\w+ has failed \(Job has reached the specified backoff limit\); it says:\ntwo\nthree\nfour\nfive\n12:00:02 base backup x is damaged\n {2}`kubectl --context shop -n zakpos-restored logs job\/zakpos-restore-\w+` has all of it\.$/,
    );
    expect(cluster.events.at(-1)).toBe(`restore in ${BESIDE}`);
    expect(cluster.namespaces.get(BESIDE)?.restoring).toBe(true);
  });

  test('whose plan fails changes nothing', async () => {
    cluster.courses.plan = 'fails';
    expect(await failureOf(() => run({ yes: true }))).toContain('12:00:02 base backup x is damaged');
    expect(cluster.events).toEqual(['plan in zakpos']);
  });

  test('is told the time in UTC, the backup, and an identifier of its own', async () => {
    await run({ yes: true, at: '2026-11-20 23:30+01:00', backup: '20261120T030000Z' });
    const [plan, job] = cluster.variables;
    for (const told of [plan, job])
      expect(told).toMatchObject({
        RESTORE_AT: '2026-11-20T22:30:00.000Z',
        RESTORE_BACKUP: '20261120T030000Z',
        S3_BUCKET: 'till',
      });
    expect(job?.RESTORE_ID).toMatch(/^\d{8}t\d{6}z$/);
    expect(plan?.RESTORE_ID).toBe(job?.RESTORE_ID);
  });
});

describe('a restore onto the live database', () => {
  const AFTERWARDS = [
    'the database is started',
    'waits for its start',
    'task in zakpos: node dist/reconcile.js',
    'task is deleted',
    'backup begins',
  ];

  test('stops it, waits for the last of its log, restores, starts it, and backs up what is there', async () => {
    await run(TYPED);
    expect(cluster.events).toEqual([
      'plan in zakpos',
      'plan is deleted',
      'the database is stopped',
      'waits for its end',
      'asks what is uploaded',
      'restore in zakpos',
      ...AFTERWARDS,
    ]);
    expect(said[1]).toMatch(/^sales +40 +41$/m);
    expect(cluster.claims).toEqual([CLAIM, ARCHIVE_CLAIM, BROKER_CLAIM]);
  });

  test('ends a restore at work before it stops anything', async () => {
    cluster.jobs.set('zakpos-restore-1', { what: 'restore', namespace: LIVE, course: 'works' });
    await run(TYPED);
    expect(cluster.events.slice(2, 4)).toEqual(['restore is deleted at work', 'the database is stopped']);
  });

  test('that fails starts the database with its files of before, and backs nothing up', async () => {
    cluster.courses.restore = 'fails';
    expect(await failureOf(() => run(TYPED))).toContain('12:00:02 base backup x is damaged');
    expect(cluster.events.slice(-2)).toEqual(['restore in zakpos', 'the database is started']);
    expect([...cluster.jobs.values()].map(({ what }) => what)).toEqual(['restore']);
  });

  test('that nobody sees the end of is ended before the database is started', async () => {
    cluster.courses.restore = 'unanswered';
    expect(await failureOf(() => hurried(() => run(TYPED)))).toMatch(
      /^The cluster of context "shop" does not answer: /,
    );
    expect(cluster.events.slice(-3)).toEqual([
      'restore in zakpos',
      'restore is deleted at work',
      'the database is started',
    ]);
  });

  describe('that is interrupted', () => {
    const AT = { at: '2026-11-20T22:30:00Z' };
    const saidOfIt = listeningToSignals();
    afterAll(() => {
      expect([...new Set(saidOfIt)]).toEqual(['\nInterrupted: a moment, until everything is as it was.']);
    });

    /** Calls between the stop of the database and its start, of a restore that nothing disturbs. */
    async function callsOf(options: Partial<RestoreOptions>): Promise<number> {
      cluster = new Cluster();
      await run(options);
      return cluster.callsSinceStop;
    }

    test('anywhere ends its Job and starts the database, with one set of files or the other', async () => {
      const calls = await callsOf({ ...TYPED, ...AT });
      expect(calls).toBeGreaterThan(5);
      for (let call = 1; call <= calls; call += 1) {
        cluster = new Cluster();
        cluster.signalAt = call;
        expect(await failureOf(() => run({ ...TYPED, ...AT }))).toBe(
          'The restore was interrupted.\n' +
            '  The database starts with its files of before, or with the restored ones if they were in place already. To restore after all, run the same command again.',
        );
        expect([cluster.replicas, cluster.events.at(-1)]).toEqual([1, 'the database is started']);
        expect(cluster.wrongs).toEqual([]);
        expect(cluster.events).not.toContain('backup begins');
      }
    });

    test('while its Job works ends that first', async () => {
      cluster.courses.restore = 'works';
      // The Job is there, and was looked at.
      cluster.signalAt = 6;
      expect(await failureOf(() => run({ ...TYPED, ...AT }))).toContain('The restore was interrupted.');
      expect(cluster.events.slice(-3)).toEqual([
        'restore in zakpos',
        'restore is deleted at work',
        'the database is started',
      ]);
    });

    test('never starts the database on a claim that was lost, and `up` does not either', async () => {
      const lost = { ...TYPED, ...AT, replaceClaim: [CLAIM] };
      const calls = await callsOf(lost);
      let refused: Cluster | undefined;
      for (let call = 1; call < calls; call += 1) {
        cluster = new Cluster();
        cluster.signalAt = call;
        expect(await failureOf(() => run(lost))).toBe(
          'The restore was interrupted.\n  The database stays stopped, since its new claim is empty: run the same command again.',
        );
        expect([cluster.replicas, cluster.wrongs]).toEqual([0, []]);
        if (!cluster.unfilled.has(LIVE)) continue;
        expect(await failureOf(() => refuseDuringRestore(cluster.kubectl, LIVE))).toBe(
          'The claim data-zakpos-postgres-0 was made anew for a restore whose end nobody has seen; nothing was applied.\n' +
            '  Run the restore again; or, to go on with what is on the claim, be it nothing, `kubectl --context fake -n zakpos annotate pvc data-zakpos-postgres-0 zakpos.io/restoring-` first.',
        );
        refused = cluster;
      }
      // The same command again.
      cluster = defined(refused, 'empty claim');
      cluster.signalAt = undefined;
      await run(lost);
      expect(cluster.replicas).toBe(1);
      await refuseDuringRestore(cluster.kubectl, LIVE);
    });
  });

  test('that fails, as does the start of the database, names both', async () => {
    cluster.courses.restore = 'fails';
    cluster.isStuck = true;
    expect(await failureOf(() => run(TYPED))).toMatch(
      /12:00:02 base backup x is damaged\n[^]*\nThe database is stopped, and could not be started again: kubectl failed: admission webhook denied\n[^]*\n {2}When that is put right, run the same command again; or `npm run up`, which goes on with the files of before\.$/,
    );
  });

  test('to a time does not wait for the log after it', async () => {
    cluster.archive = 'stuck';
    await run({ ...TYPED, at: '2026-11-20T22:30:00Z' });
    expect(cluster.events).not.toContain('asks what is uploaded');
    expect(cluster.events.slice(-5)).toEqual(AFTERWARDS);
  });

  test('without an archive that runs takes what is in the bucket', async () => {
    cluster.archive = 'away';
    await run(TYPED);
    expect(cluster.events.slice(-6)).toEqual(['restore in zakpos', ...AFTERWARDS]);
  });

  describe('waits for the last of the log', () => {
    test('as long as the archive gets on with it', async () => {
      cluster.backlog = 4;
      await hurried(() => run(TYPED));
      const asked = cluster.events.filter((event) => event === 'asks what is uploaded');
      expect(asked).toHaveLength(4);
      expect(cluster.events).toContain('restore in zakpos');
    });

    test('and does not go on without it, but starts the database again', async () => {
      cluster.archive = 'stuck';
      expect(await failureOf(() => hurried(() => run(TYPED)))).toBe(
        'The last of the log does not get into the bucket.\n' +
          '  `kubectl --context shop -n zakpos logs zakpos-backup-0 -c upload` tells why. To restore without it, name the time with --at.',
      );
      expect(cluster.events).not.toContain('restore in zakpos');
      expect(cluster.events.at(-1)).toBe('the database is started');
    });
  });

  describe('that was done, but for what comes after it', () => {
    test('says that it runs, and how to go on; then only the rest is done', async () => {
      cluster.courses.task = 'fails';
      expect(await failureOf(() => run(TYPED))).toMatch(
        /^The database is restored and runs, but what comes after that has failed\. Job [^]*\n {2}When that is put right, `npm run restore -- --finish` does the rest\.$/,
      );
      expect(cluster.events).not.toContain('backup begins');
      cluster.courses.task = 'done';
      cluster.events.length = 0;
      await run({ finish: true });
      // The Job that has failed makes way.
      expect(cluster.events.slice(1)).toEqual(AFTERWARDS.slice(2));
    });

    test.each<Partial<RestoreOptions>>([TYPED, { at: '2026-11-21T10:00:00Z' }, { replaceClaim: [CLAIM] }])(
      'is finished by no command that wants another restore as well: %j',
      async (others) => {
        expect(await failureOf(() => run({ ...others, finish: true }))).toBe(
          '--finish is for a restore that is done, and goes alone.\n  Leave the others out.',
        );
        expect(cluster.events).toEqual([]);
      },
    );
  });

  describe('whose claim is lost', () => {
    const LOST = { ...TYPED, replaceClaim: [CLAIM, BROKER_CLAIM] };

    test('makes it anew before it restores to it, and other claims that are named with their pods', async () => {
      await run(LOST);
      expect(cluster.events).toEqual([
        'plan in zakpos',
        'plan is deleted',
        'the database is stopped',
        'asks what is uploaded',
        `claim ${CLAIM} is deleted`,
        'pod zakpos-postgres-0 is deleted',
        `claim ${BROKER_CLAIM} is deleted`,
        'pod zakpos-kafka-1 is deleted',
        `claim ${CLAIM} in zakpos`,
        'restore in zakpos',
        ...AFTERWARDS,
      ]);
    });

    test('is not started empty when it fails', async () => {
      cluster.courses.restore = 'fails';
      expect(await failureOf(() => run(LOST))).toContain('base backup x is damaged');
      expect(cluster.events.at(-1)).toBe('restore in zakpos');
    });

    test('is restored by a second run, when the first was cut off without a claim', async () => {
      cluster.claims = [ARCHIVE_CLAIM, BROKER_CLAIM];
      await run({ ...TYPED, replaceClaim: [CLAIM] });
      expect(cluster.events.slice(-7)).toEqual([
        `claim ${CLAIM} in zakpos`,
        'restore in zakpos',
        ...AFTERWARDS,
      ]);
    });

    test('waits for no archive that is lost, too', async () => {
      await run({ ...TYPED, replaceClaim: [CLAIM, ARCHIVE_CLAIM] });
      expect(cluster.events).not.toContain('asks what is uploaded');
    });
  });

  test('sends no events again by an image of its own, which need not know how', async () => {
    configure({
      backups: { s3: { bucket: 'till' } },
      api: { image: 'registry.example.com/pos/api:2.1', migrations: ['pos', 'migrate'] },
    });
    await run(TYPED);
    expect(cluster.events.slice(-3)).toEqual([
      'the database is started',
      'waits for its start',
      'backup begins',
    ]);
  });

  test('sends them by an image of this API that a release has named', async () => {
    configure({ backups: { s3: { bucket: 'till' } }, api: { image: 'registry.example.com/shop/api:1.4' } });
    await run(TYPED);
    expect(cluster.events.slice(-5)).toEqual(AFTERWARDS);
  });
});

describe('a backup', () => {
  const target = { env: 'prod', context: 'shop' };

  test('is made by the Job of the CronJob, and all good ones are listed', async () => {
    cluster.list = `\n${MANIFEST.replace('kind base', 'kind dump')}\n${MANIFEST}`;
    await backup(target);
    expect(changes()).toEqual([
      expect.stringMatching(
        /^create job zakpos-backup-daily-\d{8}t\d{6}z --from=cronjob\/zakpos-backup-daily$/,
      ),
    ]);
    expect(said).toEqual([
      'kind  id                finished              size     schema        rows\n' +
        'dump  20261121T030000Z  2026-11-21T03:01:00Z  4.0 MiB  0002-backups  52\n' +
        'base  20261121T030000Z  2026-11-21T03:01:00Z  4.0 MiB  0002-backups  52',
    ]);
  });

  test('is not made by --list, which says where there is none', async () => {
    await backup({ ...target, list: true });
    expect(changes()).toEqual([]);
    expect(said).toEqual(['There is no good backup yet; `npm run backup` makes one.']);
  });

  test('that fails names its last words', async () => {
    cluster.courses.backup = 'fails';
    expect(await failureOf(() => backup(target))).toMatch(
      /^Job zakpos-backup-daily-\w+ has failed .*; it says:\ntwo\n[^]*\n12:00:02 base backup x is damaged\n/,
    );
    expect(said).toEqual([]);
  });

  test('and a drill shows the rows of both that it restored', async () => {
    await drill(target);
    expect(changes()).toEqual([
      expect.stringMatching(/^create job zakpos-restore-drill-\w+ --from=cronjob\/zakpos-restore-drill$/),
    ]);
    expect(said[0]?.split('\n').filter((line) => /^sales +40 +41$/.test(line))).toHaveLength(2);
    expect(said[0]).not.toContain('replaying');
  });
});

describe('a Job that is followed', () => {
  const notes: string[] = [];
  const line = {
    note: (text: string) => {
      notes.push(text);
    },
    rename: () => undefined,
  };
  const of = (course: Course): Promise<string> => {
    cluster.jobs.set('job-1', { what: 'restore', namespace: LIVE, course });
    return follow(cluster.kubectl, LIVE, 'job-1', line);
  };

  test('answers all that it said', async () => {
    expect(await of('done')).toBe(COMPARED);
  });

  test('shows its last words until it ends', async () => {
    const end = of('works');
    setTimeout(() => {
      defined(cluster.jobs.get('job-1'), 'job').course = 'done';
    }, 500);
    expect(await end).toBe(COMPARED);
    expect(notes).toContain('12:00:09 restored');
  });

  test('that finds no node is given up, with what helps', async () => {
    expect(await failureOf(() => of('without a node'))).toMatch(
      /^Job job-1 can't run: no node takes it: 0\/1 nodes: Insufficient memory\.\n {2}Give the node .* more memory/,
    );
  });

  test('that somebody has deleted is not waited for', async () => {
    expect(await failureOf(() => of('deleted'))).toBe(
      'Job job-1 is gone: somebody has deleted it.\n  Run the same command again, and no other meanwhile.',
    );
  });
});

describe('manifests', () => {
  test('are read with all that their lines say', () => {
    expect(parseManifests(MANIFEST)).toEqual([
      {
        kind: 'base',
        id: '20261121T030000Z',
        system: '7439000000000000001',
        finished: '2026-11-21T03:01:00Z',
        bytes: 4_194_304,
        schema: '0002-backups',
        rows: new Map([
          ['products', 12],
          ['sales', 40],
        ]),
      },
    ]);
  });

  test('are told apart by the empty lines between them', () => {
    const ids = (text: string): string[] => parseManifests(text).map(({ id }) => id);
    expect(ids('')).toEqual([]);
    expect(ids('\n\n')).toEqual([]);
    expect(ids('\nkind dump\nid 1\n\nkind base\nid 2\n')).toEqual(['1', '2']);
    expect(ids('kind dump\nid 1\n \n\nkind base\nid 2')).toEqual(['1', '2']);
  });

  test('of an empty database have no rows', () => {
    expect(parseManifests('kind dump\nid 1\nschema none\n')).toMatchObject([
      { schema: 'none', rows: new Map() },
    ]);
  });
});
