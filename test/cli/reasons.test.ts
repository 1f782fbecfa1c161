import { look } from '../../cli/components.ts';
import { reasonOf, type Reason } from '../../cli/reasons.ts';
import { defined } from '../manifests.ts';
import { FakeKubectl } from './fakes.ts';

const CREATED = '2026-01-01T00:00:00Z';
const IMAGE = 'zakpos-api:1';

/** Reason for a pod of this status, so many seconds after it was made. */
async function reason(status: object, after = 1, schedulingSeconds?: number): Promise<Reason | undefined> {
  const item = {
    kind: 'Pod',
    metadata: { name: 'api-1', namespace: 'zakpos', creationTimestamp: CREATED },
    spec: { containers: [{ name: 'api', image: IMAGE }] },
    status: { phase: 'Pending', ...status },
  };
  const kubectl = new FakeKubectl(() => ({ stdout: JSON.stringify({ items: [item] }) }));
  const pod = (await look(kubectl, ['zakpos'])).find((object) => object.kind === 'Pod');
  return reasonOf(defined(pod, 'pod'), Date.parse(CREATED) + after * 1000, schedulingSeconds);
}

const container = (fields: object) => ({
  name: 'api',
  image: IMAGE,
  ready: false,
  restartCount: 0,
  ...fields,
});
const waiting = (why: string, message?: string, fields: object = {}) =>
  reason({ containerStatuses: [container({ state: { waiting: { reason: why, message } }, ...fields })] });
const ended = (exitCode: number, why = 'Error') => ({ terminated: { exitCode, reason: why } });
const crashing = (restartCount: number, last = ended(1)) =>
  waiting('CrashLoopBackOff', 'back-off 20s', { restartCount, lastState: last });

test('a pod that is ready needs no reason', async () => {
  const ready = [{ type: 'Ready', status: 'True' }];
  const running = [container({ ready: true, restartCount: 5, state: { running: {} }, lastState: ended(1) })];
  expect(await reason({ phase: 'Running', conditions: ready, containerStatuses: running })).toBeUndefined();
});

describe('an image', () => {
  const message =
    'Back-off pulling image "zakpos-api:1": ErrImagePull: failed to pull and unpack image: failed to resolve reference: not found';

  test('that could not be pulled twice is named, with what to do', async () => {
    const found = await waiting('ImagePullBackOff', message);
    expect(found?.fact).toBe(
      'image zakpos-api:1 can\'t be pulled: Back-off pulling image "zakpos-api:1": ErrImagePull',
    );
    expect(found?.fix).toMatch(/npm run images/);
  });

  test('that could not be pulled once may be there at the next attempt', async () => {
    expect(await waiting('ErrImagePull', 'not found')).toEqual({
      fact: "image zakpos-api:1 can't be pulled: not found",
    });
  });

  test.each(['InvalidImageName', 'ErrImageNeverPull'])('that is %s is hopeless at once', async (why) => {
    expect(await waiting(why)).toMatchObject({ fact: `image zakpos-api:1 can't be used: ${why}` });
    expect((await waiting(why))?.fix).toBeDefined();
  });
});

describe('a pod that no node takes', () => {
  const unschedulable = (message: string, after: number, schedulingSeconds?: number) =>
    reason(
      { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }] },
      after,
      schedulingSeconds,
    );
  const MEMORY = '0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available';
  const fact = 'no node takes it: 0/1 nodes are available: 1 Insufficient memory.';

  test('is waited for in the first 15 seconds', async () => {
    expect(await unschedulable(MEMORY, 14)).toEqual({ fact });
  });

  test('needs more room after them', async () => {
    const found = await unschedulable(MEMORY, 15);
    expect(found?.fact).toBe(fact);
    expect(found?.fix).toMatch(/memory and CPU, or lower resources\.requests/);
  });

  test('is waited for longer where nodes may come', async () => {
    expect(await unschedulable(MEMORY, 200, 300)).toEqual({ fact });
    expect((await unschedulable(MEMORY, 300, 300))?.fix).toBeDefined();
  });

  test.each([
    '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
    'storageclass.storage.k8s.io "fast" not found',
  ])('because of its claim is told so: %s', async (message) => {
    expect((await unschedulable(message, 60))?.fix).toMatch(/^Look at the claim/);
  });

  test('because its claim is not bound yet is waited for: who binds it may just be starting', async () => {
    const message = '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.';
    expect(await unschedulable(message, 59)).toEqual({ fact: `no node takes it: ${message}` });
    expect((await unschedulable('storageclass.storage.k8s.io "fast" not found', 15))?.fix).toBeDefined();
  });

  test('because of too small a disk is not sent to its claim', async () => {
    const found = await unschedulable('0/1 nodes are available: 1 Insufficient ephemeral-storage.', 15);
    expect(found?.fix).not.toMatch(/claim/);
  });
});

