import type { Decode } from '../decode';
import { ApiRefused, SessionEnded } from './errors';
import type { Call, Http } from './http';
import { type Order, type Product, products, type Sale, sale, type Today, today } from './messages';
import type { Session } from './session';

const MOST_PRODUCTS = 200;

/** What a cashier's till asks of the API. */
export class ApiClient {
  constructor(
    private readonly http: Http,
    private readonly session: Session,
  ) {}

  products(search: string): Promise<readonly Product[]> {
    const query = search === '' ? '' : `&search=${encodeURIComponent(search)}`;
    return this.send(`/products?limit=${MOST_PRODUCTS}${query}`, {}, products);
  }

  today(): Promise<Today> {
    return this.send('/reports/today', {}, today);
  }

  /** Safe to repeat with the same key: the API sells once and repeats its answer. */
  sell(order: Order, idempotencyKey: string): Promise<Sale> {
    return this.send('/sales', { body: order, headers: { 'Idempotency-Key': idempotencyKey } }, sale);
  }

  private async send<T>(path: string, call: Call, decode: Decode<T>): Promise<T> {
    const token = await this.session.accessToken();
    try {
      return await this.http.send(path, withToken(call, token), decode);
    } catch (error) {
      if (!isUnauthorized(error)) throw error;
    }
    const renewed = await this.session.insteadOf(token);
    try {
      return await this.http.send(path, withToken(call, renewed), decode);
    } catch (error) {
      if (isUnauthorized(error)) throw new SessionEnded();
      throw error;
    }
  }
}

function withToken(call: Call, token: string): Call {
  return { ...call, headers: { ...call.headers, Authorization: `Bearer ${token}` } };
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof ApiRefused && error.status === 401;
}
