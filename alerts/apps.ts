/** The apps: whether anybody answers, and what wears them out. */
import { API, REPORTS, TRAEFIK, WEB } from '../charts/names.ts';
import { toSeconds } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { durationOf, withRunbooks, type AlertRule } from './rule.ts';
import { answering, series, where } from './series.ts';

type Rule = Omit<AlertRule, 'runbook'>;

export const appAlerts = (config: Config): readonly AlertRule[] =>
  withRunbooks('apps', [
    ...where(config, API, () => [nobodyAnswers(config, API, 'ApiDown', 'the API', 'nothing can be sold')]),
    ...where(config, WEB, () => [
      nobodyAnswers(config, WEB, 'WebDown', 'the till', 'no till can be opened or loaded again'),
    ]),
    ...where(config, TRAEFIK, () => [
      nobodyAnswers(config, TRAEFIK, 'IngressDown', 'Traefik', 'nobody gets to the till or the API'),
    ]),
    ...where(config, API, () => [...ofNode(config), ...ofApi(config)]),
    ...where(config, REPORTS, () => ofReports(config)),
  ]);

/** A rollout starts a pod before it ends one, and a drain leaves one. */
const nobodyAnswers = (config: Config, workload: string, name: string, what: string, so: string): Rule => ({
  name,
  expr: `${answering(config, workload)} == 0`,
  for: '2m',
  severity: 'page',
  summary: `For 2 minutes, {{ $value }} pods of ${what} in {{ $labels.namespace }} have answered: ${so}.`,
});

const ofNode = (config: Config): Rule[] => [
  {
    name: 'EventLoopLag',
    expr: `max by (namespace, job) (min_over_time(${series(config, 'nodejs_eventloop_lag_p99_seconds')}[5m])) > 0.25`,
    for: '10m',
    severity: 'ticket',
    summary:
      'In a pod of {{ $labels.job }}, one in a hundred turns of the event loop has waited for {{ $value | humanizeDuration }} or longer: it computes more than it answers.',
  },
];

const ofApi = (config: Config): Rule[] => [
  {
    name: 'DatabasePoolSaturated',
    // That callers wait for a moment is what a pool is for.
    expr: `sum by (namespace) (min_over_time(${series(config, 'zakpos_database_pool_connections', 'state="waiting"')}[5m])) > 0`,
    for: '5m',
    severity: 'ticket',
    summary:
      'For 10 minutes, at least {{ $value }} requests in {{ $labels.namespace }} have waited for a connection to PostgreSQL at any time.',
  },
  {
    name: 'OutboxStuck',
    expr: `max by (namespace) (${series(config, 'zakpos_outbox_oldest_seconds')}) > ${toSeconds(config.monitoring.alerts.outboxAge)}`,
    for: '2m',
    severity: 'ticket',
    summary:
      'The oldest event of {{ $labels.namespace }} has waited for Kafka for {{ $value | humanizeDuration }}: sales go on, their reports do not.',
  },
];

/** Longer than a broker may be away, so that one that is gone is told once. */
const REPORTS_MARGIN_SECONDS = 180;

function ofReports(config: Config): Rule[] {
  const stopped = durationOf(toSeconds(config.monitoring.alerts.rolloutGrace) + REPORTS_MARGIN_SECONDS);
  const lag = `sum by (namespace) (${series(config, 'zakpos_report_lag_events')}`;
  return [
    {
      name: 'ReportsStopped',
      // A worker that is not there at all is missing with its metrics.
      expr: `sum by (namespace) (${series(config, 'zakpos_report_reading')}) == 0`,
      for: stopped,
      severity: 'ticket',
      summary: `For ${stopped}, {{ $value }} workers of the reports in {{ $labels.namespace }} have read from Kafka: sales go on, their reports do not.`,
    },
    {
      name: 'ConsumerLag',
      // Of as many events as arrived in 5 minutes or more, the oldest is older than that; and it isn't catching up.
      expr: `${lag}) > sum by (namespace) (increase(${series(config, 'zakpos_sales_total')}[5m])) and ${lag}) >= ${lag} offset 5m)`,
      for: '10m',
      severity: 'ticket',
      summary:
        'The reports of {{ $labels.namespace }} are {{ $value }} sales behind, more than 5 minutes of them, and do not catch up.',
    },
    {
      name: 'EventsBuried',
      expr: `round(sum by (namespace) (increase(${series(config, 'zakpos_report_events_total', 'outcome="buried"')}[1h]))) > 0`,
      for: '1m',
      severity: 'ticket',
      summary:
        'Within an hour, the reports of {{ $labels.namespace }} have not understood {{ $value }} events: the sales are there, and missing in the report by the hour.',
    },
  ];
}
