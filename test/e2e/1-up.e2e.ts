import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { toMebibytes } from '../../environments/quantities.ts';
import { call, CLUSTER, config, FIRST_UP, kubectl, NAMESPACE, tryKubectl, zakpos } from './harness.ts';

const firstUp = z
  .object({ seconds: z.number(), exitCode: z.number(), output: z.string() })
  .parse(JSON.parse(readFileSync(FIRST_UP, 'utf8')));

describe('npm run up', () => {
  test('ends with URLs that work', async () => {
    expect(firstUp.exitCode).toBe(0);
    const { http, api, web, mobile } = config.localPorts;
    for (const url of [
      `http://${config.ingress.host}:${http}`,
      `http://localhost:${web}`,
      `http://localhost:${mobile}`,
    ]) {
      expect(firstUp.output).toContain(url);
    }
    expect(await call('/')).toMatchObject({ status: 200 });
    expect(await call('/', { host: config.ingress.mobileHost })).toMatchObject({ status: 200 });
    expect(await call('/', { host: 'localhost', port: web })).toMatchObject({ status: 200 });
    expect(await call('/', { host: 'localhost', port: mobile })).toMatchObject({ status: 200 });
    expect(await call('/health', { host: 'localhost', port: api })).toMatchObject({
      status: 200,
      body: { status: 'ok' },
    });
    expect(await call('/api/v1/docs', { host: 'localhost', port: api })).toMatchObject({ status: 200 });
  });

  test('run again, changes nothing and takes seconds', async () => {
    const before = await generations();
    const started = Date.now();
    const again = await zakpos('up');
    const seconds = (Date.now() - started) / 1000;
    expect(again.all).toMatch(/0 created, 0 changed/);
    expect(again.exitCode).toBe(0);
    expect(await generations()).toEqual(before);
    console.log(`up with nothing to do: ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(20);
  });

  test('leaves nothing for kubectl diff to show', async () => {
    const diff = await tryKubectl('diff', '--server-side', '-f', `dist/${config.environment}`);
    expect(diff.all).toBe('');
    expect(diff.exitCode).toBe(0);
  });

  test("keeps dev's memory limits below 5 GiB", async () => {
    const { stdout } = await kubectl(
      '-n',
      NAMESPACE,
      'get',
      'pods',
      '-o',
      'jsonpath={.items[*].spec.containers[*].resources.limits.memory}',
    );
    const mebibytes = stdout.split(' ').reduce((sum, limit) => sum + toMebibytes(limit), 0);
    console.log(`memory limits of ${NAMESPACE}: ${mebibytes} MiB`);
    expect(mebibytes).toBeLessThan(5 * 1024);
  });

  test("keeps dev's memory in use below 3 GiB", async () => {
    const { stdout } = await kubectl(
      'get',
      '--raw',
      `/apis/metrics.k8s.io/v1beta1/namespaces/${NAMESPACE}/pods`,
    );
    const usage = z.object({
      items: z.array(
        z.object({ containers: z.array(z.object({ usage: z.object({ memory: z.string() }) })) }),
      ),
    });
    const kibibytes = usage
      .parse(JSON.parse(stdout))
      .items.flatMap(({ containers }) => containers)
      .reduce((sum, container) => sum + Number(/^(\d+)Ki$/.exec(container.usage.memory)?.[1]), 0);
    console.log(`memory in use of ${NAMESPACE}: ${(kibibytes / 1024).toFixed(0)} MiB`);
    expect(kibibytes).toBeGreaterThan(0);
    expect(kibibytes / 1024).toBeLessThan(3 * 1024);
  });
});

describe('npm run status', () => {
  test('names every component, ready, with its memory, and the URLs', async () => {
    const status = await zakpos('status');
    expect(status.exitCode).toBe(0);
    for (const name of ['postgres', 'redis', 'zookeeper', 'kafka', 'api', 'reports', 'web', 'mobile']) {
      expect(status.all).toMatch(new RegExp(`zakpos-${name}\\b.*1/1.*\\d+ ?Mi`));
    }
    expect(status.all).toContain(`http://${config.ingress.host}:${config.localPorts.http}`);
  });

  test('says which cluster it looked for when there is none', async () => {
    const status = await zakpos('status', ['--cluster', `${CLUSTER}-nowhere`]);
    expect(status.exitCode).toBe(1);
    expect(status.all).toContain(`${CLUSTER}-nowhere`);
    expect(status.all).toContain('npm run up');
  });
});

/** Generation of every object that up applies; status, which is written all the time, moves none. */
async function generations(): Promise<string[]> {
  const { stdout } = await kubectl(
    'get',
    '-f',
    `dist/${config.environment}`,
    '-o',
    'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{"\\n"}{end}',
  );
  return stdout.split('\n').sort();
}
