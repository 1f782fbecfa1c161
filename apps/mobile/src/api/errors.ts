/** The API has decided: the same request would get the same answer. */
export class ApiRefused extends Error {
  override readonly name = 'ApiRefused';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** No answer, or none that says what became of the request: it may have been carried out. */
export class ApiUnavailable extends Error {
  override readonly name = 'ApiUnavailable';

  constructor(
    message: string,
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

export class SessionEnded extends Error {
  override readonly name = 'SessionEnded';

  constructor() {
    super('The session has ended: log in again.');
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
