import { data } from '../../../cli/verify/data.ts';
import { contextOf, Failure, LINE, list, told, type Answers } from './world.ts';

const REDIS = {
  kind: 'StatefulSet',
  apiVersion: 'apps/v1',
  metadata: { name: 'zakpos-redis', namespace: 'zakpos' },
  spec: {
    replicas: 1,
    selector: { matchLabels: {} },
    volumeClaimTemplates: [
      { metadata: { name: 'data' }, spec: { resources: { requests: { storage: '1Gi' } } } },
    ],
    template: { spec: { containers: [{ volumeMounts: [{ name: 'data', mountPath: '/data' }] }] } },
  },
};
const claim = (phase = 'Bound') => ({
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data-zakpos-redis-0', namespace: 'zakpos', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { resources: { requests: { storage: '1Gi' } } },
  status: { phase },
});
const mounting = (claimName = 'data-zakpos-redis-0') => ({
  metadata: { name: 'zakpos-redis-0' },
  spec: { volumes: [{ persistentVolumeClaim: { claimName } }] },
});
const WELL: Answers = [
  [/get statefulset zakpos-redis/, REDIS],
  [/get persistentvolumeclaims/, list(claim())],
  [/get pods/, list(mounting())],
  [/exec .* config get dir/, '/data\n'],
  [/exec .* cat \/proc\/mounts/, 'overlay / overlay rw\n/dev/sda1 /data ext4 rw\n'],
];
const judge = (answers: Answers = [], restart: readonly string[] = []) => {
  const context = contextOf([...answers, ...WELL], { objects: [REDIS], restart });
  return { context, verdict: data.run(context, LINE) };
};

test('pass when the store writes to its mounted claim, and nobody is disturbed', async () => {
  const { context, verdict } = judge();
  expect(await verdict).toMatchObject({
    state: 'passed',
    words: '1 store with 1 kind of claims; none was restarted',
  });
  expect(context.kubectl.calls.map(({ args }) => args.join(' ')).join('\n')).not.toMatch(
    /delete|rollout|set zakpos:/,
  );
});

test.each<[string, Answers, string]>([
  ['no StatefulSet is there', [[/get statefulset/, '']], 'StatefulSet zakpos-redis is missing'],
  ['the claim is missing', [[/get persistentvolumeclaims/, list()]], 'Claim data-zakpos-redis-0 is missing'],
  [
    'the claim is not bound',
    [[/get persistentvolumeclaims/, list(claim('Lost'))]],
    'Claim data-zakpos-redis-0 is Lost, not Bound',
  ],
  [
    'the pod mounts another',
    [[/get pods/, list(mounting('other'))]],
    'Claim data-zakpos-redis-0 is not mounted by zakpos-redis-0',
  ],
  [
    'the server writes elsewhere',
    [[/config get dir/, '/tmp\n']],
    'Pod zakpos-redis-0 writes to /tmp, which is on no volume: its data end with it',
  ],
  [
    'nothing is mounted there',
    [[/proc\/mounts/, 'overlay / overlay rw\n']],
    'Pod zakpos-redis-0 writes to /data, which is on no volume: its data end with it',
  ],
  [
    'the server does not say',
    [[/config get dir/, new Failure('container not found')]],
    'Pod zakpos-redis-0 does not tell where it writes',
  ],
])('fail when %s', async (_, answers, fact) => {
  const verdict = await judge(answers).verdict;
  expect([verdict.state, ...told(verdict)]).toEqual(['failed', fact]);
});

describe('a store that may be restarted', () => {
  const restart = (after: string) => {
    let isNew = false;
    return judge(
      [
        [/exec .* set zakpos:verify/, 'OK'],
        [/exec .* get zakpos:verify/, () => (isNew ? after : 'kept\n')],
        [
          /delete pods zakpos-redis-0/,
          () => {
            isNew = true;
            return '';
          },
        ],
        [/get pod zakpos-redis-0 /, () => (isNew ? 'True' : '')],
      ],
      ['redis'],
    );
  };

  test('passes when what was there is there again', async () => {
    expect(await restart('kept\nand more\n').verdict).toMatchObject({
      state: 'passed',
      words: '1 store with 1 kind of claims; redis restarted',
    });
  });

  test('fails when it has lost it', async () => {
    const verdict = await restart('\n').verdict;
    expect([verdict.state, ...told(verdict)]).toEqual([
      'failed',
      'Pod zakpos-redis-0 has lost in its restart: kept',
    ]);
  });
});
