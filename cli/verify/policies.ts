/** Whether the NetworkPolicies are those of the architecture: none is missing, and none lets more through. */
import { z } from 'zod';
import { ownNamespaces } from '../../environments/namespaces.ts';
import { count, judge, putBack, type Check, type Finding } from './check.ts';

const policyList = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string() }) })),
});

export const policies: Check = {
  title: 'Network policies are those of the architecture',
  run: async (context) => {
    const { kubectl, rendered, config } = context;
    const wanted = rendered.objects.filter(({ kind }) => kind === 'NetworkPolicy');
    const wrong = await Promise.all(
      ownNamespaces(config).map(async (namespace): Promise<Finding[]> => {
        const list = await kubectl.json(policyList, ['-n', namespace, 'get', 'networkpolicies']);
        const live = (list?.items ?? []).map(({ metadata }) => metadata.name);
        const names = wanted.flatMap(({ metadata }) =>
          metadata.namespace === namespace ? [metadata.name] : [],
        );
        return [
          ...names
            .filter((name) => !live.includes(name))
            .map((name) => ({
              thing: `NetworkPolicy ${name} in ${namespace}`,
              fact: 'is missing',
              fix: putBack(context),
            })),
          ...live
            .filter((name) => !names.includes(name))
            .map((name) => ({
              thing: `NetworkPolicy ${name} in ${namespace}`,
              fact: 'is not of this project, and policies only ever add to what is let through',
              fix: `\`${kubectl.command(`-n ${namespace} delete networkpolicy ${name}`)}\`; or add its arrow to charts/architecture.ts.`,
            })),
        ];
      }),
    );
    return judge(`policies for ${count(wanted.length, 'set')} of pods`, wrong.flat());
  },
};
