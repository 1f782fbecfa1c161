/** The apps: what they are asked, how they answer, and what wears them out. */
import { job, lines, number, of, outside, rate, rateOf, type Dashboard, type Row } from './panel.ts';

/** Requests, errors and durations of a workload. */
const requests = (workload: string): Row => {
  const own = job(workload);
  const count = (...matchers: readonly string[]): string =>
    `sum by (route) (${rate('http_request_duration_seconds_count', own, ...matchers)})`;
  const within = (share: number): string =>
    `histogram_quantile(${share}, sum by (route, le) (${rate('http_request_duration_seconds_bucket', own)}))`;
  return {
    title: 'Requests',
    panels: [
      lines('Requests', 'per second', 'What is asked for, by route.', { '{{route}}': count() }),
      lines(
        'Errors',
        'share',
        'Of the requests of a route, those that are answered with 500 or more: faults of ours, or a store that is away.',
        { '{{route}}': `(${count('status=~"5.."')} or 0 * ${count()}) / ${count()}` },
      ),
      lines('Slowest in a hundred', 'seconds', 'Time in which 99 of 100 requests of a route are answered.', {
        '{{route}}': within(0.99),
      }),
      lines('Usual time', 'seconds', 'Time in which half of the requests of a route are answered.', {
        '{{route}}': within(0.5),
      }),
    ],
  };
};

/** What Node.js says of itself. */
const process = (...workloads: readonly string[]): Row => ({
  title: 'Processes',
  panels: [
    lines(
      'Turns of the event loop',
      'seconds',
      'How long one in a hundred turns waits. Above a quarter of a second, it computes more than it answers.',
      { '{{pod}}': of('nodejs_eventloop_lag_p99_seconds', job(...workloads)) },
    ),
    lines('CPU', 'count', 'Cores in use, by pod.', {
      '{{pod}}': rate('process_cpu_seconds_total', job(...workloads)),
    }),
    lines('Memory', 'bytes', 'Memory of the process, by pod. A line that only climbs is a leak.', {
      '{{pod}}': of('process_resident_memory_bytes', job(...workloads)),
    }),
    lines('Heap in use', 'bytes', 'Objects of JavaScript, by pod.', {
      '{{pod}}': of('nodejs_heap_size_used_bytes', job(...workloads)),
    }),
  ],
});

const budget = (record: 'zakpos:sales_failed:ratio_rate' | 'zakpos:sales_slow:ratio_rate') => ({
  'in 5 minutes': of(`${record}5m`),
  'in an hour': of(`${record}1h`),
  'in a day': of(`${record}1d`),
});

export const api: Dashboard = {
  uid: 'zakpos-api',
  title: 'ZakPOS: API',
  description: 'The API and its reports worker.',
  from: 'now-6h',
  rows: [
    {
      title: 'Sales',
      panels: [
        number('Pods', 'count', 'Pods of the API that answer.', `sum(${of('up', job('zakpos-api'))})`),
        number(
          'Sales',
          'per second',
          'As many as in the last minutes.',
          `sum(${rate('zakpos_sales_total')})`,
        ),
        lines(
          'Sales that fail',
          'share',
          'Of all that were tried within a time: what the page of the objectives calls the budget.',
          budget('zakpos:sales_failed:ratio_rate'),
        ),
        lines(
          'Sales that are slow',
          'share',
          'Of all that were sold within a time, those that took longer than they may.',
          budget('zakpos:sales_slow:ratio_rate'),
        ),
      ],
    },
    requests('zakpos-api'),
    {
      title: 'What it needs',
      panels: [
        lines('Within reach', 'yes or no', 'Whether a dependency answered when a pod last asked it.', {
          '{{dependency}}': `min by (dependency) (${of('zakpos_dependency_up')})`,
        }),
        lines(
          'Connections to PostgreSQL',
          'count',
          'Of all pods: open ones, idle ones, and callers that wait for one. None should wait for long.',
          { '{{state}}': `sum by (state) (${of('zakpos_database_pool_connections')})` },
        ),
        lines('Events that wait for Kafka', 'count', 'Rows of the outbox. It grows while Kafka is away.', {
          events: `max(${of('zakpos_outbox_depth')})`,
        }),
        lines('Oldest event that waits', 'seconds', 'Its age; seconds are usual.', {
          oldest: `max(${of('zakpos_outbox_oldest_seconds')})`,
        }),
        lines('Sales that the reports have not seen', 'count', 'By partition of the topic.', {
          'partition {{partition}}': `sum by (partition) (${of('zakpos_report_lag_events')})`,
        }),
        lines(
          'Events in the reports',
          'per second',
          'Counted, known already, or not understood and put aside.',
          {
            '{{outcome}}': `sum by (outcome) (${rate('zakpos_report_events_total')})`,
          },
        ),
      ],
    },
    {
      title: 'Who is refused',
      panels: [
        lines('Refusals', 'per minute', 'Of log ins, tokens, rights and too many requests.', {
          '{{event}}': `60 * sum by (event) (${rate('zakpos_security_events_total')})`,
        }),
      ],
    },
    process('zakpos-api', 'zakpos-reports'),
  ],
};

/** Traefik is in a namespace of its own, and serves this installation alone. */
const TRAEFIK = 'job=~".+/traefik"';
const answered = (...matchers: readonly string[]): string =>
  `sum by (service) (${rateOf(outside('traefik_service_requests_total', TRAEFIK, ...matchers))})`;

export const web: Dashboard = {
  uid: 'zakpos-web',
  title: 'ZakPOS: till and ingress',
  description: 'The web till, and Traefik in front of it where it is that of this project.',
  from: 'now-6h',
  rows: [
    {
      title: 'Ingress',
      panels: [
        lines('Requests', 'per second', 'What comes in, by the code of the answer.', {
          '{{code}}': `sum by (code) (${rateOf(outside('traefik_entrypoint_requests_total', TRAEFIK))})`,
        }),
        lines('Errors', 'share', 'Of what comes in for a service, what is answered with 500 or more.', {
          '{{service}}': `(${answered('code=~"5.."')} or 0 * ${answered()}) / ${answered()}`,
        }),
        lines(
          'Slowest in a hundred',
          'seconds',
          'Time in which 99 of 100 requests of a service are answered.',
          {
            '{{service}}': `histogram_quantile(0.99, sum by (service, le) (${rateOf(outside('traefik_service_request_duration_seconds_bucket', TRAEFIK))}))`,
          },
        ),
        lines('Open connections', 'count', 'Of browsers, live feeds among them.', {
          '{{entrypoint}}': `sum by (entrypoint) (${outside('traefik_open_connections', TRAEFIK)})`,
        }),
      ],
    },
    {
      title: 'Till',
      panels: [
        number('Pods', 'count', 'Pods of the till that answer.', `sum(${of('up', job('zakpos-web'))})`),
      ],
    },
    requests('zakpos-web'),
    process('zakpos-web'),
  ],
};
