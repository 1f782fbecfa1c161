import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { type Api, type ProblemBody, type ProductBody, type SaleBody, Shop } from './harness.js';

describe('sales', () => {
  let shop: Shop;
  let api: Api;
  let other: Api;
  let token: string;

  before(async () => {
    shop = await Shop.open();
    assert.equal(await shop.migrate().exit, 0);
    [api, other] = await Promise.all([shop.api(), shop.api()]);
    token = await api.login();
  });
  after(() => shop.close());

  const stockOf = async (id: string) => {
    const { body } = await api.call<ProductBody>('GET', `/api/v1/products/${id}`, { token });
    return body.stock;
  };

  it('sells: receipt, stock, items and the event are there', async () => {
    const [tea, cake] = await Promise.all([api.newProduct(token, 5, 300), api.newProduct(token, 5, 450)]);
    const { status, body, headers } = await api.call<Record<string, unknown>>('POST', '/api/v1/sales', {
      token,
      headers: { 'idempotency-key': randomUUID(), 'x-request-id': 'till-7-sale-1' },
      body: {
        items: [
          { productId: tea, quantity: 1 },
          { productId: cake, quantity: 2 },
          { productId: tea, quantity: 1 },
        ],
        payment: 'card',
        customer: { name: 'Ada Lovelace', phone: '+44 20 7946 0000' },
      },
    });
    assert.equal(status, 201);
    assert.equal(headers.get('x-request-id'), 'till-7-sale-1');
    assert.equal(body['totalMinor'], 1500);
    assert.equal(body['currency'], 'EUR');
    assert.match(String(body['createdAt']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual([await stockOf(tea), await stockOf(cake)], [3, 3]);

    const read = await api.call('GET', `/api/v1/sales/${String(body['id'])}`, { token });
    assert.deepEqual(read.body, body);
    assert.ok(!api.output.includes('Lovelace'), 'the customer is in the log');
  });

  it('answers a retry with the same sale, and another body with 422', async () => {
    const product = await api.newProduct(token, 10);
    const key = randomUUID();
    const first = await api.sell(token, product, { key });
    const second = await other.sell(token, product, { key });
    const changed = await api.sell<ProblemBody>(token, product, { key, quantity: 2 });
    assert.deepEqual([first.status, second.status, changed.status], [201, 201, 422]);
    assert.deepEqual(second.body, first.body);
    assert.equal(first.headers.get('idempotent-replayed'), null);
    assert.equal(second.headers.get('idempotent-replayed'), 'true');
    assert.equal(await stockOf(product), 9);
  });

  it('sells once for 20 requests with one key at the same moment, on two processes', async () => {
    const product = await api.newProduct(token, 100);
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? api : other).sell(token, product, { key })),
    );
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([201]));
    assert.equal(new Set(answers.map((answer) => answer.body.id)).size, 1);
    assert.equal(answers.filter((answer) => answer.headers.get('idempotent-replayed') === null).length, 1);
    assert.equal(await stockOf(product), 99);
  });

  it('sells the last 10 of a product 10 times when 50 want one', async () => {
    const product = await api.newProduct(token, 10);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? api : other).sell<SaleBody & ProblemBody>(token, product),
      ),
    );
    const sold = answers.filter((answer) => answer.status === 201);
    const refused = answers.filter((answer) => answer.status === 409);
    assert.deepEqual([sold.length, refused.length], [10, 40]);
    assert.match(refused[0]?.body.detail ?? '', /Not enough Product .* 1 wanted, 0 left/);
    assert.equal(await stockOf(product), 0);
  });

  it('sells baskets with the same products in every order without a deadlock', async () => {
    const products = await Promise.all(Array.from({ length: 6 }, () => api.newProduct(token, 1000)));
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => {
        const order = products.map((_, place) => products[(place + index) % products.length]);
        return (index % 2 === 0 ? api : other).call('POST', '/api/v1/sales', {
          token,
          headers: { 'idempotency-key': randomUUID() },
          body: { items: order.map((productId) => ({ productId, quantity: 1 })), payment: 'cash' },
        });
      }),
    );
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([201]));
    assert.deepEqual(new Set(await Promise.all(products.map(stockOf))), new Set([940]));
  });

  it('takes nothing from stock when one item of a basket can not be sold', async () => {
    const [plenty, none] = await Promise.all([api.newProduct(token, 5), api.newProduct(token, 0)]);
    const before = await shop.count('sales');
    const { status } = await api.call('POST', '/api/v1/sales', {
      token,
      headers: { 'idempotency-key': randomUUID() },
      body: {
        items: [
          { productId: plenty, quantity: 1 },
          { productId: none, quantity: 1 },
        ],
        payment: 'cash',
      },
    });
    assert.equal(status, 409);
    assert.equal(await stockOf(plenty), 5);
    assert.equal(await shop.count('sales'), before);
  });

  it('refuses what is not a sale, naming each fault', async () => {
    const bodies: [unknown, RegExp][] = [
      [{ items: [], payment: 'cash' }, /items must contain at least 1/],
      [{ items: [{ productId: 'x', quantity: 1 }], payment: 'cash' }, /productId must be a UUID/],
      [
        { items: [{ productId: randomUUID(), quantity: 0 }], payment: 'cash' },
        /quantity must not be less than 1/,
      ],
      [
        { items: [{ productId: randomUUID(), quantity: 1.5 }], payment: 'cash' },
        /quantity must be an integer/,
      ],
      [{ items: [{ productId: randomUUID(), quantity: 1 }], payment: 'iou' }, /payment must be one of/],
      [
        { items: [{ productId: randomUUID(), quantity: 1 }], payment: 'cash', total: 1 },
        /total should not exist/,
      ],
    ];
    for (const [body, expected] of bodies) {
      const headers = { 'idempotency-key': randomUUID() };
      const answer = await api.call<ProblemBody>('POST', '/api/v1/sales', { token, headers, body });
      assert.equal(answer.status, 400);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8');
      assert.match(JSON.stringify(answer.body), expected);
    }
    for (const path of ['/api/v1/%zz', '/nowhere']) {
      const { headers } = await api.call('GET', path);
      assert.equal(headers.get('content-type'), 'application/problem+json; charset=utf-8');
    }
    const product = await api.newProduct(token, 1);
    assert.equal((await api.sell(token, product, { key: 'short' })).status, 400);
    assert.equal((await api.sell(token, randomUUID())).status, 422);
    const huge = { name: 'x'.repeat(200_000), sku: 'x', priceMinor: 1, stock: 1 };
    assert.equal((await api.call('POST', '/api/v1/products', { token, body: huge })).status, 413);
  });

  it('shows today’s totals from the cache, and never an old one', async () => {
    interface Today {
      count: number;
      totalMinor: number;
    }
    const today = (server: Api) => server.call<Today>('GET', '/api/v1/reports/today', { token });
    const product = await api.newProduct(token, 1000, 100);
    await api.sell(token, product);
    const first = await today(api);
    const second = await today(other);
    assert.deepEqual([first.headers.get('x-cache'), second.headers.get('x-cache')], ['MISS', 'HIT']);
    assert.deepEqual(second.body, first.body);

    for (let round = 0; round < 10; round += 1) {
      // Reads race with the sale; after it each must see it.
      await Promise.all([today(api), other.sell(token, product), today(other), today(api)]);
      const expected = first.body.count + round + 1;
      assert.deepEqual(
        [(await today(api)).body.count, (await today(other)).body.count],
        [expected, expected],
      );
    }
  });
});
