/** What one sale costs, by what it takes from where: the figures that the model of scale is made from. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { NAMESPACE, shop } from '../shop.ts';
import type { Figure, Side, Unit, Work } from '../work.ts';

type Workload = 'api' | 'postgres' | 'redis' | 'kafka' | 'reports';
type Reading = `${Workload}Cpu` | 'postgresBytes' | 'kafkaBytes' | 'networkBytes';

/** Fewer than the computer bears, so that a sale costs what it costs, and nothing waits. */
const AT_ONCE = 2;
const SECONDS = 60;
/** The kubelet reads what a pod has used every ten seconds or so. */
const STALE_MS = 15_000;

const counter = z.object({ time: z.iso.datetime() });
const summary = z.object({
  pods: z.array(
    z.object({
      podRef: z.object({ name: z.string(), namespace: z.string() }),
      cpu: counter.extend({ usageCoreNanoSeconds: z.number() }).optional(),
      network: counter.extend({ rxBytes: z.number(), txBytes: z.number() }).optional(),
    }),
  ),
});

/** Milliseconds of CPU and bytes to and from the API, since the pods began; bytes on volumes. */
type State = Record<Workload, number> & {
  readonly at: number;
  network: number;
  database: number;
  log: number;
};

async function stateOf(): Promise<State> {
  const ended = Date.now();
  for (;;) {
    const { stdout: node } = await shop.kubectl('get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}');
    const { stdout } = await shop.kubectl('get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`);
    const ours = summary
      .parse(JSON.parse(stdout))
      .pods.filter(({ podRef }) => podRef.namespace === NAMESPACE);
    const read = ours.flatMap(({ cpu }) => (cpu === undefined ? [] : [Date.parse(cpu.time)]));
    if (Math.min(...read) < ended && Date.now() < ended + 2 * STALE_MS) {
      await sleep(500);
      continue;
    }
    const of = (workload: Workload) =>
      ours.filter(({ podRef }) => podRef.name.startsWith(`zakpos-${workload}-`));
    const cpu = (workload: Workload): number =>
      of(workload).reduce((sum, pod) => sum + (pod.cpu?.usageCoreNanoSeconds ?? 0), 0) / 1e6;
    return {
      at: ended,
      api: cpu('api'),
      postgres: cpu('postgres'),
      redis: cpu('redis'),
      kafka: cpu('kafka'),
      reports: cpu('reports'),
      network: of('api').reduce(
        (sum, { network }) => sum + (network?.rxBytes ?? 0) + (network?.txBytes ?? 0),
        0,
      ),
      database: Number(
        await inPod(
          'zakpos-postgres-0',
          `psql -qAtU postgres -c "select pg_database_size('${shop.config.postgres.database}')"`,
        ),
      ),
      log: Number(
        (await inPod('zakpos-kafka-0', 'du -sbc /var/lib/kafka/data/logs/zakpos.* | tail -1')).split('\t')[0],
      ),
    };
  }
}

const inPod = async (pod: string, script: string): Promise<string> =>
  (await shop.kubectl('-n', NAMESPACE, 'exec', pod, '--', 'sh', '-c', script)).stdout;

const oneShop = (): Side<Reading> => ({
  name: 'one pod of each',
  prepare: () => shop.open(),
  run: async () => {
    const till = await shop.till();
    await till.sellFor(5, AT_ONCE);
    // What goes on anyway, such as probes and what stores do by themselves.
    const idle = await stateOf();
    await sleep(SECONDS * 500);
    const before = await stateOf();
    const { sold } = await till.sellFor(SECONDS, AT_ONCE);
    const after = await stateOf();
    till.close();
    const share = (after.at - before.at) / (before.at - idle.at);
    const cost = (of: keyof State): number =>
      (after[of] - before[of] - share * (before[of] - idle[of])) / sold;
    return {
      apiCpu: cost('api'),
      postgresCpu: cost('postgres'),
      redisCpu: cost('redis'),
      kafkaCpu: cost('kafka'),
      reportsCpu: cost('reports'),
      postgresBytes: cost('database'),
      kafkaBytes: cost('log'),
      networkBytes: cost('network'),
    };
  },
});

const row = (reading: Reading, title: string, unit: Unit): Figure<Reading> => ({
  id: `cost-${reading}`,
  title,
  reading,
  unit,
  goals: [],
});

export const cost = (): Work<Reading> => ({
  id: 'cost',
  what: 'What one sale costs',
  rounds: 3,
  sides: [oneShop()],
  figures: [
    row('apiCpu', "a sale's CPU in the API", 'ms CPU'),
    row('postgresCpu', "a sale's CPU in PostgreSQL", 'ms CPU'),
    row('redisCpu', "a sale's CPU in Redis", 'ms CPU'),
    row('kafkaCpu', "a sale's CPU in Kafka", 'ms CPU'),
    row('reportsCpu', "a sale's CPU in the reports worker", 'ms CPU'),
    row('postgresBytes', 'bytes of a sale in PostgreSQL', 'bytes'),
    row('kafkaBytes', 'bytes of a sale in Kafka', 'bytes'),
    row('networkBytes', 'bytes of a sale to and from the API', 'bytes'),
  ],
});
