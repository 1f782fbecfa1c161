/** What a whole shop takes of a computer's memory, and how much of what it may take. */
import { z } from 'zod';
import { LIMITS, NAMESPACES, Shop } from '../shop.ts';
import type { Side, Work } from '../work.ts';

type Reading = 'idle' | 'loaded';

/** The share of memory that a pod can't give back, by its kubelet. */
const summary = z.object({
  pods: z.array(
    z.object({
      podRef: z.object({ namespace: z.string() }),
      memory: z.object({ workingSetBytes: z.number().default(0) }).default({ workingSetBytes: 0 }),
    }),
  ),
});
const nodes = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });
const SECONDS = 30;

/** GiB of all pods of the shop. */
async function inUse(shop: Shop): Promise<number> {
  const ask = async (...args: readonly string[]): Promise<unknown> =>
    JSON.parse((await shop.kubectl('get', ...args)).stdout);
  const names = nodes.parse(await ask('nodes', '-o', 'json')).items.map(({ metadata }) => metadata.name);
  const found = await Promise.all(
    names.map(async (name) => summary.parse(await ask('--raw', `/api/v1/nodes/${name}/proxy/stats/summary`))),
  );
  const bytes = found
    .flatMap(({ pods }) => pods)
    .filter(({ podRef }) => NAMESPACES.includes(podRef.namespace))
    .reduce((sum, { memory }) => sum + memory.workingSetBytes, 0);
  return bytes / 2 ** 30;
}

const side = (environment: 'dev' | 'test' | 'prod'): Side<Reading> => ({
  name: environment,
  run: async () => {
    // The environment as it is, on a cluster that nothing has run on.
    const shop = new Shop(`memory-${environment}`, environment, LIMITS);
    await shop.open();
    const idle = await inUse(shop);
    const till = await shop.till();
    const [, loaded] = await Promise.all([
      till.sellFor(SECONDS, 8),
      new Promise((resolve) => setTimeout(resolve, SECONDS * 900)).then(() => inUse(shop)),
    ]);
    till.close();
    await shop.close();
    return { idle, loaded };
  },
});

const work = (environment: 'dev' | 'test' | 'prod'): Work<Reading> => ({
  id: `memory-${environment}`,
  what: `The memory of ${environment}`,
  rounds: 1,
  sides: [side(environment)],
  figures: [
    {
      id: `memory-${environment}-idle`,
      title: `memory of ${environment} in use, idle`,
      reading: 'idle',
      unit: 'GiB',
      goals: environment === 'dev' ? [{ bound: 'at most', value: 2.5 }] : [],
    },
    {
      id: `memory-${environment}-loaded`,
      title: `memory of ${environment} in use, selling`,
      reading: 'loaded',
      unit: 'GiB',
      goals: environment === 'dev' ? [{ bound: 'at most', value: 2.5 }] : [],
    },
  ],
});

export const memory = (): readonly Work<Reading>[] => [work('dev'), work('test'), work('prod')];
