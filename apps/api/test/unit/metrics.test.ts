import 'reflect-metadata';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import pino from 'pino';

import { SECURITY_EVENTS, SecurityEvents } from '../../src/auth/security-events.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { WorkerMetrics } from '../../src/worker/worker-metrics.js';

/** Lines of the series of a name, as Prometheus reads them. */
async function seriesOf({ registry }: Metrics | WorkerMetrics, name: string): Promise<string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

describe('security events', () => {
  function recorded(use: (events: SecurityEvents) => void): { metrics: Metrics; lines: string[] } {
    const lines: string[] = [];
    const metrics = new Metrics();
    use(new SecurityEvents(metrics, pino({}, { write: (line) => lines.push(line) })));
    return { metrics, lines };
  }

  it('are counted from 0 on, so that the first of its kind is an increase', async () => {
    const { metrics } = recorded(() => undefined);
    assert.deepEqual(
      await seriesOf(metrics, 'zakpos_security_events_total'),
      SECURITY_EVENTS.map((event) => `zakpos_security_events_total{event="${event}"} 0`),
    );
  });

  it('are a line of the log and a count, with who it was in the line alone', async () => {
    const { metrics, lines } = recorded((events) => {
      events.record('forbidden', { userId: 'u-1' }, 'admin role needed');
      events.record('forbidden', { userId: 'u-2' }, 'admin role needed');
    });
    assert.equal(lines.length, 2);
    const { level, event, userId, msg } = JSON.parse(lines[1] ?? '');
    assert.deepEqual([level, event, userId, msg], [40, 'security.forbidden', 'u-2', 'admin role needed']);
    const series = await seriesOf(metrics, 'zakpos_security_events_total');
    assert.ok(series.includes('zakpos_security_events_total{event="forbidden"} 2'));
    assert.ok(!series.join().includes('u-2'));
  });
});

describe('a dependency', () => {
  const UP = 'zakpos_dependency_up';

  it('is unknown until it was asked, then what it answered last', async () => {
    const metrics = new Metrics();
    assert.deepEqual(await seriesOf(metrics, UP), []);
    metrics.dependencyAnswered('kafka', true);
    metrics.dependencyAnswered('postgres', true);
    metrics.dependencyAnswered('postgres', false);
    assert.deepEqual(await seriesOf(metrics, UP), [
      `${UP}{dependency="kafka"} 1`,
      `${UP}{dependency="postgres"} 0`,
    ]);
  });

  it('whose failure is over without another question is unknown again, one that answered is not', async () => {
    const metrics = new Metrics();
    metrics.dependencyAnswered('kafka', false);
    metrics.dependencyAnswered('postgres', true);
    metrics.forgetFailure('kafka');
    metrics.forgetFailure('postgres');
    metrics.forgetFailure('redis');
    assert.deepEqual(await seriesOf(metrics, UP), [`${UP}{dependency="postgres"} 1`]);
  });

  it('that is watched is looked at when Prometheus asks', async () => {
    const metrics = new Metrics();
    let ready = false;
    metrics.watchDependency('redis', () => ready);
    assert.deepEqual(await seriesOf(metrics, UP), [`${UP}{dependency="redis"} 0`]);
    ready = true;
    assert.deepEqual(await seriesOf(metrics, UP), [`${UP}{dependency="redis"} 1`]);
  });
});

describe('sales', () => {
  const COUNT = 'http_request_duration_seconds_count';
  const sale = (status: number) => `method="POST",route="/api/v1/sales",status="${status}"`;

  it('are counted from 0 on, so that the first of them, and the first that fails, is an increase', async () => {
    const metrics = new Metrics();
    metrics.expectSales('/api/v1/sales', 'EUR');
    assert.deepEqual(
      await seriesOf(metrics, COUNT),
      [200, 201, 500, 503].map((status) => `${COUNT}{${sale(status)}} 0`),
    );
    const buckets = await seriesOf(metrics, 'http_request_duration_seconds_bucket');
    assert.ok(buckets.includes(`http_request_duration_seconds_bucket{le="0.5",${sale(201)}} 0`));
    assert.deepEqual(await seriesOf(metrics, 'zakpos_revenue_minor_total'), [
      'zakpos_revenue_minor_total{currency="EUR"} 0',
    ]);

    metrics.observeRequest('POST', '/api/v1/sales', 503, 0.1);
    assert.ok((await seriesOf(metrics, COUNT)).includes(`${COUNT}{${sale(503)}} 1`));
  });
});

describe('the outbox', () => {
  const DEPTH = 'zakpos_outbox_depth';
  const OLDEST = 'zakpos_outbox_oldest_seconds';
  const told = async ({ registry }: Metrics) => {
    const text = await registry.metrics();
    return text
      .split('\n')
      .filter((line) => line.startsWith('zakpos_outbox_'))
      .sort();
  };
  const never = () => new Promise<never>(() => undefined);

  it('is told as the database answers, by one question, and as it last answered while it does not', async () => {
    const metrics = new Metrics();
    const answers = [
      () => Promise.resolve({ depth: 3, oldestSeconds: 40 }),
      () => Promise.reject(new Error('away')),
      never,
      () => Promise.resolve({ depth: 0, oldestSeconds: 0 }),
    ];
    metrics.watchOutbox(() => answers.shift()?.() ?? never());
    const before = [`${DEPTH} 3`, `${OLDEST} 40`];
    assert.deepEqual(await told(metrics), before);
    assert.deepEqual(await told(metrics), before);
    const from = performance.now();
    assert.deepEqual(await told(metrics), before);
    assert.ok(performance.now() - from < 1900, 'asking took longer than Prometheus and people wait');
    assert.deepEqual(await told(metrics), [`${DEPTH} 0`, `${OLDEST} 0`]);
  });

  it('is not told before the database has answered', async () => {
    const metrics = new Metrics();
    metrics.watchOutbox(() => Promise.reject(new Error('away')));
    assert.deepEqual(await told(metrics), []);
  });
});

describe('events that the worker has read', () => {
  it('are counted from 0 on', async () => {
    const EVENTS = 'zakpos_report_events_total';
    assert.deepEqual(
      await seriesOf(new WorkerMetrics(), EVENTS),
      ['counted', 'repeated', 'buried'].map((outcome) => `${EVENTS}{outcome="${outcome}"} 0`),
    );
  });
});

describe("the worker's lag", () => {
  it('is told for each partition of its own, and no longer for one that went to another worker', async () => {
    const LAG = 'zakpos_report_lag_events';
    const metrics = new WorkerMetrics();
    metrics.setLag(new Map([['zakpos.sales', [7n, 0n, -1n]]]));
    assert.deepEqual(await seriesOf(metrics, LAG), [
      `${LAG}{topic="zakpos.sales",partition="0"} 7`,
      `${LAG}{topic="zakpos.sales",partition="1"} 0`,
    ]);
    metrics.setLag(new Map([['zakpos.sales', [-1n, 3n, -1n]]]));
    assert.deepEqual(await seriesOf(metrics, LAG), [`${LAG}{topic="zakpos.sales",partition="1"} 3`]);
  });
});
