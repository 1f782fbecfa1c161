import { execa } from 'execa';
import {
  CONTEXT,
  ENVIRONMENT,
  eventually,
  kubectl,
  NAMESPACE,
  podOf,
  pods,
  redis,
  tryKubectl,
  zakpos,
} from '../harness.ts';
import { describeReport, expectNothingLost, Load, salesInPostgres, untilWhole } from '../load.ts';

const CLAIM = 'data-zakpos-postgres-0';

/** A worker that a store is not on. */
async function otherNode(store: string): Promise<string> {
  const { node } = await podOf(store);
  const other = (await pods()).find((pod) => pod.workload === 'zakpos-kafka' && pod.node !== node);
  if (other === undefined) throw new Error(`all brokers are on ${node}`);
  return other.node;
}

const claims = async (): Promise<string> => (await zakpos('status', ['--env', ENVIRONMENT, '--claims'])).all;
const line = (text: string, start: string): string =>
  text.split('\n').find((each) => each.trim().startsWith(start)) ?? `no line of ${start}`;
/** uid of a pod and of its claim, and the claim's volume and size. */
const state = async (): Promise<string> =>
  [
    (await podOf('zakpos-postgres')).uid,
    (
      await kubectl(
        ...['-n', NAMESPACE, 'get', 'pvc', CLAIM, '-o'],
        'jsonpath={.metadata.uid} {.spec.volumeName} {.spec.resources.requests.storage}',
      )
    ).stdout,
  ].join(' ');

test('every claim is listed with its node and the pod that mounts it', async () => {
  const text = await claims();
  for (const { name, workload, node } of await pods()) {
    if (!['zakpos-postgres', 'zakpos-redis', 'zakpos-kafka', 'zakpos-zookeeper'].includes(workload)) continue;
    expect(line(text, `data-${name} `)).toMatch(new RegExp(` standard +${node} .* ${name}$`));
  }
  expect(text).not.toContain('unused');
});

test('a claim that nothing uses is named with the line that deletes it, which is left to people', async () => {
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'leftover', namespace: NAMESPACE },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  };
  await execa('kubectl', ['--context', CONTEXT, 'create', '-f', '-'], { input: JSON.stringify(claim) });
  const text = await claims();
  expect(line(text, 'leftover')).toMatch(/ unused; made \d{4}-\d\d-\d\d \(\d+s ago\)$/);
  const [, rest] = /^ +kubectl (.* delete pvc leftover)$/m.exec(text) ?? [];
  expect((await tryKubectl('-n', NAMESPACE, 'get', 'pvc', 'leftover')).exitCode).toBe(0);
  await kubectl(...(rest ?? 'no line').split(' '));
  expect(await claims()).not.toContain('leftover');
});

test('growth is refused where the storage class can not do it, and nothing has changed', async () => {
  const before = await state();
  const larger = { values: { postgres: { storage: { size: '21Gi' } } } };
  const up = await zakpos('up', ['--env', ENVIRONMENT, '--no-smoke'], larger);
  expect(up.exitCode).toBe(1);
  expect(up.all).toContain(`\`npm run resize -- postgres --env ${ENVIRONMENT} --cluster`);
  const resize = await zakpos('resize', ['postgres', '--env', ENVIRONMENT], larger);
  expect(resize.exitCode).toBe(1);
  expect(resize.all).toContain(
    `${CLAIM} is of the StorageClass standard (rancher.io/local-path), whose claims can't grow. Nothing was changed.`,
  );
  expect(await state()).toBe(before);
});

test('snapshots are refused where the cluster makes none', async () => {
  const snapshot = await zakpos('snapshot', ['postgres', '--env', ENVIRONMENT]);
  expect(snapshot.exitCode).toBe(1);
  expect(snapshot.all).toContain('volumesnapshots.snapshot.storage.k8s.io is not installed');
});

describe('a move to another node, under a load of sales', () => {
  test('of postgres loses no sale, and leaves the old volume to be given back', async () => {
    await untilWhole();
    const node = await otherNode('zakpos-postgres');
    const before = await salesInPostgres();
    const others = (await pods()).filter(({ workload }) => workload !== 'zakpos-postgres');
    const load = await Load.start({ salesPerSecond: 10 });
    const move = await zakpos('move', [
      ...['postgres', '--env', ENVIRONMENT, '--to-node', node, '--claim', CLAIM],
    ]);
    await untilWhole();
    const report = await load.stop();
    console.log(`${move.all}\n${describeReport('move of postgres', report)}`);
    expect(move.exitCode).toBe(0);
    expect((await podOf('zakpos-postgres')).node).toBe(node);
    for (const { answer } of report.failures) expect(answer).toMatch(/^503 .*database/i);
    await expectNothingLost(before, report);
    const now = new Map((await pods()).map((pod) => [pod.name, pod.uid]));
    const stores = others.filter(({ workload }) => /redis|kafka$|zookeeper/.test(workload));
    expect(stores.filter(({ name, uid }) => now.get(name) !== uid)).toEqual([]);

    // The manifests hold nothing that the move would have changed.
    const up = await zakpos('up', ['--env', ENVIRONMENT, '--no-smoke']);
    expect(up.all).toMatch(/Apply: 0 created, 0 changed, /);
    const [volume] = /(?<=The old volume )\S+(?= stays, with its data as it was)/.exec(move.all) ?? [];
    const listed = line(await claims(), volume ?? 'volume');
    expect(listed).toContain(CLAIM);
    expect(move.all).toContain(listed.slice(listed.indexOf('kubectl')));
    await kubectl(
      ...['patch', 'pv', volume ?? '', '-p', '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'],
    );
    await eventually('the old volume is given back', 60, async () =>
      (await claims()).includes(volume ?? 'volume') ? undefined : true,
    );
  });

  test('of redis fails no sale, and keeps what it holds', async () => {
    await untilWhole();
    const node = await otherNode('zakpos-redis');
    await redis('set e2e:moved yes');
    const before = await salesInPostgres();
    const load = await Load.start({ salesPerSecond: 10 });
    const move = await zakpos('move', [
      ...['redis', '--env', ENVIRONMENT, '--to-node', node, '--claim', 'data-zakpos-redis-0'],
    ]);
    await untilWhole();
    const report = await load.stop();
    console.log(`${move.all}\n${describeReport('move of redis', report)}`);
    expect(move.exitCode).toBe(0);
    expect((await podOf('zakpos-redis')).node).toBe(node);
    expect(await redis('get e2e:moved')).toBe('yes');
    expect(report.failures.filter(({ what }) => what === 'sale')).toEqual([]);
    await expectNothingLost(before, report);
  });
});
