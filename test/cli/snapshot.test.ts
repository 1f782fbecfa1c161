/** Snapshots are asked for where the storage makes them; where it doesn't, nothing is made, and the reason is said. */
import { takeSnapshots } from '../../cli/commands/snapshot.ts';
import { VolumeSnapshot } from '../../imports/snapshot.storage.k8s.io.ts';
import { failureOf, FakeKubectl, type Answer, withFastClock } from './fakes.ts';
import { template } from './volumes.ts';

withFastClock();

interface Cluster {
  /** @default true */
  readonly api?: boolean;
  /** Driver of every volume. @default - no CSI driver */
  readonly driver?: string;
  /** Classes with their driver, and whether each is the default. */
  readonly classes?: readonly (readonly [string, string, boolean?])[];
  /** What a snapshot says of itself, the last one for ever. */
  readonly states?: readonly object[];
}
const DRIVER = 'ebs.csi.aws.com';
const STORE = {
  name: 'zakpos-zookeeper',
  namespace: 'zakpos',
  templates: [template('data'), template('log')],
};
const READY = { readyToUse: true };

function cluster({ api = true, driver, classes = [], states = [READY] }: Cluster) {
  const left = [...states];
  const made: unknown[] = [];
  const list = (items: readonly object[]): Answer => ({ stdout: JSON.stringify({ items }) });
  const kubectl = new FakeKubectl((args, input) => {
    const text = args.join(' ');
    if (text.startsWith('get customresourcedefinitions '))
      return { stdout: api ? 'volumesnapshots.snapshot.storage.k8s.io   2026-01-01T00:00:00Z' : '' };
    if (text === 'get persistentvolumes -o json')
      return list([
        {
          metadata: { name: 'pv' },
          spec: {
            capacity: { storage: '2Gi' },
            persistentVolumeReclaimPolicy: 'Delete',
            ...(driver === undefined ? {} : { csi: { driver } }),
          },
        },
      ]);
    if (text === '-n zakpos get persistentvolumeclaims -o json')
      return list(
        ['data-zakpos-zookeeper-0', 'log-zakpos-zookeeper-0', 'data-zakpos-redis-0'].map((name) => ({
          kind: 'PersistentVolumeClaim',
          metadata: { name, namespace: 'zakpos', creationTimestamp: '2026-01-01T00:00:00Z' },
          spec: { storageClassName: 'gp3', volumeName: 'pv', resources: { requests: { storage: '2Gi' } } },
        })),
      );
    if (text === 'get volumesnapshotclasses -o json')
      return list(
        classes.map(([name, of, isDefault = false]) => ({
          metadata: {
            name,
            ...(isDefault
              ? { annotations: { 'snapshot.storage.kubernetes.io/is-default-class': 'true' } }
              : {}),
          },
          driver: of,
        })),
      );
    if (text === 'apply --server-side --force-conflicts --validate=false -f -') {
      made.push(JSON.parse(input ?? ''));
      return {};
    }
    if (/^-n zakpos get volumesnapshot (data|log)-zakpos-zookeeper-0-\d{14} -o json$/.test(text)) {
      const status = left.length > 1 ? left.shift() : left[0];
      return { stdout: JSON.stringify({ status }) };
    }
    throw new Error(text);
  });
  const notes: string[] = [];
  const line = { note: (text: string): void => void notes.push(text), rename: (): void => undefined };
  const take = (name?: string, timeout = 0): Promise<string[]> =>
    takeSnapshots(kubectl, STORE, { timeout, ...(name === undefined ? {} : { class: name }) }, line);
  return { take, made };
}

test('one is made of each claim of the store, by the class of its driver, and waited for', async () => {
  const { take, made } = cluster({
    driver: DRIVER,
    classes: [
      ['gp3', DRIVER],
      ['other', 'disk.csi.azure.com', true],
    ],
    states: [{}, { readyToUse: false }, READY],
  });
  const names = await take(undefined, 10);
  expect(names).toEqual([
    expect.stringMatching(/^data-zakpos-zookeeper-0-\d{14}$/),
    expect.stringMatching(/^log-zakpos-zookeeper-0-\d{14}$/),
  ]);
  expect(made).toEqual(
    ['data', 'log'].map((claim, index) => ({
      ...VolumeSnapshot.GVK,
      metadata: {
        name: names[index],
        namespace: 'zakpos',
        labels: { 'app.kubernetes.io/part-of': 'zakpos' },
      },
      spec: {
        volumeSnapshotClassName: 'gp3',
        source: { persistentVolumeClaimName: `${claim}-zakpos-zookeeper-0` },
      },
    })),
  );
});

test.each([
  [
    'the default of several',
    [
      ['a', DRIVER],
      ['b', DRIVER, true],
    ],
    undefined,
    'b',
  ],
  [
    'the one that is named',
    [
      ['a', DRIVER],
      ['b', DRIVER, true],
    ],
    'a',
    'a',
  ],
] as const)('the class is %s', async (_, classes, named, chosen) => {
  const { take, made } = cluster({ driver: DRIVER, classes });
  await take(named);
  expect(JSON.stringify(made)).toContain(`"volumeSnapshotClassName":"${chosen}"`);
});

test.each<[string, Cluster, string | undefined, RegExp]>([
  [
    'the cluster has no such API, as kind',
    { api: false },
    undefined,
    /^The cluster of context "fake" has no VolumeSnapshots: volumesnapshots\.snapshot\.storage\.k8s\.io is not installed\./,
  ],
  [
    'no CSI driver made the volume',
    { classes: [['gp3', DRIVER]] },
    undefined,
    /^There can be no snapshot of data-zakpos-zookeeper-0 \(StorageClass gp3\): no CSI driver has made it\. None was made\./,
  ],
  [
    'the driver has no class',
    { driver: DRIVER, classes: [['other', 'disk.csi.azure.com']] },
    undefined,
    /no VolumeSnapshotClass is of its driver, ebs\.csi\.aws\.com\. .*\n.*--class; there is none\.$/,
  ],
  [
    'there are several and none is the default',
    {
      driver: DRIVER,
      classes: [
        ['a', DRIVER],
        ['b', DRIVER],
      ],
    },
    undefined,
    /: a, b would do, and none of them is the default\. /,
  ],
  [
    "the named one is another driver's",
    {
      driver: DRIVER,
      classes: [
        ['a', DRIVER],
        ['other', 'disk.csi.azure.com'],
      ],
    },
    'other',
    /no VolumeSnapshotClass other is of its driver, .*\n.*with --class; there are a\.$/,
  ],
])('nothing is made where %s', async (_, props, named, expected) => {
  const { take, made } = cluster(props);
  expect(await failureOf(() => take(named))).toMatch(expected);
  expect(made).toEqual([]);
});

test('one that can not be used in time is named with what its controller says', async () => {
  const { take } = cluster({
    driver: DRIVER,
    classes: [['gp3', DRIVER]],
    states: [{ readyToUse: false, error: { message: 'quota of snapshots exceeded' } }],
  });
  expect(await failureOf(() => take())).toMatch(
    /^data-zakpos-zookeeper-0-\d+ can't be used after 0 s: quota of snapshots exceeded\.\n {2}`kubectl --context fake -n zakpos describe volumesnapshot /,
  );
});
