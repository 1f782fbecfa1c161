/** Claims are listed with who uses them; what nothing uses is shown with the line that would delete it, and stays. */
import { describeClaims, sizeText } from '../../cli/claims.ts';
import { bytesOf, ordinalOf, storeOf, type Store } from '../../cli/stores.ts';
import { FakeKubectl, failureOf, type Answer } from './fakes.ts';
import { template } from './volumes.ts';

const GI = 2 ** 30;
const claim = (name: string, volume: string | undefined, more: object = {}) => ({
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'zakpos', creationTimestamp: '2026-01-02T03:04:05Z' },
  spec: { storageClassName: 'standard', volumeName: volume, resources: { requests: { storage: '2Gi' } } },
  status: volume === undefined ? { phase: 'Pending' } : { phase: 'Bound', capacity: { storage: '2Gi' } },
  ...more,
});
const pod = (name: string, claimName: string, node: string | undefined, phase = 'Running') => ({
  metadata: { name },
  spec: { nodeName: node, volumes: [{}, { persistentVolumeClaim: { claimName } }] },
  status: { phase },
});
const volume = (name: string, of: string, node: string, phase = 'Bound', more: object = {}) => ({
  metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': 'rancher.io/local-path' } },
  spec: {
    capacity: { storage: '2Gi' },
    storageClassName: 'standard',
    persistentVolumeReclaimPolicy: 'Retain',
    claimRef: { namespace: 'zakpos', name: of },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
        ],
      },
    },
  },
  status: { phase },
  ...more,
});
const statefulSet = (name: string, replicas: number) => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name, namespace: 'zakpos' },
  spec: { replicas, selector: { matchLabels: {} }, template: {}, volumeClaimTemplates: [template('data')] },
});
const stats = (...used: readonly [string, number][]) => ({
  pods: [
    { podRef: { name: 'without' } },
    {
      volume: [
        { name: 'config', availableBytes: 1, capacityBytes: 2 },
        ...used.map(([name, usedBytes]) => ({
          name: 'data',
          // The file system keeps some for root.
          usedBytes: usedBytes / 2,
          availableBytes: 2 * GI - usedBytes,
          capacityBytes: 2 * GI,
          pvcRef: { name, namespace: 'zakpos' },
        })),
      ],
    },
  ],
});

interface Cluster {
  readonly claims?: readonly object[];
  readonly sets?: readonly object[];
  readonly pods?: readonly object[];
  readonly volumes?: readonly object[] | 'forbidden';
  /** By node; those that are left out refuse. */
  readonly stats?: Readonly<Record<string, object>>;
  readonly wanted?: readonly Store[];
}

async function listed({
  claims = [],
  sets = [],
  pods = [],
  volumes = [],
  stats: measured = {},
  wanted = [],
}: Cluster) {
  const list = (items: readonly object[]): Answer => ({ stdout: JSON.stringify({ items }) });
  const kubectl = new FakeKubectl((args) => {
    const text = args.join(' ');
    if (text === 'get persistentvolumes -o json')
      return volumes === 'forbidden'
        ? {
            ok: false,
            stderr: 'Error from server (Forbidden): persistentvolumes is forbidden: User "till" cannot',
          }
        : list(volumes);
    const [, node] = /^get --raw \/api\/v1\/nodes\/(\S+)\/proxy\/stats\/summary$/.exec(text) ?? [];
    if (node !== undefined) {
      const answer = measured[node];
      return answer === undefined ? { ok: false, stderr: 'forbidden' } : { stdout: JSON.stringify(answer) };
    }
    if (text.startsWith('-n zakpos-system ')) return list([]);
    if (text === '-n zakpos get persistentvolumeclaims -o json') return list(claims);
    if (text === '-n zakpos get statefulsets -o json') return list(sets);
    if (text === '-n zakpos get pods -o json') return list(pods);
    throw new Error(text);
  });
  const text = await describeClaims(kubectl, ['zakpos', 'zakpos-system'], { wanted, almostFull: 80 });
  expect(kubectl.calls.filter(({ args }) => !args.includes('get'))).toEqual([]);
  return text.split('\n');
}

