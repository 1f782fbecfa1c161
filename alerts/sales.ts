/**
 * What a sale is held to, told by how fast the budget of 30 days is used up: the burn rates and windows of chapter 5 of
 * Google's Site Reliability Workbook.
 */
import { API } from '../charts/names.ts';
import type { Config } from '../environments/schema.ts';
import { inhibitions } from './inhibitions.ts';
import { withRunbooks, type AlertRule, type RecordingRule } from './rule.ts';
import { series, where } from './series.ts';

/** When the budget is used up so many times too fast, over both windows: the short one tells that it still is. */
interface Burn {
  readonly times: number;
  readonly long: string;
  readonly short: string;
}

interface Urgency extends Pick<AlertRule, 'severity' | 'for'> {
  readonly burns: readonly Burn[];
  /** Window whose share the summary says, and its name there. */
  readonly window: string;
  readonly called: string;
}

/** A fiftieth of the month's budget in an hour, or a twentieth in six. */
const PAGE: Urgency = {
  severity: 'page',
  for: '2m',
  burns: [
    { times: 14.4, long: '1h', short: '5m' },
    { times: 6, long: '6h', short: '30m' },
  ],
  window: '1h',
  called: 'hour',
};
/** A tenth of it in one day, or in three. */
const TICKET: Urgency = {
  severity: 'ticket',
  for: '15m',
  burns: [
    { times: 3, long: '1d', short: '2h' },
    { times: 1, long: '3d', short: '6h' },
  ],
  window: '1d',
  called: 'day',
};
const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'];
const LONG_WINDOWS = ['1h', '6h', '1d', '3d'];

/** One of the two things that a sale is held to. */
interface Objective {
  /** Recorded share of sales that missed it, and how many those were; the window follows. */
  readonly share: string;
  readonly count: string;
  /** Percent of sales that must keep to it. */
  readonly percent: number;
  /** PromQL of the sales that count, and of those that missed it, by `rate` or `increase` over a window. */
  readonly all: (by: string, window: string) => string;
  readonly missed: (by: string, window: string) => string;
  /** What has become of those that missed it. */
  readonly said: string;
}

export const saleRecords = (config: Config): readonly RecordingRule[] =>
  where(config, API, () =>
    objectives(config).flatMap(({ share, count, all, missed }) => [
      ...WINDOWS.map((window) => ({
        record: `${share}${window}`,
        expr: `${missed('rate', window)} / ${all('rate', window)}`,
      })),
      ...LONG_WINDOWS.map((window) => ({ record: `${count}${window}`, expr: missed('increase', window) })),
    ]),
  );

export const saleAlerts = (config: Config): readonly AlertRule[] =>
  where(config, API, () => {
    const [failed, slow] = objectives(config);
    return withRunbooks('sales', [
      alert(config, 'SalesFailing', failed, PAGE),
      alert(config, 'SomeSalesFailing', failed, TICKET),
      alert(config, 'SalesSlow', slow, PAGE),
      alert(config, 'SomeSalesSlow', slow, TICKET),
    ]);
  });

function objectives(config: Config): readonly [Objective, Objective] {
  const { availability, latency, seconds } = config.monitoring.slo;
  const sale = [`job="${config.namespace}/${API}"`, 'method="POST"', `route="/${config.api.prefix}/sales"`];
  const sum =
    (part: 'count' | 'bucket', ...matchers: readonly string[]) =>
    (by: string, window: string): string =>
      `sum by (namespace) (${by}(${series(config, `http_request_duration_seconds_${part}`, ...sale, ...matchers)}[${window}]))`;
  const answered = sum('count');
  const failed = sum('count', 'status=~"5.."');
  const done = sum('count', 'status=~"2.."');
  const quick = sum('bucket', 'status=~"2.."', bucket(seconds));
  return [
    {
      share: 'zakpos:sales_failed:ratio_rate',
      count: 'zakpos:sales_failed:increase',
      percent: availability,
      all: answered,
      // While none has failed, there may be no series of failures.
      missed: (...over) => `(${failed(...over)} or 0 * ${answered(...over)})`,
      said: 'failed',
    },
    {
      share: 'zakpos:sales_slow:ratio_rate',
      count: 'zakpos:sales_slow:increase',
      percent: latency,
      all: done,
      missed: (...over) => `(${done(...over)} - ${quick(...over)})`,
      said: `took longer than ${seconds} s`,
    },
  ];
}

/** Prometheus 3 writes the bound 1 as 1.0. */
const bucket = (seconds: number): string =>
  Number.isInteger(seconds) ? `le=~"${seconds}|${seconds}.0"` : `le="${seconds}"`;

function alert(
  config: Config,
  name: string,
  { share, count, percent, said }: Objective,
  { severity, for: lasting, burns, window, called }: Urgency,
): Omit<AlertRule, 'runbook'> {
  const { minimum } = config.monitoring.slo;
  const shareOver = (window: string): string => series(config, `${share}${window}`);
  const causes = inhibitions.filter(({ targets }) => targets.includes(name)).map(({ source }) => source);
  /** What was told of its cause isn't told again, for as long as the short window remembers it. */
  const told = (window: string): string =>
    `count_over_time(${series(config, 'ALERTS', `alertname=~"${causes.join('|')}"`, 'alertstate="firing"')}[${window}])`;
  const burning = burns.map(({ times, long, short }) => {
    const tooMuch = rounded((times * (100 - percent)) / 100);
    const conditions = [
      `${shareOver(long)} > ${tooMuch}`,
      `${shareOver(short)} > ${tooMuch}`,
      `${series(config, `${count}${long}`)} >= ${minimum}`,
    ];
    return `(${conditions.join(' and ')} unless on (namespace) ${told(short)})`;
  });
  return {
    name,
    expr: `${shareOver(window)} and on (namespace) (${burning.join(' or ')})`,
    for: lasting,
    severity,
    summary: `Of the sales of the last ${called} in {{ $labels.namespace }}, {{ $value | humanizePercentage }} ${said}; ${rounded(100 - percent)}% may.`,
  };
}

/** Without what binary fractions leave of 100 - 99.9. */
const rounded = (value: number): number => Number(value.toPrecision(6));
