import { mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { call, CLUSTER, config, kubectl, NAMESPACE, NODE, pods, ROOT, zakpos } from './harness.ts';

interface Failure {
  readonly exitCode: number | undefined;
  readonly output: string;
  readonly seconds: number;
}

async function failingUp(
  values: Readonly<Record<string, unknown>>,
  args: readonly string[] = [],
): Promise<Failure> {
  const started = Date.now();
  const { exitCode, all } = await zakpos('up', args, { values });
  console.log(all.split('\n').slice(-12).join('\n'));
  return { exitCode, output: all, seconds: (Date.now() - started) / 1000 };
}

/** What is applied: names, and generations of what has one. Status, which is written all the time, is left out. */
async function applied(): Promise<string> {
  const { stdout } = await kubectl(
    '-n',
    NAMESPACE,
    'get',
    'deployments,statefulsets,jobs,configmaps,secrets,services',
    '-o',
    'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{"\\n"}{end}',
  );
  return stdout;
}

/** A PATH on which everything but `name` is found. */
function pathWithout(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-path-'));
  const seen = new Set([name]);
  for (const directory of (process.env.PATH ?? '').split(':')) {
    for (const file of list(directory)) {
      if (seen.has(file)) continue;
      seen.add(file);
      symlinkSync(join(directory, file), join(folder, file));
    }
  }
  return folder;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

describe('trouble that is found before anything is applied', () => {
  let before: string;
  beforeAll(async () => {
    before = await applied();
  });
  afterEach(async () => {
    expect(await applied()).toBe(before);
  });

  test('a value that can not be used', async () => {
    const { exitCode, output } = await failingUp({ zookeeper: { ...config.zookeeper, replicas: 2 } });
    expect(exitCode).toBe(1);
    expect(output).toContain('zookeeper.replicas: is 2, expected an odd number');
  });

  test('an environment that does not exist', async () => {
    const { exitCode, output } = await failingUp({}, ['--env', 'staging']);
    expect(exitCode).toBe(1);
    expect(output).toContain('"staging" is no environment; choose one of dev, test, prod, cloud');
  });

  test.each(['docker', 'kind', 'kubectl'])('no %s', async (tool) => {
    const { exitCode, all } = await execa('npm', ['run', '--silent', 'up', '--', '--cluster', CLUSTER], {
      cwd: ROOT,
      reject: false,
      all: true,
      env: { PATH: pathWithout(tool) },
    });
    expect(exitCode).toBe(1);
    expect(all).toContain(tool);
    expect(all).toMatch(/install/i);
  });

  test('a port that is taken', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(21080, '127.0.0.1', resolve));
    try {
      const ports = Object.fromEntries(Object.keys(config.localPorts).map((name, i) => [name, 21080 + i]));
      const { exitCode, output } = await failingUp({ localPorts: ports }, ['--cluster', `${CLUSTER}-ports`]);
      expect(exitCode).toBe(1);
      expect(output).toContain('21080');
      expect(output).toContain('localPorts.http');
      expect((await execa('kind', ['get', 'clusters'])).stdout.split('\n')).not.toContain(`${CLUSTER}-ports`);
    } finally {
      holder.close();
    }
  });

  test('a cluster that is there but not ours', async () => {
    await kubectl('label', 'node', NODE, 'zakpos.io/cluster-');
    try {
      const { exitCode, output } = await failingUp({});
      expect(exitCode).toBe(1);
      expect(output).toContain(CLUSTER);
    } finally {
      await kubectl('label', 'node', NODE, `zakpos.io/cluster=${CLUSTER}`);
    }
  });

  test('a password that no longer fits the existing volume', async () => {
    const { exitCode, output } = await failingUp({
      secrets: {
        source: 'literal',
        values: { ...config.secrets.values, postgresPassword: 'another-password-2025' },
      },
    });
    expect(exitCode).toBe(1);
    expect(output).toContain('zakpos-postgres-app');
    expect(output).toContain('data-zakpos-postgres-0');
    expect(output).not.toContain('another-password-2025');
    expect(output).not.toContain(config.secrets.values.postgresPassword);
  });
});

describe('trouble that is seen while waiting ends up within seconds, and what served goes on serving', () => {
  afterEach(async () => {
    expect(await call('/health', { host: 'localhost', port: config.localPorts.api })).toMatchObject({
      status: 200,
    });
    expect((await pods()).some(({ workload, ready }) => workload === 'zakpos-api' && ready)).toBe(true);
  });
  afterAll(async () => {
    const back = await zakpos('up');
    if (back.exitCode !== 0) throw new Error(back.all);
  });

  test('an image that can not be pulled', async () => {
    const failure = await failingUp({ api: { ...config.api, image: 'zakpos-api:not-there' } });
    expect(failure.exitCode).toBe(1);
    expect(failure.output).toContain('zakpos-api:not-there');
    expect(failure.seconds).toBeLessThan(60);
  });

  test('a pod that no node has room for', async () => {
    const resources = { requests: { cpu: '64', memory: '160Mi' }, limits: { cpu: null, memory: '512Mi' } };
    const failure = await failingUp({ api: { ...config.api, resources } });
    expect(failure.exitCode).toBe(1);
    expect(failure.output).toMatch(/Insufficient cpu/);
    expect(failure.seconds).toBeLessThan(60);
  });

  test('a container that ends as soon as it starts, with its last word', async () => {
    const failure = await failingUp({ api: { ...config.api, env: { DATABASE_SSL_MODE: 'perhaps' } } });
    expect(failure.exitCode).toBe(1);
    expect(failure.output).toContain('DATABASE_SSL_MODE');
    expect(failure.output).toContain('perhaps');
  });
});
