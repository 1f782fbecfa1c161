/** What an alert is made of, whichever Prometheus evaluates it. */

/** `page`: somebody has to act now, whatever the hour. `ticket`: on the next working day. */
export type Severity = 'page' | 'ticket';

export interface AlertRule {
  /** What everybody calls it; no other has this name. */
  readonly name: string;
  /** PromQL. Each series that it answers is an alert, so its labels stay the same when a pod is made anew. */
  readonly expr: string;
  /** How long that has to last, such as 5m. */
  readonly for: string;
  /**
   * How long it is told on when it is over, such as 3m: until what it inhibits is over, too.
   * @default - it ends at once
   */
  readonly keepFiringFor?: string;
  readonly severity: Severity;
  /** What is wrong, with the numbers, in Prometheus' templates. */
  readonly summary: string;
  /** The page and heading that say what to do: a path in this repository, or a URL. */
  readonly runbook: string;
}

/** A query that is worked out ahead and kept as a series of its own, for alerts and dashboards. */
export interface RecordingRule {
  /** Name of the series: what it is of, what it says and over which time, with colons between them. */
  readonly record: string;
  /** PromQL. */
  readonly expr: string;
  /**
   * Labels of the series beside those that the query answers.
   * @default - none
   */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface AlertGroup {
  /** What the rules have in common; no other group has this name. */
  readonly name: string;
  /** Worked out before the rules, in this order. */
  readonly records: readonly RecordingRule[];
  readonly rules: readonly AlertRule[];
}

/** A rule as Prometheus' files have it. */
export interface FileRule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A group as a file of rules, or a PrometheusRule, has it. */
export const toFileGroup = ({
  name,
  records,
  rules,
}: AlertGroup): { readonly name: string; readonly rules: FileRule[] } => ({
  name,
  rules: [
    ...records,
    ...rules.map((rule) => ({
      alert: rule.name,
      expr: rule.expr,
      for: rule.for,
      ...(rule.keepFiringFor === undefined ? {} : { keep_firing_for: rule.keepFiringFor }),
      labels: { severity: rule.severity },
      annotations: {
        summary: rule.summary,
        runbook: rule.runbook,
        // By which Grafana and others show a link.
        ...(rule.runbook.startsWith('http') ? { runbook_url: rule.runbook } : {}),
      },
    })),
  ],
});

/** Rules whose runbooks are on a page of docs/runbooks, each below the heading with its name. */
export const withRunbooks = (
  page: string,
  rules: readonly Omit<AlertRule, 'runbook'>[],
): readonly AlertRule[] =>
  rules.map((rule) => ({ ...rule, runbook: `docs/runbooks/${page}.md#${rule.name.toLowerCase()}` }));

/** Seconds as a duration that Prometheus reads, in the largest unit that is whole: 93600 is 26h. */
export function durationOf(seconds: number): string {
  const [unit, length] = UNITS.find(([, length]) => seconds % length === 0) ?? ['s', 1];
  return `${seconds / length}${unit}`;
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const;
