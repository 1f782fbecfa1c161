import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { eventually, Shop } from './harness.js';

const AMONG_SALES = `
  select date_trunc('hour', created_at, 'Asia/Kolkata') as hour, count(*)::int as sales, sum(total_minor) as total_minor
  from sales group by 1`;

describe('seed', () => {
  // Its hours begin at half past those of UTC.
  const settings = { SHOP_TIME_ZONE: 'Asia/Kolkata', SHOP_CURRENCY: 'CHF' };
  let shop: Shop;
  let firstMonth = 0;

  before(async () => {
    shop = await Shop.open();
    assert.equal(await shop.migrate().exit, 0);
  });
  after(() => shop.close());

  const seed = (...args: string[]) => shop.run('seed', settings, ...args);

  /** Hours in which reports and sales don't agree. */
  async function differences(): Promise<unknown[]> {
    const { rows } = await shop.sql.query<object>(
      `(${AMONG_SALES} except select * from sales_hourly) union all (select * from sales_hourly except ${AMONG_SALES})`,
    );
    return rows;
  }

  it('refuses where it is not said that made-up sales do no harm', async () => {
    for (const [args, reason] of [
      [[], /--environment is not set: expected dev or test/],
      [['--environment', 'prod'], /--environment is prod: expected dev or test/],
      [['--environment', 'dev', '--seed', 'x'], /--seed is \\"x\\": expected a whole number/],
      [['--environment', 'dev', '--fast'], /Unknown option '--fast'/],
    ] as const) {
      const refused = seed(...args);
      assert.equal(await refused.exit, 1);
      assert.match(refused.output, reason);
    }
    assert.equal(await shop.count('products'), 0);
  });

  it('fills a shop with a month of sales in a few seconds', async () => {
    const from = performance.now();
    const filled = seed('--environment', 'dev');
    assert.equal(await filled.exit, 0);
    const seconds = (performance.now() - from) / 1000;
    assert.ok(seconds < 20, `took ${seconds} s`);
    const figures: Record<string, unknown> = JSON.parse(filled.output.trim().split('\n').at(-1) ?? '');
    const [sales, items] = [await shop.count('sales'), await shop.count('sale_items')];
    assert.ok(sales > 11_000 && sales < 13_000, `${sales} sales`);
    assert.ok(items > 2 * sales && items < 4 * sales, `${items} items`);
    const { rows } = await shop.sql.query<{ total: number }>(
      'select sum(total_minor)::int as total from sales',
    );
    const { products, cashiers, totalMinor, currency } = figures;
    assert.deepEqual(
      [products, cashiers, figures['sales'], figures['items'], totalMinor, currency],
      [await shop.count('products'), 5, sales, items, rows[0]?.total, 'CHF'],
    );
    assert.ok((await shop.count('products')) >= 120);
    assert.equal(
      await shop.count("sales where created_at > now() or created_at < now() - interval '30 days'"),
      0,
    );
    assert.equal(
      await shop.count("sales where extract(hour from created_at at time zone 'Asia/Kolkata') < 7"),
      0,
    );
    assert.equal(
      await shop.count(
        `(select created_at < lag(created_at) over (order by number) as back from sales) s where back`,
      ),
      0,
    );
    assert.equal(
      await shop.count(`sales where total_minor <> (
        select sum(line_total_minor) from sale_items where sale_id = sales.id)`),
      0,
    );
    assert.equal(await shop.count('outbox'), 0);
    assert.deepEqual(await differences(), []);
  });

  it('lets the cashiers log in with the password of the admin', async () => {
    const api = await shop.api();
    const { rows } = await shop.sql.query<{ email: string }>(
      "select email from users where role = 'cashier' limit 1",
    );
    assert.notEqual(await api.login(rows[0]?.email), '');
    await api.stop();
  });

  it('refuses a shop that has sales, unless they are to be added to', async () => {
    firstMonth = await shop.count('sales');
    const refused = seed('--environment', 'dev');
    assert.equal(await refused.exit, 1);
    assert.match(refused.output, /has sales already: nothing was changed\. Use --add/);
    assert.equal(await shop.count('sales'), firstMonth);

    assert.equal(await seed('--environment', 'test', '--add', '--seed', '2').exit, 0);
    assert.ok((await shop.count('sales')) > 2 * firstMonth - 1000);
    assert.equal(await shop.count("users where role = 'cashier'"), 5);
    assert.deepEqual(await differences(), []);
  });

  it('makes the same sales for the same seed', async () => {
    const other = await Shop.open();
    assert.equal(await other.migrate().exit, 0);
    assert.equal(await other.run('seed', settings, '--environment', 'dev', '--seed', '2').exit, 0);
    const digest = async ({ sql }: Shop, where: string) => {
      const { rows } = await sql.query<{ digest: string }>(
        `select md5(string_agg(concat(created_at, total_minor, payment, customer_name), ',' order by created_at, total_minor))
           as digest
         from sales
         where ${where} and created_at between current_date - 20 and current_date - 1`,
      );
      return rows[0]?.digest;
    };
    const same = await digest(other, 'true');
    assert.match(same ?? '', /^[0-9a-f]{32}$/);
    assert.equal(await digest(shop, `number > ${firstMonth}`), same);
    assert.notEqual(await digest(shop, `number <= ${firstMonth}`), same);
    await other.close();
  });

  it('counts as the worker does: a sale of now adds up', async () => {
    const [api, worker] = await Promise.all([shop.api(settings), shop.worker(settings)]);
    const token = await api.login();
    const product = await api.newProduct(token, 10, 111);
    for (let index = 0; index < 3; index += 1) assert.equal((await api.sell(token, product)).status, 201);
    await eventually(async () => {
      assert.equal(await shop.count('processed_events'), 3);
    }, 30_000);
    assert.deepEqual(await differences(), []);
    assert.equal(await worker.stop(), 0);
  });
});
