import { execa } from 'execa';
import { config, kubectl, NAMESPACE, pods, ROOT, tryKubectl, valuesFile, zakpos } from './harness.ts';

/** uid of each pod's incarnation by its workload. */
async function incarnations(): Promise<Map<string, string>> {
  const all = await pods();
  return new Map(all.map(({ workload, uid }) => [workload, uid]));
}

async function rolledBy(values: Readonly<Record<string, unknown>>): Promise<string[]> {
  const before = await incarnations();
  const up = await zakpos('up', [], { values });
  if (up.exitCode !== 0) throw new Error(up.all);
  const after = await incarnations();
  return [...after]
    .filter(([workload, uid]) => before.get(workload) !== uid)
    .map(([workload]) => workload)
    .sort();
}

describe('a changed value rolls exactly the pods that use it', () => {
  afterAll(async () => {
    const back = await zakpos('up');
    if (back.exitCode !== 0) throw new Error(back.all);
  });

  test("redis' memory: redis alone", async () => {
    expect(await rolledBy({ redis: { ...config.redis, maxMemory: '60Mi' } })).toEqual(['zakpos-redis']);
  });

  test("the shop's name: who shows it, and redis back", async () => {
    expect(await rolledBy({ shop: { name: 'Corner shop' } })).toEqual([
      'zakpos-api',
      'zakpos-mobile',
      'zakpos-redis',
      'zakpos-web',
    ]);
  });
});

describe('what is no longer wanted', () => {
  test('is pruned, and put back when it is wanted again; claims and Secrets stay', async () => {
    const kept = await names('pvc,secret');
    const without = await zakpos('up', [], { values: { mobile: { enabled: false } } });
    expect(without.all).toContain('zakpos-mobile');
    expect(without.exitCode).toBe(0);
    expect((await tryKubectl('-n', NAMESPACE, 'get', 'deployment/zakpos-mobile')).all).toContain('NotFound');
    expect((await tryKubectl('-n', NAMESPACE, 'get', 'service/zakpos-mobile')).all).toContain('NotFound');
    expect(await names('pvc,secret')).toEqual(kept);

    expect((await zakpos('up')).exitCode).toBe(0);
    expect(
      (await kubectl('-n', NAMESPACE, 'get', 'deployment/zakpos-mobile', '-o', 'name')).stdout,
    ).toContain('mobile');
  });
});

describe('by hand', () => {
  test('npx cdk8s synth and kubectl apply lead to the state that up has made', async () => {
    const env = { ZAKPOS_CONFIG: valuesFile(), ZAKPOS_ENV: 'dev', CDK8S_CHECK_UPGRADE: 'false' };
    const before = await incarnations();
    await execa('npx', ['cdk8s', 'synth'], { cwd: ROOT, env });
    await kubectl('apply', '--server-side', '--force-conflicts', '-f', 'dist/dev');
    const diff = await tryKubectl('diff', '--server-side', '-f', 'dist/dev');
    expect(diff.all).toBe('');
    expect(await incarnations()).toEqual(before);
  });
});

async function names(kinds: string): Promise<string[]> {
  const { stdout } = await kubectl('-n', NAMESPACE, 'get', kinds, '-o', 'name');
  return stdout.split('\n').sort();
}
