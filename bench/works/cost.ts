/** What one sale costs, by what it takes from where: the figures that the model of scale is made from. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { NAMESPACE, shop } from '../shop.ts';
import { Till } from '../till.ts';
import { usageOf, type PodUsage } from '../usage.ts';
import type { Figure, Side, Unit, Work } from '../work.ts';

/** Milliseconds of CPU, milliseconds, bytes, and in `capacity` the sales of a second that fill the computer. */
export const COST_READINGS = [
  'apiCpu',
  'openCpu',
  'postgresCpu',
  'redisCpu',
  'kafkaCpu',
  'reportsCpu',
  'capacity',
  'latency',
  'postgresBytes',
  'kafkaBytes',
  'networkBytes',
] as const;
export type CostReading = (typeof COST_READINGS)[number];

/** Fewer than the computer bears, so that a sale costs what it costs, and nothing waits. */
const AT_ONCE = 2;
const SECONDS = 60;
/** Tills that are opened, one after the other. */
const OPENED = 100;
/** The kubelet reads what a pod has used every ten seconds or so. */
const STALE_MS = 30_000;

/** What was used until a moment: milliseconds of CPU, bytes. */
interface State {
  readonly at: number;
  readonly api: number;
  readonly postgres: number;
  readonly redis: number;
  readonly kafka: number;
  readonly reports: number;
  /** Of the whole computer, who sells included. */
  readonly computer: number;
  readonly network: number;
  readonly database: number;
  readonly log: number;
}

async function stateOf(): Promise<State> {
  const at = Date.now();
  const computer = cpus().reduce(
    (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
    0,
  );
  const pods = await readAfter(at);
  const of = (workload: string, read: (pod: PodUsage) => number): number =>
    pods
      .filter(({ name }) => name.startsWith(`zakpos-${workload}-`))
      .reduce((sum, pod) => sum + read(pod), 0);
  const cpu = (pod: PodUsage): number => pod.cpu;
  const size = `psql -qAtU postgres -c "select pg_database_size('${shop.config.postgres.database}')"`;
  const logs = 'du -sbc /var/lib/kafka/data/logs/zakpos.* | tail -1 | cut -f1';
  return {
    at,
    api: of('api', cpu),
    postgres: of('postgres', cpu),
    redis: of('redis', cpu),
    kafka: of('kafka', cpu),
    reports: of('reports', cpu),
    computer,
    network: of('api', (pod) => pod.network),
    database: Number(await inPod('zakpos-postgres-0', size)),
    log: Number(await inPod('zakpos-kafka-0', logs)),
  };
}

/** The pods of the shop, each of them read after a moment. */
async function readAfter(moment: number): Promise<PodUsage[]> {
  for (;;) {
    const pods = (await usageOf(shop)).filter(({ namespace }) => namespace === NAMESPACE);
    const running = pods.filter(({ readAt }) => readAt !== undefined);
    if (running.every(({ readAt = 0 }) => readAt > moment)) return running;
    if (Date.now() > moment + STALE_MS) throw new Error('the kubelet has read no pod for half a minute');
    await sleep(500);
  }
}

const inPod = async (pod: string, script: string): Promise<string> =>
  (await shop.kubectl('-n', NAMESPACE, 'exec', pod, '--', 'sh', '-c', script)).stdout;

const oneShop = (): Side<CostReading> => ({
  name: 'one pod of each',
  prepare: () => shop.open(),
  run: async () => {
    const till = await shop.till();
    await till.sellFor(5, AT_ONCE);
    // What goes on anyway, such as probes and what stores do by themselves.
    const idle = await stateOf();
    await sleep(SECONDS * 500);
    const before = await stateOf();
    const { sold, failed, median } = await till.sellFor(SECONDS, AT_ONCE);
    if (failed > 0) throw new Error(`${failed} sales failed, ${sold} did not`);
    const after = await stateOf();
    till.close();
    const entrance = await shop.entrance();
    for (let opened = 0; opened < OPENED; opened++) {
      const another = new Till(entrance);
      await another.open();
      another.close();
    }
    const open = await stateOf();

    /** Beside what goes on anyway, in the time between two states. */
    const used = (from: State, to: State, of: keyof State): number =>
      to[of] - from[of] - ((before[of] - idle[of]) * (to.at - from.at)) / (before.at - idle.at);
    const cost = (of: keyof State): number => used(before, after, of) / sold;
    return {
      apiCpu: cost('api'),
      openCpu: used(after, open, 'api') / OPENED,
      postgresCpu: cost('postgres'),
      redisCpu: cost('redis'),
      kafkaCpu: cost('kafka'),
      reportsCpu: cost('reports'),
      capacity: (cpus().length * 1000) / cost('computer'),
      latency: median,
      postgresBytes: cost('database'),
      kafkaBytes: cost('log'),
      networkBytes: cost('network'),
    };
  },
});

const row = (reading: CostReading, title: string, unit: Unit): Figure<CostReading> => ({
  id: `cost-${reading}`,
  title,
  reading,
  unit,
  goals: [],
});

export const cost = (): Work<CostReading> => ({
  id: 'cost',
  what: 'What one sale costs',
  rounds: 3,
  sides: [oneShop()],
  figures: [
    row('apiCpu', "a sale's CPU in the API", 'ms CPU'),
    row('openCpu', 'CPU in the API when a till is opened', 'ms CPU'),
    row('postgresCpu', "a sale's CPU in PostgreSQL", 'ms CPU'),
    row('redisCpu', "a sale's CPU in Redis", 'ms CPU'),
    row('kafkaCpu', "a sale's CPU in Kafka", 'ms CPU'),
    row('reportsCpu', "a sale's CPU in the reports worker", 'ms CPU'),
    row('capacity', 'sales in a second that would fill this computer', '/s'),
    row('latency', 'a sale, by a till with few others', 'ms'),
    row('postgresBytes', 'bytes of a sale in PostgreSQL', 'bytes'),
    row('kafkaBytes', 'bytes of a sale in Kafka', 'bytes'),
    row('networkBytes', 'bytes of a sale to and from the API', 'bytes'),
  ],
});
