import { createServer, type Server } from 'node:net';
import { execa } from 'execa';
import { config, kubectl, NAMESPACE, NODE, zakpos } from './harness.ts';

describe('npm run diff', () => {
  test('has nothing to say after up', async () => {
    expect(await zakpos('up', ['--no-smoke'])).toMatchObject({ exitCode: 0 });
    const { exitCode, all } = await zakpos('diff', ['--exit-code']);
    expect(all).toMatch(/^Nothing would change: \d+ objects of dev /);
    expect(exitCode).toBe(0);
  });

  test('names what a value rolls and why, shows no password, and changes nothing', async () => {
    const versions = () =>
      kubectl(
        '-n',
        NAMESPACE,
        'get',
        'configmaps,secrets',
        '-o',
        'jsonpath={.items[*].metadata.resourceVersion}',
      );
    const before = (await versions()).stdout;
    const values = {
      redis: { ...config.redis, maxMemory: '60Mi' },
      secrets: { values: { jwtSecret: 'another-secret-of-more-than-32-characters' } },
    };
    const { exitCode, all } = await zakpos('diff', ['--exit-code'], { values });
    const [, rolled = ''] = /Rolled: their pods are replaced\n((?: {2}.*\n)+)/.exec(all) ?? [];
    expect(rolled.trimEnd().split('\n')).toEqual([
      '  StatefulSet zakpos-redis: ConfigMap zakpos-redis (redis.conf)',
      '  Deployment zakpos-api: Secret zakpos-jwt (secret)',
    ]);
    expect(all).not.toContain('another-secret');
    expect(exitCode).toBe(2);
    expect((await versions()).stdout).toBe(before);
  });
});

describe('npm run doctor', () => {
  afterAll(async () => {
    const back = await zakpos('up');
    if (back.exitCode !== 0) throw new Error(back.all);
  });

  test('finds no problem where there is none', async () => {
    const { exitCode, all } = await zakpos('doctor');
    expect(all).toContain("may not connect to zakpos-postgres-0, and can't");
    expect(all).toContain('No problem was found.');
    expect(exitCode).toBe(0);
  });

  test('finds a node that is stopped, and who has taken one of its ports since', async () => {
    await execa('docker', ['stop', NODE]);
    const server = await listen(config.localPorts.redis);
    const { exitCode, all } = await zakpos('doctor');
    await new Promise((resolve) => server.close(resolve));
    expect(all).toMatch(/✖ cluster +The kind cluster "zakpos-e2e" is stopped\./);
    expect(all).toContain(`Port ${config.localPorts.redis} of this machine (localPorts.redis) is taken`);
    expect(exitCode).toBe(1);
  });
});

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve(server);
    });
  });
}
