/** What the system does now, and what of it is at its limit: from two readings of its pods' own metrics. */
import type { Config } from '../environments/schema.ts';
import { growth, mostOf, quantile, sumOf, type Match, type Sample, type Scrape } from './metrics.ts';
import { table } from './table.ts';

/** The API's pods and the worker's, read at one time. */
export interface LoadScrape {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly api: readonly Scrape[];
  readonly reports: readonly Scrape[];
}

export interface Load {
  readonly pods: number;
  /** A second. */
  readonly sales: number;
  /** Seconds that a sale takes, for half of them and for 99 of 100; nothing where there was none. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** A second. */
  readonly requests: number;
  /** Share of requests that were answered with 5xx; nothing where there was none. */
  readonly failed: number | undefined;
  /** Share that was refused with 429. */
  readonly limited: number | undefined;
  readonly outbox: { readonly depth: number; readonly oldestSeconds: number };
  /** Events that the reports have not seen yet; nothing where no worker says. */
  readonly lag: number | undefined;
  /** What the API needs, and last had no answer from. */
  readonly away: readonly string[];
  /** What is at its limit, in words. */
  readonly saturated: readonly string[];
}

/** Seconds of delay of the event loop above which requests wait for the processor. */
const LATE_SECONDS = 0.1;
/** Share of a core above which a process of one thread has none to spare. */
const BUSY_CORE = 0.9;
/** Share of a limit of memory above which it counts as reached soon. */
const FULL = 0.9;

export interface Limits {
  /** Bytes of memory of a pod. */
  readonly apiMemory: number;
  readonly reportsMemory: number;
}

export function loadBetween(config: Config, limits: Limits, before: LoadScrape, after: LoadScrape): Load {
  const seconds = (after.at - before.at) / 1000;
  const prefix = `/${config.api.prefix}`;
  const requests = growth(before.api, after.api, (sample) => isRequest(sample, prefix));
  const count = total(requests);
  const share = (match: (status: string) => boolean): number | undefined =>
    count === 0 ? undefined : total(requests.filter(({ labels }) => match(labels.status ?? ''))) / count;
  const buckets = growth(
    before.api,
    after.api,
    ({ name, labels }) =>
      name === `${HISTOGRAM}_bucket` && labels.method === 'POST' && labels.route === `${prefix}/sales`,
  );
  return {
    pods: after.api.length,
    sales: total(growth(before.api, after.api, named('zakpos_sales_total'))) / seconds,
    p50: quantile(0.5, buckets),
    p99: quantile(0.99, buckets),
    requests: count / seconds,
    failed: share((status) => status.startsWith('5')),
    limited: share((status) => status === '429'),
    outbox: {
      // Each pod counts all of the table.
      depth: mostOf(after.api, named('zakpos_outbox_depth')),
      oldestSeconds: mostOf(after.api, named('zakpos_outbox_oldest_seconds')),
    },
    lag: lagOf(after.reports),
    away: [
      ...new Set(
        after.api
          .flatMap(({ samples }) => samples.filter(named('zakpos_dependency_up')))
          .flatMap(({ labels, value }) => (value === 0 ? (labels.dependency ?? []) : [])),
      ),
    ],
    saturated: [
      ...after.api.flatMap((pod) => saturatedPool(pod)),
      ...saturatedProcesses(before.api, after.api, seconds, limits.apiMemory),
      ...saturatedProcesses(before.reports, after.reports, seconds, limits.reportsMemory),
    ],
  };
}

/** Who reads nothing tells no lag. */
function lagOf(reports: readonly Scrape[]): number | undefined {
  const lags = reports.flatMap(({ samples }) => samples.filter(named('zakpos_report_lag_events')));
  return lags.length === 0 ? undefined : total(lags);
}

const HISTOGRAM = 'http_request_duration_seconds';

const named =
  (wanted: string): Match =>
  ({ name }) =>
    name === wanted;
const total = (samples: readonly Sample[]): number => samples.reduce((sum, { value }) => sum + value, 0);

/** Requests of people: probes and this reading itself are none. */
const isRequest = ({ name, labels }: Sample, prefix: string): boolean =>
  name === `${HISTOGRAM}_count` && (labels.route ?? '').startsWith(`${prefix}/`);

function saturatedPool(pod: Scrape): string[] {
  const waiting = sumOf(
    [pod],
    ({ name, labels }) => name === 'zakpos_database_pool_connections' && labels.state === 'waiting',
  );
  return waiting > 0 ? [`connections to PostgreSQL of ${pod.pod}: ${waiting} wait for one`] : [];
}

function saturatedProcesses(
  before: readonly Scrape[],
  after: readonly Scrape[],
  seconds: number,
  memory: number,
): string[] {
  return after.flatMap((pod) => {
    const cores = total(growth(before, [pod], named('process_cpu_seconds_total'))) / seconds;
    const late = mostOf([pod], named('nodejs_eventloop_lag_p99_seconds'));
    const used = mostOf([pod], named('process_resident_memory_bytes')) / memory;
    return [
      ...(cores > BUSY_CORE ? [`processor of ${pod.pod}: ${cores.toFixed(1)} cores`] : []),
      ...(late > LATE_SECONDS ? [`event loop of ${pod.pod}: ${milliseconds(late)} late`] : []),
      ...(used > FULL ? [`memory of ${pod.pod}: ${percent(used)} of its limit`] : []),
    ];
  });
}

/** A load as people read it. */
export function describeLoad({ sales, p50, p99, requests, failed, limited, ...load }: Load): string {
  return [
    table([
      ['sales', `${sales.toFixed(1)} a second`, `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`],
      [
        'requests',
        `${requests.toFixed(1)} a second`,
        `${percent(failed)} failed, ${percent(limited)} refused`,
      ],
      ['outbox', `${load.outbox.depth} events`, `the oldest ${Math.round(load.outbox.oldestSeconds)} s old`],
      ['reports', load.lag === undefined ? 'lag not known' : `${load.lag} events behind`, ''],
      ['API', `${load.pods} ${load.pods === 1 ? 'pod' : 'pods'}`, awayOf(load)],
    ]),
    '',
    `at their limit: ${load.saturated.length === 0 ? 'nothing' : ''}`.trimEnd(),
    ...load.saturated.map((each) => `  ${each}`),
  ].join('\n');
}

const awayOf = ({ away }: Pick<Load, 'away'>): string =>
  away.length === 0 ? 'all that it needs answers' : `no answer from ${away.join(', ')}`;
const milliseconds = (seconds: number | undefined): string =>
  seconds === undefined ? '-' : `${Math.round(seconds * 1000)} ms`;
const percent = (share: number | undefined): string =>
  share === undefined ? '-' : `${(100 * share).toFixed(1)} %`;
