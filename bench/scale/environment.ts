/** The values of an environment that serves so many tills, made from what they take. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demandOf } from '../../environments/demand.ts';
import { loadConfig } from '../../environments/load.ts';
import { toSeconds } from '../../environments/quantities.ts';
import type { Config, ConfigInput } from '../../environments/schema.ts';
import type { Cost } from './cost.ts';
import { connectionsOf, loadOf, USE, type Load } from './model.ts';

/** Where another way of running a store takes over. Choices: how long a shop may stand still, what one node is. */
export const TURNS = {
  /** Tills that may stand still together while a server is replaced. */
  oneServer: 20,
  /** A restore that takes longer is none that a shop can wait for: a copy takes over instead. */
  restoreSeconds: 900,
  /** Cores and bytes of the largest database that shares a cluster with the apps. */
  databaseCores: 8,
  databaseBytes: 2e12,
} as const;

/** As the schema bounds them. */
const MOST = { apiPods: 100, connections: 1000, brokers: 100 } as const;
const GIB = 2 ** 30;

/** @throws {RangeError} where one installation is too small, however large its parts */
export function environmentFor(tills: number, cost: Cost): ConfigInput {
  const isOneServer = tills <= TURNS.oneServer;
  const load = loadOf(tills, cost, isOneServer ? 1 : 3);
  const isManaged =
    load.postgresCores / USE.busy > TURNS.databaseCores || load.databaseBytes > TURNS.databaseBytes;
  const values: ConfigInput = {
    environment: isManaged ? 'cloud' : 'prod',
    ...(isOneServer ? { size: 'single' as const } : {}),
  };
  const usual = parsed(values);
  const apps = appsFor(load, usual);
  const connections = connectionsOf(apps.pods + 1, usual.api.databasePoolSize, apps.workers + 1) + 10;
  const poolSize = Math.max(usual.postgres.pooler.poolSize, Math.ceil(load.busyConnections / USE.busy / 2));
  const isPooled = connections > usual.postgres.maxConnections;
  if (isPooled && 3 * poolSize + 10 > MOST.connections) throw tooMany(tills, 'connections to the database');
  const pooler = isPooled ? { pooler: { enabled: true, poolSize } } : {};
  const postgres = isManaged ? pooler : { ...pooler, ...postgresFor(load, usual, isPooled ? poolSize : 0) };
  return withQuota({
    ...values,
    api: isOneServer
      ? { replicas: apps.pods }
      : { autoscaling: { minReplicas: Math.max(2, Math.ceil(apps.pods / 3)), maxReplicas: apps.pods } },
    reports: { replicas: apps.workers },
    ...(Object.keys(postgres).length === 0 ? {} : { postgres }),
    kafka: {
      ...(isManaged ? {} : brokersFor(load, usual)),
      topics: usual.kafka.topics.map((topic) =>
        topic.name === 'zakpos.sales'
          ? { ...topic, partitions: Math.max(topic.partitions, apps.workers) }
          : topic,
      ),
    },
  });
}

function appsFor(load: Load, { api }: Config): { readonly pods: number; readonly workers: number } {
  const pods = Math.max(
    2,
    Math.ceil(load.apiCores / USE.busy),
    Math.ceil(load.busyConnections / (api.databasePoolSize * USE.busy)),
  );
  if (pods > MOST.apiPods) throw tooMany(load.tills, 'pods of the API');
  // A worker has half a core.
  return { pods, workers: Math.max(1, Math.ceil(load.workerCores / (0.5 * USE.busy))) };
}

function postgresFor(load: Load, { postgres }: Config, poolSize: number): ConfigInput['postgres'] {
  const cores = Math.max(2, Math.ceil(load.postgresCores / USE.busy));
  const memory = cores * 2;
  return {
    ...(load.restoreSeconds > TURNS.restoreSeconds ? { mode: 'cloudnativepg' } : {}),
    ...(poolSize === 0 ? {} : { maxConnections: Math.max(postgres.maxConnections, 3 * poolSize + 10) }),
    storage: { size: `${Math.max(20, Math.ceil(load.databaseBytes / USE.full / GIB))}Gi` },
    resources: {
      requests: { cpu: String(cores / 2), memory: `${memory / 2}Gi` },
      limits: { cpu: String(cores), memory: `${memory}Gi` },
    },
  };
}

function brokersFor(load: Load, { kafka }: Config): ConfigInput['kafka'] {
  const replicas = Math.max(kafka.replicas, Math.ceil(load.kafkaCores / USE.busy));
  if (replicas > MOST.brokers) throw tooMany(load.tills, 'brokers');
  const retention = toSeconds(kafka.topics.find(({ name }) => name === 'zakpos.sales')?.retention ?? '7d');
  const bytes = (load.eventBytesPerSecond * retention * kafka.replicationFactor) / replicas;
  return { replicas, storage: { size: `${Math.max(20, Math.ceil(bytes / USE.full / GIB))}Gi` } };
}

/** As large as all of it is at the most. */
function withQuota(values: ConfigInput): ConfigInput {
  const demand = demandOf(parsed({ ...values, quota: { enabled: false } }));
  const gib = (mebibytes: number): string => `${Math.ceil(mebibytes / 1024)}Gi`;
  return {
    ...values,
    quota: {
      cpu: String(Math.ceil(demand.cpu / 1000)),
      memory: gib(demand.memory),
      memoryLimit: gib(demand.memoryLimit),
      pods: demand.pods,
      // No quota is of nothing: stores from elsewhere claim none.
      storage: gib(Math.max(demand.storage, 1024)),
    },
  };
}

/** @throws {ConfigError} where the schema refuses them */
export function parsed(values: ConfigInput): Config {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-scale-'));
  try {
    const configFile = join(folder, 'values.json');
    writeFileSync(configFile, JSON.stringify(values));
    return loadConfig(values.environment, { configFile });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const tooMany = (tills: number, what: string): RangeError =>
  new RangeError(
    `${tills} tills need more ${what} than one installation has; divide the shops among several installations`,
  );