describe('a container that keeps ending', () => {
  test.each([1, 2])('may recover after %i restarts', async (restarts) => {
    expect(await crashing(restarts)).toEqual({
      fact: `container api ended with exit code 1, ${restarts} restarts`,
      log: { container: 'api', previous: true },
    });
  });

  test('is not waited for after 3 restarts, and its last run is asked why', async () => {
    const found = await crashing(3);
    expect(found?.fact).toBe('container api ended with exit code 1, 3 restarts');
    expect(found?.log).toEqual({ container: 'api', previous: true });
    expect(found?.fix).toMatch(/last line/);
  });

  test('for want of memory needs a higher limit', async () => {
    const found = await crashing(3, ended(137, 'OOMKilled'));
    expect(found).toMatchObject({ fact: 'container api ran out of its memory limit, 3 restarts' });
    expect(found?.fix).toBe('Raise resources.limits.memory of this component.');
    expect((await crashing(2, ended(137, 'OOMKilled')))?.fix).toBeUndefined();
  });

  test('has its words in the current log before it is started again', async () => {
    expect(await reason({ containerStatuses: [container({ state: ended(2) })] })).toEqual({
      fact: 'container api ended with exit code 2',
      log: { container: 'api', previous: false },
    });
  });

  test('is waited for while it runs', async () => {
    const again = container({ restartCount: 4, state: { running: {} }, lastState: ended(1) });
    expect(await reason({ containerStatuses: [again] })).toEqual({
      fact: 'container api runs, its probe does not succeed yet',
    });
  });
});

describe('an init container', () => {
  const init = (fields: object) => ({
    initContainerStatuses: [container({ name: 'migrate', ...fields })],
    containerStatuses: [container({ state: { waiting: { reason: 'PodInitializing' } } })],
  });

  test('that runs is named, and its log tells how far it is', async () => {
    expect(await reason(init({ state: { running: {} } }))).toEqual({
      fact: 'init container migrate is running',
      log: { container: 'migrate', previous: false },
    });
  });

  test('that keeps ending is the reason, not the container that waits for it', async () => {
    const state = { waiting: { reason: 'CrashLoopBackOff' } };
    const found = await reason(init({ restartCount: 3, state, lastState: ended(1) }));
    expect(found?.fact).toBe('init container migrate ended with exit code 1, 3 restarts');
    expect(found?.fix).toBeDefined();
  });

  test('that has done its work is no reason any more, even if it needed two attempts', async () => {
    const done = init({ ready: true, restartCount: 1, state: ended(0, 'Completed'), lastState: ended(1) });
    expect(await reason(done)).toEqual({ fact: 'not ready yet' });
  });
});

test('a Secret that is missing is named, with how to make it', async () => {
  const found = await waiting('CreateContainerConfigError', 'secret "zakpos-jwt" not found');
  expect(found?.fact).toBe('container api can\'t be made: secret "zakpos-jwt" not found');
  expect(found?.fix).toMatch(/npm run secrets -- --check/);
});

test.each<[string, object, string]>([
  ['that has just been made', {}, 'starting'],
  [
    'whose container is being made',
    { containerStatuses: [container({ state: { waiting: { reason: 'ContainerCreating' } } })] },
    'its container is being made',
  ],
  [
    'whose probe does not succeed yet',
    { containerStatuses: [container({ state: { running: {} } })] },
    'container api runs, its probe does not succeed yet',
  ],
])('a pod %s is waited for', async (_, status, fact) => {
  expect(await reason(status)).toEqual({ fact });
});
