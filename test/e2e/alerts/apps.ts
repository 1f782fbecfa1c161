/** Apps that don't answer, or are worn out. */
import { API, REPORTS, TRAEFIK, WEB } from '../../../charts/names.ts';
import { each } from './running.ts';
import { gone, HOUR, type Fault } from './world.ts';
import { calm } from './calm.ts';

const AT = HOUR;
/** Pods of a workload that are gone, with all that they tell. */
const without = (workload: string, minute: number) => gone(calm(minute), new RegExp(`pod="${workload}-\\d"`));

const nobody = (alert: string, workload: string, labels: Fault['labels'], summary: string): Fault => ({
  alert,
  of: 'no pod that answers',
  from: AT,
  until: AT + 30,
  world: (minute) => ({ ...without(workload, minute), ...each(workload, 'up', 0) }),
  fires: AT + 2,
  ...(labels === undefined ? {} : { labels }),
  summary,
  followedBy: ['MetricsMissing'],
});

export const APP_FAULTS: readonly Fault[] = [
  nobody(
    'ApiDown',
    API,
    { job: 'zakpos/zakpos-api' },
    'For 2 minutes, 0 pods of the API in zakpos have answered: nothing can be sold.',
  ),
  {
    ...nobody(
      'ApiDown',
      API,
      { job: 'zakpos/zakpos-api' },
      'For 2 minutes, 0 pods of the API in zakpos have answered: nothing can be sold.',
    ),
    of: 'no pod at all',
    world: (minute) => without(API, minute),
  },
  nobody(
    'WebDown',
    WEB,
    { job: 'zakpos/zakpos-web' },
    'For 2 minutes, 0 pods of the till in zakpos have answered: no till can be opened or loaded again.',
  ),
  nobody(
    'IngressDown',
    TRAEFIK,
    { job: 'zakpos-system/traefik' },
    'For 2 minutes, 0 pods of Traefik in zakpos have answered: nobody gets to the till or the API.',
  ),
  {
    alert: 'EventLoopLag',
    of: 'a report that computes for long',
    from: AT,
    until: AT + 30,
    world: () => each(API, 'nodejs_eventloop_lag_p99_seconds', 0.8),
    fires: AT + 5 + 10,
    labels: { job: 'zakpos/zakpos-api' },
    summary:
      'In a pod of zakpos/zakpos-api, one in a hundred turns of the event loop has waited for 800ms or longer: it computes more than it answers.',
  },
  {
    alert: 'DatabasePoolSaturated',
    of: 'requests that wait all the time',
    from: AT,
    until: AT + 30,
    world: () => each(API, 'zakpos_database_pool_connections', 3, { state: 'waiting' }),
    fires: AT + 5 + 5,
    summary:
      'For 10 minutes, at least 6 requests in zakpos have waited for a connection to PostgreSQL at any time.',
  },
  {
    alert: 'OutboxStuck',
    of: 'events that Kafka refuses',
    from: AT,
    until: AT + 40,
    world: (minute) => each(API, 'zakpos_outbox_oldest_seconds', 60 * (minute - AT)),
    fires: AT + 12 + 2,
    summary: 'The oldest event of zakpos has waited for Kafka for 14m 0s: sales go on, their reports do not.',
  },
  {
    alert: 'ReportsStopped',
    of: 'a worker that can not join its group, so that nobody knows how far it is behind',
    from: AT,
    until: AT + 30,
    world: (minute) => ({
      ...gone(calm(minute), /^zakpos_report_lag_events.*namespace="zakpos"/),
      ...each(REPORTS, 'zakpos_report_reading', 0),
    }),
    fires: AT + 13,
    summary:
      'For 13m, 0 workers of the reports in zakpos have read from Kafka: sales go on, their reports do not.',
  },
  {
    alert: 'ConsumerLag',
    of: 'a worker that is stuck at one event',
    from: AT,
    until: AT + 40,
    world: (minute) =>
      each(REPORTS, 'zakpos_report_lag_events', 5 * (minute - AT), { topic: 'zakpos.sales', partition: '0' }),
    fires: AT + 6 + 10,
    summary: 'The reports of zakpos are 80 sales behind, more than 5 minutes of them, and do not catch up.',
  },
  {
    alert: 'EventsBuried',
    of: 'events of a version that the worker does not know',
    from: AT,
    until: AT + 30,
    world: () => each(REPORTS, 'zakpos_report_events_total', 3, { outcome: 'buried' }),
    fires: AT + 1,
    ends: AT + 60,
    summary:
      'Within an hour, the reports of zakpos have not understood 3 events: the sales are there, and missing in the report by the hour.',
  },
];
