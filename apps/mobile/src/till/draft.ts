import { payment, product } from '../api/messages';
import { type Decode, integer, listOf, nullable, record, text } from '../decode';
import type { Storage } from '../storage-type';
import { type Cart, emptyCart } from './cart';

/** A sale that was sent: its key makes repeating it safe. */
export interface Attempt {
  readonly key: string;
  readonly startedAt: number;
}

/** A cart, and the attempt to sell it whose outcome isn't known yet. */
export interface Draft {
  readonly cart: Cart;
  readonly attempt: Attempt | null;
}

export const emptyDraft: Draft = { cart: emptyCart, attempt: null };

/** The API forgets a key after a week: an older attempt would sell a second time. */
const ATTEMPT_GOOD_FOR_MS = 6 * 24 * 60 * 60 * 1000;

const storedDraft: Decode<Draft> = record((field) => ({
  cart: field(
    'cart',
    record((part) => ({
      lines: part(
        'lines',
        listOf(
          record((line) => ({ product: line('product', product), quantity: line('quantity', integer) })),
        ),
      ),
      payment: part('payment', payment),
    })),
  ),
  attempt: field(
    'attempt',
    nullable(record((part) => ({ key: part('key', text), startedAt: part('startedAt', integer) }))),
  ),
}));

/** Keeps a cashier's draft on the device, so that neither a reload nor a dead battery sells twice. */
export class DraftStore {
  private readonly storedAs: string;
  private lastWrite: Promise<void> = Promise.resolve();

  constructor(
    private readonly storage: Storage,
    userId: string,
  ) {
    this.storedAs = `zakpos.draft.${userId}`;
  }

  async read(): Promise<Draft> {
    const stored = await this.storage.read(this.storedAs);
    if (stored === null) return emptyDraft;
    try {
      const draft = storedDraft(JSON.parse(stored), 'draft');
      const tooOld = draft.attempt !== null && Date.now() - draft.attempt.startedAt > ATTEMPT_GOOD_FOR_MS;
      return tooOld ? emptyDraft : draft;
    } catch (error) {
      console.warn('The cart kept on this device was of no use and is dropped:', error);
      return emptyDraft;
    }
  }

  /** In the order of the calls. A device that can't store still sells. */
  write(draft: Draft): Promise<void> {
    this.lastWrite = this.lastWrite
      .then(() => this.storage.write(this.storedAs, JSON.stringify(draft)))
      .catch((error: unknown) => {
        console.warn('The cart could not be kept on this device:', error);
      });
    return this.lastWrite;
  }
}
