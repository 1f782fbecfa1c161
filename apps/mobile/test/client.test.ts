import { ApiClient } from '../src/api/client';
import { ApiRefused, ApiUnavailable, SessionEnded } from '../src/api/errors';
import { Http } from '../src/api/http';
import { Session } from '../src/api/session';
import { FakeApi, json, lost, problem, session as sessionAnswer, url } from './fake-api';
import { MemoryStorage } from './memory-storage';

const STORED_AS = 'zakpos.refresh-token';

let fake: FakeApi;
let storage: MemoryStorage;
let session: Session;
let api: ApiClient;

beforeEach(() => {
  fake = new FakeApi();
  storage = new MemoryStorage();
  const http = new Http(url, fake.fetch);
  session = new Session(http, storage);
  api = new ApiClient(http, session);
});

const order = { items: [{ productId: 'p-1', quantity: 2 }], payment: 'card' } as const;

describe('logged in', () => {
  beforeEach(() => session.logIn('ann@shop.example', 'correct horse'));

  test('a sale carries the token, the key and the order', async () => {
    await expect(api.sell(order, 'key-00000001')).resolves.toEqual({
      number: 7,
      totalMinor: 220,
      currency: 'EUR',
    });
    const [sent] = fake.asked('POST /sales');
    expect(sent?.headers.get('Authorization')).toBe('Bearer access-1');
    expect(sent?.headers.get('Idempotency-Key')).toBe('key-00000001');
    expect(sent?.body).toEqual(order);
  });

  test('a search is encoded', async () => {
    await api.products('fish & chips');
    expect(fake.asked('GET /products')[0]?.path).toBe('/products?limit=200&search=fish%20%26%20chips');
  });

  test('a refused token is renewed once for all the calls that need it', async () => {
    fake.on('GET /reports/today', ({ headers }) =>
      headers.get('Authorization') === 'Bearer access-2'
        ? json({ currency: 'EUR', count: 1, totalMinor: 1 })
        : problem(401, 'The token has expired.'),
    );
    fake.on('POST /auth/refresh', () => json(sessionAnswer(2)));
    await Promise.all([api.today(), api.today(), api.today()]);
    expect(fake.asked('POST /auth/refresh').map(({ body }) => body)).toEqual([{ refreshToken: 'refresh-1' }]);
    expect(storage.values.get(STORED_AS)).toBe('refresh-2');
  });

  test('a token near its end is renewed before it is used', async () => {
    fake.on('POST /auth/refresh', () => json(sessionAnswer(2)));
    const later = Date.now() + 880_000;
    jest.spyOn(Date, 'now').mockReturnValue(later);
    await api.today();
    jest.restoreAllMocks();
    expect(fake.asked('GET /reports/today').map(({ headers }) => headers.get('Authorization'))).toEqual([
      'Bearer access-2',
    ]);
  });

  test('a refresh token that is refused ends the session', async () => {
    fake.on('GET /reports/today', () => problem(401, 'The token has expired.'));
    fake.on('POST /auth/refresh', () => problem(401, 'This session has ended.'));
    await expect(api.today()).rejects.toBeInstanceOf(SessionEnded);
    expect(storage.values.size).toBe(0);
  });

  test('a refresh without an answer does not end the session', async () => {
    fake.on('GET /reports/today', () => problem(401, 'The token has expired.'));
    fake.on('POST /auth/refresh', lost);
    await expect(api.today()).rejects.toBeInstanceOf(ApiUnavailable);
    expect(storage.values.get(STORED_AS)).toBe('refresh-1');
  });

  test('logging out ends the session on the device even when the API is away', async () => {
    jest.spyOn(console, 'warn').mockImplementation();
    fake.on('POST /auth/logout', lost);
    await session.logOut();
    expect(storage.values.size).toBe(0);
    await expect(api.today()).rejects.toBeInstanceOf(SessionEnded);
  });
});

describe('a kept session', () => {
  test('goes on after a restart', async () => {
    storage.values.set(STORED_AS, 'refresh-1');
    fake.on('POST /auth/refresh', () => json(sessionAnswer(2)));
    await expect(session.resume()).resolves.toEqual({ id: 'u-1', name: 'Ann' });
    expect(storage.values.get(STORED_AS)).toBe('refresh-2');
  });

  test('that has ended is forgotten', async () => {
    storage.values.set(STORED_AS, 'refresh-1');
    fake.on('POST /auth/refresh', () => problem(401, 'This session has ended.'));
    await expect(session.resume()).resolves.toBeNull();
    expect(storage.values.size).toBe(0);
  });
});

describe('answers that are none', () => {
  const today = () => api.today();
  beforeEach(() => session.logIn('ann@shop.example', 'correct horse'));

  test('no connection', async () => {
    fake.on('GET /reports/today', lost);
    await expect(today()).rejects.toThrow(`The API at ${url} doesn't answer.`);
  });

  test("a proxy's own page, whatever its status", async () => {
    fake.on('GET /reports/today', () => new Response('404 page not found', { status: 404 }));
    await expect(today()).rejects.toThrow(`What answers at ${url} is not the API: it sent 404 and no JSON.`);
  });

  test('a body of another shape', async () => {
    fake.on('GET /reports/today', () => json({ currency: 'EUR', count: '3', totalMinor: 1 }));
    await expect(today()).rejects.toThrow('answer.count should be an integer and is string');
  });

  test('a server that asks for patience', async () => {
    fake.on('GET /reports/today', () => problem(503, 'The database is away.', { 'Retry-After': '5' }));
    await expect(today()).rejects.toEqual(new ApiUnavailable('The database is away.', 5000));
    await expect(today()).rejects.toMatchObject({ retryAfterMs: 5000 });
  });

  test('a refusal is told in the words of the API', async () => {
    fake.on('GET /reports/today', () => problem(403, 'Cashiers may not see this.'));
    await expect(today()).rejects.toEqual(new ApiRefused(403, 'Cashiers may not see this.'));
  });
});
