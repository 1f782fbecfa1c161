/** The program as it is run: mistakes end it with 1 and one message, before anything is touched. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { ROOT } from '../manifests.ts';
import { withToolFolder, type Tools } from './fakes.ts';

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What the tools were called with, a line each. */
  readonly calls: readonly string[];
}

let folder: string;

/** Bundled once, since each run from many files takes a second. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-main-'));
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['cli/main.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: join(folder, 'main.mjs'),
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(ROOT, 'cli/main.ts')).href) },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.filename);",
    },
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a command where there are no tools but the stand-ins. */
const zakpos = (
  args: readonly string[],
  tools: Tools = {},
  variables: Readonly<Record<string, string>> = {},
): Promise<Run> =>
  withToolFolder(tools, ({ path, calls }) => {
    const env = { PATH: path, ...variables };
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        [join(folder, 'main.mjs'), ...args],
        { cwd: ROOT, env },
        (_, stdout, stderr) => {
          resolve({ code: child.exitCode ?? -1, stdout, stderr, calls: calls() });
        },
      );
      child.stdin?.end();
    });
  });

const KUBECTL = 'echo \'{"clientVersion":{"gitVersion":"v1.34.1"}}\'';

/** A message as people see it: no line of a stack trace, and no call of a tool before it. */
function expectMistake({ code, stderr, calls }: Run): void {
  expect({ code, calls }).toEqual({ code: 1, calls: [] });
  expect(stderr).not.toMatch(/^\s+at /m);
}

test('an unknown environment is named with those that there are', async () => {
  const run = await zakpos(['up', '--env', 'production']);
  expect(run.stderr).toBe('\n"production" is no environment; choose one of dev, test, prod, cloud\n');
  expect(run.stdout).toBe('');
  expectMistake(run);
});

test('an unknown option is named, and the usage is shown', async () => {
  const run = await zakpos(['down', '--force']);
  expect(run.stderr).toMatch(/^error: unknown option '--force'\n\nUsage: zakpos down \[options\]\n/);
  expectMistake(run);
});

test('a time that is no number of seconds is named', async () => {
  const run = await zakpos(['up', '--timeout', '5m']);
  expect(run.stderr).toMatch(/^error: .*'5m' is invalid\. a whole number of seconds is expected\n/);
  expectMistake(run);
});

test('configuration that cannot be used is named with its field, and nothing is looked for', async () => {
  const own = join(folder, 'own.yaml');
  writeFileSync(own, 'environment: cloud\nzookeeper: { replicas: 2 }\n');
  const run = await zakpos(['up', '--env', 'cloud'], { kubectl: KUBECTL }, { ZAKPOS_CONFIG: own });
  expect(run.stderr).toBe(
    `\nThe configuration of cloud (environments/cloud.ts + ${own}) can't be used:\n` +
      '  zookeeper.replicas: is 2, expected an odd number, so that a majority survives a split\n',
  );
  expectMistake(run);
});

test('a tool that is missing is named once, with how to install it', async () => {
  const run = await zakpos(['up', '--context', 'nowhere']);
  expect(run.stderr.match(/kubectl is not installed, or not in PATH\./g)).toHaveLength(1);
  expect(run.stderr).toMatch(/\n {2}Install kubectl/);
  expectMistake(run);
});

describe('down', () => {
  const NODES = '{"items":[{"metadata":{"labels":{"zakpos.io/cluster":"zakpos"}}}]}';
  const CLAIMS =
    '{"items":[{"metadata":{"name":"data-zakpos-postgres-0","namespace":"zakpos"},"spec":{"resources":{"requests":{"storage":"2Gi"}}}}]}';
  const tools = (nodes: string, containers = 'control-plane shop-control-plane running'): Tools => ({
    docker: `case "$1" in version) echo 27.3.1;; ps) echo '${containers}';; esac`,
    kind: 'echo kind v0.31.0 go1.25.5 linux/amd64',
    kubectl: `case "$*" in *nodes*) echo '${nodes}';; *storageclasses*) echo storageclass/standard;; *claims*) echo '${CLAIMS}';; esac`,
  });
  const isDeletion = (call: string): boolean => call.startsWith('kind delete');
  const down = (...args: string[]): readonly string[] => ['down', '--cluster', 'shop', ...args];

  test('says what is lost, and without anybody to ask it removes nothing', async () => {
    const { code, stdout, stderr, calls } = await zakpos(down(), tools(NODES));
    expect(stdout).toBe(
      'The kind cluster "shop" is removed with everything in it:\n  zakpos/data-zakpos-postgres-0 (2Gi)\n',
    );
    expect(stderr).toBe(
      '\nNobody is there to say yes.\n  Say it on the command line: `npm run down -- --yes`.\n',
    );
    expect({ code, deletions: calls.filter(isDeletion) }).toEqual({ code: 1, deletions: [] });
  });

  test('removes the cluster, by its name, when told yes', async () => {
    const { code, calls } = await zakpos(down('--yes'), tools(NODES));
    expect({ code, deletions: calls.filter(isDeletion) }).toEqual({
      code: 0,
      deletions: ['kind delete cluster --name shop'],
    });
  });

  test("never removes another's cluster", async () => {
    const foreign = '{"items":[{"metadata":{"labels":{}}}]}';
    const { code, stderr, calls } = await zakpos(down('--yes'), tools(foreign));
    expect(stderr).toMatch(/^\nThe kind cluster "shop" is not this project's: /);
    expect({ code, deletions: calls.filter(isDeletion) }).toEqual({ code: 1, deletions: [] });
  });

  test('has nothing to do where there is no cluster', async () => {
    const { code, stdout } = await zakpos(down('--yes'), tools(NODES, ''));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'There is no kind cluster "shop": nothing to remove.\n',
    });
  });
});
