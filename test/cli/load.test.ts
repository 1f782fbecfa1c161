/** `status --load`: what two readings of the pods' metrics say, and how it is written. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { showLoad } from '../../cli/commands/load.ts';
import { describeLoad, loadBetween, type LoadScrape } from '../../cli/load.ts';
import { growth, parseMetrics, quantile, type Sample, type Scrape } from '../../cli/metrics.ts';
import { configWith } from '../manifests.ts';
import { failureOf, FakeKubectl } from './fakes.ts';

describe('the text format', () => {
  test.each<[string, Sample | undefined]>([
    ['up 1', { name: 'up', labels: {}, value: 1 }],
    ['up{} 1', { name: 'up', labels: {}, value: 1 }],
    ['a:b_c{d="e",f="g,h} i"} 2.5e3', { name: 'a:b_c', labels: { d: 'e', f: 'g,h} i' }, value: 2500 }],
    ['x{q="a \\"b\\" \\\\n \\n"} -1', { name: 'x', labels: { q: 'a "b" \\n \n' }, value: -1 }],
    ['x 3 1795271672000', { name: 'x', labels: {}, value: 3 }],
    ['x_bucket{le="+Inf"} +Inf', { name: 'x_bucket', labels: { le: '+Inf' }, value: Infinity }],
    ['x NaN', { name: 'x', labels: {}, value: NaN }],
    ['# HELP up 1', undefined],
    ['', undefined],
    ['up', undefined],
  ])('of %s', (text, sample) => {
    expect(parseMetrics(`${text}\n`)).toEqual(sample === undefined ? [] : [sample]);
  });
});

const counter = (value: number, labels = {}): Sample => ({ name: 'n', labels, value });
const pod = (name: string, ...samples: readonly Sample[]): Scrape => ({ pod: name, samples });

test('a counter grows, may begin anew or be new; a pod that is new counts from then on', () => {
  const before = [
    pod('a', counter(5), counter(7, { of: 'x' })),
    pod('b', counter(9)),
    pod('gone', counter(1)),
  ];
  const after = [
    pod('a', counter(8), counter(7, { of: 'x' }), counter(2, { of: 'y' })),
    pod('b', counter(4)),
    pod('new', counter(100)),
  ];
  const values = growth(before, after, ({ name }) => name === 'n').map(({ value }) => value);
  expect(values).toEqual([3, 0, 2, 4]);
  expect(growth(before, after, () => false)).toEqual([]);
});

describe('a quantile', () => {
  const bucket = (le: string, value: number): Sample => ({ name: 'b', labels: { le }, value });
  const buckets = [bucket('0.1', 50), bucket('0.5', 90), bucket('1', 100), bucket('+Inf', 100)];

  test.each([
    [0.5, 0.1],
    [0.25, 0.05],
    [0.7, 0.3],
    [0.99, 0.95],
  ])('%d of what was counted is below %d', (share, expected) => {
    expect(quantile(share, buckets)).toBeCloseTo(expected, 9);
  });

  test('above all bounds is the last of them', () => {
    expect(quantile(0.99, [bucket('0.1', 0), bucket('1', 50), bucket('+Inf', 100)])).toBe(1);
  });

  test('of several pods is that of all their counts', () => {
    expect(quantile(0.5, [...buckets, ...buckets])).toBeCloseTo(0.1, 9);
  });

  test('of nothing is nothing', () => {
    expect(quantile(0.5, [])).toBeUndefined();
    expect(quantile(0.5, [bucket('+Inf', 0)])).toBeUndefined();
  });
});

const config = configWith('dev');
const limits = { apiMemory: 512 * 2 ** 20, reportsMemory: 384 * 2 ** 20 };
const MIB = 2 ** 20;

/** What a pod of the API tells. */
interface Told {
  readonly sales?: number;
  readonly fast?: number;
  readonly slow?: number;
  readonly failed?: number;
  readonly limited?: number;
  readonly probes?: number;
  readonly outbox?: number;
  readonly waiting?: number;
  readonly cpu?: number;
  readonly late?: number;
  readonly memory?: number;
  readonly kafka?: number;
}

