import type { Fetch } from '../src/api/http';
import type { Product } from '../src/api/messages';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
}

export type Answer = (request: Request) => Response | Promise<Response>;

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

export function problem(status: number, detail: string, headers: Record<string, string> = {}): Response {
  return json({ type: 'about:blank', title: 'Refused', status, detail }, status, {
    'Content-Type': 'application/problem+json',
    ...headers,
  });
}

/** A network that fails after the API has taken the request. */
export function lost(): Promise<Response> {
  return Promise.reject(new TypeError('Failed to fetch'));
}

export const url = 'https://shop.example/api/v1';

export const espresso: Product = { id: 'p-1', name: 'Espresso', priceMinor: 220, stock: 5 };
export const croissant: Product = { id: 'p-2', name: 'Croissant', priceMinor: 195, stock: 1 };

export const session = (serial = 1) => ({
  accessToken: `access-${serial}`,
  refreshToken: `refresh-${serial}`,
  expiresIn: 900,
  user: { id: 'u-1', email: 'ann@shop.example', name: 'Ann', role: 'cashier' },
});

/** The API as a table of "METHOD /path" to answers. It keeps what it was asked. */
export class FakeApi {
  readonly requests: Request[] = [];
  private readonly answers = new Map<string, Answer[]>();

  constructor() {
    this.on('POST /auth/login', () => json(session()));
    this.on('POST /auth/logout', () => new Response(null, { status: 204 }));
    this.on('GET /products', () => json([espresso, croissant]));
    this.on('GET /reports/today', () => json({ currency: 'EUR', count: 3, totalMinor: 1230 }));
    this.on('POST /sales', () => json({ id: 's-7', number: 7, totalMinor: 220, currency: 'EUR' }, 201));
  }

  /** Each answer is given once, the last one from then on. */
  on(route: string, ...answers: Answer[]): void {
    this.answers.set(route, answers);
  }

  asked(route: string): Request[] {
    return this.requests.filter(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}` === route);
  }

  readonly fetch: Fetch = async (address, init) => {
    const path = address.replace(url, '');
    const method = init?.method ?? 'GET';
    const text = typeof init?.body === 'string' ? init.body : 'null';
    const request: Request = { method, path, headers: new Headers(init?.headers), body: JSON.parse(text) };
    this.requests.push(request);
    const answers = this.answers.get(`${method} ${path.split('?')[0] ?? ''}`);
    const answer = answers !== undefined && answers.length > 1 ? answers.shift() : answers?.[0];
    if (answer === undefined) throw new Error(`The fake API has no answer to ${method} ${path}.`);
    return answer(request);
  };
}
