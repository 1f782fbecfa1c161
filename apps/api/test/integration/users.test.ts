import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { ADMIN, type Api, type ProblemBody, Shop } from './harness.js';

interface SessionBody {
  readonly accessToken: string;
  readonly refreshToken: string;
}

describe('users', () => {
  let shop: Shop;
  let api: Api;
  let token: string;

  before(async () => {
    shop = await Shop.open();
    assert.equal(await shop.migrate().exit, 0);
    api = await shop.api();
    token = await api.login();
  });
  after(() => shop.close());

  const post = <Body>(path: string, body: unknown, as?: string) =>
    api.call<Body>('POST', `/api/v1/${path}`, { body, ...(as !== undefined && { token: as }) });

  it('logs in with the right password only, and says who it is', async () => {
    const wrong = await post<ProblemBody>('auth/login', { email: ADMIN.email, password: 'not the password' });
    const nobody = await post<ProblemBody>('auth/login', {
      email: 'nobody@zakpos.test',
      password: 'whatever',
    });
    assert.deepEqual([wrong.status, nobody.status], [401, 401]);
    assert.equal(wrong.body.detail, nobody.body.detail);
    await api.printed('security.login_failed');

    const { body } = await api.call<{ email: string; role: string }>('GET', '/api/v1/auth/me', { token });
    assert.deepEqual([body.email, body.role], [ADMIN.email, 'admin']);
    assert.ok(!api.output.includes(ADMIN.password), 'the password is in the log');
  });

  it('refuses tokens that are missing or forged', async () => {
    const forged = `${token.slice(0, -4)}AAAA`;
    const answers = await Promise.all([
      api.call('GET', '/api/v1/products'),
      api.call('GET', '/api/v1/products', { token: forged }),
      api.call('GET', '/api/v1/products', { token: 'nonsense' }),
    ]);
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [401, 401, 401],
    );
  });

  it('rotates refresh tokens and ends them at log out', async () => {
    const first = await post<SessionBody>('auth/login', ADMIN);
    const second = await post<SessionBody>('auth/refresh', { refreshToken: first.body.refreshToken });
    assert.equal(second.status, 200);
    assert.equal((await api.call('GET', '/api/v1/auth/me', { token: second.body.accessToken })).status, 200);
    // Two tabs that race: the late one is refused, the session goes on.
    assert.equal((await post('auth/refresh', { refreshToken: first.body.refreshToken })).status, 401);
    const third = await post<SessionBody>('auth/refresh', { refreshToken: second.body.refreshToken });
    assert.equal(third.status, 200);
    assert.equal((await post('auth/logout', { refreshToken: third.body.refreshToken })).status, 204);
    assert.equal((await post('auth/refresh', { refreshToken: third.body.refreshToken })).status, 401);
  });

  it('takes new users by invitation, once, and keeps admin routes from cashiers', async () => {
    assert.equal(
      (await post('auth/register', { email: 'a@zakpos.test', password: 'password', name: 'A' })).status,
      403,
    );
    const invited = await post<{ token: string }>(
      'users/invitations',
      { email: 'Cashier@zakpos.test', role: 'cashier' },
      token,
    );
    assert.equal(invited.status, 201);
    const acceptance = { token: invited.body.token, name: 'Cara', password: 'cashier-password' };
    const accepted = await Promise.all([
      post('auth/accept-invitation', acceptance),
      post('auth/accept-invitation', acceptance),
    ]);
    assert.deepEqual(accepted.map((answer) => answer.status).sort(), [201, 404]);

    const cashier = await api.login('cashier@zakpos.test', 'cashier-password');
    const product = { name: 'X', sku: 'X', priceMinor: 1, stock: 1 };
    assert.equal((await post('products', product, cashier)).status, 403);
    assert.equal((await api.call('GET', '/api/v1/users', { token: cashier })).status, 403);
    assert.equal((await api.call('GET', '/api/v1/users', { token })).status, 200);
    await api.printed('security.forbidden');
  });

  it('refuses a second product with one SKU, and changes what it is told to', async () => {
    const product = { name: 'Cup', sku: 'CUP-1', priceMinor: 900, stock: 3 };
    const created = await post<{ id: string }>('products', product, token);
    assert.equal((await post('products', product, token)).status, 409);
    const path = `/api/v1/products/${created.body.id}`;
    const changed = await api.call('PATCH', path, { token, body: { priceMinor: 950, active: false } });
    assert.deepEqual(changed.body, { id: created.body.id, ...product, priceMinor: 950, active: false });
    assert.equal((await api.sell(token, created.body.id)).status, 409);
    assert.equal((await api.call('PATCH', path, { token, body: {} })).status, 400);
    const found = await api.call<unknown[]>('GET', '/api/v1/products?search=cup-1&limit=5', { token });
    assert.equal(found.body.length, 1);
    assert.equal((await api.call('GET', '/api/v1/products?search=%25&limit=5', { token })).status, 200);
  });

  it('limits the rate over all processes, for each client and user', async () => {
    const limits = { RATE_LIMIT_PER_MINUTE: '20', RATE_LIMIT_LOGIN_PER_MINUTE: '3' };
    const [one, two] = await Promise.all([shop.api(limits), shop.api(limits)]);
    const client = { headers: { 'x-forwarded-for': '198.51.100.7' } };
    const statuses: number[] = [];
    for (let index = 0; index < 30; index += 1) {
      const server = index % 2 === 0 ? one : two;
      statuses.push((await server.call('GET', '/api/v1/products', { token, ...client })).status);
    }
    assert.equal(statuses.filter((status) => status === 200).length, 20);
    const refused = await one.call<ProblemBody>('GET', '/api/v1/products', { token, ...client });
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    await one.printed('security.rate_limited');

    const elsewhere = { headers: { 'x-forwarded-for': '198.51.100.8' } };
    assert.equal((await one.call('GET', '/api/v1/products', { token, ...elsewhere })).status, 200);
    const logins = [];
    for (let index = 0; index < 4; index += 1) {
      const answer = await two.call('POST', '/api/v1/auth/login', {
        ...elsewhere,
        body: { ...ADMIN, password: 'x' },
      });
      logins.push(answer.status);
    }
    assert.deepEqual(logins, [401, 401, 401, 429]);
    assert.equal((await one.call('GET', '/health/live')).status, 200);
  });

  it('counts what it has refused, by its kind', async () => {
    const text = await (await fetch(`http://127.0.0.1:${api.port}/metrics`)).text();
    const counts = Object.fromEntries(
      [...text.matchAll(/^zakpos_security_events_total\{event="(\w+)"\} (\d+)$/gm)].map(
        ([, event = '', count]) => [event, Number(count)],
      ),
    );
    // Forged and nonsense tokens, and a refresh token after log out; the late one of two tabs is no event.
    assert.deepEqual(counts, {
      login_failed: 2,
      token_refused: 3,
      refresh_reused: 0,
      forbidden: 2,
      rate_limited: 0,
    });
  });
});
