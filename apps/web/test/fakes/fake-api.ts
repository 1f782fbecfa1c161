import type { Order, Product, Sale } from '../../src/api/messages';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly idempotencyKey: string | null;
  readonly body: unknown;
}

const espresso: Product = { id: 'p1', sku: 'ESP', name: 'Espresso', priceMinor: 250, stock: 40 };
const cake: Product = { id: 'p2', sku: 'CAKE', name: 'Carrot cake', priceMinor: 420, stock: 3 };

/** An API in memory behind the signature of fetch, with the faults that a till has to live with. */
export class FakeApi {
  readonly seen: SeenRequest[] = [];
  readonly products = [espresso, cake];
  readonly sales: Sale[] = [];
  private readonly byKey = new Map<string, Sale>();
  private tokens = 0;
  expiresIn = 900;
  /** 'silent' refuses connections, 'proxy' answers as a proxy without a backend does. */
  fault: 'none' | 'silent' | 'proxy' = 'none';
  /** The next sale is booked, and its answer is lost on the way back. */
  loseNextSaleAnswer = false;
  sessionEnded = false;
  accepts = (authorization: string): boolean => authorization === `Bearer access-${String(this.tokens)}`;

  readonly fetch = (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init.headers);
    const request: SeenRequest = {
      method: init.method ?? 'GET',
      path: url.pathname,
      authorization: headers.get('Authorization'),
      idempotencyKey: headers.get('Idempotency-Key'),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
    };
    this.seen.push(request);
    if (this.fault === 'silent') return Promise.reject(new TypeError('Failed to fetch'));
    if (this.fault === 'proxy') return Promise.resolve(new Response('no available server', { status: 503 }));
    const response = this.answer(request, url.searchParams);
    if (request.path === '/api/v1/sales' && request.method === 'POST' && this.loseNextSaleAnswer) {
      this.loseNextSaleAnswer = false;
      return Promise.reject(new TypeError('Failed to fetch'));
    }
    return Promise.resolve(response);
  };

  requests(method: string, path: string): SeenRequest[] {
    return this.seen.filter((request) => request.method === method && request.path === path);
  }

  private answer(request: SeenRequest, query: URLSearchParams): Response {
    const path = request.path.replace('/api/v1', '');
    switch (path) {
      case '/docs-json':
        return json(200, {});
      case '/auth/login':
        return this.session();
      case '/auth/refresh':
        return this.sessionEnded ? problem(401, 'The session has ended.') : this.session();
      case '/auth/logout':
        return new Response(null, { status: 204 });
    }
    if (request.authorization === null || !this.accepts(request.authorization)) {
      return problem(401, 'Log in first.');
    }
    switch (`${request.method} ${path}`) {
      case 'GET /products':
        return json(200, this.find(query.get('search') ?? ''));
      case 'GET /sales':
        return json(200, this.sales);
      case 'GET /reports/today':
        return json(200, {
          currency: 'EUR',
          count: this.sales.length,
          totalMinor: this.sales.reduce((total, sale) => total + sale.totalMinor, 0),
        });
      case 'POST /sales':
        return this.sell(request);
      default:
        return problem(404, 'Not found');
    }
  }

  private find(search: string): Product[] {
    return this.products.filter(({ name, sku }) =>
      `${name} ${sku}`.toLowerCase().includes(search.toLowerCase()),
    );
  }

  private sell({ idempotencyKey, body }: SeenRequest): Response {
    if (idempotencyKey === null || !isOrder(body)) return problem(400, 'The request is not valid.');
    const before = this.byKey.get(idempotencyKey);
    if (before !== undefined) return json(201, before);
    let totalMinor = 0;
    for (const { productId, quantity } of body.items) {
      const product = this.products.find(({ id }) => id === productId);
      if (product === undefined || product.stock < quantity) {
        return problem(409, `Not enough of ${product?.name ?? productId}: ${product?.stock ?? 0} left.`);
      }
      totalMinor += product.priceMinor * quantity;
    }
    const number = 1001 + this.sales.length;
    const sale = { id: `s${number}`, number, totalMinor, currency: 'EUR', createdAt: '2026-01-02T10:00:00Z' };
    this.sales.unshift(sale);
    this.byKey.set(idempotencyKey, sale);
    return json(201, sale);
  }

  private session(): Response {
    this.tokens += 1;
    return json(200, {
      accessToken: `access-${this.tokens}`,
      refreshToken: `refresh-${this.tokens}`,
      expiresIn: this.expiresIn,
      user: { id: 'u1', email: 'ada@shop.test', name: 'Ada', role: 'cashier' },
    });
  }
}

function isOrder(body: unknown): body is Order {
  return typeof body === 'object' && body !== null && 'items' in body && 'payment' in body;
}

function json(status: number, body: unknown, type = 'application/json'): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': type } });
}

export function problem(status: number, detail: string): Response {
  return json(status, { title: 'Problem', status, detail }, 'application/problem+json');
}
