/** What a dashboard shows, before `grafana/` writes it as Grafana reads it. */
import type { Metric } from '../alerts/metrics.ts';

export type Unit =
  | 'count'
  | 'per second'
  | 'per minute'
  | 'seconds'
  | 'share'
  | 'bytes'
  | 'bytes per second'
  /** An amount of the currency that the legend names. */
  | 'money'
  /** 1 is yes. */
  | 'yes or no';

export interface Query {
  /** PromQL with Grafana's variables: `$namespace`, `$__rate_interval`, `$__range`. */
  readonly expr: string;
  /** Name of its lines, such as `{{route}}`. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What it says, and what of it is bad. */
  readonly description: string;
  /** The last value as a number, or values over time. */
  readonly kind: 'number' | 'lines';
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /**
   * Whether values below 0 say something.
   * @default false
   */
  readonly signed?: boolean;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  /** By which links and Grafana know it; it never changes. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** From when on it shows, such as now-6h; now/d is the last midnight. */
  readonly from: string;
  readonly rows: readonly Row[];
}

/** A selector of the namespace that is chosen. */
export const of = (metric: Metric, ...matchers: readonly string[]): string =>
  `${metric}{${['namespace="$namespace"', ...matchers].join(',')}}`;

/** A selector of what is outside of it. */
export const outside = (metric: Metric, ...matchers: readonly string[]): string =>
  `${metric}{${matchers.join(',')}}`;

/** How fast a counter grows, per second, over the time that a point stands for. */
export const rateOf = (selector: string): string => `rate(${selector}[$__rate_interval])`;
export const rate = (metric: Metric, ...matchers: readonly string[]): string =>
  rateOf(of(metric, ...matchers));

/** A matcher of the pods of workloads, which are the installation's. */
export const job = (...workloads: readonly string[]): string => `job=~"$namespace/(${workloads.join('|')})"`;

export const number = (
  title: string,
  unit: Unit,
  description: string,
  expr: string,
  legend = title,
): Panel => ({ title, unit, description, kind: 'number', queries: [{ expr, legend }] });

/** Each query is by the legend of its lines. */
export const lines = (
  title: string,
  unit: Unit,
  description: string,
  queries: Readonly<Record<string, string>>,
): Panel => ({
  title,
  unit,
  description,
  kind: 'lines',
  queries: Object.entries(queries).map(([legend, expr]) => ({ expr, legend })),
});

/** What a time of Grafana's variables is, to ask Prometheus for the same without Grafana. */
export interface Values {
  readonly namespace: string;
  /** Time over which rates are taken; four scrapes at least. */
  readonly rateInterval: string;
  /** Time that the dashboard shows. */
  readonly range: string;
}

/** Every query of a dashboard, with the panel that it is of, as Prometheus reads it. */
export const queriesOf = (
  { rows }: Dashboard,
  { namespace, rateInterval, range }: Values,
): { readonly panel: string; readonly expr: string }[] =>
  rows.flatMap(({ panels }) =>
    panels.flatMap(({ title, queries }) =>
      queries.map(({ expr }) => ({
        panel: title,
        expr: expr
          .replaceAll('$namespace', namespace)
          .replaceAll('$__rate_interval', rateInterval)
          .replaceAll('$__range', range),
      })),
    ),
  );
