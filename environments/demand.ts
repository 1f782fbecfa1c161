/** What an environment takes of a cluster at the most: every pod that may be there at once, with its requests and limits. */
import { hasBackups } from './backups.ts';
import { expiryCommand, hasGrafana, hasLogs, isBundled, isMonitored } from './monitoring.ts';
import { cpuToMillicores, toBytes } from './quantities.ts';
import type { Config } from './schema.ts';

interface Scaled {
  readonly replicas: number;
  readonly autoscaling?: Config['api']['autoscaling'];
}

/** Pods of a Deployment at the most: those that it is scaled to, and the one more that a rollout starts. */
export const mostPods = ({ replicas, autoscaling }: Scaled): number =>
  (autoscaling?.enabled === true ? autoscaling.maxReplicas : replicas) + 1;

/** Requests and limits of the Job that makes Kafka's users, topics and their rights. */
export const KAFKA_ADMIN_RESOURCES = {
  requests: { cpu: '50m', memory: '128Mi' },
  limits: { memory: '384Mi' },
} as const;

/** Requests and limits of the pod that ships the database's log, four small containers together. */
export const ARCHIVE_RESOURCES = {
  requests: { cpu: '40m', memory: '128Mi' },
  limits: { memory: '1Gi' },
} as const;

/** Deployments of one pod that tell metrics of something else. */
const exportersOf = (config: Config): number =>
  isMonitored(config) ? (expiryCommand(config) === undefined ? 2 : 3) : 0;

export interface Demand {
  /** Thousandths of a core. */
  readonly cpu: number;
  /** Requests of memory in MiB. */
  readonly memory: number;
  /** Limits of memory in MiB. */
  readonly memoryLimit: number;
  readonly pods: number;
  /** Claims in MiB. */
  readonly storage: number;
}

const mebibytes = (quantity: string): number => toBytes(quantity) / 2 ** 20;

export function demandOf(config: Config): Demand {
  const { postgres, redis, zookeeper, kafka, api, reports, web, mobile, backups } = config;
  const { prometheus, alertmanager, grafana, logs } = config.monitoring.bundled;
  const stores = [
    ...(postgres.mode === 'statefulset' ? [{ pods: 1, ...postgres, claims: [postgres.storage] }] : []),
    ...(postgres.mode === 'cloudnativepg'
      ? [{ pods: postgres.instances, ...postgres, claims: [postgres.storage] }]
      : []),
    ...(redis.mode === 'statefulset' ? [{ pods: 1, ...redis, claims: [redis.storage] }] : []),
    ...(kafka.mode === 'statefulset'
      ? [
          {
            pods: zookeeper.replicas,
            ...zookeeper,
            claims: [zookeeper.dataStorage, zookeeper.logStorage],
          },
          { pods: kafka.replicas, ...kafka, claims: [kafka.storage] },
          { pods: 1, resources: KAFKA_ADMIN_RESOURCES, claims: [] },
        ]
      : []),
    ...(hasBackups(config)
      ? [
          { pods: 1, resources: ARCHIVE_RESOURCES, claims: [backups.storage] },
          { pods: 1, ...backups, claims: [] },
          // The rehearsal of a restore has a volume as large as the database's.
          { pods: 1, ...backups, claims: [postgres.storage] },
        ]
      : []),
    ...(isBundled(config)
      ? [
          { pods: 1, ...prometheus, claims: [prometheus.storage] },
          { pods: 1, ...alertmanager, claims: [alertmanager.storage] },
        ]
      : []),
    ...(hasLogs(config) ? [{ pods: 1, ...logs.loki, claims: [logs.loki.storage] }] : []),
    ...(hasGrafana(config) ? [{ pods: mostPods({ replicas: 1 }), ...grafana, claims: [] }] : []),
  ];
  const apps = [
    api,
    ...(reports.enabled ? [reports] : []),
    ...(web.enabled ? [web] : []),
    ...(mobile.enabled ? [mobile] : []),
    ...(postgres.pooler.enabled ? [postgres.pooler] : []),
    ...Array.from({ length: exportersOf(config) }, () => ({
      replicas: 1,
      resources: config.monitoring.exporters.resources,
    })),
  ].map((app) => ({ pods: mostPods(app), resources: app.resources, claims: [] }));

  return [...stores, ...apps].reduce<Demand>(
    (sum, { pods, resources: { requests, limits }, claims }) => ({
      cpu: sum.cpu + pods * cpuToMillicores(requests.cpu),
      memory: sum.memory + pods * mebibytes(requests.memory),
      memoryLimit: sum.memoryLimit + pods * mebibytes(limits.memory),
      pods: sum.pods + pods,
      storage: sum.storage + pods * claims.reduce((total, { size }) => total + mebibytes(size), 0),
    }),
    { cpu: 0, memory: 0, memoryLimit: 0, pods: 0, storage: 0 },
  );
}
