/** Requests and limits, and heaps that fit into them. */
import { cpuToMillicores, toBytes } from '../environments/quantities.ts';
import { everyContainer, everyPod, type Policy } from './policy.ts';

export const resources: Policy = {
  name: 'resources',
  rules: {
    'requests-and-limits': {
      fix: 'name requests of cpu and memory, and a limit of memory, in environments/schema',
      findings: everyContainer(function* ({ resources: { requests, limits } }) {
        if (requests.cpu === undefined) yield 'requests no CPU';
        if (requests.memory === undefined) yield 'requests no memory';
        if (limits.memory === undefined) yield 'has no limit of memory';
      }),
    },
    'requests-below-limits': {
      fix: 'raise the limit, or request less',
      findings: everyContainer(function* ({ resources: { requests, limits } }) {
        if (requests.memory && limits.memory && toBytes(requests.memory) > toBytes(limits.memory))
          yield `requests ${requests.memory} above its limit of ${limits.memory}`;
        if (requests.cpu && limits.cpu && cpuToMillicores(requests.cpu) > cpuToMillicores(limits.cpu))
          yield `requests ${requests.cpu} cores above its limit of ${limits.cpu}`;
      }),
    },
    heaps: {
      fix: 'set -Xmx in KAFKA_HEAP_OPTS to three quarters of the limit of memory at most',
      findings: everyContainer(function* ({ env, resources }) {
        const options = env.find(({ name }) => name === 'KAFKA_HEAP_OPTS')?.value;
        if (options === undefined) return;
        const heap = /-Xmx(\d+)m\b/.exec(options)?.[1];
        if (heap === undefined) yield `has no -Xmx in "${options}"`;
        else if (Number(heap) * 2 ** 20 > 0.75 * toBytes(resources.limits.memory ?? '1Ki'))
          yield `has a heap of ${heap}m in ${String(resources.limits.memory)}`;
      }),
    },
    'scratch-space': {
      fix: 'give the emptyDir a sizeLimit, or it may fill the node',
      findings: everyPod(function* ({ pod }) {
        for (const { name, emptyDir } of pod.volumes)
          if (emptyDir && emptyDir.sizeLimit === undefined) yield `volume ${name} has no limit`;
      }),
    },
  },
};
