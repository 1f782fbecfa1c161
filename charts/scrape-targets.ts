import { hasBackups } from '../environments/backups.ts';
import type { Config } from '../environments/schema.ts';
import { BACKUP, PORTS } from './names.ts';

/** Pods that tell metrics of themselves. */
export interface ScrapeTarget {
  /** Their workload, by its name label. */
  readonly workload: string;
  /** The port of the container: its name, and the number that network policies let in. */
  readonly port: { readonly name: string; readonly number: number };
  readonly path: string;
}

/** Who is asked for metrics: the one list for whatever asks, and for the network policies that let it. */
export const scrapeTargets = (config: Config): ScrapeTarget[] =>
  hasBackups(config)
    ? [{ workload: BACKUP, port: { name: 'metrics', number: PORTS.backupMetrics }, path: '/metrics.txt' }]
    : [];
