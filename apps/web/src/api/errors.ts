/**
 * No usable answer: nobody answered, something else did, or the API can't serve at the moment.
 * Whether the request took effect is unknown, so only the same request (the same key) may be sent again.
 */
export class ApiAway extends Error {
  constructor(
    message: string,
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

/** The API's definite no, in its own words. */
export class ApiRefusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

/** The session can't be renewed any more: log in again. */
export class SessionEnded extends Error {
  constructor() {
    super('Your session has ended. Log in again; your cart is kept.');
  }
}
