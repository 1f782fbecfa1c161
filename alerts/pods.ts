/** Pods of whatever workload: from what is known of their containers and nodes, and from who answers whoever asks. */
import { BACKUP } from '../charts/names.ts';
import { scrapeTargets } from '../charts/scrape-targets.ts';
import { isMonitored } from '../environments/monitoring.ts';
import { toBytes } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { withRunbooks, type AlertRule, type RecordingRule } from './rule.ts';
import { labelled, series, silent } from './series.ts';

const LIMIT = 'zakpos:memory_limit:bytes';
/** Matchers of a node's own file systems on disks. */
const DISKS = 'job="kubelet",id="/",device=~"/dev/.+",device!~"/dev/shm.*"';

/** Limits of memory as the manifests have them: there where nobody else tells them. */
export const podRecords = (config: Config): readonly RecordingRule[] =>
  isMonitored(config)
    ? memoryLimits(config).map(([container, limit]) => ({
        record: LIMIT,
        expr: `vector(${toBytes(limit)})`,
        labels: { namespace: config.namespace, container },
      }))
    : [];

/** Limits by the name of the container. */
function memoryLimits(config: Config): (readonly [string, string])[] {
  const { api, reports, web, mobile, postgres, redis, kafka, zookeeper } = config;
  const limit = (name: string, isThere: boolean, { resources }: Pick<Config['api'], 'resources'>) =>
    isThere ? [[name, resources.limits.memory] as const] : [];
  return [
    ...limit('api', true, api),
    ...limit('reports', reports.enabled, reports),
    ...limit('web', web.enabled, web),
    ...limit('mobile', mobile.enabled, mobile),
    ...limit('postgres', postgres.mode === 'statefulset', postgres),
    ...limit('pgbouncer', postgres.pooler.enabled, postgres.pooler),
    ...limit('redis', redis.mode === 'statefulset', redis),
    ...limit('kafka', kafka.mode === 'statefulset', kafka),
    ...limit('zookeeper', kafka.mode === 'statefulset', zookeeper),
  ];
}

export function podAlerts(config: Config): readonly AlertRule[] {
  if (!isMonitored(config)) return [];
  const container = 'namespace, pod, container';
  const restarts = series(config, 'kube_pod_container_status_restarts_total');
  // It ended some minutes ago, and the kubelet waits five at the most until it starts it again; and it is still there.
  const justStarted = `increase(${restarts}[10m]) > 0 and ${restarts}`;
  const killed = series(config, 'kube_pod_container_status_last_terminated_reason', 'reason="OOMKilled"');
  // A process in a container that goes on without it.
  const lost = `increase(${series(config, 'container_oom_events_total', 'container!=""')}[10m]) > 0`;

  const watched = scrapeTargets(config).filter(({ workload }) => workload !== BACKUP);

  return withRunbooks('pods', [
    {
      name: 'CrashLooping',
      expr: `max by (namespace, container) (increase(${restarts}[30m]) > 3 and ${justStarted})`,
      for: '1m',
      severity: 'ticket',
      summary:
        'A container {{ $labels.container }} in {{ $labels.namespace }} has been started {{ $value | printf "%.0f" }} times anew within 30 minutes.',
    },
    {
      name: 'OutOfMemory',
      expr: `count by (namespace, container) (max by (${container}) (${killed}) and on (${container}) (${justStarted}) or max by (${container}) (${lost}))`,
      for: '1m',
      severity: 'ticket',
      summary:
        'Within 10 minutes, {{ $value }} containers {{ $labels.container }} in {{ $labels.namespace }} have run out of memory, and they or a process in them was killed.',
    },
    {
      name: 'NodeDown',
      // Of those that have had a pod of ours. One that is made anew is gone, and one that is drained answers.
      expr: labelled(
        `max by (node) (up{job="kubelet",metrics_path="/metrics"}) == 0 and on (node) count by (node) (last_over_time(${series(config, 'container_start_time_seconds')}[1d]))`,
        'namespace',
        config.namespace,
      ),
      for: '5m',
      // Longer than what it silences goes on.
      keepFiringFor: '10m',
      severity: 'ticket',
      summary:
        'For 5 minutes, the kubelet of node {{ $labels.node }} has not answered: what runs there, or has its volume there, is away.',
    },
    {
      name: 'NodeDiskFilling',
      // What local-path, of kind and k3s, gives to claims is on these, too, and measured by nobody else. Where there is
      // node-exporter, it tells of them. Memory that looks like a disk, and partitions to boot from, are none.
      expr: labelled(
        `max by (node, device) (container_fs_usage_bytes{${DISKS}} / (container_fs_limit_bytes{${DISKS}} > ${4 * 2 ** 30})) > ${config.monitoring.alerts.volumePercent / 100}`,
        'namespace',
        config.namespace,
      ),
      for: '15m',
      severity: 'ticket',
      summary:
        'The disk {{ $labels.device }} of node {{ $labels.node }} is {{ $value | humanizePercentage }} full; from 85 % on, the kubelet may delete images and evict pods.',
    },
    {
      name: 'MetricsMissing',
      expr: [
        ...watched.map(({ workload }) => silent(config, workload)),
        labelled(`absent(${series(config, 'container_start_time_seconds')})`, 'job', 'kubelet'),
        labelled(`absent(${restarts})`, 'job', 'kube-state-metrics'),
      ].join(' or '),
      for: '15m',
      severity: 'ticket',
      summary:
        'For 15 minutes, {{ $value }} of those who tell metrics of {{ $labels.job }} in {{ $labels.namespace }} have told none: what is wrong there, nobody is told.',
    },
  ]);
}
