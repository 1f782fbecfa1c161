import * as z from 'zod/mini';

import { ApiAway, ApiRefusal, SessionEnded } from './errors';
import {
  type Order,
  problemMessage,
  type Product,
  productMessage,
  type Sale,
  saleMessage,
  sessionMessage,
  type Today,
  todayMessage,
} from './messages';
import type { Session, SessionStore } from './session';

const ANSWER_WITHIN_MS = 10_000;
/** A token this close to its end may run out on the way. */
const RENEW_BEFORE_MS = 30_000;
const MOST_PRODUCTS = 200;
const RECENT_SALES = 10;

interface Call {
  readonly method?: 'GET' | 'POST' | 'HEAD';
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** The API over HTTP. It renews the access token by itself; all that fails is an error of errors.ts. */
export class ApiClient {
  private renewal: Promise<Session> | null = null;

  constructor(
    readonly url: string,
    private readonly sessions: SessionStore,
    private readonly fetch: typeof globalThis.fetch,
  ) {}

  async logIn(email: string, password: string): Promise<void> {
    this.sessions.start(await this.send('/auth/login', { body: { email, password } }, sessionMessage));
  }

  /** Ends the session here at once, and at the API if it can be reached. */
  async logOut(): Promise<void> {
    const session = this.sessions.current();
    this.sessions.end(null);
    if (session === null) return;
    await this.send('/auth/logout', { body: { refreshToken: session.refreshToken } }, z.unknown()).catch(
      (error: unknown) => {
        console.warn('The session has ended in this browser but not at the API:', error);
      },
    );
  }

  /** Resolves when the API answers at all. */
  async ping(): Promise<void> {
    await this.send('/docs-json', { method: 'HEAD' }, z.unknown()).catch((error: unknown) => {
      if (!(error instanceof ApiRefusal)) throw error;
    });
  }

  products(search: string): Promise<Product[]> {
    const query = new URLSearchParams({ limit: String(MOST_PRODUCTS), ...(search === '' ? {} : { search }) });
    return this.sendAsUser(`/products?${query.toString()}`, {}, z.array(productMessage));
  }

  recentSales(): Promise<Sale[]> {
    return this.sendAsUser(`/sales?limit=${String(RECENT_SALES)}`, {}, z.array(saleMessage));
  }

  today(): Promise<Today> {
    return this.sendAsUser('/reports/today', {}, todayMessage);
  }

  sell(order: Order, idempotencyKey: string): Promise<Sale> {
    return this.sendAsUser(
      '/sales',
      { body: order, headers: { 'Idempotency-Key': idempotencyKey } },
      saleMessage,
    );
  }

  /** A token that is good for the next half minute at least. */
  async accessToken(): Promise<string> {
    const session = this.sessions.current();
    if (session === null) throw new SessionEnded();
    if (session.expiresAt - Date.now() > RENEW_BEFORE_MS) return session.accessToken;
    return (await this.renew(session)).accessToken;
  }

  private async sendAsUser<Schema extends z.ZodMiniType>(
    path: string,
    call: Call,
    answer: Schema,
  ): Promise<z.infer<Schema>> {
    const token = await this.accessToken();
    try {
      return await this.send(path, withToken(call, token), answer);
    } catch (error) {
      if (!(error instanceof ApiRefusal) || error.status !== 401) throw error;
    }
    // The token was refused before its time: a changed signing key, or a clock that is off.
    const session = this.sessions.current();
    if (session === null) throw new SessionEnded();
    const renewed = session.accessToken === token ? await this.renew(session) : session;
    return this.send(path, withToken(call, renewed.accessToken), answer);
  }

  /** One renewal at a time: a refresh token is good for one use. */
  private renew(session: Session): Promise<Session> {
    this.renewal ??= this.send(
      '/auth/refresh',
      { body: { refreshToken: session.refreshToken } },
      sessionMessage,
    )
      .then((answer) => this.sessions.start(answer))
      .catch((error: unknown) => {
        if (!(error instanceof ApiRefusal)) throw error;
        const ended = new SessionEnded();
        this.sessions.end(ended.message);
        throw ended;
      })
      .finally(() => {
        this.renewal = null;
      });
    return this.renewal;
  }

  private async send<Schema extends z.ZodMiniType>(
    path: string,
    call: Call,
    answer: Schema,
  ): Promise<z.infer<Schema>> {
    const response = await this.exchange(path, call);
    const body = await this.readJson(response);
    if (!response.ok) throw this.failure(response, body);
    const parsed = answer.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new ApiAway(`The API at ${this.url} sent an answer that this till doesn't understand.`);
  }

  private async exchange(path: string, { method, body, headers }: Call): Promise<Response> {
    try {
      return await this.fetch(`${this.url}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        cache: 'no-store',
        credentials: 'omit',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    } catch {
      throw new ApiAway(`The API at ${this.url} doesn't answer.`);
    }
  }

  /** Only JSON comes from the API: a proxy in between answers in plain text or HTML when the API is gone. */
  private async readJson(response: Response): Promise<unknown> {
    if (response.status === 204) return undefined;
    if (!/\bjson\b/.test(response.headers.get('Content-Type') ?? '')) {
      throw new ApiAway(
        `The API at ${this.url} doesn't answer: something in front of it answers ${String(response.status)}.`,
        retryAfter(response),
      );
    }
    try {
      const text = await response.text();
      return text === '' ? undefined : JSON.parse(text);
    } catch {
      throw new ApiAway(`The API at ${this.url} broke off in the middle of its answer.`);
    }
  }

  private failure(response: Response, body: unknown): ApiAway | ApiRefusal {
    const problem = problemMessage.safeParse(body);
    const detail =
      problem.data?.detail ?? problem.data?.title ?? `The API answered ${String(response.status)}.`;
    if (response.status < 500 && response.status !== 429) return new ApiRefusal(response.status, detail);
    return new ApiAway(`The API at ${this.url} can't serve at the moment: ${detail}`, retryAfter(response));
  }
}

function withToken(call: Call, token: string): Call {
  return { ...call, headers: { ...call.headers, Authorization: `Bearer ${token}` } };
}

function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('Retry-After'));
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}
