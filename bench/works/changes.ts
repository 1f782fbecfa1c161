/** What production loses of its sales while it is changed: nothing. */
import { LIMITS, NAMESPACE, Shop } from '../shop.ts';
import type { Side, Work } from '../work.ts';

type Reading = 'failed' | 'requests';

const REQUESTS = 10_000;
const AT_ONCE = 8;
const APPS = ['zakpos-api', 'zakpos-web', 'zakpos-reports'].map((name) => `deployment/${name}`);

const shop = new Shop('prod', 'prod', LIMITS);

async function rollout(): Promise<void> {
  await shop.kubectl('-n', NAMESPACE, 'rollout', 'restart', ...APPS);
  for (const app of APPS) await shop.kubectl('-n', NAMESPACE, 'rollout', 'status', app, '--timeout=300s');
}

/** A store of one pod is away until its node is back, so that nodes with one are left out. */
async function drain(): Promise<void> {
  const nodeOf = async (pod: string): Promise<string> =>
    (await shop.kubectl('-n', NAMESPACE, 'get', 'pod', pod, '-o', 'jsonpath={.spec.nodeName}')).stdout;
  const holders = [await nodeOf('zakpos-postgres-0'), await nodeOf('zakpos-redis-0')];
  const workers = '!node-role.kubernetes.io/control-plane';
  const names = 'jsonpath={.items[*].metadata.name}';
  const { stdout } = await shop.kubectl('get', 'nodes', '-l', workers, '-o', names);
  for (const node of stdout.split(' ').filter((name) => !holders.includes(name))) {
    await shop.kubectl('drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=300s');
    await shop.kubectl('uncordon', node);
  }
}

async function rotation(): Promise<void> {
  for (const name of ['postgres', 'redis', 'kafka']) await shop.run('secrets', 'rotate', name);
}

/** Sells during a change, and on until there were enough sales to say something. */
const production = (change: () => Promise<void>): Side<Reading> => ({
  name: 'prod on three nodes',
  prepare: () => shop.open(),
  run: async () => {
    const till = await shop.till();
    let isOver = false;
    const over = change().finally(() => (isOver = true));
    const goesOn = (requests: number): boolean => !isOver || requests < REQUESTS;
    const [{ sold, failed }] = await Promise.all([till.sellWhile(goesOn, AT_ONCE), over]);
    till.close();
    return { failed, requests: sold + failed };
  },
});

const work = (id: string, change: () => Promise<void>): Work<Reading> => ({
  id,
  what: `Sales during a ${id}`,
  rounds: 1,
  sides: [production(change)],
  figures: [
    {
      id: `${id}-failed`,
      title: `sales that fail during a ${id}`,
      reading: 'failed',
      unit: '',
      goals: [{ bound: 'at most', value: 0 }],
    },
    {
      id: `${id}-requests`,
      title: `sales that are tried during a ${id}`,
      reading: 'requests',
      unit: '',
      goals: [{ bound: 'at least', value: REQUESTS }],
    },
  ],
});

export const changes = (): readonly Work<Reading>[] => [
  work('rollout', rollout),
  work('drain', drain),
  work('rotation', rotation),
];
