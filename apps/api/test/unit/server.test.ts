import 'reflect-metadata';

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, describe, it } from 'node:test';

import pino from 'pino';

import { parseEnvironment } from '../../src/config/environment.js';
import { serverSchema } from '../../src/config/schema.js';
import { ApiServer } from '../../src/server.js';

describe('a server whose stores take connections and say nothing', () => {
  const silent = createServer().listen(0, '127.0.0.1');
  let server: ApiServer | undefined;
  after(async () => {
    await server?.close();
    silent.close();
  });

  it('answers who asks for metrics, with sales of its own that nobody has made yet', async () => {
    await once(silent, 'listening');
    const address = silent.address();
    assert.ok(typeof address === 'object' && address !== null);
    const host = `127.0.0.1:${address.port}`;
    const lines: string[] = [];
    server = await ApiServer.create(
      parseEnvironment(serverSchema, {
        PORT: '0',
        JWT_SECRET: 'a secret of at least 32 characters',
        DATABASE_URL: `postgresql://zakpos@${host}/zakpos`,
        REDIS_URL: `redis://${host}`,
        KAFKA_BROKERS: host,
        API_PREFIX: 'shop/v2',
        SHOP_CURRENCY: 'CHF',
      }),
      pino({}, { write: (line) => lines.push(line) }),
    );
    await server.listen();
    const port = /"port":(\d+)/.exec(lines.join(''))?.[1] ?? '';

    const from = performance.now();
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    assert.ok(performance.now() - from < 2500, 'it waited for the database');
    assert.ok(
      text.includes(
        '\nhttp_request_duration_seconds_count{method="POST",route="/shop/v2/sales",status="201"} 0\n',
      ),
    );
    assert.ok(text.includes('\nzakpos_revenue_minor_total{currency="CHF"} 0\n'));
  });
});
