/** How an alert asks for series of its installation. */
import { scrapeTargets, type ScrapeTarget } from '../charts/scrape-targets.ts';
import type { Config } from '../environments/schema.ts';

/** A selector, such as `redis_up{namespace="zakpos"}`. */
export const series = (config: Config, metric: string, ...matchers: readonly string[]): string =>
  `${metric}{${[`namespace="${config.namespace}"`, ...matchers].join(',')}}`;

const targetOf = (config: Config, workload: string): ScrapeTarget | undefined =>
  scrapeTargets(config).find((target) => target.workload === workload);

/** Whether somebody asks pods of a workload for metrics. */
export const isScraped = (config: Config, workload: string): boolean =>
  targetOf(config, workload) !== undefined;

/** Rules of a workload, where it has metrics. */
export const where = <T>(config: Config, workload: string, rules: () => readonly T[]): readonly T[] =>
  isScraped(config, workload) ? rules() : [];

/**
 * How many pods of a workload answer whoever asks for metrics, 0 also where there is none to be asked. Its labels are
 * `namespace`, which is that of the installation wherever the pods are, and `job`.
 */
export const answering = (config: Config, workload: string): string =>
  ofTarget(config, workload, (up) => `sum by (namespace, job) (${up}) or absent(${up}) - 1`);

/** How many pods of a workload don't answer, where there are some; 1 where there is none. */
export const silent = (config: Config, workload: string): string =>
  ofTarget(config, workload, (up) => `count by (namespace, job) (${up} == 0) or absent(${up})`);

function ofTarget(config: Config, workload: string, expr: (up: string) => string): string {
  const namespace = targetOf(config, workload)?.namespace ?? config.namespace;
  const own = `(${expr(`up{namespace="${namespace}",job="${namespace}/${workload}"}`)})`;
  return namespace === config.namespace ? own : labelled(own, 'namespace', config.namespace);
}

/** A query whose answers have a label more, or another value of it. */
export const labelled = (expr: string, name: string, value: string): string =>
  `label_replace(${expr}, "${name}", "${value}", "", "")`;
