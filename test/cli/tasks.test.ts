/** Single tasks of the API's image: who may have them, what is run, and what is left of it. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { migrate } from '../../cli/commands/migrate.ts';
import { seed, type SeedOptions } from '../../cli/commands/seed.ts';
import { failureOf, ownValues, quiet, whileTesting, withFastClock } from './fakes.ts';
import { connect, TaskCluster } from './task-cluster.ts';

const shown = quiet();

withFastClock();

const FIGURES =
  '{"level":"info","msg":"half"}\n{"level":"info","products":40,"cashiers":5,"sales":6012,"items":15123,"totalMinor":4200000,"currency":"EUR","msg":"The shop is filled"}\n';
const PLAN = 'Database zakpos_db at zakpos-postgres:5432\n\nApplied: 0001-initial\n\nPending: none\n';

let cluster: TaskCluster;
let said: string[];
const values = ownValues();

whileTesting(console, 'log', (text: string) => {
  said.push(text);
});
connect(() => cluster);
beforeEach(() => {
  cluster = new TaskCluster();
  cluster.namespaces['shop/zakpos'] = 'dev';
  said = [];
  configure('dev', {});
});
afterEach(() => {
  expect(cluster.files.map(dirname).filter(existsSync)).toEqual([]);
  for (const { args } of cluster.kubectl.calls) expect(args.join(' ')).not.toMatch(/password|secret/i);
});

/** Own values of an environment. */
function configure(environment: string, own: object): void {
  values.write({ environment, ...own });
}
const target = (env: string) => ({ env, context: 'shop' });
const fill = (options: Partial<SeedOptions> = {}): Promise<void> =>
  seed({ ...target('dev'), seed: '1', ...options });
const OWN_IMAGE = { api: { image: 'registry.example.com/pos/api:2.1', migrations: ['pos', 'migrate'] } };

/** The message of a command that was refused before the cluster was asked for anything. */
async function refusal(work: () => Promise<void>): Promise<string> {
  const message = await failureOf(work);
  expect(cluster.kubectl.calls).toEqual([]);
  return message;
}

describe('a task', () => {
  test('is applied where none of its name is, and removed when it has ended; its file is, too', async () => {
    await migrate(target('dev'));
    const calls = cluster.kubectl.calls.map(({ args }) => args.slice(2).join(' '));
    expect(calls).toEqual([
      expect.stringMatching(/^-n zakpos delete job (zakpos-task-\w+) --ignore-not-found --wait$/),
      expect.stringMatching(/^apply --server-side --force-conflicts --validate=false -f \S+task\.yaml$/),
      '-n zakpos get jobs,pods -o json',
      expect.stringMatching(/^-n zakpos logs job\/zakpos-task-\w+$/),
      expect.stringMatching(
        /^-n zakpos delete job\/zakpos-task-\w+ serviceaccount\/zakpos-task --ignore-not-found$/,
      ),
    ]);
    expect(cluster.jobs.size).toBe(0);
  });

  test('that was cut off is removed before it is run anew', async () => {
    cluster.run = () => ({ ok: false, says: '' });
    await failureOf(() => migrate(target('dev')));
    cluster.run = () => ({ ok: true, says: '' });
    await migrate(target('dev'));
    expect(cluster.events).toEqual([
      expect.stringMatching(/node dist\/migrate\.js in zakpos on zakpos_db$/),
      'a task of before is removed',
      expect.stringMatching(/node dist\/migrate\.js in zakpos on zakpos_db$/),
      'the task is removed',
    ]);
  });

  test('that fails says its last words, and stays to be looked at', async () => {
    cluster.run = () => ({ ok: false, says: '1\n2\n3\n4\n5\n{"level":"fatal","msg":"the lock is held"}\n' });
    expect(await failureOf(() => migrate(target('dev')))).toMatch(
      /^Job zakpos-task-\w+ has failed \(Job has reached its backoff limit\); it says:\n2\n3\n4\n5\n\{"level":"fatal","msg":"the lock is held"\}\n {2}`kubectl --context shop -n zakpos logs job\/zakpos-task-\w+` has all of it\.$/,
    );
    expect(cluster.jobs.size).toBe(1);
  });
});

describe('migrate', () => {
  test('runs the command of the configuration as a task', async () => {
    configure('prod', { api: { image: 'registry.example.com/pos/api:2.1', migrations: ['pos', 'migrate'] } });
    await migrate(target('prod'));
    expect(cluster.events[0]).toBe('pos migrate in zakpos on zakpos_db');
    expect(said).toEqual([]);
  });

  test('with --plan asks it for the plan alone, and shows that', async () => {
    cluster.run = () => ({ ok: true, says: PLAN });
    await migrate({ ...target('dev'), plan: true });
    expect(cluster.events[0]).toMatch(/node dist\/migrate\.js --plan in zakpos on zakpos_db$/);
    expect(said).toEqual([PLAN]);
  });

  test('is refused where the image has no migrations', async () => {
    configure('prod', { api: { ...OWN_IMAGE.api, migrations: null } });
    expect(await refusal(() => migrate(target('prod')))).toBe(
      'The API of prod has no migrations: api.migrations is null.\n  Name the command of your image that migrates.',
    );
  });
});

describe('seed', () => {
  test('says where it is, by what number, and shows the figures', async () => {
    cluster.run = () => ({ ok: true, says: FIGURES });
    await fill({ seed: '7' });
    expect(cluster.events[0]).toMatch(
      /node dist\/seed\.js --environment dev --seed 7 in zakpos on zakpos_db$/,
    );
    expect(shown.join('')).toContain(
      'Products and a month of sales: 40 products, 5 cashiers, 6012 sales, 15123 items',
    );
  });

  test('adds to sales that are there only when told so', async () => {
    await fill({ add: true });
    expect(cluster.events[0]).toMatch(/ --seed 1 --add in zakpos/);
  });

  test.each(['prod', 'cloud'])('is refused in %s', async (env) => {
    configure(env, {});
    expect(await refusal(() => fill(target(env)))).toBe(
      `${env} is no environment to make sales up in.\n  Made-up sales can not be told from real ones: choose --env dev or --env test.`,
    );
  });

  test('is refused with another image of the API', async () => {
    configure('dev', OWN_IMAGE);
    expect(await refusal(fill)).toBe(
      "The image of the API is registry.example.com/pos/api:2.1, which need not have dist/seed.js.\n  Only the repository's own API has that program; api.migrations is another command than its.",
    );
  });

  test.each([
    ['prod', 'holds prod'],
    ['test', 'holds test'],
    ['', 'holds no environment'],
  ])('is refused in a cluster where the namespace is of "%s"', async (environment, holds) => {
    cluster.namespaces['shop/zakpos'] = environment;
    expect(await failureOf(fill)).toBe(
      `Namespace zakpos of context shop ${holds}, not dev.\n  Name the cluster where that is.`,
    );
    expect(cluster.events).toEqual([]);
  });

  test('that the program refuses changes nothing, and says why', async () => {
    cluster.run = () => ({ ok: false, says: 'Database zakpos_db has sales already: nothing was changed.' });
    expect(await failureOf(fill)).toContain('has sales already: nothing was changed.');
  });
});
