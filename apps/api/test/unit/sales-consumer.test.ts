import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, afterEach, describe, it, mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Consumer } from '@platformatic/kafka';
import pino from 'pino';

import { parseEnvironment } from '../../src/config/environment.js';
import { workerSchema } from '../../src/config/schema.js';
import { Database } from '../../src/database/database.js';
import { HourlyReports } from '../../src/worker/hourly-reports.js';
import { SalesConsumer } from '../../src/worker/sales-consumer.js';
import { WorkerMetrics } from '../../src/worker/worker-metrics.js';

const logger = pino({ level: 'silent' });
const config = parseEnvironment(workerSchema, {});

/** What the client has read so far, until it is closed or fails. */
class Reading extends PassThrough {
  constructor() {
    super({ objectMode: true });
  }

  close(): Promise<void> {
    this.end();
    return Promise.resolve();
  }
}

describe('the worker tells whether it reads', () => {
  const database = new Database(config.database, { applicationName: 'test' }, logger);
  const reports = new HourlyReports(database, 'UTC');
  let consumer: SalesConsumer | undefined;
  afterEach(async () => {
    await consumer?.stop();
    mock.restoreAll();
  });
  after(() => database.close());

  /** A worker whose attempts to join its group end like these, one after the other. */
  function working(...attempts: (() => Promise<Reading>)[]) {
    const metrics = new WorkerMetrics();
    const clients: Consumer[] = [];
    mock.method(
      Consumer.prototype,
      'consume',
      () => attempts.shift()?.() ?? Promise.reject(new Error('nobody answers')),
    );
    mock.method(Consumer.prototype, 'startLagMonitoring', function (this: Consumer) {
      clients.push(this);
    });
    consumer = new SalesConsumer(config.kafka, reports, metrics, logger);
    consumer.start();
    const told = async () => {
      const lines = (await metrics.registry.metrics()).split('\n');
      return lines.filter((line) => /^zakpos_report_(?:reading|lag_events)\b/.test(line)).sort();
    };
    const tells = async (...expected: string[]) => {
      for (let i = 0; i < 100 && (await told()).join() !== expected.join(); i += 1) await sleep(50);
      assert.deepEqual(await told(), expected);
    };
    return { stop: () => consumer?.stop(), clients, told, tells };
  }

  const lag = new Map([['zakpos.sales', [7n, -1n]]]);
  const LAG = 'zakpos_report_lag_events{topic="zakpos.sales",partition="0"} 7';
  const [READS, READS_NOT] = ['zakpos_report_reading 1', 'zakpos_report_reading 0'];

  it('and how far it is behind only while it does', async () => {
    const first = new Reading();
    const { stop, clients, told, tells } = working(
      () => Promise.resolve(first),
      () => Promise.resolve(new Reading()),
    );
    assert.deepEqual(await told(), [READS_NOT]);
    await tells(READS);
    clients[0]?.emit('consumer:lag', lag);
    await tells(LAG, READS);

    first.destroy(new Error('the broker is gone'));
    await tells(READS_NOT);
    clients[0]?.emit('consumer:lag', lag);
    assert.deepEqual(await told(), [READS_NOT], 'an answer that was on its way is told');

    await tells(READS);
    await stop();
    assert.deepEqual(await told(), [READS_NOT]);
  });

  it('and does not while it can not join its group', async () => {
    const { told, tells } = working();
    await tells(READS_NOT);
    await sleep(100);
    assert.deepEqual(await told(), [READS_NOT]);
  });
});
