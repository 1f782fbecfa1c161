import { componentsOf, look, progressOf, type Component, type Progress } from '../../cli/components.ts';
import { FakeKubectl } from './fakes.ts';

const deploymentOf = (name: string): Component => ({ kind: 'Deployment', name, namespace: 'zakpos' });
const api = deploymentOf('api');
const redis: Component = { kind: 'StatefulSet', name: 'redis', namespace: 'zakpos' };
const collector: Component = { kind: 'DaemonSet', name: 'collector', namespace: 'zakpos' };
const topics: Component = { kind: 'Job', name: 'topics', namespace: 'zakpos' };

const REVISION = 'deployment.kubernetes.io/revision';

/** What kubectl prints of a controller. */
const controller = ({ kind, name, namespace }: Component, spec: object, status: object, metadata = {}) => ({
  kind,
  metadata: { name, namespace, generation: 2, ...metadata },
  spec,
  status,
});

const deployment = (status: object, replicas = 2) =>
  controller(
    api,
    { replicas },
    { observedGeneration: 2, replicas, updatedReplicas: replicas, readyReplicas: replicas, ...status },
    { annotations: { [REVISION]: '2' } },
  );
const statefulSet = (status: object) =>
  controller(
    redis,
    { replicas: 3 },
    { observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, ...status },
  );
const daemonSet = (status: object) =>
  controller(
    collector,
    {},
    {
      observedGeneration: 2,
      desiredNumberScheduled: 3,
      updatedNumberScheduled: 3,
      numberReady: 3,
      ...status,
    },
  );
const job = (status: object) => controller(topics, {}, status);

const replicaSet = (name: string, revision: string, owner = 'api') => ({
  kind: 'ReplicaSet',
  metadata: {
    name,
    namespace: 'zakpos',
    annotations: { [REVISION]: revision },
    ownerReferences: [{ kind: 'Deployment', name: owner }],
  },
});
const pod = (name: string, owner: string, metadata = {}) => ({
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'zakpos',
    creationTimestamp: '2026-01-01T00:00:00Z',
    ownerReferences: [{ kind: 'ReplicaSet', name: owner }],
    ...metadata,
  },
  spec: { containers: [{ name: 'api', image: 'zakpos-api:1' }] },
  status: { phase: 'Running' },
});

/** How far a component is when kubectl prints these objects. */
async function progress(component: Component, ...items: object[]): Promise<Progress> {
  const kubectl = new FakeKubectl(() => ({ stdout: JSON.stringify({ items }) }));
  return progressOf(component, await look(kubectl, ['zakpos']));
}
const podNames = ({ pods }: Progress): string[] => pods.map(({ metadata }) => metadata.name);

test('the workloads among the manifests are the components, in their order', () => {
  const objects = ['Namespace', 'StatefulSet', 'Service', 'Job', 'DaemonSet', 'Deployment'].map((kind) => ({
    kind,
    metadata: { name: kind.toLowerCase(), ...(kind === 'Namespace' ? {} : { namespace: 'zakpos' }) },
  }));
  expect(componentsOf(objects).map(({ kind }) => kind)).toEqual([
    'StatefulSet',
    'Job',
    'DaemonSet',
    'Deployment',
  ]);
});

test('each namespace is looked into once', async () => {
  const kubectl = new FakeKubectl(() => ({ stdout: '{"items":[]}' }));
  expect(await look(kubectl, ['zakpos', 'zakpos-system'])).toEqual([]);
  expect(kubectl.calls.map(({ args }) => args[1])).toEqual(['zakpos', 'zakpos-system']);
});

test('what is not there yet is not ready', async () => {
  expect(await progress(api)).toEqual({ ready: false, replicas: '0/?', pods: [] });
  const elsewhere = deployment({});
  expect(
    await progress(api, { ...elsewhere, metadata: { ...elsewhere.metadata, namespace: 'other' } }),
  ).toMatchObject({ ready: false });
});

