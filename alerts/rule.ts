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
  readonly severity: Severity;
  /** What is wrong, with the numbers, in Prometheus' templates. */
  readonly summary: string;
  /** The page and heading that say what to do. */
  readonly runbook: string;
}

export interface AlertGroup {
  /** What the rules have in common; no other group has this name. */
  readonly name: string;
  readonly rules: readonly AlertRule[];
}

/** Rules whose runbooks are on the page about alerts, each below the heading with its name. */
export const withRunbooks = (rules: readonly Omit<AlertRule, 'runbook'>[]): AlertRule[] =>
  rules.map((rule) => ({ ...rule, runbook: `docs/how-to/alerts.md#${rule.name.toLowerCase()}` }));

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
