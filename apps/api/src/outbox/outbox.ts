import { randomUUID } from 'node:crypto';

import type { Transaction } from 'kysely';

import { requestContext } from '../common/request-context.js';
import type { EventType, Tables } from '../database/tables.js';

/** What every event of the product carries besides its subject. */
export interface EventEnvelope {
  readonly id: string;
  readonly type: EventType;
  readonly occurredAt: string;
  readonly requestId: string;
}

export function currentRequestId(): string {
  return requestContext.getStore()?.requestId ?? 'none';
}

/** Writes the event in the transaction of what it tells about: it is sent if and only if that is committed. */
export async function addToOutbox(
  transaction: Transaction<Tables>,
  type: EventType,
  key: string,
  subject: Readonly<Record<string, unknown>>,
): Promise<void> {
  const requestId = currentRequestId();
  const envelope: EventEnvelope = {
    id: randomUUID(),
    type,
    occurredAt: new Date().toISOString(),
    requestId,
  };
  await transaction
    .insertInto('outbox')
    .values({
      event_type: type,
      key,
      request_id: requestId,
      payload: JSON.stringify({ ...envelope, ...subject }),
    })
    .execute();
}
