/** What the workflows may do, and that people can run the same: each step is a script of package.json. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ROOT } from './manifests.ts';

const permissions = z.record(z.string(), z.enum(['read', 'write', 'none']));
const concurrency = z.object({ group: z.string() });
const step = z.object({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).default({}),
  env: z.record(z.string(), z.string()).default({}),
});
const job = z.object({
  uses: z.string().optional(),
  'timeout-minutes': z.number().optional(),
  environment: z.string().optional(),
  permissions: permissions.optional(),
  concurrency: concurrency.optional(),
  needs: z.union([z.string(), z.array(z.string())]).optional(),
  env: z.record(z.string(), z.string()).default({}),
  steps: z.array(step).default([]),
});
const workflow = z.object({
  on: z.record(z.string(), z.unknown()),
  permissions,
  concurrency: concurrency.optional(),
  jobs: z.record(z.string(), job),
});

const FOLDER = join(ROOT, '.github/workflows');
const texts = new Map(
  readdirSync(FOLDER).map((file) => [file.replace(/\.yml$/, ''), readFileSync(join(FOLDER, file), 'utf8')]),
);
const workflows = new Map([...texts].map(([name, text]) => [name, workflow.parse(parse(text))]));
const jobs = [...workflows].flatMap(([name, { jobs }]) =>
  Object.entries(jobs).map(([id, each]) => ({ name: `${name}/${id}`, ...each })),
);
const steps = jobs.flatMap(({ name, steps }) => steps.map((each) => ({ name, ...each })));
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));

test('there are the ways to production', () => {
  expect([...workflows.keys()].sort()).toEqual(['ci', 'deploy', 'release', 'restore-drill', 'rollback']);
});

test('every step is `npm ci` or a script that anybody can run', () => {
  const runs = steps.flatMap(({ name, run }) => (run === undefined ? [] : [{ name, run }]));
  expect(runs.length).toBeGreaterThan(20);
  for (const { name, run } of runs) {
    const [, script] = /^npm run ([\w:]+)(?: -- [\w ./:"$-]+)?$/.exec(run) ?? [];
    const known = run === 'npm ci' || (script !== undefined && script in scripts);
    expect({ name, run, known }).toEqual({ name, run, known: true });
  }
});

test('no script holds an expression: what others have written comes to it as a variable', () => {
  expect(steps.filter(({ run }) => run?.includes('${{') === true)).toEqual([]);
});

test('actions are named by a commit, with the version that it is beside it', () => {
  const lines = [...texts.values()]
    .flatMap((text) => text.split('\n'))
    .filter((line) => /^\s*(- )?uses:/.test(line));
  expect(lines.length).toBeGreaterThan(30);
  for (const line of lines) {
    expect(line).toMatch(
      /uses: (\.\/\.github\/workflows\/\w+\.yml|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/,
    );
  }
  const versions = new Map<string, Set<string>>();
  for (const line of lines) {
    const [, action = '', pin = ''] = /uses: ([^@]+)@(.+)$/.exec(line) ?? [];
    versions.set(action, (versions.get(action) ?? new Set()).add(pin));
  }
  expect([...versions.values()].every(({ size }) => size === 1)).toBe(true);
});

test('nothing is allowed but what a job names, and what writes is known', () => {
  for (const { permissions } of workflows.values()) {
    expect(Object.values(permissions).filter((access) => access !== 'read')).toEqual([]);
  }
  const writes = jobs.flatMap(({ name, permissions = {} }) => {
    const written = Object.keys(permissions).filter((scope) => permissions[scope] === 'write');
    return written.length === 0 ? [] : [[name, written.sort().join(' ')]];
  });
  expect(Object.fromEntries(writes)).toEqual({
    'ci/comment': 'pull-requests',
    'release/images': 'packages',
    'release/sign': 'id-token packages',
    'release/manifests': 'contents id-token',
    'release/deploy': 'id-token',
    'deploy/staging': 'id-token',
    'deploy/production': 'id-token',
    'rollback/rollback': 'id-token',
    'restore-drill/drill': 'id-token',
    'restore-drill/report': 'issues',
  });
});

test('an identity is there only where somebody logs in or signs with it', () => {
  for (const { name, permissions = {}, steps, uses } of jobs) {
    const used =
      uses !== undefined || steps.some(({ run = '' }) => /run (cluster:login|release:sign)\b/.test(run));
    expect({ name, identity: permissions['id-token'] === 'write' }).toEqual({ name, identity: used });
  }
});

test('no key is kept anywhere: the token of the run is the only one', () => {
  for (const [name, text] of texts) {
    expect({ name, secrets: text.match(/secrets\s*[.:[]/g) }).toEqual({ name, secrets: null });
  }
});

test('a checkout keeps no credentials for what runs after it', () => {
  const checkouts = steps.filter(({ uses = '' }) => uses.startsWith('actions/checkout@'));
  for (const { with: inputs } of checkouts) expect(inputs['persist-credentials']).toBe(false);
});

test('nothing that the change itself brings runs with a token that can write', () => {
  expect([...texts.values()].join()).not.toContain('pull_request_target');
  const comment = steps.filter(({ name }) => name === 'ci/comment');
  expect(comment[0]?.with.ref).toBe('${{ github.event.pull_request.base.sha }}');
});

test('what writes or logs in shares no cache with runs that others can start', () => {
  for (const { name, permissions = {}, steps } of jobs) {
    if (!Object.values(permissions).includes('write')) continue;
    const node = steps.find(({ uses = '' }) => uses.startsWith('actions/setup-node@'));
    expect({ name, cache: node?.with.cache }).toEqual({ name, cache: undefined });
  }
});

test('every job ends', () => {
  for (const { name, uses, 'timeout-minutes': minutes } of jobs) {
    if (uses === undefined)
      expect({ name, bounded: minutes !== undefined && minutes <= 120 }).toEqual({ name, bounded: true });
  }
});

test('one deployment at a time in a place, whichever workflow makes it', () => {
  const groups = Object.fromEntries(
    jobs.flatMap(({ name, environment, concurrency }) =>
      environment === undefined ? [] : [[name, concurrency?.group]],
    ),
  );
  expect(groups).toEqual({
    'deploy/staging': 'deploy-staging',
    'deploy/production': 'deploy-production',
    'rollback/rollback': 'deploy-${{ inputs.environment }}',
    'restore-drill/drill': undefined,
  });
  for (const name of ['ci', 'release', 'restore-drill'])
    expect(workflows.get(name)?.concurrency).toBeDefined();
});

test('a release is scanned in both architectures before it is signed, and signed before it is deployed', () => {
  const release = workflows.get('release')?.jobs ?? {};
  expect(Object.fromEntries(Object.entries(release).map(([id, { needs }]) => [id, needs]))).toEqual({
    'wait-for-ci': undefined,
    images: 'wait-for-ci',
    scan: 'images',
    sign: 'scan',
    manifests: 'sign',
    deploy: 'manifests',
  });
  expect(workflows.get('deploy')?.jobs.production?.needs).toBe('staging');
  const deploys = steps.filter(({ run = '' }) => run.startsWith('npm run deploy '));
  expect(deploys).toHaveLength(3);
  for (const { run } of deploys) expect(run).toContain('--signed-by "$GITHUB_REPOSITORY"');
});
