import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { type Api, eventually, Shop } from './harness.js';

describe('reconcile', () => {
  let shop: Shop;
  let api: Api;
  let worker: Api;
  const sold: string[] = [];

  before(async () => {
    shop = await Shop.open();
    assert.equal(await shop.migrate().exit, 0);
    await shop.sql.query(`
      create table told (key text, event_type text, payload jsonb);
      create function remember() returns trigger language plpgsql as $$
        begin insert into told values (new.key, new.event_type, new.payload); return new; end $$;
      create trigger remember after insert on outbox for each row execute function remember()`);
    [api, worker] = await Promise.all([shop.api(), shop.worker()]);
    const token = await api.login();
    const [tea, cake] = [await api.newProduct(token, 100, 150), await api.newProduct(token, 100, 275)];
    for (let index = 0; index < 10; index += 1) {
      const { body, status } = await api.call<{ id: string }>('POST', '/api/v1/sales', {
        token,
        headers: { 'idempotency-key': randomUUID() },
        body: {
          items: [
            { productId: cake, quantity: 1 },
            { productId: tea, quantity: index + 1 },
          ],
          payment: index % 2 === 0 ? 'cash' : 'card',
        },
      });
      assert.equal(status, 201);
      sold.push(body.id);
    }
    await eventually(async () => {
      assert.equal(await shop.count('processed_events'), 10);
    }, 30_000);
  });
  after(() => shop.close());

  const reconcile = async (...args: string[]): Promise<number> => {
    const program = shop.run('reconcile', {}, ...args);
    assert.equal(await program.exit, 0, program.output);
    return Number(/"events":(\d+)/.exec(program.output)?.[1]);
  };

  /** As if the worker had not counted them yet, though Kafka has handed them out. */
  const forget = (sales: readonly string[]) =>
    shop.sql.query(
      `with lost as (
         delete from processed_events using sales
         where processed_events.event_id = sales.event_id and sales.id = any($1)
         returning date_trunc('hour', created_at, 'UTC') as hour, total_minor
       ), sums as (select hour, count(*) as sales, sum(total_minor) as total_minor from lost group by hour)
       update sales_hourly
       set sales = sales_hourly.sales - sums.sales, total_minor = sales_hourly.total_minor - sums.total_minor
       from sums where sums.hour = sales_hourly.hour`,
      [sales],
    );

  async function totals(table: string, count: string): Promise<unknown> {
    const { rows } = await shop.sql.query(
      `select ${count} as sales, sum(total_minor)::int as total_minor from ${table}`,
    );
    return rows[0];
  }

  it('finds nothing to do where all was counted', async () => {
    assert.equal(await reconcile(), 0);
  });

  it('sends the events of sales that were told of and not counted again, once', async () => {
    await Promise.all([api.stop(), worker.stop()]);
    await forget(sold.slice(6));
    assert.deepEqual(await totals('sales_hourly', 'sum(sales)::int'), {
      sales: 6,
      total_minor: 6 * 275 + 150 * 21,
    });
    assert.equal(await reconcile('--since', new Date(Date.now() + 60_000).toISOString()), 0);
    assert.equal(await reconcile('--since', new Date(Date.now() - 3_600_000).toISOString()), 4);
    assert.equal(await reconcile(), 0, 'what waits in the outbox was added again');
  });

  it('sends them as they were', async () => {
    const { rows } = await shop.sql.query<{ key: string; events: object[] }>(
      `select key, array_agg(payload - 'requestId') as events from told
       where event_type = 'sale.created' group by key having count(*) > 1`,
    );
    assert.deepEqual(new Set(rows.map((row) => row.key)), new Set(sold.slice(6)));
    for (const { events } of rows) {
      assert.equal(events.length, 2);
      assert.deepEqual(events[1], events[0]);
    }
    const order = await shop.sql.query<{ key: string }>('select key from outbox order by id');
    assert.deepEqual(
      order.rows.map((row) => row.key),
      sold.slice(6),
    );
  });

  it('makes reports and sales agree', async () => {
    [api, worker] = await Promise.all([shop.api(), shop.worker()]);
    await eventually(async () => {
      assert.deepEqual(
        await totals('sales_hourly', 'sum(sales)::int'),
        await totals('sales', 'count(*)::int'),
      );
    }, 30_000);
    assert.equal(await shop.count('processed_events'), 10);
    assert.equal(await reconcile(), 0);
  });

  it('leaves alone what nobody may miss: sales without an event, and those of before the memory begins', async () => {
    await api.stop();
    await forget(sold.slice(0, 2));
    await shop.sql.query('update sales set event_id = null where id = $1', [sold[0]]);
    await shop.sql.query("update sales set created_at = now() - interval '61 days' where id = $1", [sold[1]]);
    assert.equal(await reconcile(), 0);
    assert.equal(await reconcile('--since', '2020-01-01T00:00:00Z'), 0);
    await shop.sql.query("update sales set created_at = now() - interval '58 days' where id = $1", [sold[1]]);
    assert.equal(await reconcile('--since', '2020-01-01T00:00:00Z'), 1);
  });

  it('refuses what is no time', async () => {
    const program = shop.run('reconcile', {}, '--since', 'yesterday');
    assert.equal(await program.exit, 1);
    assert.match(program.output, /--since is \\"yesterday\\": expected a time such as 2026-03-01T00:00:00Z/);
  });
});