test('a claim is listed with its size, class, node, use and pod', async () => {
  const lines = await listed({
    claims: [claim('data-zakpos-postgres-0', 'pv-1'), claim('data-zakpos-redis-0', undefined)],
    sets: [statefulSet('zakpos-postgres', 1), statefulSet('zakpos-redis', 1)],
    pods: [
      pod('zakpos-postgres-0', 'data-zakpos-postgres-0', 'node-a'),
      pod('zakpos-redis-0', 'data-zakpos-redis-0', undefined),
    ],
    volumes: [volume('pv-1', 'data-zakpos-postgres-0', 'a')],
    stats: { 'node-a': stats(['data-zakpos-postgres-0', 0.5 * GI]) },
  });
  expect(lines).toEqual([
    'claim                   asked  has  class     node  used          pod',
    'data-zakpos-postgres-0  2Gi    2Gi  standard  a     25 % (512Mi)  zakpos-postgres-0',
    'data-zakpos-redis-0     2Gi    -    standard  -     -             zakpos-redis-0',
  ]);
});

test.each([
  [79.4, false],
  [80, true],
  [99, true],
])('a volume of which %d %% is used is marked: %s', async (percent, marked) => {
  const lines = await listed({
    claims: [claim('data-zakpos-postgres-0', 'pv-1')],
    sets: [statefulSet('zakpos-postgres', 1)],
    pods: [pod('zakpos-postgres-0', 'data-zakpos-postgres-0', 'node-a')],
    stats: { 'node-a': stats(['data-zakpos-postgres-0', (percent / 100) * 2 * GI]) },
  });
  expect(lines[1]?.endsWith('ALMOST FULL')).toBe(marked);
});

test('the use is left open where the kubelet may not be asked', async () => {
  const [, line] = await listed({
    claims: [claim('data-zakpos-postgres-0', 'pv-1')],
    sets: [statefulSet('zakpos-postgres', 1)],
    pods: [pod('zakpos-postgres-0', 'data-zakpos-postgres-0', 'node-a')],
  });
  expect(line).toBe('data-zakpos-postgres-0  2Gi    2Gi  standard  -     -     zakpos-postgres-0');
});

describe('a claim that nothing uses', () => {
  const unused = (lines: readonly string[]): string[] =>
    lines.flatMap((line) => / delete pvc (\S+)$/.exec(line)?.[1] ?? []);

  test('is marked with the day it was made, and the line that would delete it', async () => {
    const lines = await listed({
      claims: [claim('data-zakpos-postgres-0-moving-20260102', 'pv-1')],
      sets: [statefulSet('zakpos-postgres', 1)],
      volumes: [volume('pv-1', 'data-zakpos-postgres-0-moving-20260102', 'a')],
    });
    expect(lines[1]).toMatch(/ a +- +- +unused; made 2026-01-02 \(\d+d ago\)$/);
    expect(lines.slice(2)).toEqual([
      '',
      'Nothing uses these. Their data goes with them, and only by your hand:',
      '  kubectl --context fake -n zakpos delete pvc data-zakpos-postgres-0-moving-20260102',
    ]);
  });

  test('is one of no pod and no StatefulSet, whose pods may be away', async () => {
    const lines = await listed({
      claims: [
        claim('data-zakpos-kafka-0', 'pv-1'),
        claim('data-zakpos-kafka-2', 'pv-2'),
        claim('data-zakpos-kafka-x', 'pv-3'),
        claim('mounted', 'pv-4'),
        claim('done', 'pv-5'),
        claim('data-zakpos-redis-0', 'pv-6'),
      ],
      sets: [statefulSet('zakpos-kafka', 2)],
      pods: [pod('somebody', 'mounted', 'node-a'), pod('job', 'done', 'node-a', 'Succeeded')],
      // It is away while a move goes on.
      wanted: [{ name: 'zakpos-redis', namespace: 'zakpos', templates: [template('data')] }],
    });
    expect(unused(lines)).toEqual(['data-zakpos-kafka-x', 'done']);
    expect(lines[2]).toMatch(/kept for pod 2 of zakpos-kafka, which has 2 now$/);
  });
});

