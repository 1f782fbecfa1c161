/** Whether the nodes have room, take pods, and agree on the time. */
import { z } from 'zod';
import { count, judge, skipped, type Check, type Finding } from './check.ts';

/** A kubelet renews its Lease every 10 s by its own clock. */
const APART_SECONDS = 40;

const nodeList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ unschedulable: z.boolean().default(false) }),
      status: z.object({
        conditions: z.array(
          z.object({ type: z.string(), status: z.string(), message: z.string().default('') }),
        ),
      }),
    }),
  ),
});
const leaseList = z.object({
  items: z.array(
    z.object({ metadata: z.object({ name: z.string() }), spec: z.object({ renewTime: z.string() }) }),
  ),
});

export const nodes: Check = {
  title: 'The nodes are ready, have room and agree on the time',
  run: async ({ kubectl }) => {
    const [nodesAnswer, leasesAnswer] = await Promise.all([
      kubectl.attempt(['get', 'nodes', '-o', 'json']),
      kubectl.attempt(['-n', 'kube-node-lease', 'get', 'leases', '-o', 'json']),
    ]);
    if (!nodesAnswer.ok || !leasesAnswer.ok) {
      const { stderr } = nodesAnswer.ok ? leasesAnswer : nodesAnswer;
      if (/forbidden/i.test(stderr)) return skipped('your user may not see the nodes');
      throw kubectl.explain(stderr);
    }
    const { items } = nodeList.parse(JSON.parse(nodesAnswer.stdout));
    const leases = leaseList.parse(JSON.parse(leasesAnswer.stdout)).items;
    const wrong = items.flatMap(({ metadata, status }) =>
      status.conditions.flatMap(({ type, status: is, message }): Finding[] => {
        const bad = type === 'Ready' ? is !== 'True' : type.endsWith('Pressure') && is === 'True';
        return bad
          ? [
              {
                thing: `Node ${metadata.name}`,
                fact: `${type === 'Ready' ? 'is not ready' : `is under ${type}`}: ${message}`,
                fix: `\`${kubectl.command(`describe node ${metadata.name}`)}\` shows what takes its room; free some, or give it more.`,
              },
            ]
          : [];
      }),
    );
    const drained = items
      .filter(({ spec }) => spec.unschedulable)
      .map(({ metadata: { name } }) => ({
        thing: `Node ${name}`,
        fact: 'takes no pods: it is cordoned',
        fix: `\`${kubectl.command(`uncordon ${name}`)}\`, when the work on it is done.`,
      }));
    return judge(
      `${count(items.length, 'node')}, ${spreadOf(leases).words}`,
      [...wrong, ...spreadOf(leases).findings],
      drained,
    );
  },
};

/** How far the kubelets' own times are apart: one that is silent shows the same, and is as bad. */
function spreadOf(leases: z.output<typeof leaseList>['items']): { words: string; findings: Finding[] } {
  const renewed = leases
    .map(({ metadata, spec }) => ({ name: metadata.name, at: Date.parse(spec.renewTime) }))
    .sort((a, b) => a.at - b.at);
  const [first, last] = [renewed[0], renewed.at(-1)];
  if (first === undefined || last === undefined || renewed.length === 1) {
    return { words: 'one clock', findings: [] };
  }
  const seconds = Math.round((last.at - first.at) / 1000);
  if (seconds <= APART_SECONDS) return { words: `clocks within ${APART_SECONDS} s`, findings: [] };
  return {
    words: `clocks ${seconds} s apart`,
    findings: [
      {
        thing: `Nodes ${first.name} and ${last.name}`,
        fact: `told their times ${seconds} s apart: their clocks differ, or ${first.name} has fallen silent`,
        fix: 'Have both take their time from one server (NTP); sales, tokens and certificates are stamped with it.',
      },
    ],
  };
}
