import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Consumer, stringDeserializers } from '@platformatic/kafka';
import { sql } from 'kysely';

import { createLogger } from '../../src/common/logger.js';
import { parseEnvironment } from '../../src/config/environment.js';
import { workerSchema } from '../../src/config/schema.js';
import { Database, isDatabaseUnavailable } from '../../src/database/database.js';
import { type Api, containers, eventually, type ProblemBody, type SaleBody, Shop } from './harness.js';

interface SaleEvent {
  readonly id: string;
  readonly type: string;
  readonly requestId: string;
  readonly sale: SaleBody;
}

const withContainers = containers === undefined ? { skip: 'the stores are not ours to break' } : {};

describe('faults', () => {
  let shop: Shop;
  let api: Api;
  let other: Api;
  let token: string;
  let product: string;
  const sold: string[] = [];

  before(async () => {
    shop = await Shop.open();
    assert.equal(await shop.migrate().exit, 0);
    [api, other] = await Promise.all([shop.api(), shop.api()]);
    token = await api.login();
    product = await api.newProduct(token, 100_000, 100);
  });
  after(() => shop.close());

  async function sellSome(count: number, servers = [api, other]): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const server = servers[index % servers.length] ?? api;
      const { status, body } = await server.sell(token, product);
      assert.equal(status, 201);
      sold.push(body.id);
    }
  }

  const outboxIsEmpty = (withinMs = 30_000) =>
    eventually(async () => {
      assert.equal(await shop.count('outbox'), 0);
    }, withinMs);

  /** Whether a process tells of a failed answer of a dependency; once it is back, none does. */
  const tellsOfFailure = (dependency: string, expected: boolean) =>
    eventually(async () => {
      const told = await Promise.all(
        [api, other].map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
      );
      const failure = `zakpos_dependency_up{dependency="${dependency}"} 0\n`;
      assert.equal(told.join('').includes(failure), expected, `a failure of ${dependency} was told`);
    }, 30_000);

  async function readEvents(): Promise<SaleEvent[]> {
    const consumer = new Consumer({
      clientId: 'test',
      groupId: randomUUID(),
      bootstrapBrokers: [shop.environment['KAFKA_BROKERS'] ?? ''],
      deserializers: stringDeserializers,
    });
    const stream = await consumer.consume({
      topics: [shop.topics.sales],
      mode: 'earliest',
      maxWaitTime: 500,
    });
    const events: SaleEvent[] = [];
    stream.on('data', (message) => {
      const event: SaleEvent = JSON.parse(message.value);
      assert.equal(message.key, event.sale.id);
      assert.equal(message.headers.get('request-id'), event.requestId);
      events.push(event);
    });
    await eventually(() => {
      const seen = new Set(events.map((event) => event.sale.id));
      assert.deepEqual(
        sold.filter((id) => !seen.has(id)),
        [],
      );
    });
    await sleep(500);
    await stream.close();
    await consumer.close();
    return events;
  }

  it('tells Kafka about each sale once while nothing fails, with two processes relaying', async () => {
    await Promise.all([sellSome(25, [api]), sellSome(25, [other])]);
    await outboxIsEmpty();
    const events = await readEvents();
    assert.equal(events.length, sold.length);
    assert.ok(!('customer' in (events[0]?.sale ?? {})));
  });

  it('sells while Kafka is away and tells it afterwards', withContainers, async () => {
    await containers?.kill('kafka');
    await sellSome(20);
    assert.equal(await shop.count('outbox'), 20);
    const { body } = await api.call<string>('GET', '/health/ready');
    assert.deepEqual(body, { status: 'ok' });
    const overview = await eventually(async () => {
      const answer = await api.call<{ status: string; dependencies: Record<string, { status: string }> }>(
        'GET',
        '/health',
      );
      assert.equal(answer.body.dependencies['kafka']?.status, 'down');
      return answer.body;
    });
    assert.equal(overview.status, 'degraded');
    assert.equal(overview.dependencies['postgres']?.status, 'up');
    await tellsOfFailure('kafka', true);
    await tellsOfFailure('postgres', false);
    await containers?.restart('kafka');
    await outboxIsEmpty(60_000);
    await tellsOfFailure('kafka', false);
    assert.ok((await readEvents()).length >= sold.length);
  });

  it('keeps an event that too few replicas of Kafka have', async () => {
    await shop.requireReplicas(shop.topics.sales, 2);
    // The broker heeds it a moment later.
    await eventually(async () => {
      await sellSome(1);
      await sleep(500);
      assert.ok((await shop.count('outbox')) > 0);
    });
    await tellsOfFailure('kafka', true);
    assert.ok((await shop.count('outbox')) > 0);
    await shop.requireReplicas(shop.topics.sales, 1);
    await outboxIsEmpty();
    await readEvents();
  });

  it('sells while Redis is away; sessions wait', withContainers, async () => {
    const session = await api.call<{ refreshToken: string }>('POST', '/api/v1/auth/login', {
      body: { email: 'admin@zakpos.test', password: 'admin-password' },
    });
    const before = await api.call<{ count: number }>('GET', '/api/v1/reports/today', { token });
    await containers?.kill('redis');
    await sellSome(10);
    const today = await api.call<{ count: number }>('GET', '/api/v1/reports/today', { token });
    assert.equal(today.headers.get('x-cache'), 'BYPASS');
    assert.equal(today.body.count, before.body.count + 10);
    const { refreshToken } = session.body;
    for (const [path, body] of [
      ['login', { email: 'admin@zakpos.test', password: 'admin-password' }],
      ['refresh', { refreshToken }],
    ] as const) {
      const answer = await api.call<ProblemBody>('POST', `/api/v1/auth/${path}`, { body });
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get('retry-after'), '5');
      assert.match(answer.body.detail, /session store/);
    }
    assert.equal((await api.call('GET', '/health/ready')).status, 200);
    await tellsOfFailure('redis', true);
    await containers?.restart('redis');
    await tellsOfFailure('redis', false);
    await eventually(async () => {
      assert.equal(
        (
          await api.call('POST', '/api/v1/auth/login', {
            body: { email: 'admin@zakpos.test', password: 'admin-password' },
          })
        ).status,
        200,
      );
      const fresh = await other.call<{ count: number }>('GET', '/api/v1/reports/today', { token });
      assert.notEqual(fresh.headers.get('x-cache'), 'BYPASS');
      assert.equal(fresh.body.count, before.body.count + 10);
    });
  });

  it('sells within a second while Redis is frozen', withContainers, async () => {
    await containers?.freeze('redis');
    const from = performance.now();
    await sellSome(4, [api]);
    const milliseconds = performance.now() - from;
    await containers?.thaw('redis');
    assert.ok(milliseconds < 4000, `four sales took ${milliseconds} ms`);
    await eventually(async () => {
      const { headers } = await api.call('GET', '/api/v1/reports/today', { token });
      assert.notEqual(headers.get('x-cache'), 'BYPASS');
    });
  });

  it(
    'answers 503 while PostgreSQL is away, stays ready, and sells again afterwards',
    withContainers,
    async () => {
      await containers?.kill('postgres');
      const key = randomUUID();
      const refused = await api.sell<ProblemBody>(token, product, { key });
      assert.equal(refused.status, 503);
      assert.equal(refused.headers.get('retry-after'), '5');
      assert.match(refused.body.detail, /database does not answer/);
      assert.equal((await api.call('GET', '/health/ready')).status, 200);
      assert.equal((await api.call('GET', '/health/live')).status, 200);
      await tellsOfFailure('postgres', true);
      await tellsOfFailure('kafka', false);
      await containers?.restart('postgres');
      await tellsOfFailure('postgres', false);
      const retried = await eventually(async () => {
        const answer = await api.sell(token, product, { key });
        assert.equal(answer.status, 201);
        return answer.body;
      });
      sold.push(retried.id);
      await sellSome(4);
      await outboxIsEmpty();
    },
  );

  it('answers 503 within seconds while PostgreSQL is frozen, and comes back', withContainers, async () => {
    await containers?.freeze('postgres');
    const from = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 15 }, () => api.sell<ProblemBody>(token, product)),
    );
    const seconds = (performance.now() - from) / 1000;
    await containers?.thaw('postgres');
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([503]));
    assert.ok(seconds < 20, `took ${seconds} s`);
    await eventually(() => sellSome(4));
  });

  it('takes a connection that PostgreSQL ends between two queries for an outage', async () => {
    const { database: config } = parseEnvironment(workerSchema, shop.environment);
    const logger = createLogger('test', 'silent');
    const database = new Database(config, { applicationName: 'test' }, logger);
    const inTransaction = database.query.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction);
      await shop.sql.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await sleep(200);
      await sql`select 1`.execute(transaction);
    });
    await assert.rejects(inTransaction, isDatabaseUnavailable);
    await sql`select 1`.execute(database.query);
    await database.close();
  });

  it('finishes the request in hand at SIGTERM and takes no others', async () => {
    const server = await shop.api();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    // A row lock holds the sale up until we let go.
    const blocker = await shop.sql.connect();
    await blocker.query('begin');
    await blocker.query('select 1 from products where id = $1 for update', [product]);
    const inHand = new Promise<{ status: number | undefined; connection: string | undefined }>(
      (resolve, reject) => {
        const sale = request(
          {
            port: server.port,
            path: '/api/v1/sales',
            method: 'POST',
            agent,
            headers: {
              'content-type': 'application/json',
              'idempotency-key': randomUUID(),
              authorization: `Bearer ${token}`,
            },
          },
          (answer) => {
            answer.resume();
            answer.on('end', () => {
              resolve({ status: answer.statusCode, connection: answer.headers.connection });
            });
          },
        );
        sale.on('error', reject);
        sale.end(JSON.stringify({ items: [{ productId: product, quantity: 1 }], payment: 'cash' }));
      },
    );
    await sleep(500);
    server.child.kill('SIGTERM');
    await server.printed('Finishing the requests in hand');
    await eventually(
      () =>
        new Promise<void>((resolve, reject) => {
          const probe = connect(server.port, '127.0.0.1');
          probe.on('connect', () => {
            probe.destroy();
            reject(new Error('a new connection was accepted'));
          });
          probe.on('error', () => {
            resolve();
          });
        }),
    );
    await blocker.query('commit');
    blocker.release();
    assert.deepEqual(await inHand, { status: 201, connection: 'close' });
    assert.equal(await server.exit, 0);
    agent.destroy();
  });

  it('loses no sale and doubles none through all of this', async () => {
    await outboxIsEmpty();
    const events = await readEvents();
    const byId = new Set(events.map((event) => event.id));
    const bySale = new Set(events.map((event) => event.sale.id));
    assert.equal(byId.size, bySale.size, 'a sale has two events');
    assert.equal(bySale.size, await shop.count('sales'));
  });
});
