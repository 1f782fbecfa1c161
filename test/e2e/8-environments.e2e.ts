import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { readResults } from '../../bench/results.ts';
import { costOf } from '../../bench/scale/cost.ts';
import { environmentFor } from '../../bench/scale/environment.ts';
import { EXAMPLES } from '../../bench/scale/page.ts';
import {
  CLUSTER,
  eventually,
  kubectl,
  NAMESPACE,
  pods,
  ROOT,
  tryKubectl,
  valuesFile,
  zakpos,
} from './harness.ts';

/** What so many tills need, by what a sale was measured to cost. */
const COST = costOf(readResults(join(ROOT, 'docs/reference/performance.json')));

/** What an operator may make of prod and cloud, beside what they are. */
const VARIANTS: readonly [string, string, Readonly<Record<string, unknown>>][] = [
  ['prod', 'prod', {}],
  ['cloud', 'cloud', {}],
  ['prod on one server', 'prod', { size: 'single' }],
  [
    'prod with CloudNativePG and cert-manager',
    'prod',
    {
      postgres: { mode: 'cloudnativepg' },
      certificates: { source: 'cert-manager' },
      ingress: { tls: { source: 'cert-manager' } },
      backups: { s3: { endpoint: 'https://s3.example.com', bucket: 'zakpos' } },
    },
  ],
  [
    'prod with PgBouncer and the Gateway API',
    'prod',
    { postgres: { pooler: { enabled: true } }, ingress: { api: 'gateway' } },
  ],
  [
    'cloud whose stores are its own',
    'cloud',
    { postgres: { mode: 'statefulset' }, redis: { mode: 'statefulset' }, kafka: { mode: 'statefulset' } },
  ],
  ...EXAMPLES.map((tills): (typeof VARIANTS)[number] => {
    const values = environmentFor(tills, COST);
    return [`what ${tills} tills need`, values.environment, { ...values }];
  }),
];

describe('the API server accepts every object', () => {
  const namespaces = { namespace: 'zakpos-dry-run', systemNamespace: 'zakpos-dry-run-system' };

  beforeAll(async () => {
    await kubectl('apply', '--server-side', '--force-conflicts', '-f', join(ROOT, 'imports/crds'));
    await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
    await kubectl('create', 'namespace', namespaces.namespace);
    await kubectl(
      ...['label', 'namespace', namespaces.namespace],
      'pod-security.kubernetes.io/enforce=restricted',
      'pod-security.kubernetes.io/warn=restricted',
    );
  });
  afterAll(() => kubectl('delete', 'namespace', namespaces.namespace));

  // dev and test are applied for real, by the first suite and below; their node ports can't be had twice.
  test.each(VARIANTS)(
    'of %s, under enforced restricted, without a warning',
    async (title, environment, values) => {
      const outdir = mkdtempSync(join(tmpdir(), 'zakpos-dry-run-'));
      await execa('node', ['synth.mjs'], {
        cwd: ROOT,
        env: {
          ZAKPOS_ENV: environment,
          ZAKPOS_CONFIG: valuesFile({ ...namespaces, ...values }),
          CDK8S_OUTDIR: outdir,
        },
      });
      const accepted = await tryKubectl(
        'apply',
        '--server-side',
        '--force-conflicts',
        '--dry-run=server',
        '-f',
        join(outdir, environment),
      );
      const objects = accepted.all
        .split('\n')
        .filter((line) => line.endsWith('serverside-applied (server dry run)'));
      console.log(`${title}: ${objects.length} objects accepted`);
      expect(accepted.all.split('\n').filter((line) => !objects.includes(line))).toEqual([]);
      expect(accepted.exitCode).toBe(0);
    },
  );
});

describe('test', () => {
  test('comes up where dev was, though its first up is cut off', async () => {
    // An API whose Service is gone would keep every namespace from ending.
    await kubectl('delete', 'apiservice', 'v1beta1.metrics.k8s.io');
    await kubectl('delete', 'namespace', NAMESPACE, 'zakpos-system', '--timeout=120s');

    const cutOff = execa('node', ['cli.mjs', 'up', '--cluster', CLUSTER, '--env', 'test'], {
      cwd: ROOT,
      reject: false,
      stdin: 'ignore',
      env: { ZAKPOS_CONFIG: valuesFile() },
    });
    await eventually('the first pods are there', 120, async () =>
      (await pods()).length > 0 ? true : undefined,
    );
    cutOff.kill('SIGINT');
    expect((await cutOff).exitCode).toBe(130);

    const again = await zakpos('up', ['--env', 'test']);
    console.log(again.all);
    expect(again.exitCode).toBe(0);
  });

  test('has Secrets that were made for it and are in no file', async () => {
    const secret = z.object({ data: z.record(z.string(), z.string()) });
    const { stdout } = await kubectl('-n', NAMESPACE, 'get', 'secret', 'zakpos-jwt', '-o', 'json');
    const value = Buffer.from(secret.parse(JSON.parse(stdout)).data.secret ?? '', 'base64').toString();
    expect(value.length).toBeGreaterThanOrEqual(32);
    const found = await execa('grep', ['-rlF', value, 'dist'], { cwd: ROOT, reject: false });
    expect(found.stdout).toBe('');

    expect((await zakpos('secrets', ['--env', 'test', '--check'])).exitCode).toBe(0);
    expect((await zakpos('secrets', ['--env', 'test'])).exitCode).toBe(0);
    const { stdout: after } = await kubectl('-n', NAMESPACE, 'get', 'secret', 'zakpos-jwt', '-o', 'json');
    expect(secret.parse(JSON.parse(after)).data.secret).toBe(Buffer.from(value).toString('base64'));
  });

  test('runs two of each app, whose migrations ran once', async () => {
    const apps = (await pods()).filter(({ workload }) => workload === 'zakpos-api');
    expect(apps.map(({ ready }) => ready)).toEqual([true, true]);
  });

  test('names a Secret that is missing, and who uses it', async () => {
    await kubectl('-n', NAMESPACE, 'delete', 'secret', 'zakpos-postgres-backup');
    const check = await zakpos('secrets', ['--env', 'test', '--check']);
    expect(check.exitCode).toBe(1);
    expect(check.all).toContain('zakpos-postgres-backup');
    expect(check.all).toContain('zakpos-postgres');
  });
});