function metricsOf(told: Told): string {
  const { sales = 0, fast = 0, slow = 0, failed = 0, limited = 0 } = told;
  const sale = 'method="POST",route="/api/v1/sales"';
  const histogram = 'http_request_duration_seconds';
  return [
    `zakpos_sales_total ${sales}`,
    `${histogram}_bucket{le="0.1",${sale},status="201"} ${fast}`,
    `${histogram}_bucket{le="1",${sale},status="201"} ${fast + slow}`,
    `${histogram}_bucket{le="+Inf",${sale},status="201"} ${fast + slow}`,
    `${histogram}_count{${sale},status="201"} ${fast + slow}`,
    `${histogram}_count{${sale},status="503"} ${failed}`,
    `${histogram}_count{method="GET",route="/api/v1/products",status="429"} ${limited}`,
    `${histogram}_count{method="GET",route="/health/ready",status="200"} ${told.probes ?? 0}`,
    `zakpos_outbox_depth ${told.outbox ?? 0}`,
    `zakpos_outbox_oldest_seconds ${(told.outbox ?? 0) / 2}`,
    `zakpos_database_pool_connections{state="total"} 10`,
    `zakpos_database_pool_connections{state="waiting"} ${told.waiting ?? 0}`,
    `process_cpu_seconds_total ${told.cpu ?? 0}`,
    `nodejs_eventloop_lag_p99_seconds ${told.late ?? 0}`,
    `process_resident_memory_bytes ${(told.memory ?? 100) * MIB}`,
    `zakpos_dependency_up{dependency="postgres"} 1`,
    `zakpos_dependency_up{dependency="kafka"} ${told.kafka ?? 1}`,
  ].join('\n');
}
const scrapeOf = (at: number, ...pods: readonly Told[]): LoadScrape => ({
  at,
  api: pods.map((told, i) => ({ pod: `api-${i}`, samples: parseMetrics(metricsOf(told)) })),
  reports: [
    {
      pod: 'reports-0',
      samples: parseMetrics(
        `zakpos_report_lag_events{topic="zakpos.sales",partition="0"} 3\nzakpos_report_lag_events{topic="zakpos.sales",partition="1"} 4`,
      ),
    },
  ],
});
const between = (before: readonly Told[], after: readonly Told[]) =>
  loadBetween(config, limits, scrapeOf(0, ...before), scrapeOf(2000, ...after));

describe('a load', () => {
  test('is of all pods, a second', () => {
    const load = between(
      [{ sales: 10, fast: 100, probes: 5 }, { sales: 1 }],
      [
        { sales: 14, fast: 138, slow: 2, failed: 6, limited: 4, probes: 99, outbox: 8 },
        { sales: 3, fast: 50, outbox: 8 },
      ],
    );
    expect(load).toMatchObject({
      pods: 2,
      sales: 3,
      requests: 50,
      failed: 0.06,
      limited: 0.04,
      outbox: { depth: 8, oldestSeconds: 4 },
      lag: 7,
      away: [],
      saturated: [],
    });
    expect(load.p50).toBeCloseTo(0.0511, 3);
    expect(load.p99).toBeCloseTo(0.595, 3);
  });

  test('without any request has no shares and no times', () => {
    expect(between([{}], [{}])).toMatchObject({ sales: 0, requests: 0, failed: undefined, p99: undefined });
  });

  test.each<[string, Told, string]>([
    [
      'callers that wait for a connection',
      { waiting: 3 },
      'connections to PostgreSQL of api-0: 3 wait for one',
    ],
    ['a processor', { cpu: 1.9 }, 'processor of api-0: 0.9 cores'],
    ['an event loop', { late: 0.25 }, 'event loop of api-0: 250 ms late'],
    ['memory', { memory: 490 }, 'memory of api-0: 95.7 % of its limit'],
  ])('names %s at its limit', (_, told, expected) => {
    expect(between([{}], [told]).saturated).toEqual([expected]);
  });

  test('names what does not answer', () => {
    expect(between([{}, {}], [{ kafka: 0 }, { kafka: 0 }]).away).toEqual(['kafka']);
  });

  test('knows no lag where no worker tells one', () => {
    const load = loadBetween(config, limits, scrapeOf(0, {}), { ...scrapeOf(2000, {}), reports: [pod('r')] });
    expect(load.lag).toBeUndefined();
    expect(describeLoad(load)).toContain('lag not known');
  });

  test('is written for people', () => {
    const load = between([{}], [{ sales: 5, fast: 10, failed: 10, waiting: 1, kafka: 0 }]);
    expect(describeLoad(load)).toMatchInlineSnapshot(`
     "sales     2.5 a second     p50 50 ms, p99 99 ms
     requests  10.0 a second    50.0 % failed, 0.0 % refused
     outbox    0 events         the oldest 0 s old
     reports   7 events behind
     API       1 pod            no answer from kafka

     at their limit:
       connections to PostgreSQL of api-0: 1 wait for one"
    `);
    expect(describeLoad(between([{}], [{}]))).toMatch(/p50 -, p99 -[^]*at their limit: nothing$/);
  });
});

