/** What pods use, as the kubelets of a shop's nodes tell it. */
import { z } from 'zod';
import type { Shop } from './shop.ts';

const summary = z.object({
  pods: z.array(
    z.object({
      podRef: z.object({ name: z.string(), namespace: z.string() }),
      cpu: z.object({ time: z.iso.datetime(), usageCoreNanoSeconds: z.number().default(0) }).optional(),
      memory: z.object({ workingSetBytes: z.number().default(0) }).optional(),
      network: z.object({ rxBytes: z.number().default(0), txBytes: z.number().default(0) }).optional(),
    }),
  ),
});

export interface PodUsage {
  readonly name: string;
  readonly namespace: string;
  /** When its processor was read, in milliseconds since 1970; undefined before the first time. */
  readonly readAt?: number;
  /** Milliseconds of CPU since it began. */
  readonly cpu: number;
  /** Bytes of memory that it can't give back. */
  readonly memory: number;
  /** Bytes to and from it since it began. */
  readonly network: number;
}

/** All pods of all nodes. */
export async function usageOf(shop: Shop): Promise<PodUsage[]> {
  const { stdout: names } = await shop.kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}');
  const read = names.split(' ').map(async (node) => {
    const { stdout } = await shop.kubectl('get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`);
    return summary.parse(JSON.parse(stdout)).pods;
  });
  return (await Promise.all(read)).flat().map(({ podRef, cpu, memory, network }) => ({
    ...podRef,
    ...(cpu === undefined ? {} : { readAt: Date.parse(cpu.time) }),
    cpu: (cpu?.usageCoreNanoSeconds ?? 0) / 1e6,
    memory: memory?.workingSetBytes ?? 0,
    network: (network?.rxBytes ?? 0) + (network?.txBytes ?? 0),
  }));
}
