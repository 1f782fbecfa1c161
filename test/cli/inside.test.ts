import { followIn, placeIn, runIn, shellOf } from '../../cli/inside.ts';
import { failureOf, FakeKubectl, type Answer } from './fakes.ts';

interface PodOptions {
  readonly ready?: boolean;
  readonly phase?: string;
  readonly leaving?: boolean;
}
const pod = (name: string, { ready = true, phase = 'Running', leaving = false }: PodOptions = {}) => ({
  metadata: { name, ...(leaving ? { deletionTimestamp: '2026-11-22T06:00:00Z' } : {}) },
  spec: {
    containers: [
      { name: 'api', image: 'zakpos-api:1' },
      { name: 'beside', image: 'other:1' },
    ],
  },
  status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const answers = (answer: Answer) => new FakeKubectl(() => answer);
const withPods = (...items: readonly object[]) => answers({ stdout: JSON.stringify({ items }) });
const API = { name: 'zakpos-api', namespace: 'zakpos' };
const PLACE = { namespace: 'zakpos', pod: 'zakpos-api-1', container: 'api', image: 'zakpos-api:1' };

describe('a place', () => {
  test('is the first container of a pod that is ready', async () => {
    const kubectl = withPods(pod('a', { ready: false }), pod('b'), pod('c'));
    expect(await placeIn(kubectl, API)).toEqual({ ...PLACE, pod: 'b' });
    expect(kubectl.calls[0]?.args.join(' ')).toBe(
      '-n zakpos get pods -l app.kubernetes.io/name=zakpos-api -o json',
    );
  });

  test('is a pod that is not ready where there is no other, since that is what one looks into', async () => {
    const kubectl = withPods(pod('leaves', { leaving: true }), pod('a', { ready: false }));
    expect((await placeIn(kubectl, API)).pod).toBe('a');
  });

  test('is the pod that is named', async () => {
    expect((await placeIn(withPods(pod('a'), pod('b', { ready: false })), API, 'b')).pod).toBe('b');
  });

  test('is found by another label than the name of a component', async () => {
    const kubectl = withPods(pod('a'));
    await placeIn(kubectl, { ...API, selector: 'role=primary' });
    expect(kubectl.calls[0]?.args).toContain('role=primary');
  });

  test('is nowhere when no pod runs', async () => {
    expect(await failureOf(() => placeIn(withPods(pod('a', { phase: 'Pending' })), API))).toBe(
      'No pod of zakpos-api runs in the namespace zakpos.\n  `npm run status` tells why.',
    );
  });

  test('of another name says which there are', async () => {
    expect(await failureOf(() => placeIn(withPods(pod('a'), pod('b')), API, 'c'))).toBe(
      'No pod of zakpos-api named c runs in the namespace zakpos.\n  Name one of a, b.',
    );
  });
});

describe('the shell', () => {
  test('is the one that the container has', async () => {
    expect(await shellOf(answers({ stdout: '/bin/bash\n' }), PLACE)).toBe('/bin/bash');
  });

  test('that no image has is told with the way around', async () => {
    const stderr = 'OCI runtime exec failed: exec: "sh": executable file not found in $PATH: unknown';
    expect(await failureOf(() => shellOf(answers({ ok: false, stderr }), PLACE))).toBe(
      'The image zakpos-api:1 of zakpos-api-1 has no shell.\n' +
        '  `kubectl --context fake -n zakpos debug -it zakpos-api-1 --target=api --profile=restricted --image=busybox:1.36` puts one beside it; ' +
        'or name a program of the image: `npm run shell -- … -- <program>`.',
    );
  });

  test('of a cluster that is away is no matter of the image', async () => {
    const stderr = 'The connection to the server 127.0.0.1:6443 was refused';
    expect(await failureOf(() => shellOf(answers({ ok: false, stderr }), PLACE))).toContain(
      'does not answer',
    );
  });
});

describe('what runs there', () => {
  test('has no terminal where there is none, and its exit code comes through', async () => {
    const kubectl = new FakeKubectl(() => ({ exitCode: 3 }));
    expect(await runIn(kubectl, PLACE, ['psql', '-c', 'select 1'])).toBe(3);
    expect(kubectl.calls.map(({ args }) => args.join(' '))).toEqual([
      '-n zakpos exec -i zakpos-api-1 -c api -- psql -c select 1',
    ]);
  });

  test('and goes on has a stdin that stays open', async () => {
    const kubectl = new FakeKubectl(() => ({}));
    expect(await followIn(kubectl, PLACE, 'echo "$1"', ['a'])).toBe(0);
    expect(kubectl.calls).toEqual([
      {
        args: [
          '-n',
          'zakpos',
          'exec',
          '-i',
          'zakpos-api-1',
          '-c',
          'api',
          '--',
          'bash',
          '-c',
          'echo "$1"',
          'bash',
          'a',
        ],
        input: 'open',
      },
    ]);
  });
});
