import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { call, config, eventually, inPod, logIn, product, redis, sell, sql, type Sale } from './harness.ts';

const totals = z.object({ count: z.number(), totalMinor: z.number() });

describe('a sale', () => {
  let token: string;
  let sale: Sale;
  let before: z.output<typeof totals>;

  beforeAll(async () => {
    token = await logIn();
    const item = await product(token);
    before = totals.parse((await call('/api/v1/reports/today', { token })).body);
    sale = await sell(token, item.id);
  });

  test('is in PostgreSQL, with its total, and took from the stock', async () => {
    expect(await sql(`select number, total_minor from sales where id = '${sale.id}'`)).toEqual([
      `${sale.number}|${sale.totalMinor}`,
    ]);
  });

  test("is in today's totals, which come from Redis the second time", async () => {
    const first = await call('/api/v1/reports/today', { token });
    expect(totals.parse(first.body)).toEqual({
      count: before.count + 1,
      totalMinor: before.totalMinor + sale.totalMinor,
    });
    const second = await call('/api/v1/reports/today', { token });
    expect(second.headers['x-cache']).toBe('HIT');
    const date = z.object({ date: z.string() }).parse(second.body).date;
    expect(await redis(`--raw get zakpos:totals:${date}`)).toContain(
      String(before.totalMinor + sale.totalMinor),
    );
  });

  test('is on the topic zakpos.sales', async () => {
    const records = await inPod(
      'zakpos-kafka-0',
      'KAFKA_HEAP_OPTS=-Xmx128m kafka-console-consumer --bootstrap-server localhost:9092 --topic zakpos.sales --from-beginning --timeout-ms 8000 2>/dev/null || true',
    );
    expect(records).toContain(sale.id);
  });

  test("has been read from there and counted in the hour's sales", async () => {
    const counted = z.array(z.object({ count: z.number(), totalMinor: z.number() }));
    await eventually('the sale in the hourly report', 30, async () => {
      const hours = counted.parse((await call('/api/v1/reports/hourly', { token })).body);
      const sum = hours.reduce((total, hour) => total + hour.count, 0);
      return sum >= before.count + 1 ? sum : undefined;
    });
  });

  test('sent twice with one key is sold once', async () => {
    const { id } = await product(token);
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => sell(token, id, key)));
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    expect(await sql(`select count(*) from sales where id = '${answers[0]?.id ?? ''}'`)).toEqual(['1']);
  });

  test('of more than is in stock is refused and takes nothing', async () => {
    const created = await call('/api/v1/products', {
      token,
      body: { name: 'Last ones', sku: `E2E-${Date.now()}`, priceMinor: 100, stock: 2 },
    });
    const { id } = z.object({ id: z.string() }).parse(created.body);
    const answer = await call('/api/v1/sales', {
      token,
      headers: { 'idempotency-key': randomUUID() },
      body: { items: [{ productId: id, quantity: 3 }], payment: 'cash' },
    });
    expect(answer.status).toBe(409);
    expect(JSON.stringify(answer.body)).toContain('Last ones');
    expect(await sql(`select stock from products where id = '${id}'`)).toEqual(['2']);
  });

  test('needs a log in', async () => {
    expect(await call('/api/v1/sales', { body: {} })).toMatchObject({ status: 401 });
  });

  test(`is in the currency of the shop, ${config.shop.currency}`, () => {
    expect(sale.currency).toBe(config.shop.currency);
  });
});
