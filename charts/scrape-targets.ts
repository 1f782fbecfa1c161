import { hasBackups } from '../environments/backups.ts';
import { isMonitored } from '../environments/monitoring.ts';
import type { Config } from '../environments/schema.ts';
import { API, BACKUP, PORTS, REPORTS } from './names.ts';

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
  const { namespace, api, reports } = config;
  const target = (workload: string, number: number, more: Partial<ScrapeTarget> = {}): ScrapeTarget => ({
    workload,
    namespace,
    port: { name: 'metrics', number },
    path: '/metrics',
    ...more,
  });
  const http = { port: { name: 'http', number: api.port } };

  return [
    ...(api.metrics ? [target(API, api.port, http)] : []),
    ...(api.metrics && reports.enabled ? [target(REPORTS, api.port, http)] : []),
    ...(hasBackups(config) ? [target(BACKUP, PORTS.backupMetrics, { path: '/metrics.txt' })] : []),
  ];
}
