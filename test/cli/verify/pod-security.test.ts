import { podSecurity } from '../../../cli/verify/pod-security.ts';
import { contextOf, Failure, LINE, list, told } from './world.ts';

const labelled = (level?: string) => ({
  metadata: { labels: level === undefined ? {} : { 'pod-security.kubernetes.io/enforce': level } },
});
const REFUSED = new Failure('pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged');
const quota = (used: object) =>
  list({
    metadata: { name: 'zakpos' },
    status: { hard: { pods: '40', 'limits.memory': '8Gi', 'services.nodeports': '0' }, used },
  });
const ROOM = quota({ pods: '20', 'limits.memory': '4096Mi' });
const judge = (label: object, intruder: object, quotas: object = ROOM) => {
  const context = contextOf([
    [/get namespace /, label],
    [/^create /, intruder],
    [/get resourcequotas/, quotas],
  ]);
  return { context, verdict: podSecurity.run(context, LINE) };
};

test('passes when a privileged pod is refused for it, and nothing is made', async () => {
  const { context, verdict } = judge(labelled('restricted'), REFUSED);
  expect((await verdict).state).toBe('passed');
  for (const { args } of context.kubectl.calls.filter(({ args: [verb] }) => verb === 'create')) {
    expect(args).toContain('--dry-run=server');
  }
});

test.each<[string, object, object, string]>([
  ['has no label', labelled(), REFUSED, 'Namespace zakpos enforces Pod Security at no level'],
  ['has another level', labelled('baseline'), REFUSED, 'enforces Pod Security "baseline"'],
  ['is exempt', labelled('restricted'), { ok: true }, 'would take a privileged pod'],
  ['refuses otherwise', labelled('restricted'), new Failure('no quota'), 'for another reason'],
])('fails when the namespace %s', async (_, label, intruder, fact) => {
  const verdict = await judge(label, intruder).verdict;
  expect(verdict.state).toBe('failed');
  expect(told(verdict)[0]).toContain(fact);
});

test('warns of a quota that is used up', async () => {
  const full = quota({ pods: '20', 'limits.memory': '8Gi' });
  const verdict = await judge(labelled('restricted'), REFUSED, full).verdict;
  expect(verdict.state).toBe('warned');
  expect(told(verdict)[0]).toBe('ResourceQuota zakpos in zakpos is almost used up: 8Gi of 8Gi limits.memory');
});
