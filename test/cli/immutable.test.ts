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
  failureOf(() => refuseImmutableChanges(cluster(live), [wanted]));

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
  [
    'the class of a claim',
    statefulSet({}, [{ ...data, storageClassName: 'fast' }]),
    'volumeClaimTemplates.data.storageClass is nothing in the cluster and would become "fast"',
  ],
])('%s is named with what it is and what it would become, and how to get there', async (_, wanted, fact) => {
  expect(await refusal(statefulSet(), wanted)).toBe(
    `StatefulSet zakpos-postgres: ${fact}.\n${REFUSED}\n  ${AROUND}`,
  );
});

test('a class that is taken away is named, too', async () => {
  const live = statefulSet({}, [{ ...data, storageClassName: 'fast' }]);
  expect(await refusal(live, statefulSet())).toContain(
    'volumeClaimTemplates.data.storageClass is "fast" in the cluster and would become nothing',
  );
});

test('another size comes with how a claim grows and its StatefulSet is made around it', async () => {
  expect(await refusal(statefulSet(), statefulSet({}, [{ ...data, size: '40Gi' }]))).toBe(
    'StatefulSet zakpos-postgres: volumeClaimTemplates.data.size is "20Gi" in the cluster and would become "40Gi".\n' +
      `${REFUSED}\n  Put the old value back; or first grow each claim, where its StorageClass allows it: ` +
      '`kubectl --context fake -n zakpos patch pvc data-zakpos-postgres-0 --type=merge -p \'{"spec":{"resources":{"requests":{"storage":"40Gi"}}}}\'`; ' +
      `then ${ORPHAN} and \`npm run up\`; pods and data stay. A claim can't shrink, nor change its StorageClass: that takes a restore from a backup.`,
  );
});

test('several changes of several StatefulSets are named at once, and a recipe that serves for two only once', async () => {
  const wanted = [
    statefulSet({ serviceName: 'postgres', podManagementPolicy: 'OrderedReady' }),
    statefulSet({ serviceName: 'redis' }, [data], 'zakpos-redis'),
  ];
  const live = cluster(statefulSet(), statefulSet({}, [data], 'zakpos-redis'));
  const message = await failureOf(() => refuseImmutableChanges(live, wanted));
  expect(message.match(/^StatefulSet zakpos-(postgres|redis): \w+ is /gm)).toHaveLength(3);
  expect(message.match(/delete statefulset zakpos-postgres/g)).toHaveLength(1);
  expect(message.match(/delete statefulset zakpos-redis/g)).toHaveLength(1);
});

describe('nothing is said', () => {
  const passes = (live: readonly Manifest[], wanted: readonly Manifest[]): Promise<void> =>
    refuseImmutableChanges(cluster(...live), wanted);

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
    await refuseImmutableChanges(kubectl, [deployment]);
    expect(kubectl.calls).toEqual([]);
  });
});

test('the cluster is only read', async () => {
  const kubectl = cluster(statefulSet());
  await refuseImmutableChanges(kubectl, [statefulSet()]);
  expect(kubectl.calls.map(({ args }) => args.join(' '))).toEqual([
    '-n zakpos get statefulset zakpos-postgres --ignore-not-found -o json',
  ]);
});
