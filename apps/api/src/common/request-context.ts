import { AsyncLocalStorage } from 'node:async_hooks';

/** What every log line and event of one request has in common. */
export interface RequestContext {
  readonly requestId: string;
}

export const requestContext = new AsyncLocalStorage<RequestContext>();

/** A caller's id is kept when it is harmless in logs and headers. */
export function isSaneRequestId(id: unknown): id is string {
  return typeof id === 'string' && /^[\w.:-]{8,64}$/.test(id);
}
