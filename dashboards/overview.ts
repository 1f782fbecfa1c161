/** What a shop's owner wants to know. */
import { lines, number, of, rate, job, type Dashboard } from './panel.ts';

const SALE = ['method="POST"', 'route=~".+/sales"'];

/** Currencies whose minor unit isn't a hundredth, by ISO 4217. */
const WHOLE = 'BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|UYI|VND|VUV|XAF|XOF|XPF';
const THOUSANDTHS = 'BHD|IQD|JOD|KWD|LYD|OMR|TND';
const revenue = (by: (selector: string) => string): string => {
  const perCurrency = (matcher: string): string =>
    `sum by (currency) (${by(of('zakpos_revenue_minor_total', matcher))})`;
  return [
    `${perCurrency(`currency!~"${WHOLE}|${THOUSANDTHS}"`)} / 100`,
    perCurrency(`currency=~"${WHOLE}"`),
    `${perCurrency(`currency=~"${THOUSANDTHS}"`)} / 1000`,
  ].join(' or ');
};
const within = (percent: number): string =>
  `histogram_quantile(${percent / 100}, sum by (le) (${rate('http_request_duration_seconds_bucket', ...SALE, 'status=~"2.."')}))`;
const failed = (by: (selector: string) => string): string => {
  const count = (...matchers: readonly string[]): string =>
    `sum(${by(of('http_request_duration_seconds_count', ...SALE, ...matchers))})`;
  return `(${count('status=~"5.."')} or 0 * ${count()}) / (${count()} > 0)`;
};
const today = (selector: string): string => `increase(${selector}[$__range])`;
const now = (selector: string): string => `rate(${selector}[$__rate_interval])`;

export const overview: Dashboard = {
  uid: 'zakpos-overview',
  title: 'ZakPOS: the shop',
  description: 'How the shop is doing today, for whoever owns it.',
  from: 'now/d',
  rows: [
    {
      title: 'Today',
      panels: [
        number(
          'Can the till sell?',
          'yes or no',
          'Whether the till and the API answer, and the API reaches the database.',
          `(sum(${of('up', job('zakpos-api'))}) > bool 0) * (sum(${of('up', job('zakpos-web'))}) > bool 0) * max(${of('zakpos_dependency_up', 'dependency="postgres"')})`,
        ),
        number(
          'Sales today',
          'count',
          'Sales since midnight, as the pods of the API have counted them. The report in the till is exact.',
          `sum(${today(of('zakpos_sales_total'))})`,
        ),
        number(
          'Revenue today',
          'money',
          'What these sales came to, in each currency. The report in the till is exact.',
          revenue(today),
          '{{currency}}',
        ),
        number(
          'Sales per minute',
          'per minute',
          'As many as in the last minutes.',
          `60 * sum(${rate('zakpos_sales_total')})`,
        ),
        number(
          'A sale is done within',
          'seconds',
          'Time in which 99 of 100 sales are done, as the API measures it. Above half a second, cashiers notice.',
          within(99),
        ),
        number(
          'Sales that failed today',
          'share',
          'Of all that were tried since midnight, those that ended by a fault of the system.',
          failed(today),
        ),
        number(
          'Last backup',
          'seconds',
          'How old the newest good backup is. One is made each night; the log of what is sold follows all day.',
          `time() - max(${of('zakpos_backup_last_success_timestamp_seconds')})`,
        ),
        number(
          'Alerts',
          'count',
          'What somebody should look at now; their names are in Alertmanager.',
          `count(${of('ALERTS', 'alertstate="firing"')}) or vector(0)`,
        ),
      ],
    },
    {
      title: 'Over the day',
      panels: [
        lines('Sales per minute', 'per minute', 'When it is busy.', {
          sales: `60 * sum(${rate('zakpos_sales_total')})`,
        }),
        lines('Revenue per hour', 'money', 'What the last hour came to, in each currency.', {
          '{{currency}}': revenue((selector) => `increase(${selector}[1h])`),
        }),
        lines('How fast a sale is', 'seconds', 'Time in which so many of 100 sales are done.', {
          '50 of 100': within(50),
          '99 of 100': within(99),
        }),
        lines('Sales that fail', 'share', 'Of those tried in the last minutes.', { failed: failed(now) }),
      ],
    },
  ],
};
