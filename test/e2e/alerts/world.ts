/** Worlds that alerts are asked about: the values of all series, minute by minute, from midnight on. */

export const [HOUR, DAY] = [60, 24 * 60];
export const GIB = 2 ** 30;

/** Values of series by their names; one that is not there isn't scraped then. */
export type Values = Readonly<Record<string, number>>;
export type World = (minute: number) => Values;

/** What an alert is of. */
export interface Fault {
  readonly alert: string;
  readonly of: string;
  /** The minute at which it begins, and that at which it is over. */
  readonly from: number;
  readonly until: number;
  /** Its values, over those of the calm; without those that are undefined. */
  readonly world: (minute: number) => Readonly<Record<string, number | undefined>>;
  /** The first minute at which somebody is told. */
  readonly fires: number;
  /**
   * The first minute at which it is over.
   * @default - `until`
   */
  readonly ends?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
  /**
   * Alerts that follow from it, and that nobody is told of meanwhile.
   * @default - none
   */
  readonly followedBy?: readonly string[];
}

/** A series, such as `up{namespace="zakpos",job="zakpos/zakpos-api"}`. */
export const series = (metric: string, labels: Readonly<Record<string, string>>): string =>
  `${metric}{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}}`;

/** Values with others in their place, and without those whose place is empty. */
export const over = (values: Values, others: Readonly<Record<string, number | undefined>>): Values =>
  Object.fromEntries(
    Object.entries({ ...values, ...others }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  );

/** Takes the series away whose names match. */
export const gone = (values: Values, pattern: RegExp): Readonly<Record<string, undefined>> =>
  Object.fromEntries(
    Object.keys(values)
      .filter((name) => pattern.test(name))
      .map((name) => [name, undefined]),
  );

/** Seconds at which something was last done that is done once in a period. */
export const last = (minute: number, period: number, at: number): number =>
  60 * (Math.floor((minute - at) / period) * period + at);

/** From 8 to 18 o'clock, how much of the day's work is done, and all of the days before. */
export const workDone = (minute: number): number =>
  Math.floor(minute / DAY) + Math.min(1, Math.max(0, ((minute % DAY) - 8 * HOUR) / (10 * HOUR)));

/** Of a week, every fifth minute is looked at; a value is seen for as long. */
const stepOf = (minutes: number): number => (minutes < 7 * DAY ? 1 : 5);

/** A world as promtool reads it: of each series a value every so many minutes, or that it ends. */
function seriesOf(world: World, minutes: number): { series: string; values: string }[] {
  const step = stepOf(minutes);
  const snapshots = Array.from({ length: Math.floor(minutes / step) + 1 }, (_, i) => world(i * step));
  const names = new Set(snapshots.flatMap((snapshot) => Object.keys(snapshot)));
  return [...names].map((name) => ({
    series: name,
    values: snapshots
      .map(({ [name]: value }, i) =>
        value === undefined ? (snapshots[i - 1]?.[name] === undefined ? '_' : 'stale') : String(value),
      )
      .join(' '),
  }));
}

/** A test of promtool: what is expected of the rules in a world of so many minutes. */
export const testOf = (world: World, minutes: number, expected: object): object => ({
  rule_files: ['rules.yaml'],
  evaluation_interval: `${stepOf(minutes)}m`,
  tests: [{ interval: `${stepOf(minutes)}m`, input_series: seriesOf(world, minutes), ...expected }],
});

/** Which alerts have fired at any minute up to one. */
export const firedUntil = (minute: number, alerts: readonly string[]): object => ({
  expr: `count by (alertname) (last_over_time(ALERTS{alertstate="firing"}[${minute + 1}m]))`,
  eval_time: `${minute}m`,
  exp_samples: [...new Set(alerts)].map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
});

/** Of an alert, the series that fire at a minute. */
export const firingAt = (
  minute: number,
  alert: string,
  firing: readonly Readonly<Record<string, string>>[],
): object => ({
  expr: `ALERTS{alertname="${alert}",alertstate="firing"}`,
  eval_time: `${minute}m`,
  exp_samples: firing.map((labels) => ({
    labels: series('ALERTS', { ...labels, alertname: alert, alertstate: 'firing' }),
    value: 1,
  })),
});
