/** From the cost of a sale to what so many tills need, and to how many tills an environment serves. */
import { WORKER_POOL_SIZE, type Config } from '../../environments/schema.ts';
import { cpuToMillicores, toBytes, toSeconds } from '../../environments/quantities.ts';
import { count } from '../../cli/verify/check.ts';
import type { Cost } from './cost.ts';

/** How tills are used, and what is left free. Choices, not measurements: other shops have others. */
export const USE = {
  /** Between two sales of a till in the busiest hour. */
  secondsBetweenSales: 30,
  /** In which all tills are opened. */
  openingSeconds: 1800,
  salesPerDay: 300,
  /** Days for which sales stay in the database. */
  daysKept: 400,
  /** Share of a processor that is used in the busiest hour: the rest is for a pod that is lost and for what comes in bursts. */
  busy: 0.6,
  /** Share of a volume that is used. */
  full: 0.7,
  /** How much of a database comes back in a second from a backup on the same network. */
  restoredBytesPerSecond: 100e6,
} as const;

const SECONDS_PER_DAY = 86_400;
const MS = 1000;

/** What so many tills take at the most. */
export interface Load {
  readonly tills: number;
  /** In the busiest hour. */
  readonly salesPerSecond: number;
  /** Cores, in the busiest hour or while tills are opened. */
  readonly apiCores: number;
  readonly postgresCores: number;
  readonly redisCores: number;
  /** Of all copies together. */
  readonly kafkaCores: number;
  readonly workerCores: number;
  /** Connections on which something runs at a moment. */
  readonly busyConnections: number;
  /** Bytes of the database when it keeps its days. */
  readonly databaseBytes: number;
  /** Bytes that the sales of a second leave in Kafka, once. */
  readonly eventBytesPerSecond: number;
  /** To and from the API. */
  readonly networkBytesPerSecond: number;
  readonly restoreSeconds: number;
}

export function loadOf(tills: number, cost: Cost, copies = 3): Load {
  const salesPerSecond = tills / USE.secondsBetweenSales;
  const cores = (cpu: number): number => (salesPerSecond * cpu) / MS;
  const opening = ((tills / USE.openingSeconds) * cost.openCpu) / MS;
  const databaseBytes = tills * USE.salesPerDay * USE.daysKept * cost.postgresBytes;
  return {
    tills,
    salesPerSecond,
    apiCores: Math.max(cores(cost.apiCpu), opening),
    postgresCores: cores(cost.postgresCpu),
    redisCores: cores(cost.redisCpu),
    kafkaCores: cores(cost.kafkaCpu) * copies,
    workerCores: cores(cost.reportsCpu),
    busyConnections: (salesPerSecond * cost.latency) / MS,
    databaseBytes,
    eventBytesPerSecond: ((tills * USE.salesPerDay) / SECONDS_PER_DAY) * cost.kafkaBytes,
    networkBytesPerSecond: salesPerSecond * cost.networkBytes,
    restoreSeconds: databaseBytes / USE.restoredBytesPerSecond,
  };
}

/** A part of an environment, and how many tills it serves. */
export interface Limit {
  readonly part: string;
  readonly tills: number;
  /** What serves more. */
  readonly then: string;
}

/** How many tills each part of an environment serves, what gives in first at the head. */
export function limitsOf(config: Config, cost: Cost): Limit[] {
  const { api, reports, postgres, redis, kafka } = config;
  const one = loadOf(1, cost, kafka.replicationFactor);
  const apiPods = api.autoscaling.enabled ? api.autoscaling.maxReplicas : api.replicas;
  const sales = kafka.topics.find(({ name }) => name === 'zakpos.sales');
  const workers = Math.min(reports.replicas, sales?.partitions ?? Infinity);
  const cores = (limit: string | null | undefined): number =>
    limit == null ? Infinity : (USE.busy * cpuToMillicores(limit)) / 1000;

  const limits: Limit[] = [
    {
      part: `API: processors of ${count(apiPods, 'pod')}`,
      // A process of Node.js takes one core, however many it may have.
      tills: (apiPods * Math.min(cores(api.resources.limits.cpu), USE.busy)) / one.apiCores,
      then: 'more pods',
    },
    {
      part: `worker: processors of ${count(workers, 'pod')}`,
      tills: (workers * Math.min(cores(reports.resources.limits.cpu), USE.busy)) / one.workerCores,
      then: 'more pods, as many as partitions',
    },
    {
      part: 'API: connections of its pods',
      tills: (apiPods * api.databasePoolSize * USE.busy) / one.busyConnections,
      then: "more pods; PgBouncer from the point on at which they outnumber the server's connections",
    },
  ];
  if (postgres.mode !== 'external') {
    limits.push(
      {
        part: 'PostgreSQL: processors',
        tills: cores(postgres.resources.limits.cpu) / one.postgresCores,
        then: 'a larger server',
      },
      {
        part: 'PostgreSQL: volume',
        tills: (USE.full * toBytes(postgres.storage.size)) / one.databaseBytes,
        then: 'a larger volume; CloudNativePG where a restore takes too long',
      },
    );
    if (postgres.pooler.enabled) {
      limits.push({
        part: 'PgBouncer: connections to the server',
        tills: (postgres.pooler.replicas * postgres.pooler.poolSize * USE.busy) / one.busyConnections,
        then: 'more of them',
      });
    }
  }
  if (redis.mode !== 'external') {
    limits.push({
      part: 'Redis: processors',
      // It runs commands one after the other.
      tills: Math.min(cores(redis.resources.limits.cpu), USE.busy) / one.redisCores,
      then: 'a larger limit, up to one core; then a managed store',
    });
  }
  if (kafka.mode !== 'external') {
    const kept = one.eventBytesPerSecond * toSeconds(sales?.retention ?? '7d') * kafka.replicationFactor;
    limits.push(
      {
        part: `Kafka: processors of ${count(kafka.replicas, 'broker')}`,
        tills: (kafka.replicas * cores(kafka.resources.limits.cpu)) / one.kafkaCores,
        then: 'more brokers',
      },
      {
        part: 'Kafka: volumes',
        tills: (kafka.replicas * USE.full * toBytes(kafka.storage.size)) / kept,
        then: 'larger volumes',
      },
    );
  }
  return limits.sort((a, b) => a.tills - b.tills);
}

/** Connections that all pods have at the most. */
export const connectionsOf = (apiPods: number, poolSize: number, workers: number): number =>
  apiPods * poolSize + workers * WORKER_POOL_SIZE;
