import { STATUS_CODES } from 'node:http';

/** The body of an error answer (RFC 9457). */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly requestId: string;
  readonly errors?: readonly string[];
}

interface ProblemOptions {
  readonly errors?: readonly string[];
  readonly retryAfterSeconds?: number;
}

/** An error that the caller is told about as it is. */
export class Problem extends Error {
  readonly errors: readonly string[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly status: number,
    detail: string,
    options: ProblemOptions = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  toDetails(instance: string, requestId: string): ProblemDetails {
    return {
      type: 'about:blank',
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      detail: this.message,
      instance,
      requestId,
      ...(this.errors && { errors: this.errors }),
    };
  }
}

export const badRequest = (detail: string, errors?: readonly string[]) =>
  new Problem(400, detail, errors && { errors });
export const unauthorized = (detail: string) => new Problem(401, detail);
export const forbidden = (detail: string) => new Problem(403, detail);
export const notFound = (detail: string) => new Problem(404, detail);
export const conflict = (detail: string) => new Problem(409, detail);
export const unprocessable = (detail: string) => new Problem(422, detail);
export const tooManyRequests = (detail: string, retryAfterSeconds: number) =>
  new Problem(429, detail, { retryAfterSeconds });
export const unavailable = (detail: string) => new Problem(503, detail, { retryAfterSeconds: 5 });