describe('a Deployment', () => {
  test('is ready when all its pods are new and ready', async () => {
    expect(await progress(api, deployment({}))).toMatchObject({ ready: true, replicas: '2/2' });
  });

  test.each<[string, object, string]>([
    ['while old pods are still there', { replicas: 3 }, '2/2'],
    ['while not all pods are new', { updatedReplicas: 1 }, '2/2'],
    ['while a new pod is not ready', { readyReplicas: 1 }, '1/2'],
    ['while its controller has not seen the change', { observedGeneration: 1 }, '2/2'],
  ])('is not ready %s', async (_, status, replicas) => {
    expect(await progress(api, deployment(status))).toMatchObject({ ready: false, replicas });
  });

  test('is not ready when somebody has scaled it to nothing', async () => {
    expect(await progress(api, deployment({}, 0))).toMatchObject({ ready: false, replicas: '0/0' });
  });

  test('is not ready before its controller has said anything', async () => {
    const fresh = controller(api, { replicas: 2 }, {});
    expect(await progress(api, fresh)).toMatchObject({ ready: false, replicas: '0/2' });
  });

  test('has the pods of its newest ReplicaSet only', async () => {
    const found = await progress(
      api,
      deployment({ replicas: 3 }),
      replicaSet('api-old', '1'),
      replicaSet('api-new', '2'),
      replicaSet('web-new', '2', 'web'),
      pod('api-old-1', 'api-old'),
      pod('api-new-1', 'api-new'),
      pod('web-new-1', 'web-new'),
    );
    expect(podNames(found)).toEqual(['api-new-1']);
  });

  test('has no pod that is on its way out', async () => {
    const gone = pod('api-new-1', 'api-new', { deletionTimestamp: '2026-01-01T00:00:01Z' });
    const found = await progress(api, deployment({}), replicaSet('api-new', '2'), gone);
    expect(podNames(found)).toEqual([]);
  });
});

describe('a StatefulSet', () => {
  test('is ready when all its pods are new and ready', async () => {
    expect(await progress(redis, statefulSet({}))).toMatchObject({ ready: true, replicas: '3/3' });
  });

  test.each<[string, object, string]>([
    ['while not all pods are new', { updatedReplicas: 2 }, '3/3'],
    ['while a pod is not ready', { readyReplicas: 2 }, '2/3'],
    ['while its controller has not seen the change', { observedGeneration: 1 }, '3/3'],
  ])('is not ready %s', async (_, status, replicas) => {
    expect(await progress(redis, statefulSet(status))).toMatchObject({ ready: false, replicas });
  });

  test('has its own pods', async () => {
    const own = pod('redis-0', 'redis');
    expect(podNames(await progress(redis, statefulSet({}), own, pod('api-1', 'api-new')))).toEqual([
      'redis-0',
    ]);
  });
});

describe('a DaemonSet', () => {
  test('is ready when each node has a pod that is new and ready', async () => {
    expect(await progress(collector, daemonSet({}))).toMatchObject({ ready: true, replicas: '3/3' });
  });

  test.each<[string, object, string]>([
    ['while not all pods are new', { updatedNumberScheduled: 2 }, '3/3'],
    ['while a pod is not ready', { numberReady: 2 }, '2/3'],
    ['while its controller has not seen the change', { observedGeneration: 1 }, '3/3'],
  ])('is not ready %s', async (_, status, replicas) => {
    expect(await progress(collector, daemonSet(status))).toMatchObject({ ready: false, replicas });
  });

  test('has its own pods', async () => {
    const own = pod('collector-x', 'collector');
    const found = await progress(collector, daemonSet({}), own, pod('api-1', 'api-new'));
    expect(podNames(found)).toEqual(['collector-x']);
  });
});

describe('a Job', () => {
  test('is ready when it has done its work', async () => {
    expect(await progress(topics, job({ succeeded: 1 }))).toEqual({
      ready: true,
      replicas: 'done',
      pods: [],
    });
  });

  test('is running until then, with its pods', async () => {
    const found = await progress(topics, job({ active: 1, failed: 1 }), pod('topics-x', 'topics'));
    expect(found).toMatchObject({ ready: false, replicas: 'running' });
    expect(found.failed).toBeUndefined();
    expect(podNames(found)).toEqual(['topics-x']);
  });

  test('has failed when it says so, with why', async () => {
    const message = 'Job has reached the specified backoff limit';
    const failed = (status: string, text?: string) =>
      progress(topics, job({ conditions: [{ type: 'Failed', status, message: text }] }));
    expect(await failed('True', message)).toMatchObject({
      ready: false,
      replicas: 'failed',
      failed: message,
    });
    expect(await failed('True')).toMatchObject({ failed: 'it gave up' });
    expect(await failed('False', message)).toMatchObject({ replicas: 'running' });
  });
});
