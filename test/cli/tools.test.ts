import { checkTools, isOlder, MINIMUM, parseVersion, type Tool } from '../../cli/tools.ts';
import { failureOf, withTools, type Tools } from './fakes.ts';

const KUBECTL =
  '{"clientVersion":{"major":"1","minor":"34","gitVersion":"v1.34.1"},"kustomizeVersion":"v5.7.1"}';
const ALL: Tools = {
  docker: 'echo 27.3.1',
  kind: 'echo kind v0.31.0 go1.25.5 linux/amd64',
  kubectl: `echo '${KUBECTL}'`,
};
const TOOLS: readonly Tool[] = ['docker', 'kind', 'kubectl'];

const refusal = (tools: Tools, names = TOOLS): Promise<string> =>
  withTools(tools, () => failureOf(() => checkTools(names)));

test.each<[Tool, string, string]>([
  ['docker', '27.3.1\n', '27.3.1'],
  ['docker', '20.10.24+dfsg1', '20.10.24'],
  ['docker', '28.0.0-rc.1', '28.0.0'],
  ['kind', 'kind v0.31.0 go1.25.5 linux/amd64', '0.31.0'],
  ['kind', 'kind v0.32.0-alpha+5c5ac5a5 go1.26.0 darwin/arm64', '0.32.0'],
  ['kubectl', KUBECTL, '1.34.1'],
  ['kubectl', '{"clientVersion":{"gitVersion":"v1.31.4-eks-1234567"}}', '1.31.4'],
])('the version that %s prints as %j is %s', (tool, output, version) => {
  expect(parseVersion(tool, output)).toBe(version);
});

test('an output without a version is shown', () => {
  expect(() => parseVersion('kind', 'Hello\nI am another kind')).toThrow(
    '`kind version` names no version: I am another kind\n  Check that `kind` in PATH is the real one.',
  );
});

test.each([
  ['0.24.0', '0.25'],
  ['0.9.9', '0.25'],
  ['19.3.15', '20.10'],
  ['20.9', '20.10'],
  ['1.28.1', '1.28.2'],
])('%s is older than %s', (version, minimum) => {
  expect(isOlder(version, minimum)).toBe(true);
  expect(isOlder(minimum, version)).toBe(false);
});

test.each([
  ['0.25.0', '0.25'],
  ['0.25', '0.25.0'],
  ['1.100.0', '1.28'],
])('%s is not older than %s', (version, minimum) => {
  expect(isOlder(version, minimum)).toBe(false);
});

test('tools that are there are named with their versions, in the order in which they were asked for', async () => {
  const found = await withTools(ALL, () => checkTools(TOOLS));
  expect(found).toBe('docker 27.3.1, kind 0.31.0, kubectl 1.34.1');
});

test.each<[Tool, RegExp]>([
  ['docker', /Install Docker/],
  ['kind', /Install kind/],
  ['kubectl', /Install kubectl/],
])('%s that is missing is named with how to install it', async (tool, hint) => {
  const rest = Object.fromEntries(Object.entries(ALL).filter(([name]) => name !== tool));
  const [problem, fix] = (await refusal(rest)).split('\n');
  expect(problem).toBe(`${tool} is not installed, or not in PATH.`);
  expect(fix).toMatch(hint);
});

test('a tool that is not asked for may be missing', async () => {
  expect(await refusal({ kubectl: `echo '${KUBECTL}'` }, ['kubectl'])).toBe('no error');
});

test('a tool that is too old is named with the oldest that works', async () => {
  const [problem, fix] = (await refusal({ ...ALL, kind: 'echo kind v0.20.0 go1.20 linux/amd64' })).split(
    '\n',
  );
  expect(problem).toBe(`kind 0.20.0 is too old; ${MINIMUM.kind} is the oldest that works.`);
  expect(fix).toMatch(/Install kind/);
});

test('docker without its engine is told from docker that is missing', async () => {
  const docker = 'echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock." >&2; exit 1';
  const [problem, fix] = (await refusal({ ...ALL, docker })).split('\n');
  expect(problem).toBe(
    'docker is installed, but its engine does not answer: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.',
  );
  expect(fix).toMatch(/start/i);
});

test('docker that this user may not use is told how', async () => {
  const docker = 'echo "permission denied while trying to connect to the docker API" >&2; exit 1';
  const [problem, fix] = (await refusal({ ...ALL, docker })).split('\n');
  expect(problem).toMatch(/^docker is installed, but this user may not use it: permission denied/);
  expect(fix).toContain('sudo usermod -aG docker');
});
