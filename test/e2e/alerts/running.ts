/** Pods of an installation and what they tell: in a calm time, in a rollout, and while a node is drained. */
import {
  API,
  BACKUP,
  EXPIRY,
  KAFKA,
  POSTGRES,
  POSTGRES_EXPORTER,
  REDIS,
  REDIS_EXPORTER,
  REPORTS,
  WEB,
  ZOOKEEPER,
} from '../../../charts/names.ts';
import { scrapeTargets } from '../../../charts/scrape-targets.ts';
import { defined } from '../../manifests.ts';
import { config } from './promtool.ts';
import { DAY, GIB, HOUR, series, workDone, type Values } from './world.ts';

export interface Pod {
  readonly workload: string;
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  /** Minute in which its container was started; its counters count from there. */
  readonly since: number;
}

export const NODES = ['worker', 'worker2', 'worker3'];
const LONG_AGO = -7 * DAY;
const REPLICAS: Readonly<Record<string, number>> = { [API]: 2, [WEB]: 2, [KAFKA]: 3, [ZOOKEEPER]: 3 };

/** The stores themselves are asked by others, and seen by the kubelet. */
const UNASKED = [POSTGRES, REDIS].map((workload) => ({ workload, namespace: config.namespace }));
export const PODS: readonly Pod[] = [...scrapeTargets(config), ...UNASKED].flatMap(
  ({ workload, namespace }) =>
    Array.from({ length: REPLICAS[workload] ?? 1 }, (_, i) => ({
      workload,
      namespace,
      name: `${workload}-${i}`,
      node: NODES[i] ?? 'worker',
      since: LONG_AGO,
    })),
);

/** Sales since midnight of the first day. The shop opens right then, for ten hours: no test waits for the morning. */
export const sold = (minute: number): number =>
  3000 * Math.floor(minute / DAY) + 5 * Math.min(10 * HOUR, minute % DAY) + 0.05 * minute;

/** A series that a pod tells. */
export const told = (pod: Pod, metric: string, labels: Readonly<Record<string, string>> = {}): string => {
  const { namespace, workload, name } = pod;
  return series(metric, { namespace, job: `${namespace}/${workload}`, pod: name, ...labels });
};
/** A series that the kubelet tells of a pod's container. */
export const seen = ({ namespace, workload, name, node, since }: Pod, metric: string): string =>
  series(metric, {
    namespace,
    pod: name,
    container: workload.replace('zakpos-', ''),
    node,
    id: `/kubepods/${name}/${since}`,
  });

/** A series that is told of a pod's container by who knows its state. */
export const stateOf = (
  { namespace, workload, name }: Pod,
  metric: string,
  labels: Readonly<Record<string, string>> = {},
): string =>
  series(metric, {
    ...{ job: 'kube-state-metrics', namespace, pod: name, container: workload.replace('zakpos-', '') },
    ...labels,
  });

export const podsOf = (workload: string): Pod[] => PODS.filter((pod) => pod.workload === workload);
export const firstOf = (workload: string): Pod => defined(podsOf(workload)[0], workload);
/** A value that all pods of a workload tell, or that is seen of them. */
export const each = (
  workload: string,
  metric: string,
  value: number,
  labels: Readonly<Record<string, string>> | typeof seen = {},
): Values =>
  Object.fromEntries(
    podsOf(workload).map((pod) => [
      typeof labels === 'function' ? labels(pod, metric) : told(pod, metric, labels),
      value,
    ]),
  );

/** Attempts to sell that a pod has answered. */
export const sales = (pod: Pod, part: 'count' | 'bucket', status: string): string =>
  told(pod, `http_request_duration_seconds_${part}`, {
    method: 'POST',
    route: '/api/v1/sales',
    status,
    ...(part === 'bucket' ? { le: '0.5' } : {}),
  });
export const dependency = (pod: Pod, name: string): string =>
  told(pod, 'zakpos_dependency_up', { dependency: name });
export const event = (pod: Pod, name: string): string =>
  told(pod, 'zakpos_security_events_total', { event: name });

