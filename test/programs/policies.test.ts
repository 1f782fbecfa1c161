/** The programs, with charts that break a policy: what they say, where they say it is, and how they end. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../manifests.ts';
import { runNode, type Run } from './node.ts';

const MAIN = ['--import', 'tsx', 'main.ts'];
let folder: string;

function node(args: readonly string[]): Promise<Run> {
  const { PATH, HOME } = process.env;
  return runNode(args, folder, { PATH, HOME, ZAKPOS_ENV: 'prod', CDK8S_CHECK_UPGRADE: 'false' });
}

/** A copy of what synthesis needs, in which every container may write to its root. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-policies-'));
  const needless = ['.git', 'node_modules', 'apps', 'dist', 'test', 'docs'];
  for (const name of readdirSync(ROOT).filter((each) => !needless.includes(each)))
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  for (const name of ['node_modules', 'apps']) symlinkSync(join(ROOT, name), join(folder, name));
  const pod = join(folder, 'lib/pod.ts');
  const text = readFileSync(pod, 'utf8');
  expect(text).toContain('readOnlyRootFilesystem: true');
  writeFileSync(pod, text.replace('readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test('synthesis ends with 2, names path, rule, fact and fix, and writes nothing', async () => {
  const { code, stdout, stderr } = await node(MAIN);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  const [title, first, fix] = stderr.split('\n');
  expect(title).toBe('The manifests of prod break a policy; nothing was written:');
  expect(first).toMatch(
    /^ {2}40-postgres\/\S+ \(StatefulSet zakpos-postgres\) breaks pod-security\.read-only-root: container \S+ may write to its root file system$/,
  );
  expect(fix).toBe('    mount a volume where the container writes');
  expect(readdirSync(folder)).not.toContain('dist');
});

test('synthesis ends with 2 and the path of the construct for what is no object', async () => {
  const chart = join(folder, 'charts/namespace.ts');
  const text = readFileSync(chart, 'utf8');
  expect(text).toContain('annotations: { ...KEPT,');
  writeFileSync(chart, text.replace('annotations: { ...KEPT,', 'annotations: { count: 3, ...KEPT,'));
  const { code, stdout, stderr } = await node(MAIN);
  writeFileSync(chart, text);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(
    /^00-namespace\/zakpos \(Namespace zakpos\) breaks policies\.readable: metadata\.annotations\.count: .*\n {4}write it in the form/,
  );
  expect(stderr).not.toMatch(/^ +at /m);
});

test('cdk8s synth ends with 2 and the path of the construct', async () => {
  const cli = join(ROOT, 'node_modules/cdk8s-cli/bin/cdk8s');
  const { code, stdout } = await node([cli, 'synth', '--app', `node ${MAIN.join(' ')}`]);
  expect(code).toBe(2);
  expect(stdout).toMatch(
    /Construct Path: 40-postgres\/\S+\n.*Manifest Path: \S*dist\/prod\/40-postgres\.yaml\n/,
  );
  expect(stdout).toContain('StatefulSet zakpos-postgres in zakpos of prod');
  expect(stdout).toContain('pod-security.read-only-root');
  expect(stdout).toContain('How to fix: mount a volume where the container writes');
  expect(readdirSync(join(folder, 'dist'))).toEqual(['prod']);
});

test('the plugin says so when it has nothing to tell', async () => {
  const { code, stdout, stderr } = await node([
    join(ROOT, 'node_modules/cdk8s-cli/bin/cdk8s'),
    'synth',
    '--app',
    'mkdir -p dist/x && echo kind: List > dist/x/a.yaml',
  ]);
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain('No verdict of the policies is beside the manifests');
});
