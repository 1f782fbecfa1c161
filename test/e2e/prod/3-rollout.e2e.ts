import { execa } from 'execa';
import { z } from 'zod';
import { call, CLUSTER, ENVIRONMENT, kubectl, NAMESPACE, pods, zakpos } from '../harness.ts';
import { describeReport, expectNothingLost, Load, salesInPostgres, untilWhole } from '../load.ts';

const imageOf = async (app: string): Promise<string> =>
  (
    await kubectl(
      ...['-n', NAMESPACE, 'get', 'deployment', `zakpos-${app}`],
      ...['-o', 'jsonpath={.spec.template.spec.containers[0].image}'],
    )
  ).stdout;

/** The same image under another tag: to Kubernetes, a new one. */
async function newImage(app: string): Promise<string> {
  const image = await imageOf(app);
  const next = `${image.split(':')[0] ?? ''}:e2e-next`;
  await execa('docker', ['tag', image, next]);
  await execa('kind', ['load', 'docker-image', next, '--name', CLUSTER]);
  return next;
}

describe('a rollout under a load of sales', () => {
  test.each(['api', 'web'] as const)('of a new image of %s fails no request', async (app) => {
    const image = await newImage(app);
    await untilWhole();
    const before = await salesInPostgres();
    const load = await Load.start({ salesPerSecond: 10 });
    // Its own sale would be one more than those that are counted.
    const up = await zakpos('up', ['--env', ENVIRONMENT, '--no-smoke'], { values: { [app]: { image } } });
    const report = await load.stop();
    console.log(describeReport(`rollout of ${app}`, report));
    expect(up.exitCode).toBe(0);
    expect(await imageOf(app)).toBe(image);
    expect(report.failures).toEqual([]);
    await expectNothingLost(before, report);
  });

  test('of an image that does not start stops by itself, and a rollback restores', async () => {
    const good = await imageOf('api');
    const replicas = (await pods())
      .filter(({ workload }) => workload === 'zakpos-api')
      .map(({ name }) => name);
    const before = await salesInPostgres();
    const load = await Load.start({ salesPerSecond: 10 });
    const up = await zakpos('up', ['--env', ENVIRONMENT], {
      values: { api: { image: good, env: { DATABASE_SSL_MODE: 'perhaps' } } },
    });
    expect(up.exitCode).toBe(1);
    expect(up.all).toContain('DATABASE_SSL_MODE is "perhaps"');
    const during = (await pods()).filter(({ workload, ready }) => workload === 'zakpos-api' && ready);
    expect(during.map(({ name }) => name).sort()).toEqual(replicas.sort());

    const rollback = await zakpos('rollback', ['--env', ENVIRONMENT]);
    console.log(rollback.all);
    expect(rollback.exitCode).toBe(0);
    const report = await load.stop();
    console.log(describeReport('a bad image, and its rollback', report));
    expect(report.failures).toEqual([]);
    expect(await imageOf('api')).toBe(good);
    await expectNothingLost(before, report);
    expect((await zakpos('rollback', ['--env', ENVIRONMENT])).all).toContain('nothing to take back');
    expect(await call('/api/v1/auth/me')).toMatchObject({ status: 401 });
  });
});

const autoscaler = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({
        currentReplicas: z.number(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })),
      }),
    }),
  ),
});

describe('the autoscalers', () => {
  test('have metrics to act on, and are between their bounds', async () => {
    const { stdout } = await kubectl('-n', NAMESPACE, 'get', 'hpa', '-o', 'json');
    const { items } = autoscaler.parse(JSON.parse(stdout));
    expect(items.map(({ metadata }) => metadata.name).sort()).toEqual(['zakpos-api', 'zakpos-web']);
    for (const { metadata, status } of items) {
      const active = status.conditions.find(({ type }) => type === 'ScalingActive');
      expect(`${metadata.name} ${active?.status ?? 'unknown'}`).toBe(`${metadata.name} True`);
      expect(status.currentReplicas).toBeGreaterThanOrEqual(2);
    }
  });
});