describe('status --load', () => {
  let server: Server;
  let url: string;
  let scrapes = 0;
  /** Number of a scrape that is refused. */
  let refused = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      scrapes += 1;
      response.writeHead(request.url !== '/metrics' ? 404 : scrapes === refused ? 503 : 200);
      response.end(metricsOf({ sales: 10 * scrapes }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    url = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  const kubectl = (...pods: readonly (readonly [component: string, phase: string])[]) =>
    new FakeKubectl((args) =>
      args.includes('port-forward')
        ? args.includes('pod/zakpos-api-1')
          ? { ok: false, stderr: 'error: lost connection to pod' }
          : { stdout: url }
        : {
            stdout: JSON.stringify({
              items: pods.map(([component, phase], i) => ({
                metadata: { name: `${component}-${i}`, labels: { 'app.kubernetes.io/name': component } },
                status: { phase },
              })),
            }),
          },
    );

  /** What is printed meanwhile. */
  async function printed(work: () => Promise<void>): Promise<string> {
    const write = process.stdout.write.bind(process.stdout);
    let text = '';
    process.stdout.write = (chunk) => {
      text += String(chunk);
      return true;
    };
    try {
      await work();
    } finally {
      process.stdout.write = write;
    }
    return text;
  }

  test('asks each pod twice, and leaves out one that does not answer', async () => {
    const cluster = kubectl(['zakpos-api', 'Running'], ['zakpos-api', 'Running'], ['zakpos-api', 'Pending']);
    const text = await printed(() => showLoad(cluster, config, { once: true, seconds: 0.05 }));
    expect(text).toMatch(/^sales +\d+\.\d a second/);
    expect(text).toMatch(/API +1 pod /);
    const forwarded = cluster.calls.filter(({ args }) => args.includes('port-forward'));
    expect(forwarded.map(({ args }) => args[3])).toEqual([
      'pod/zakpos-api-0',
      'pod/zakpos-api-1',
      'pod/zakpos-api-0',
      'pod/zakpos-api-1',
    ]);
  });

  test('goes on when a reading fails, until Ctrl-C', async () => {
    const begun = scrapes;
    refused = begun + 2;
    const text = await printed(async () => {
      const shown = showLoad(kubectl(['zakpos-api', 'Running']), config, { once: false, seconds: 0.05 });
      const enough = async () => {
        for (let i = 0; i < 500 && scrapes < begun + 4; i += 1) await sleep(20);
      };
      await Promise.race([enough(), shown]);
      process.emit('SIGINT');
      await shown;
    });
    const [failed = '', read = ''] = text.split('\u001b[2A\u001b[J');
    expect(failed).toMatch(/^No pod of the API in the namespace zakpos tells its metrics\.\n.*\n$/);
    expect(read).toMatch(/^sales +\d+\.\d a second/);
  });

  test('says so when nobody tells anything', async () => {
    expect(await failureOf(() => showLoad(kubectl(), config, { once: true }))).toContain(
      'No pod of the API in the namespace zakpos tells its metrics',
    );
    const own = configWith('dev', { api: { metrics: false } });
    expect(await failureOf(() => showLoad(kubectl(), own, { once: true }))).toContain('api.metrics');
  });
});
