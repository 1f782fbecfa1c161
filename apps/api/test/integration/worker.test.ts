import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';

import { type Api, eventually, Shop } from './harness.js';

interface Hour {
  readonly count: number;
  readonly totalMinor: number;
}

describe('reports worker', () => {
  let shop: Shop;
  let api: Api;
  let worker: Api;
  let token: string;

  before(async () => {
    shop = await Shop.open({ deadNeeds: 2 });
    assert.equal(await shop.migrate().exit, 0);
    [api, worker] = await Promise.all([shop.api(), shop.worker()]);
    token = await api.login();
  });
  after(() => shop.close());

  async function totals(): Promise<Hour> {
    const { body } = await api.call<Hour[]>('GET', '/api/v1/reports/hourly', { token });
    return {
      count: body.reduce((sum, hour) => sum + hour.count, 0),
      totalMinor: body.reduce((sum, hour) => sum + hour.totalMinor, 0),
    };
  }

  it('turns sales into hourly totals', async () => {
    const product = await api.newProduct(token, 100, 150);
    for (let index = 0; index < 10; index += 1) await api.sell(token, product);
    await eventually(async () => {
      assert.deepEqual(await totals(), { count: 10, totalMinor: 1500 });
    }, 30_000);
    assert.equal((await worker.call('GET', '/health/ready')).status, 200);
  });

  it('logs the event of a sale with the id of the request that made it', async () => {
    const requestId = 'till-7.request-0042';
    const product = await api.newProduct(token, 1, 1);
    const sale = await api.call<{ id: string }>('POST', '/api/v1/sales', {
      token,
      headers: { 'idempotency-key': randomUUID(), 'x-request-id': requestId },
      body: { items: [{ productId: product, quantity: 1 }], payment: 'cash' },
    });
    assert.equal(sale.headers.get('x-request-id'), requestId);
    for (const program of [api, worker]) await program.printed(`"requestId":"${requestId}"`);
    const line = await worker.printed(sale.body.id);
    const { requestId: logged, outcome } = JSON.parse(line);
    assert.deepEqual([logged, outcome], [requestId, 'counted']);
  });

  it('counts an event once, however often it comes, and buries what it does not understand', async () => {
    const options = { clientId: 'test', bootstrapBrokers: [shop.environment['KAFKA_BROKERS'] ?? ''] };
    const producer = new Producer({ ...options, serializers: stringSerializers });
    const { sales: topic, dead } = shop.topics;
    const { rows } = await shop.sql.query<{ id: string }>('select id from sales limit 1');
    const eventOf = (id: string, sale: string | undefined): string =>
      JSON.stringify({
        id,
        type: 'sale.created',
        occurredAt: new Date().toISOString(),
        sale: { id: sale, totalMinor: 77 },
      });
    const event = eventOf('f2a7c1de-8a46-4d0c-9a4e-0a3c3e6d9b11', rows[0]?.id);
    // Of a sale that a restore has undone.
    const undone = eventOf('f2a7c1de-8a46-4d0c-9a4e-0a3c3e6d9b12', '00000000-0000-4000-8000-000000000000');
    await producer.send({
      messages: [
        { topic, key: 'a', value: undone },
        { topic, key: 'a', value: event },
        { topic, key: 'a', value: 'this is no JSON' },
        { topic, key: 'a', value: '{"type":"sale.created"}' },
        { topic, key: 'a', value: event },
      ],
    });
    await producer.close();
    await worker.printed('An event could not be handled');
    assert.match(await fetchMetrics(), /events_total\{outcome="buried"\} 0/);
    await shop.requireReplicas(dead, 1);
    await eventually(async () => {
      assert.deepEqual(await totals(), { count: 12, totalMinor: 1578 });
      assert.match(await fetchMetrics(), /events_total\{outcome="buried"\} 2/);
      assert.match(await fetchMetrics(), /events_total\{outcome="repeated"\} 2/);
    });

    const consumer = new Consumer({ ...options, groupId: 'test-dead', deserializers: stringDeserializers });
    const stream = await consumer.consume({ topics: [dead], mode: 'earliest', maxWaitTime: 500 });
    const buried: string[] = [];
    stream.on('data', (message) => buried.push(message.value));
    await eventually(() => {
      assert.deepEqual(buried, ['this is no JSON', '{"type":"sale.created"}']);
    });
    await stream.close();
    await consumer.close();
  });

  it('goes on where another one was killed', async () => {
    await worker.stop('SIGKILL');
    const product = await api.newProduct(token, 100, 100);
    for (let index = 0; index < 5; index += 1) await api.sell(token, product);
    worker = await shop.worker();
    await eventually(async () => {
      assert.deepEqual(await totals(), { count: 17, totalMinor: 2078 });
    }, 40_000);
    assert.equal(await worker.stop(), 0);
  });

  async function fetchMetrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${worker.port}/metrics`)).text();
  }
});