/** What each workload says of itself, by the minute, and by who else is there. */
const SAID: Readonly<Record<string, (pod: Pod, minute: number, all: readonly Pod[]) => Values>> = {
  [API]: (pod, minute) => {
    const own = (sold(minute) - sold(Math.max(0, pod.since))) / 2;
    return {
      [sales(pod, 'count', '201')]: own,
      [sales(pod, 'bucket', '201')]: 0.999 * own,
      [sales(pod, 'count', '400')]: 0.01 * own,
      // What nobody has seen yet is told as 0: sales that are sent again, and those that fail.
      [sales(pod, 'count', '200')]: 0,
      [sales(pod, 'bucket', '200')]: 0,
      [sales(pod, 'count', '503')]: 0,
      [told(pod, 'zakpos_sales_total')]: own,
      [told(pod, 'zakpos_database_pool_connections', { state: 'waiting' })]: minute % 7 === 0 ? 2 : 0,
      [told(pod, 'zakpos_outbox_oldest_seconds')]: 0.4 * (minute % 3),
      [told(pod, 'nodejs_eventloop_lag_p99_seconds')]: minute % 11 === 0 ? 0.4 : 0.02,
      ...Object.fromEntries(['postgres', 'redis', 'kafka'].map((name) => [dependency(pod, name), 1])),
      ...Object.fromEntries(
        ['login_failed', 'token_refused', 'refresh_reused', 'forbidden', 'rate_limited'].map((name) => [
          event(pod, name),
          Math.floor(own / 100),
        ]),
      ),
    };
  },
  [REPORTS]: (pod, minute) => ({
    [told(pod, 'zakpos_report_reading')]: 1,
    [told(pod, 'zakpos_report_events_total', { outcome: 'buried' })]: 0,
    ...Object.fromEntries(
      ['0', '1', '2'].map((partition, i) => [
        told(pod, 'zakpos_report_lag_events', { topic: 'zakpos.sales', partition }),
        minute % 10 === 2 * i ? 2 : 0,
      ]),
    ),
  }),
  [WEB]: (pod) => ({ [told(pod, 'nodejs_eventloop_lag_p99_seconds')]: 0.03 }),
  [POSTGRES_EXPORTER]: (pod, minute) => ({
    [told(pod, 'pg_up')]: 1,
    [told(pod, 'pg_settings_max_connections')]: 100,
    [told(pod, 'pg_stat_database_numbackends', { datname: 'zakpos_db' })]: 26 + (minute % 9),
    [told(pod, 'pg_stat_database_numbackends', { datname: 'postgres' })]: 1,
    // The dump of the night reads in one transaction.
    [told(pod, 'zakpos_postgres_longest_transaction_seconds')]:
      minute % DAY >= 185 && minute % DAY < 215 ? 60 * ((minute % DAY) - 185) : 0.2,
    [told(pod, 'zakpos_postgres_blocked_sessions')]: minute % 13 === 0 ? 1 : 0,
  }),
  [REDIS_EXPORTER]: (pod, minute) => ({
    [told(pod, 'redis_up')]: 1,
    [told(pod, 'redis_memory_used_bytes')]: (0.1 + 0.05 * (workDone(minute) % 1)) * GIB,
    [told(pod, 'redis_memory_max_bytes')]: 0.3125 * GIB,
  }),
  [KAFKA]: (pod, _, all) => {
    const brokers = all.filter(({ workload }) => workload === KAFKA);
    return {
      [told(pod, 'kafka_controller_active')]: brokers[0] === pod ? 1 : 0,
      [told(pod, 'kafka_offline_partitions')]: 0,
      [told(pod, 'kafka_under_replicated_partitions')]: brokers.length < 3 ? 20 : 0,
    };
  },
  [ZOOKEEPER]: (pod, _, all) => ({
    [told(pod, 'zookeeper_is_leader')]:
      all.filter(({ workload }) => workload === ZOOKEEPER)[0] === pod ? 1 : 0,
  }),
  [EXPIRY]: (pod) => ({
    [told(pod, 'zakpos_certificate_not_after_timestamp_seconds', { certificate: 'zakpos-redis-tls' })]:
      60 * 60 * DAY,
    [told(pod, 'zakpos_secret_made_timestamp_seconds', { secret: 'zakpos-redis' })]: -60 * 100 * DAY,
  }),
};

/** What cAdvisor tells of a node's disk. */
export const disk = (node: string, part: 'usage' | 'limit'): string =>
  series(`container_fs_${part}_bytes`, { job: 'kubelet', node, id: '/', device: '/dev/vda1' });

/** All that an installation tells which consists of these pods. */
export function installation(pods: readonly Pod[], minute: number): Values {
  const values: Record<string, number> = Object.fromEntries(
    NODES.flatMap((node) => [
      [series('up', { job: 'kubelet', metrics_path: '/metrics', node }), 1],
      [disk(node, 'usage'), 40 * GIB],
      [disk(node, 'limit'), 100 * GIB],
    ]),
  );
  for (const pod of pods) {
    values[seen(pod, 'container_start_time_seconds')] = 60 * pod.since;
    values[seen(pod, 'container_memory_rss')] = 0.1 * GIB;
    values[seen(pod, 'container_oom_events_total')] = 0;
    values[stateOf(pod, 'kube_pod_container_status_restarts_total')] = 0;
    if (UNASKED.some(({ workload }) => workload === pod.workload)) continue;
    // Asked for the first time, it has only just been made.
    values[told(pod, 'up')] = minute > pod.since ? 1 : 0;
    if (minute > pod.since && pod.workload !== BACKUP)
      Object.assign(values, SAID[pod.workload]?.(pod, minute, pods));
  }
  return values;
}

/** Of an app, a new pod before the old one ends; of a store, the same pod again after two minutes. */
function replaced(pod: Pod, at: number, minute: number): Pod[] {
  const isStore = [KAFKA, ZOOKEEPER].includes(pod.workload);
  if (minute < at) return [pod];
  if (isStore) return minute < at + 2 ? [] : [{ ...pod, since: at + 2 }];
  const next = { ...pod, name: `${pod.name}-next`, since: at };
  return minute < at + 2 ? [pod, next] : [next];
}

/** All pods replaced, one after the other of each workload. */
export const rollout =
  (from: number) =>
  (minute: number): Pod[] =>
    PODS.flatMap((pod) => {
      const turn = PODS.filter(({ workload }) => workload === pod.workload).indexOf(pod);
      return replaced(pod, from + 3 * turn, minute);
    });

/** A node is empty for eight minutes: apps move, a broker and a ZooKeeper wait for their volumes. */
export const drain =
  (node: string, from: number) =>
  (minute: number): Pod[] =>
    PODS.flatMap((pod) => {
      if (pod.node !== node) return [pod];
      if (![KAFKA, ZOOKEEPER].includes(pod.workload)) return replaced(pod, from, minute);
      if (minute < from) return [pod];
      return minute < from + 8 ? [] : [{ ...pod, since: from + 8 }];
    });
