/** What Kubernetes would refuse of a StatefulSet is refused before anything is applied, with the way there. */
import { refuseImmutableChanges } from '../../cli/immutable.ts';
import type { Manifest } from '../../cli/environment.ts';
import { failureOf, FakeKubectl } from './fakes.ts';

interface Claim {
  readonly name: string;
  readonly size: string;
  readonly storageClassName?: string;
}

const data: Claim = { name: 'data', size: '20Gi' };

/** A StatefulSet as it is rendered, or as kubectl prints it. */
const statefulSet = (spec: object = {}, claims: readonly Claim[] = [data], name = 'zakpos-postgres') => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name, namespace: 'zakpos' },
  spec: {
    replicas: 1,
    serviceName: `${name}-headless`,
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: { 'app.kubernetes.io/name': name } },
    volumeClaimTemplates: claims.map(({ name: claim, size, storageClassName }) => ({
      metadata: { name: claim },
      spec: { storageClassName, resources: { requests: { storage: size } } },
    })),
    ...spec,
  },
});
const deployment: Manifest = { kind: 'Deployment', metadata: { name: 'zakpos-api', namespace: 'zakpos' } };

/** A cluster with these objects. */
const cluster = (...live: readonly Manifest[]) =>
  new FakeKubectl((args) => {
    const found = live.find(({ metadata }) => args.includes(metadata.name));
    return found === undefined ? {} : { stdout: JSON.stringify(found) };
  });
const refusal = (live: Manifest, wanted: Manifest): Promise<string> =>
  failureOf(() => refuseImmutableChanges(cluster(live), [wanted], '--env prod'));

const ORPHAN = '`kubectl --context fake -n zakpos delete statefulset zakpos-postgres --cascade=orphan`';
const AROUND = `Put the old value back; or ${ORPHAN} leaves its pods and claims, and the next \`npm run up\` makes it anew around them.`;
const REFUSED = 'Kubernetes lets nobody change that; nothing was applied.';

test.each<[string, Manifest, string]>([
  [
    'its headless Service',
    statefulSet({ serviceName: 'postgres' }),
    'serviceName is "zakpos-postgres-headless" in the cluster and would become "postgres"',
  ],
  [
    'how its pods are made',
    statefulSet({ podManagementPolicy: 'OrderedReady' }),
    'podManagementPolicy is "Parallel" in the cluster and would become "OrderedReady"',
  ],
  [
    'its selector',
    statefulSet({ selector: { matchLabels: { app: 'postgres' } } }),
    'selector is {"app.kubernetes.io/name":"zakpos-postgres"} in the cluster and would become {"app":"postgres"}',
  ],
  [
    'the names of its claims',
    statefulSet({}, [data, { name: 'log', size: '2Gi' }]),
    'volumeClaimTemplates is ["data"] in the cluster and would become ["data","log"]',
  ],
])('%s is named with what it is and what it would become, and how to get there', async (_, wanted, fact) => {
  expect(await refusal(statefulSet(), wanted)).toBe(
    `StatefulSet zakpos-postgres: ${fact}.\n${REFUSED}\n  ${AROUND}`,
  );
});

const MOVE =
  '`npm run move -- postgres --env prod` copies its data into new claims, while the store is stopped';

test.each<[string, Claim, Claim, string, string]>([
  [
    'a larger size',
    data,
    { ...data, size: '40Gi' },
    'size is "20Gi" in the cluster and would become "40Gi"',
    '`npm run resize -- postgres --env prod` grows its claims under the running pods, where their StorageClass allows it',
  ],
  [
    'a smaller size',
    data,
    { ...data, size: '10Gi' },
    'size is "20Gi" in the cluster and would become "10Gi"',
    MOVE,
  ],
  [
    'a class',
    data,
    { ...data, storageClassName: 'fast' },
    'storageClass is nothing in the cluster and would become "fast"',
    MOVE,
  ],
  [
    'a class that is taken away',
    { ...data, storageClassName: 'fast' },
    data,
    'storageClass is "fast" in the cluster and would become nothing',
    MOVE,
  ],
])('%s of a claim comes with the command that gets there', async (_, is, wants, fact, way) => {
  expect(await refusal(statefulSet({}, [is]), statefulSet({}, [wants]))).toBe(
    `StatefulSet zakpos-postgres: volumeClaimTemplates.data.${fact}.\n${REFUSED}\n  Put the old value back; or ${way}.`,
  );
});

test('several changes of several StatefulSets are named at once, and a recipe that serves for two only once', async () => {
  const wanted = [
    statefulSet({ serviceName: 'postgres', podManagementPolicy: 'OrderedReady' }),
    statefulSet({ serviceName: 'redis' }, [data], 'zakpos-redis'),
  ];
  const live = cluster(statefulSet(), statefulSet({}, [data], 'zakpos-redis'));
  const message = await failureOf(() => refuseImmutableChanges(live, wanted, '--env prod'));
  expect(message.match(/^StatefulSet zakpos-(postgres|redis): \w+ is /gm)).toHaveLength(3);
  expect(message.match(/delete statefulset zakpos-postgres/g)).toHaveLength(1);
  expect(message.match(/delete statefulset zakpos-redis/g)).toHaveLength(1);
});

describe('nothing is said', () => {
  const passes = (live: readonly Manifest[], wanted: readonly Manifest[]): Promise<void> =>
    refuseImmutableChanges(cluster(...live), wanted, '--env prod');

  test('of what is as it was', async () => {
    const claims = [{ ...data, storageClassName: 'fast' }];
    await expect(passes([statefulSet({}, claims)], [statefulSet({}, claims)])).resolves.toBeUndefined();
  });

  test('of what may change', async () => {
    const wanted = statefulSet({ replicas: 5, template: { spec: {} }, updateStrategy: { type: 'OnDelete' } });
    await expect(passes([statefulSet()], [wanted])).resolves.toBeUndefined();
  });

  test('of a size that Kubernetes has written in another way', async () => {
    const wanted = statefulSet({}, [{ ...data, size: '20480Mi' }]);
    await expect(passes([statefulSet()], [wanted])).resolves.toBeUndefined();
  });

  test('of what is not in the cluster', async () => {
    await expect(passes([], [statefulSet()])).resolves.toBeUndefined();
  });

  test('of anything else, which is not even asked for', async () => {
    const kubectl = cluster(statefulSet());
    await refuseImmutableChanges(kubectl, [deployment], '--env prod');
    expect(kubectl.calls).toEqual([]);
  });
});

test('the cluster is only read', async () => {
  const kubectl = cluster(statefulSet());
  await refuseImmutableChanges(kubectl, [statefulSet()], '--env prod');
  expect(kubectl.calls.map(({ args }) => args.join(' '))).toEqual([
    '-n zakpos get statefulset zakpos-postgres --ignore-not-found -o json',
  ]);
});
