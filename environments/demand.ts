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

/** Requests and limits of each of the two pods between which a move copies the claims of a store's pod. */
export const COPY_RESOURCES = {
  requests: { cpu: '50m', memory: '64Mi' },
  limits: { memory: '256Mi' },
} as const;

/** Requests and limits of the server of before in an upgrade of the database, which only reads; the other has the database's own. */
export const SERVE_RESOURCES = {
  requests: { cpu: '50m', memory: '128Mi' },
  limits: { cpu: null, memory: '384Mi' },
} as const;

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

/** Pods of one kind, with what each of them takes. */
interface Pods {
  readonly pods: number;
  readonly resources: Resources;
  /**
   * What a second container of each takes.
   * @default - there is none
   */
  readonly sidecar?: Resources;
  readonly claims: readonly { readonly size: string }[];
}

interface Resources {
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly memory: string };
}

const mebibytes = (quantity: string): number => toBytes(quantity) / 2 ** 20;

function take({ pods, resources, sidecar, claims }: Pods): Demand {
  const containers = sidecar === undefined ? [resources] : [resources, sidecar];
  return {
    cpu: pods * sum(containers.map(({ requests }) => cpuToMillicores(requests.cpu))),
    memory: pods * sum(containers.map(({ requests }) => mebibytes(requests.memory))),
    memoryLimit: pods * sum(containers.map(({ limits }) => mebibytes(limits.memory))),
    pods,
    storage: pods * sum(claims.map(({ size }) => mebibytes(size))),
  };
}

/** Demands put together, each of their fields by itself. */
const together = (demands: readonly Demand[], join: (numbers: readonly number[]) => number): Demand => {
  const of = (field: keyof Demand): number => join(demands.map((demand) => demand[field]));
  return {
    cpu: of('cpu'),
    memory: of('memory'),
    memoryLimit: of('memoryLimit'),
    pods: of('pods'),
    storage: of('storage'),
  };
};
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const most = (numbers: readonly number[]): number => Math.max(0, ...numbers);

export function demandOf(config: Config): Demand {
  const { postgres, redis, zookeeper, kafka, api, reports, web, mobile, backups } = config;
  const { prometheus, alertmanager, grafana, logs } = config.monitoring.bundled;
  const sets: Pods[] = [
    ...(postgres.mode === 'statefulset' ? [{ pods: 1, ...postgres, claims: [postgres.storage] }] : []),
    ...(redis.mode === 'statefulset' ? [{ pods: 1, ...redis, claims: [redis.storage] }] : []),
    ...(kafka.mode === 'statefulset'
      ? [
          {
            pods: zookeeper.replicas,
            ...zookeeper,
            claims: [zookeeper.dataStorage, zookeeper.logStorage],
          },
          { pods: kafka.replicas, ...kafka, claims: [kafka.storage] },
        ]
      : []),
    ...(hasBackups(config) ? [{ pods: 1, resources: ARCHIVE_RESOURCES, claims: [backups.storage] }] : []),
  ];
  const others: Pods[] = [
    ...(postgres.mode === 'cloudnativepg'
      ? [{ pods: postgres.instances, ...postgres, claims: [postgres.storage] }]
      : []),
    ...(kafka.mode === 'statefulset' ? [{ pods: 1, resources: KAFKA_ADMIN_RESOURCES, claims: [] }] : []),
    ...(hasBackups(config)
      ? [
          { pods: 1, ...backups, claims: [] },
          // The rehearsal of a restore has a volume as large as the database's.
          { pods: 1, ...backups, claims: [postgres.storage] },
        ]
      : []),
    ...(isBundled(config)
      ? [
          {
            pods: 1,
            ...prometheus,
            sidecar: prometheus.discovery.resources,
            claims: [prometheus.storage],
          },
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
  ].map((app): Pods => ({ pods: mostPods(app), resources: app.resources, claims: [] }));

  return together([...[...sets, ...others, ...apps].map(take), commandDemand(config, sets)], sum);
}

/**
 * What a command starts beside all that, one command at a time: a task, the plan of a restore, a move, or the server of
 * before in an upgrade. The restore itself comes in the place of the database, and so does the rest of an upgrade.
 */
function commandDemand(config: Config, sets: readonly Pods[]): Demand {
  const { postgres, reports, backups } = config;
  const moves = sets.map(({ claims }) => ({
    ...take({ pods: 2, resources: COPY_RESOURCES, claims: [] }),
    storage: take({ pods: 1, resources: COPY_RESOURCES, claims }).storage,
  }));
  return together(
    [
      take({ pods: 1, resources: reports.resources, claims: [] }),
      ...(hasBackups(config) ? [take({ pods: 1, ...backups, claims: [] })] : []),
      ...moves,
      ...(postgres.mode === 'statefulset'
        ? [{ ...take({ pods: 1, resources: SERVE_RESOURCES, claims: [] }), pods: 0 }]
        : []),
    ],
    most,
  );
}
