import { hasBackups } from '../environments/backups.ts';
import { expiryCommand, hasJmxAgent, hasLogs, isBundled, isMonitored } from '../environments/monitoring.ts';
import { agentsNamespace } from '../environments/namespaces.ts';
import type { Config } from '../environments/schema.ts';
import {
  ALERTMANAGER,
  API,
  BACKUP,
  EXPIRY,
  KAFKA,
  LOG_COLLECTOR,
  LOKI,
  PORTS,
  POSTGRES_EXPORTER,
  PROMETHEUS,
  REDIS_EXPORTER,
  REPORTS,
  TRAEFIK,
  WEB,
  ZOOKEEPER,
} from './names.ts';

/** Pods that tell metrics of themselves, or of what they look at. */
export interface ScrapeTarget {
  /** Their workload, by its name label. */
  readonly workload: string;
  readonly namespace: string;
  /** The port of the container: its name, and the number that network policies let in. */
  readonly port: { readonly name: string; readonly number: number };
  readonly path: string;
  /**
   * How often they are asked, such as 1m; less than the 5 minutes for which Prometheus keeps an answer.
   * @default - as often as whoever asks does so by default
   */
  readonly interval?: string;
}

/**
 * Who is asked for metrics: the one list for whatever asks, and for the network policies that let it. The series of a
 * target have the labels `namespace`, `pod` and `container`, and `job`, which is `<namespace>/<workload>`.
 */
export function scrapeTargets(config: Config): ScrapeTarget[] {
  if (!isMonitored(config)) return [];
  const { namespace, systemNamespace, api, reports, web, addons } = config;
  const target = (workload: string, number: number, more: Partial<ScrapeTarget> = {}): ScrapeTarget => ({
    workload,
    namespace,
    port: { name: 'metrics', number },
    path: '/metrics',
    ...more,
  });
  const http = (workload: string, number: number): ScrapeTarget =>
    target(workload, number, { port: { name: 'http', number } });

  return [
    ...(api.metrics ? [http(API, api.port)] : []),
    ...(api.metrics && reports.enabled ? [http(REPORTS, api.port)] : []),
    ...(web.enabled && web.metrics ? [target(WEB, PORTS.webMetrics)] : []),
    ...(addons.traefik.enabled
      ? [target(TRAEFIK, PORTS.traefikMetrics, { namespace: systemNamespace })]
      : []),
    ...(hasJmxAgent(config) ? [KAFKA, ZOOKEEPER].map((server) => target(server, PORTS.jmxAgent)) : []),
    target(POSTGRES_EXPORTER, PORTS.postgresExporter),
    target(REDIS_EXPORTER, PORTS.redisExporter),
    ...(expiryCommand(config) === undefined ? [] : [target(EXPIRY, PORTS.expiry, { interval: '1m' })]),
    ...(hasBackups(config) ? [target(BACKUP, PORTS.backupMetrics, { path: '/metrics.txt' })] : []),
    ...(isBundled(config)
      ? [http(PROMETHEUS, PORTS.prometheus), http(ALERTMANAGER, PORTS.alertmanager)]
      : []),
    ...(hasLogs(config)
      ? [
          http(LOKI, PORTS.loki),
          target(LOG_COLLECTOR, PORTS.collectorMetrics, {
            namespace: agentsNamespace(config),
          }),
        ]
      : []),
  ];
}
