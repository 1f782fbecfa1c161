import { ApiClient } from '../src/api/client';
import { Http } from '../src/api/http';
import { Session } from '../src/api/session';
import { Till } from '../src/till/till';
import { croissant, espresso, FakeApi, json, lost, problem, url } from './fake-api';
import { MemoryStorage } from './memory-storage';

let fake: FakeApi;
let drafts: MemoryStorage;
let keys: number;
let till: Till;
const ended = jest.fn();
const wait = jest.fn(() => Promise.resolve());

async function openTill(userId = 'u-1'): Promise<Till> {
  const http = new Http(url, fake.fetch);
  const session = new Session(http, new MemoryStorage());
  await session.logIn('ann@shop.example', 'correct horse');
  const newKey = () => `key-${String(++keys).padStart(8, '0')}`;
  const opened = new Till(new ApiClient(http, session), { drafts, newKey, wait }, userId, ended);
  await opened.open();
  return opened;
}

const sentKeys = () => fake.asked('POST /sales').map(({ headers }) => headers.get('Idempotency-Key'));

beforeEach(async () => {
  fake = new FakeApi();
  drafts = new MemoryStorage();
  keys = 0;
  till = await openTill();
});

afterEach(() => {
  till.close();
});

test('a sale empties the cart and reads stock and totals anew', async () => {
  till.add(espresso);
  fake.on('GET /products', () => json([{ ...espresso, stock: 4 }]));
  await till.sell();
  expect(till.current()).toMatchObject({ sold: { number: 7 }, cart: { lines: [] }, attempt: null });
  expect(till.current().products).toEqual([{ ...espresso, stock: 4 }]);
});

test('a lost answer is asked for again with the same key and the same order', async () => {
  fake.on(
    'POST /sales',
    lost,
    () => problem(503, 'The database is away.', { 'Retry-After': '2' }),
    () => json({ number: 7, totalMinor: 220, currency: 'EUR' }, 201),
  );
  till.add(espresso);
  await till.sell();
  expect(sentKeys()).toEqual(['key-00000001', 'key-00000001', 'key-00000001']);
  expect(new Set(fake.asked('POST /sales').map(({ body }) => JSON.stringify(body))).size).toBe(1);
  expect(wait.mock.calls).toEqual([[500], [2000]]);
  expect(till.current().sold?.number).toBe(7);
});

test('without any answer the cart is locked, and trying again uses the same key', async () => {
  fake.on('POST /sales', lost, lost, lost, () => json({ number: 7, totalMinor: 220, currency: 'EUR' }, 200));
  till.add(espresso);
  await till.sell();
  expect(till.current()).toMatchObject({ selling: false, attempt: { key: 'key-00000001' } });
  till.add(croissant);
  till.pay('card');
  expect(till.current().cart).toMatchObject({ lines: [{ quantity: 1 }], payment: 'cash' });
  await till.sell();
  expect(sentKeys()).toEqual(Array(4).fill('key-00000001'));
  expect(till.current()).toMatchObject({ sold: { number: 7 }, attempt: null });
});

test('an unclear sale outlives the app and is finished with its key', async () => {
  fake.on('POST /sales', lost);
  till.add(espresso);
  await till.sell();
  till.close();
  fake.on('POST /sales', () => json({ number: 7, totalMinor: 220, currency: 'EUR' }, 200));
  till = await openTill();
  expect(till.current().cart.lines).toEqual([{ product: espresso, quantity: 1 }]);
  await till.sell();
  expect(new Set(sentKeys())).toEqual(new Set(['key-00000001']));
});

test("another cashier doesn't get the cart of this one", async () => {
  till.add(espresso);
  till.close();
  till = await openTill('u-2');
  expect(till.current().cart.lines).toEqual([]);
});

test('an attempt that the API has forgotten by now is dropped', async () => {
  fake.on('POST /sales', lost);
  till.add(espresso);
  await till.sell();
  till.close();
  const nextWeek = Date.now() + 7 * 24 * 60 * 60 * 1000;
  jest.spyOn(Date, 'now').mockReturnValue(nextWeek);
  till = await openTill();
  jest.restoreAllMocks();
  expect(till.current()).toMatchObject({ attempt: null, cart: { lines: [] } });
});

test('a refusal keeps the cart, and the next attempt has a key of its own', async () => {
  fake.on('POST /sales', () => problem(409, 'Only 0 of Espresso are left.'));
  till.add(espresso);
  await till.sell();
  expect(till.current()).toMatchObject({ trouble: 'Only 0 of Espresso are left.', attempt: null });
  expect(till.current().cart.lines).toHaveLength(1);
  await till.sell();
  expect(sentKeys()).toEqual(['key-00000001', 'key-00000002']);
});

test('a second tap while a sale is under way sells nothing', async () => {
  till.add(espresso);
  await Promise.all([till.sell(), till.sell()]);
  expect(sentKeys()).toEqual(['key-00000001']);
});

test('leaving an unclear sale gives the cart back with a warning', async () => {
  fake.on('POST /sales', lost);
  till.add(espresso);
  await till.sell();
  till.leaveUnclear();
  expect(till.current().trouble).toContain('may have been booked');
  expect(till.current()).toMatchObject({ attempt: null, cart: { lines: [{ quantity: 1 }] } });
});

test('an API that is away is named, asked again by itself, and costs no cart', async () => {
  jest.useFakeTimers();
  till.add(espresso);
  fake.on('GET /products', lost, () => json([espresso]));
  await till.refresh();
  expect(till.current().away).toBe(`The API at ${url} doesn't answer.`);
  await jest.advanceTimersByTimeAsync(5_000);
  jest.useRealTimers();
  expect(till.current()).toMatchObject({ away: null, cart: { lines: [{ quantity: 1 }] } });
});

test('of two loads the later one counts, in whatever order they come in', async () => {
  let answerFirst: (response: Response) => void = () => undefined;
  fake.on(
    'GET /products',
    () => new Promise((resolve) => (answerFirst = resolve)),
    () => json([croissant]),
  );
  const first = till.refresh();
  await till.refresh();
  answerFirst(json([espresso]));
  await first;
  expect(till.current().products).toEqual([croissant]);
});

test('the end of the session is told once, and the cart is kept for the next one', async () => {
  till.add(espresso);
  fake.on('POST /sales', () => problem(401, 'The token has expired.'));
  fake.on('POST /auth/refresh', () => problem(401, 'This session has ended.'));
  await till.sell();
  expect(ended).toHaveBeenCalledTimes(1);
  till.close();
  till = await openTill();
  expect(till.current()).toMatchObject({
    attempt: { key: 'key-00000001' },
    cart: { lines: [{ quantity: 1 }] },
  });
});
