/** Every query of every dashboard, asked of the Prometheus that runs. */
import { dashboardsOf } from '../../dashboards/list.ts';
import { queriesOf } from '../../dashboards/panel.ts';
import type { Config } from '../../environments/schema.ts';
import { NAMESPACE } from './harness.ts';
import { query } from './prometheus.ts';

/** What is 0 in a shop that is well; a load moves all the others. */
const ZERO_WHEN_WELL = [
  'zakpos-overview: Alerts',
  'zakpos-overview: Sales that fail',
  'zakpos-overview: Sales that failed today',
  'zakpos-api: Sales that fail',
  'zakpos-api: Sales that are slow',
  'zakpos-api: Errors',
  'zakpos-api: Events that wait for Kafka',
  'zakpos-api: Oldest event that waits',
  'zakpos-api: Sales that the reports have not seen',
  'zakpos-api: Refusals',
  'zakpos-web: Errors',
  'zakpos-postgres: Longest transaction',
  'zakpos-postgres: Sessions that wait',
  'zakpos-postgres: Deadlocks',
  'zakpos-postgres: Log that is kept',
  'zakpos-redis: Keys that ended',
  'zakpos-kafka: Partitions without a leader',
  'zakpos-kafka: Partitions that lack copies',
  'zakpos-kafka: Partitions that take nothing',
  'zakpos-kafka: Not yet in the reports',
  'zakpos-kafka: Requests that wait',
  'zakpos-backups: Log is missing',
  'zakpos-nodes: Starts',
  'zakpos-nodes: Throttled',
];

export interface Panels {
  readonly queries: number;
  /** `<dashboard>: <panel>` of those that answer with no number at all. */
  readonly empty: readonly string[];
  /** Of those that answer with 0 alone, and shouldn't. */
  readonly still: readonly string[];
}

/** Asks for the last minutes, so that a value which a load has moved shows. */
export async function askPanels(config: Config): Promise<Panels> {
  const values = { namespace: NAMESPACE, rateInterval: '2m', range: '1h' };
  const queries = dashboardsOf(config).flatMap((dashboard) =>
    queriesOf(dashboard, values).map((each) => ({ ...each, name: `${dashboard.uid}: ${each.panel}` })),
  );
  const empty: string[] = [];
  const moved = new Set<string>();
  for (const { name, expr } of queries) {
    const values = (await query(expr)).map(({ value }) => value).filter(Number.isFinite);
    if (values.length === 0) empty.push(name);
    if (values.some((value) => value !== 0)) moved.add(name);
  }
  const still = [...new Set(queries.map(({ name }) => name))].filter(
    (name) => !moved.has(name) && !empty.includes(name) && !ZERO_WHEN_WELL.includes(name),
  );
  return { queries: queries.length, empty, still };
}
