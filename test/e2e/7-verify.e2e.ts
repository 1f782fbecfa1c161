/** `npm run verify`: all is well on a healthy cluster; what is broken on purpose is named, and mended as it says. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { CONTEXT, eventually, kubectl, NAMESPACE, zakpos } from './harness.ts';

const REPORT = join(mkdtempSync(join(tmpdir(), 'zakpos-verify-')), 'dev.md');

async function verify(...args: string[]) {
  const { all, exitCode } = await zakpos('verify', ['--report', REPORT, ...args]);
  return { all, exitCode, report: readFileSync(REPORT, 'utf8') };
}

const objects = async (): Promise<string> =>
  (await kubectl('-n', NAMESPACE, 'get', 'pods,jobs,configmaps,secrets,networkpolicies', '-o', 'name'))
    .stdout;

const up = async (): Promise<void> => {
  const { all, exitCode } = await zakpos('up', ['--no-smoke']);
  if (exitCode !== 0) throw new Error(all);
};

// Other suites may have left values of their own, and `up` doesn't wait until the pods of before are gone.
beforeAll(async () => {
  await up();
  const leaving = 'jsonpath={.items[?(@.metadata.deletionTimestamp)].metadata.name}';
  await eventually('the end of the pods of before', 60, async () => {
    const { stdout } = await kubectl('-n', NAMESPACE, 'get', 'pods', '-o', leaving);
    return stdout === '' || undefined;
  });
});

test('finds nothing wrong with a healthy cluster, and leaves nothing in it', async () => {
  const before = await objects();
  const { all, exitCode, report } = await verify();
  expect([exitCode, exitCode === 0 ? '' : all]).toEqual([0, '']);
  expect(await objects()).toBe(before);
  expect(report).not.toContain('✖');
  expect(report).toMatch(
    /Everybody reaches whom it should, and nobody else \| ✔ passed \| 1\d arrows answered/,
  );
  for (const title of ['Secrets are complete', 'Data are on volumes', 'Network policies are those']) {
    expect(report).toMatch(new RegExp(`\\| ${title}[^|]* \\| ✔ passed`));
  }
  expect(report).toContain('off: monitoring.mode is none');
}, 120_000);

describe('what was broken by hand', () => {
  let broken: Awaited<ReturnType<typeof verify>>;

  beforeAll(async () => {
    await kubectl('-n', NAMESPACE, 'delete', 'networkpolicy', 'zakpos-redis');
    await execa('kubectl', ['--context', CONTEXT, 'apply', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'allow-everything', namespace: NAMESPACE },
        spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] },
      }),
    });
    // Read when the API starts, and by nobody now.
    const remove = JSON.stringify([{ op: 'remove', path: '/data/password' }]);
    await kubectl('-n', NAMESPACE, 'patch', 'secret', 'zakpos-admin', '--type=json', '-p', remove);
    // Its pod of before goes on.
    await kubectl('-n', NAMESPACE, 'set', 'image', 'deployment/zakpos-mobile', '*=zakpos-mobile:by-hand');
    broken = await verify();
  }, 120_000);

  test.each([
    ['a policy that was deleted', 'NetworkPolicy zakpos-redis in zakpos is missing.'],
    [
      'a policy that lets everything through',
      'NetworkPolicy allow-everything in zakpos is not of this project',
    ],
    [
      'what gets through by it',
      'zakpos-web to zakpos-postgres:5432 connects, though the architecture has no such arrow',
    ],
    ['a Secret that lacks a key', 'Secret zakpos-admin lacks the key "password"'],
    ['an image that nobody configured', 'runs zakpos-mobile:by-hand as'],
    ['a Deployment that differs from the manifests', 'Deployment zakpos-mobile is not as in the manifests'],
    ['a rollout that does not end', 'Deployment zakpos-mobile is not ready'],
  ])('names %s', (_, words) => {
    expect(broken.all).toContain(words);
    expect(broken.report).toContain(words);
    expect(broken.exitCode).toBe(1);
  });

  test('is mended by what it names: that one policy by its line, all else by up', async () => {
    expect(broken.all).toContain(`-n ${NAMESPACE} delete networkpolicy allow-everything`);
    await kubectl('-n', NAMESPACE, 'delete', 'networkpolicy', 'allow-everything');
    await up();
    const { all, exitCode } = await verify('--restart', 'redis');
    expect([exitCode, exitCode === 0 ? '' : all]).toEqual([0, '']);
    expect(all).toContain('redis restarted');
  }, 240_000);
});
