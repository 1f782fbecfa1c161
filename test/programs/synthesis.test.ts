/** The program as it is run: what it writes, and what it leaves alone. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENVIRONMENTS } from '../../environments/schema.ts';
import { parseManifests, ROOT } from '../manifests.ts';
import { runNode, type Run } from './node.ts';

let folder: string;
const outdir = (name: string): string => join(folder, name);

/** Runs Node in the repository with variables of ours alone. */
function node(args: readonly string[], variables: Readonly<Record<string, string>>): Promise<Run> {
  const { PATH, HOME } = process.env;
  return runNode(args, ROOT, { PATH, HOME, ...variables });
}
const synth = (out: string, variables: Readonly<Record<string, string>> = {}): Promise<Run> =>
  node(['synth.mjs'], { CDK8S_OUTDIR: outdir(out), ...variables });

/** Files below an output folder, by path. */
function filesOf(out: string): Record<string, string> {
  const names = readdirSync(outdir(out), { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(outdir(out).length + 1), readFileSync(path, 'utf8')]),
  );
}

const success: Run = { code: 0, stdout: '', stderr: '' };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-synthesis-'));
  expect(await synth('all')).toEqual(success);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test('a folder of manifests is written for each environment, and nothing else', () => {
  expect(readdirSync(outdir('all')).sort()).toEqual([...ENVIRONMENTS].sort());
  for (const path of Object.keys(filesOf('all')))
    expect(path).toMatch(/^((dev|test|prod|cloud)\/\d\d|(dev|test)\/crds\/traefik)-[a-z-]+\.yaml$/);
});

test('on a kind cluster prod has what kind lacks, and the CRDs of that', async () => {
  const variables = { ZAKPOS_ENV: 'prod', ZAKPOS_ON_KIND: 'true' };
  expect(await synth('kind', variables)).toEqual(success);
  const files = Object.keys(filesOf('kind'));
  const usual = Object.keys(filesOf('all')).filter((path) => path.startsWith('prod/'));
  expect(files.filter((path) => !usual.includes(path))).toEqual([
    'prod/21-system-network-policies.yaml',
    'prod/30-traefik.yaml',
    'prod/31-metrics-server.yaml',
    'prod/70-metrics-api.yaml',
    ...Object.keys(filesOf('all')).flatMap((path) =>
      path.startsWith('dev/crds/') ? [path.replace('dev/', 'prod/')] : [],
    ),
  ]);
  expect(usual.filter((path) => !files.includes(path))).toEqual([]);
});

test('without its apps, dev is its stores and what they stand on, as they are with the apps', async () => {
  expect(await synth('infra', { ZAKPOS_ENV: 'dev', ZAKPOS_ONLY: 'infra' })).toEqual(success);
  const files = filesOf('infra');
  expect(Object.keys(files)).toEqual(
    [
      ...['00-namespace', '05-capacity', '10-secrets', '20-network-policies', '21-system-network-policies'],
      ...['40-postgres', '41-redis', '42-zookeeper', '43-kafka'],
    ].map((name) => `dev/${name}.yaml`),
  );
  // The namespace tells what it is a part of.
  const only = '    zakpos.io/only: infra\n';
  const namespaces = files['dev/00-namespace.yaml'] ?? '';
  expect(namespaces.split(only)).toHaveLength(2);
  expect(filesOf('all')).toMatchObject({ ...files, 'dev/00-namespace.yaml': namespaces.replace(only, '') });
});

test('files are in the order in which they can be applied: the namespaces first, what uses them after', () => {
  for (const environment of ENVIRONMENTS) {
    const kinds = Object.entries(filesOf('all'))
      .filter(([path]) => path.startsWith(`${environment}/`))
      .flatMap(([, text]) => parseManifests(text).map(({ kind }) => kind));
    expect(kinds[0]).toBe('Namespace');
    expect(kinds.lastIndexOf('Namespace')).toBeLessThan(kinds.findIndex((kind) => kind !== 'Namespace'));
    expect(kinds.lastIndexOf('NetworkPolicy')).toBeLessThan(kinds.indexOf('Deployment'));
    expect(kinds.lastIndexOf('Secret')).toBeLessThan(kinds.indexOf('Deployment'));
    // Pods are refused without their class, and those that are there before a quota don't keep to it.
    for (const kind of ['PriorityClass', 'ResourceQuota', 'LimitRange', 'ExternalSecret', 'Certificate'])
      expect(kinds.lastIndexOf(kind)).toBeLessThan(kinds.indexOf('Deployment'));
    expect(kinds.lastIndexOf('PriorityClass')).toBeLessThan(kinds.indexOf('NetworkPolicy'));
    expect(kinds.lastIndexOf('Middleware')).toBeLessThan(kinds.indexOf('Ingress'));
  }
});

