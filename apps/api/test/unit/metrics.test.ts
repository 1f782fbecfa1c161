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
