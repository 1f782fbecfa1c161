import { type Decode, Malformed } from '../decode';
import { ApiRefused, ApiUnavailable } from './errors';
import { problem } from './messages';

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export interface Call {
  /** Sent as JSON, and makes the call a POST. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const ANSWER_WITHIN_MS = 10_000;

/** One exchange with the API: a decoded answer, ApiRefused or ApiUnavailable. */
export class Http {
  constructor(
    readonly url: string,
    private readonly fetch: Fetch,
  ) {}

  async send<T>(path: string, call: Call, decode: Decode<T>): Promise<T> {
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort();
    }, ANSWER_WITHIN_MS);
    try {
      const response = await this.request(path, call, deadline.signal);
      const body = await this.readBody(response);
      if (!response.ok) throw this.failure(response, body);
      return this.decoded(body, path, decode);
    } finally {
      clearTimeout(timer);
    }
  }

  private async request(path: string, { body, headers }: Call, signal: AbortSignal): Promise<Response> {
    try {
      return await this.fetch(this.url + path, {
        ...(body === undefined
          ? { method: 'GET', headers: { ...headers } }
          : {
              method: 'POST',
              headers: { 'Content-Type': 'application/json', ...headers },
              body: JSON.stringify(body),
            }),
        cache: 'no-store',
        credentials: 'omit',
        signal,
      });
    } catch {
      throw new ApiUnavailable(`The API at ${this.url} doesn't answer.`);
    }
  }

  /** Only JSON is the API's own: a proxy in front of it answers in HTML or plain text when it is away. */
  private async readBody(response: Response): Promise<unknown> {
    if (response.status === 204) return undefined;
    if (!/\bjson\b/.test(response.headers.get('Content-Type') ?? '')) {
      throw new ApiUnavailable(
        `What answers at ${this.url} is not the API: it sent ${response.status} and no JSON.`,
        retryAfterMs(response),
      );
    }
    try {
      return JSON.parse(await response.text());
    } catch {
      throw new ApiUnavailable(`The API at ${this.url} broke off in the middle of its answer.`);
    }
  }

  private failure(response: Response, body: unknown): ApiRefused | ApiUnavailable {
    const { title, detail } = this.decoded(body, 'error', problem);
    const reason = detail ?? title ?? `The API answered ${response.status}.`;
    const undecided = response.status >= 500 || response.status === 429;
    return undecided
      ? new ApiUnavailable(reason, retryAfterMs(response))
      : new ApiRefused(response.status, reason);
  }

  private decoded<T>(body: unknown, path: string, decode: Decode<T>): T {
    try {
      return decode(body, 'answer');
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw new ApiUnavailable(
        `The API at ${this.url} sent an answer to ${path} that this app doesn't understand: ${error.message}.`,
      );
    }
  }
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('Retry-After'));
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}