test('ZAKPOS_ENV narrows it to one environment, and the others stay as they are', async () => {
  mkdirSync(join(outdir('one'), 'cloud'), { recursive: true });
  writeFileSync(join(outdir('one'), 'cloud/mine.yaml'), 'mine');
  expect(await synth('one', { ZAKPOS_ENV: 'prod' })).toEqual(success);
  const prod = Object.entries(filesOf('all')).filter(([path]) => path.startsWith('prod/'));
  expect(filesOf('one')).toEqual(Object.fromEntries([['cloud/mine.yaml', 'mine'], ...prod]));
});

test('a file that an environment no longer has is gone', async () => {
  const own = join(folder, 'own.yaml');
  writeFileSync(own, 'environment: prod\nmobile: { enabled: false }\n');
  const variables = { ZAKPOS_ENV: 'prod' };
  await synth('shrunk', variables);
  expect(Object.keys(filesOf('shrunk'))).toContain('prod/52-mobile.yaml');
  expect(await synth('shrunk', { ...variables, ZAKPOS_CONFIG: own })).toEqual(success);
  expect(Object.keys(filesOf('shrunk'))).not.toContain('prod/52-mobile.yaml');
});

test('main.ts without the bundle, in another time zone and language, writes the same bytes', async () => {
  const variables = {
    CDK8S_OUTDIR: outdir('plain'),
    TZ: 'Asia/Tokyo',
    LANG: 'tr_TR.UTF-8',
    LC_ALL: 'tr_TR.UTF-8',
  };
  expect(await node(['--import', 'tsx', 'main.ts'], variables)).toEqual(success);
  expect(filesOf('plain')).toEqual(filesOf('all'));
});

test('npx cdk8s synth writes the same, without asking a registry for updates', async () => {
  const cli = join(ROOT, 'node_modules/cdk8s-cli/bin/cdk8s');
  const variables = { CDK8S_CHECK_UPGRADE: 'false' };
  const { code, stderr } = await node([cli, 'synth', '--output', outdir('cdk8s')], variables);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(filesOf('cdk8s')).toEqual(filesOf('all'));
});

describe('a configuration that cannot be used', () => {
  test.each<[string, Readonly<Record<string, string>>, string, string]>([
    [
      'of one environment among four',
      { ZAKPOS_CONFIG: 'own.yaml' },
      'environment: cloud\nzookeeper: { replicas: 2 }\n',
      "The configuration of cloud (environments/cloud.ts + own.yaml) can't be used:\n" +
        '  zookeeper.replicas: is 2, expected an odd number, so that a majority survives a split\n',
    ],
    [
      'with a wrong unit',
      { ZAKPOS_CONFIG: 'own.yaml' },
      'environment: dev\nkafka: { heap: 384M8 }\n',
      "The configuration of dev (environments/dev.ts + own.yaml) can't be used:\n" +
        '  kafka.heap: is "384M8", expected a whole number with a unit of bytes (Ki, Mi, Gi, Ti), such as 512Mi\n',
    ],
    [
      'in a file that is not there',
      { ZAKPOS_CONFIG: 'nowhere.yaml' },
      '',
      "ZAKPOS_CONFIG: nowhere.yaml can't be read (ENOENT: no such file or directory, open 'nowhere.yaml'); name a readable YAML or JSON file\n",
    ],
    [
      'of an unknown environment',
      { ZAKPOS_ENV: 'production' },
      '',
      '"production" is no environment; choose one of dev, test, prod, cloud\n',
    ],
  ])(
    '%s ends with 1 and one message, and leaves what is there as it is',
    async (_, variables, text, message) => {
      const file = join(folder, 'bad.yaml');
      writeFileSync(file, text);
      const before = filesOf('all');
      const config = variables.ZAKPOS_CONFIG?.replace('own.yaml', file);
      const { code, stdout, stderr } = await synth('all', {
        ...variables,
        ...(config === undefined ? {} : { ZAKPOS_CONFIG: config }),
      });
      expect(stderr.replace(file, 'own.yaml')).toBe(message);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(filesOf('all')).toEqual(before);
    },
  );

  test('writes nothing where nothing was', async () => {
    expect((await synth('none', { ZAKPOS_ENV: 'production' })).code).toBe(1);
    expect(readdirSync(folder)).not.toContain('none');
  });
});