test('volumes whose claim is gone are listed with how each is given back, and nobody else’s', async () => {
  const lines = await listed({
    volumes: [
      volume('pv-1', 'data-zakpos-postgres-0', 'a', 'Released'),
      volume('pv-2', 'data-zakpos-redis-0', 'b', 'Released', { metadata: { name: 'pv-2' } }),
      volume('pv-3', 'data-zakpos-kafka-0', 'a', 'Bound'),
      volume('pv-4', 'x', 'a', 'Released', {
        spec: {
          capacity: { storage: '1Gi' },
          persistentVolumeReclaimPolicy: 'Retain',
          claimRef: { namespace: 'other', name: 'x' },
        },
      }),
    ],
  });
  expect(lines.slice(0, 3)).toEqual([
    'There are no claims.',
    '',
    'Volumes whose claim is gone; they still hold its data:',
  ]);
  expect(lines.slice(4).map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
    ` | pv-1 | 2.0Gi | standard | a | data-zakpos-postgres-0 | kubectl --context fake patch pv pv-1 -p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'`,
    ' | pv-2 | 2.0Gi | standard | b | data-zakpos-redis-0 | kubectl --context fake delete pv pv-2',
  ]);
});

test('who may not see volumes sees the claims, and what is missing', async () => {
  const lines = await listed({ claims: [claim('data', 'pv-1')], volumes: 'forbidden' });
  expect(lines[1]).toMatch(/^data +2Gi/);
  expect(lines.at(-1)).toBe(
    'Your user may not see PersistentVolumes: nodes, and volumes without a claim, are not listed.',
  );
});

test.each([
  ['data-zakpos-kafka-0', 0],
  ['data-zakpos-kafka-12', 12],
  ['data-zakpos-kafka-01', undefined],
  ['data-zakpos-kafka-0-moving-1', undefined],
  ['data-zakpos-kafka-', undefined],
  ['log-zakpos-kafka-0', undefined],
  ['data-zakpos-kafka-connect-0', undefined],
])('%s is of pod %s of zakpos-kafka', (name, ordinal) => {
  expect(ordinalOf(name, 'zakpos-kafka', [template('data')])).toBe(ordinal);
});

test.each([
  ['2Gi', 2 * GI],
  ['1.5Gi', 1.5 * GI],
  ['2147483648', 2 * GI],
  ['2G', 2e9],
  ['107374182400m', 107_374_182.4],
  ['1e3', 1000],
  ['12E6', 12_000_000],
  ['2E', 2e18],
  ['1Ei', 2 ** 60],
  ['2000000u', 2],
])('%s is %d bytes', (size, bytes) => {
  expect(bytesOf(size)).toBe(bytes);
});

test('sizes are shown as people read them', () => {
  expect([0, 512 * 2 ** 20, GI, 20.04 * GI].map(sizeText)).toEqual(['0Mi', '512Mi', '1.0Gi', '20.0Gi']);
});

describe('a store', () => {
  const manifests = [
    { kind: 'Deployment', metadata: { name: 'zakpos-api', namespace: 'zakpos' } },
    {
      kind: 'StatefulSet',
      metadata: { name: 'zakpos-postgres', namespace: 'zakpos' },
      spec: { volumeClaimTemplates: [template('data')] },
    },
    { kind: 'StatefulSet', metadata: { name: 'zakpos-none', namespace: 'zakpos' }, spec: {} },
  ];

  test.each(['postgres', 'zakpos-postgres'])('is found as %s', (name) => {
    expect(storeOf(manifests, name)).toMatchObject({ name: 'zakpos-postgres', namespace: 'zakpos' });
  });

  test('that there is not is refused with those that there are', async () => {
    for (const name of ['api', 'none', 'mysql'])
      expect(await failureOf(() => storeOf(manifests, name))).toBe(
        `"${name}" is no store with claims in this environment.\n  Name one of postgres.`,
      );
    expect(await failureOf(() => storeOf([], 'postgres'))).toMatch(/Its stores are external/);
  });
});
