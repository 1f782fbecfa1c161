/** An upgrade of the database by command: what is refused, what is done in which order, and what is put back. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import './quiet.ts';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { upgrade, type UpgradeOptions } from '../../cli/commands/upgrade.ts';
import type { RunOptions } from '../../cli/exec.ts';
import { Kubectl } from '../../cli/kubectl.ts';
import { refuseOtherRelease, releaseOf } from '../../cli/postgres-release.ts';
import { failureOf, FakeKubectl, type Answer } from './fakes.ts';

const manifest = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) });
const job = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({ containers: z.array(z.object({ image: z.string(), command: z.array(z.string()) })) }),
    }),
  }),
});

/** A cluster with a database of PostgreSQL 16, in words. */
class Cluster {
  readonly events: string[] = [];
  image: string | undefined = 'postgres:16-alpine';
  jobFails = false;
  private jobs: string[] = [];
  readonly kubectl = new FakeKubectl((args) =>
    this.answer(args.filter((arg, i) => arg !== '-n' && args[i - 1] !== '-n')),
  );

  private answer(args: readonly string[]): Answer {
    const call = args.join(' ');
    if (call.startsWith('get statefulset zakpos-postgres'))
      return this.image === undefined ? {} : { stdout: JSON.stringify(setOf(this.image)) };
    if (call.startsWith('get configmaps')) return {};
    if (call.startsWith('get jobs')) return { stdout: JSON.stringify({ items: [] }) };
    if (call.startsWith('get deployments,'))
      return { stdout: JSON.stringify({ items: this.jobs.map((name) => this.seen(name)) }) };
    if (call.startsWith('logs')) return { stdout: '12:00:00 copying zakpos_db\n12:00:01 the end\n' };
    if (call.startsWith('apply')) return this.apply(args.at(-1) ?? '');
    this.events.push(call.replace(/ --timeout=\S+/, ''));
    return {};
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

const setOf = (image: string): object => ({
  spec: { template: { spec: { containers: [{ name: 'postgres', image }] } } },
});

const databaseOf = (image: string) => ({
  kind: 'StatefulSet',
  metadata: { name: 'zakpos-postgres', namespace: 'zakpos' },
  ...setOf(image),
});

let cluster: Cluster;
let said: string[];
let folder: string;

Kubectl.prototype.attempt = (args: readonly string[], options?: RunOptions) =>
  cluster.kubectl.attempt(args, options);
console.log = (text: string) => {
  said.push(text);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-own-'));
  process.stdin.isTTY = false;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  cluster = new Cluster();
  said = [];
  configure({ image: 'postgres:17-alpine' });
});

function configure(postgres: object): void {
  const file = join(folder, 'own.json');
  writeFileSync(file, JSON.stringify({ environment: 'dev', postgres }));
  process.env.ZAKPOS_CONFIG = file;
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
    /copying zakpos_db[\s\S]*The database starts with its files of before\. To upgrade after all, run the same command again\.$/,
  );
  expect(cluster.events.at(-1)).toBe('scale statefulset zakpos-postgres --replicas=1');
  expect(cluster.events).not.toContain('apply zakpos-postgres');
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
        [{ kind: 'Namespace', metadata: { name: 'zakpos' } }, databaseOf(image)],
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
