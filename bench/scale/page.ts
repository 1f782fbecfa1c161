/** The parts of docs/explanation/scale.md that are made from measurements. */
import type { Result } from '../results.ts';
import { number } from '../report/words.ts';
import { costOf } from './cost.ts';
import { environmentFor, parsed } from './environment.ts';
import { limitsOf, loadOf, USE } from './model.ts';
import { asPlot } from './plot.ts';

/** As many tills as the page tells of. */
export const EXAMPLES = [10, 1000, 100_000] as const;

/** As Prettier writes it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((cells) => cells[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

const GB = 1e9;

/** What gives in first in production as it comes. */
export const limitsTable = (results: readonly Result[]): string =>
  table(
    ['what gives in', 'at so many tills', 'what serves more'],
    limitsOf(parsed({ environment: 'prod' }), costOf(results)).map(({ part, tills, then }) => [
      part,
      number(Math.floor(tills)),
      then,
    ]),
  );

export const limitsPlot = (results: readonly Result[]): string =>
  asPlot(limitsOf(parsed({ environment: 'prod' }), costOf(results)));

/** What the examples need, in the words of their environments. */
export function needsTable(results: readonly Result[]): string {
  const cost = costOf(results);
  const columns = EXAMPLES.map((tills) => {
    const config = parsed(environmentFor(tills, cost));
    const load = loadOf(tills, cost, config.kafka.replicationFactor);
    const { api, reports, postgres, kafka } = config;
    const pods = api.autoscaling.enabled ? api.autoscaling.maxReplicas : api.replicas;
    const sales = kafka.topics.find(({ name }) => name === 'zakpos.sales');
    return [
      config.size === 'single' ? 'one server' : config.environment,
      number(load.salesPerSecond),
      String(pods),
      `${pods * api.databasePoolSize}${postgres.pooler.enabled ? `, by PgBouncer ${postgres.pooler.replicas * postgres.pooler.poolSize}` : ''}`,
      `${postgres.mode}, ${number(load.postgresCores)} cores`,
      `${number(load.databaseBytes / GB)} GB`,
      `${number(load.restoreSeconds / 60)} min`,
      `${reports.replicas}, ${sales?.partitions ?? 0}`,
      kafka.mode === 'external' ? 'managed' : `${kafka.replicas}, ${kafka.storage.size} each`,
      `${number((load.networkBytesPerSecond * 8) / 1e6)} Mbit/s`,
    ];
  });
  const names = [
    'environment',
    'sales in a second',
    'pods of the API',
    'connections to the database',
    'PostgreSQL',
    `database after ${USE.daysKept} days`,
    'until it is restored from a backup',
    'pods of the worker, partitions',
    'brokers',
    'network of the API',
  ];
  return table(
    ['', ...EXAMPLES.map((tills) => `${tills.toLocaleString('en')} tills`)],
    names.map((name, i) => [name, ...columns.map((column) => column[i] ?? '')]),
  );
}

/** Sales in a second at which something is full, by the cost of a sale that was measured far below. */
export function predicted(results: readonly Result[]): number {
  const { capacity, apiCpu } = costOf(results);
  return Math.min(capacity, 1000 / apiCpu);
}

/** The prediction beside what a full computer has sold. */
export function prediction(results: readonly Result[]): string {
  const [ours] = results.find(({ id }) => id === 'sales-per-second')?.outcomes ?? [];
  if (ours === undefined || 'why' in ours) {
    throw new Error(
      'docs/reference/performance.json has no sales-per-second; `npm run bench -- sales --write` measures it',
    );
  }
  const expected = predicted(results);
  return table(
    ['sales in a second of one pod', ''],
    [
      ['predicted from sales that wait for nothing', number(expected)],
      ['measured with eight tills at once', number(ours.median)],
      ['measured ÷ predicted', number(ours.median / expected)],
    ],
  );
}
