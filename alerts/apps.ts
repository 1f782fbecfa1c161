/** The apps: whether anybody answers, and what wears them out. */
import { API, REPORTS, TRAEFIK, WEB } from '../charts/names.ts';
import { toSeconds } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { withRunbooks, type AlertRule } from './rule.ts';
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
    ...where(config, REPORTS, () => [consumerLag(config)]),
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

/** Of as many events as arrived in 5 minutes or more, the oldest is older than that; and it isn't catching up. */
function consumerLag(config: Config): Rule {
  const lag = `sum by (namespace) (${series(config, 'zakpos_report_lag_events')}`;
  return {
    name: 'ConsumerLag',
    expr: `${lag}) > sum by (namespace) (increase(${series(config, 'zakpos_sales_total')}[5m])) and ${lag}) >= ${lag} offset 5m)`,
    for: '10m',
    severity: 'ticket',
    summary:
      'The reports of {{ $labels.namespace }} are {{ $value }} sales behind, more than 5 minutes of them, and do not catch up.',
  };
}
