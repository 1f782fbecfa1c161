import { nodes } from '../../../cli/verify/nodes.ts';
import { contextOf, Failure, LINE, list, told } from './world.ts';

const node = (name: string, conditions: Readonly<Record<string, string>> = {}, unschedulable = false) => ({
  metadata: { name },
  spec: { unschedulable },
  status: {
    conditions: Object.entries({ Ready: 'True', MemoryPressure: 'False', ...conditions }).map(
      ([type, status]) => ({ type, status, message: 'the kubelet says so' }),
    ),
  },
});
const lease = (name: string, renewTime: string) => ({ metadata: { name }, spec: { renewTime } });
const SAME = [lease('a', '2026-11-22T10:00:00.123456Z'), lease('b', '2026-11-22T10:00:09.000000Z')];
const judge = (items: readonly object[], leases: readonly object[] = SAME) =>
  nodes.run(
    contextOf([
      [/get nodes/, list(...items)],
      [/get leases/, list(...leases)],
    ]),
    LINE,
  );

test('pass when all are ready and renew their Leases together', async () => {
  expect(await judge([node('a'), node('b')])).toMatchObject({
    state: 'passed',
    words: '2 nodes, clocks within 40 s',
  });
});

test('fail for one that is not ready, and one without memory', async () => {
  const verdict = await judge([node('a', { Ready: 'Unknown' }), node('b', { MemoryPressure: 'True' })]);
  expect(verdict.state).toBe('failed');
  expect(told(verdict)).toEqual([
    'Node a is not ready: the kubelet says so',
    'Node b is under MemoryPressure: the kubelet says so',
  ]);
});

test('fail when their clocks are apart', async () => {
  const leases = [lease('a', '2026-11-22T10:00:00Z'), lease('b', '2026-11-22T10:02:00Z')];
  expect(told(await judge([node('a'), node('b')], leases))).toEqual([
    'Nodes a and b told their times 120 s apart: their clocks differ, or a has fallen silent',
  ]);
});

test('warn of one that is cordoned', async () => {
  const verdict = await judge([node('a'), node('b', {}, true)]);
  expect([verdict.state, ...told(verdict)]).toEqual(['warned', 'Node b takes no pods: it is cordoned']);
});

test('are left out where the user may not see them', async () => {
  const forbidden = new Failure('Error from server (Forbidden): nodes is forbidden: User "shop" cannot list');
  expect(await nodes.run(contextOf([[/get/, forbidden]]), LINE)).toMatchObject({ state: 'skipped' });
});
