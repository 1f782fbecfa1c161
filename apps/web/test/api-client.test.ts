/** @jest-environment ./test/fakes/browser-environment.mjs */
import { ApiClient } from '../src/api/client';
import { ApiAway, ApiRefusal, SessionEnded } from '../src/api/errors';
import { SessionStore } from '../src/api/session';
import { FakeApi, problem } from './fakes/fake-api';

let api: FakeApi;
let sessions: SessionStore;
let client: ApiClient;

beforeEach(async () => {
  sessionStorage.clear();
  api = new FakeApi();
  sessions = new SessionStore(sessionStorage);
  client = new ApiClient('http://shop.test/api/v1', sessions, api.fetch);
  await client.logIn('ada@shop.test', 'correct horse');
});

afterEach(() => {
  jest.useRealTimers();
});

const refreshes = (): number => api.requests('POST', '/api/v1/auth/refresh').length;

test('a token that is about to run out is renewed before the request', async () => {
  jest.useFakeTimers({ now: Date.now() + 871_000 });
  await client.today();
  expect(refreshes()).toBe(1);
  expect(api.seen.at(-1)?.authorization).toBe('Bearer access-2');
});

test('requests at one moment share one renewal, since a refresh token is good for one use', async () => {
  api.accepts = (authorization) => authorization !== 'Bearer access-1';
  await Promise.all([client.today(), client.products(''), client.recentSales()]);
  expect(refreshes()).toBe(1);
});

test('a sale that met a refused token is sent again with the same key', async () => {
  api.accepts = (authorization) => authorization !== 'Bearer access-1';
  await client.sell({ items: [{ productId: 'p1', quantity: 1 }], payment: 'cash' }, 'key-of-this-sale');
  const sent = api.requests('POST', '/api/v1/sales');
  expect(sent.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['key-of-this-sale', 'key-of-this-sale']);
  expect(api.sales).toHaveLength(1);
});

test('a refresh token that is refused ends the session', async () => {
  api.accepts = () => false;
  api.sessionEnded = true;
  await expect(client.today()).rejects.toThrow(SessionEnded);
  expect(sessions.current()).toBeNull();
});

test('an API that is away during a renewal leaves the session as it is', async () => {
  jest.useFakeTimers({ now: Date.now() + 871_000 });
  api.fault = 'silent';
  await expect(client.today()).rejects.toThrow(ApiAway);
  expect(sessions.current()?.refreshToken).toBe('refresh-1');
});

test('the session outlives a reload and needs no renewal for it', async () => {
  const reloaded = new ApiClient('http://shop.test/api/v1', new SessionStore(sessionStorage), api.fetch);
  await reloaded.today();
  expect(refreshes()).toBe(0);
});

test.each([
  ['nobody answers', () => Promise.reject(new TypeError('Failed to fetch')), "doesn't answer."],
  [
    'a proxy answers',
    () => Promise.resolve(new Response('<h1>404</h1>', { status: 404 })),
    'in front of it answers 404',
  ],
  [
    'the database is away',
    () => Promise.resolve(problem(503, 'No database.')),
    "can't serve at the moment: No database.",
  ],
  ['too many requests', () => Promise.resolve(problem(429, 'Slow down.')), 'Slow down.'],
  ['an unknown shape', () => Promise.resolve(Response.json({ surprise: true })), "doesn't understand"],
])('%s: away, so that the same request may be sent again', async (_case, answer, message) => {
  const failing = new ApiClient('http://shop.test/api/v1', sessions, answer);
  const error: unknown = await failing.today().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiAway);
  expect(error).toHaveProperty('message', expect.stringContaining(message));
});

test('a refusal carries the words of the API', async () => {
  const order = { items: [{ productId: 'p2', quantity: 9 }], payment: 'cash' } as const;
  const sale = client.sell(order, 'key-of-this-sale');
  await expect(sale).rejects.toThrow(ApiRefusal);
  await expect(sale).rejects.toThrow('Not enough of Carrot cake: 3 left.');
});
