import type { ApiClient } from '../api/client';
import { ApiRefused, messageOf, SessionEnded } from '../api/errors';
import type { Payment, Product, Sale, Today } from '../api/messages';
import { persistently } from '../api/persistently';
import type { Device } from '../device';
import { type Cart, emptyCart, orderOf, quantityOf, setQuantity } from './cart';
import { type Attempt, DraftStore } from './draft';

export interface TillState {
  /** Null until they are known. */
  readonly products: readonly Product[] | null;
  readonly today: Today | null;
  readonly search: string;
  readonly cart: Cart;
  /** A sale without a clear outcome yet. The cart can't change until it has one. */
  readonly attempt: Attempt | null;
  readonly selling: boolean;
  readonly sold: Sale | null;
  /** Why the last sale didn't take place, or what else the cashier should know of it. */
  readonly trouble: string | null;
  /** Why the API can't be reached at the moment. */
  readonly away: string | null;
}

const SEARCH_AFTER_MS = 250;
const REFRESH_EVERY_MS = 60_000;
const REFRESH_WHEN_AWAY_MS = 5_000;
const LEFT_UNCLEAR =
  'That sale may have been booked: compare the number of sales today before selling it again.';

/** One cashier's till: what can be sold, the cart, and the sale under way. */
export class Till {
  private state: TillState = {
    products: null,
    today: null,
    search: '',
    cart: emptyCart,
    attempt: null,
    selling: false,
    sold: null,
    trouble: null,
    away: null,
  };
  private readonly listeners = new Set<() => void>();
  private readonly drafts: DraftStore;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private loads = 0;
  private isOpen = false;

  constructor(
    private readonly api: ApiClient,
    private readonly device: Pick<Device, 'drafts' | 'newKey' | 'wait'>,
    userId: string,
    private readonly onSessionEnded: () => void,
  ) {
    this.drafts = new DraftStore(device.drafts, userId);
  }

  readonly current = (): TillState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  async open(): Promise<void> {
    this.isOpen = true;
    this.set(await this.drafts.read());
    await this.refresh();
  }

  close(): void {
    this.isOpen = false;
    clearTimeout(this.timer);
  }

  /** Reads products and today's total anew; of several at once, the last one counts. */
  readonly refresh = async (): Promise<void> => {
    const load = ++this.loads;
    clearTimeout(this.timer);
    try {
      const [products, today] = await Promise.all([
        this.api.products(this.state.search.trim()),
        this.api.today(),
      ]);
      if (load !== this.loads) return;
      this.set({ products, today, away: null });
    } catch (error) {
      if (load !== this.loads) return;
      this.set({ away: this.explain(error) });
    }
    this.refreshIn(this.state.away === null ? REFRESH_EVERY_MS : REFRESH_WHEN_AWAY_MS);
  };

  readonly search = (search: string): void => {
    this.set({ search });
    this.refreshIn(SEARCH_AFTER_MS);
  };

  readonly add = (product: Product): void => {
    this.changeQuantity(product, quantityOf(this.state.cart, product.id) + 1);
  };

  readonly changeQuantity = (product: Product, quantity: number): void => {
    this.edit(setQuantity(this.state.cart, product, quantity));
  };

  readonly pay = (payment: Payment): void => {
    this.edit({ ...this.state.cart, payment });
  };

  /** Sells the cart, or repeats the attempt whose answer got lost. */
  readonly sell = async (): Promise<void> => {
    const { cart, selling } = this.state;
    if (selling || cart.lines.length === 0) return;
    const attempt = this.state.attempt ?? { key: this.device.newKey(), startedAt: Date.now() };
    this.set({ attempt, selling: true, sold: null, trouble: null });
    await this.keep();
    try {
      const sold = await persistently(() => this.api.sell(orderOf(cart), attempt.key), this.device.wait);
      this.set({ sold, cart: emptyCart, attempt: null });
    } catch (error) {
      const refused = error instanceof ApiRefused;
      this.set({ trouble: this.explain(error), ...(refused ? { attempt: null } : {}) });
    }
    this.set({ selling: false });
    await this.keep();
    if (this.state.attempt === null) await this.refresh();
  };

  /** Gives the cart back for editing although nobody knows what became of its sale. */
  readonly leaveUnclear = (): void => {
    this.set({ attempt: null, trouble: LEFT_UNCLEAR });
    void this.keep();
  };

  private edit(cart: Cart): void {
    if (this.state.attempt !== null) return;
    this.set({ cart, sold: null, trouble: null });
    void this.keep();
  }

  private keep(): Promise<void> {
    return this.drafts.write({ cart: this.state.cart, attempt: this.state.attempt });
  }

  private refreshIn(milliseconds: number): void {
    clearTimeout(this.timer);
    if (this.isOpen) this.timer = setTimeout(() => void this.refresh(), milliseconds);
  }

  private explain(error: unknown): string {
    if (error instanceof SessionEnded && this.isOpen) this.onSessionEnded();
    return messageOf(error);
  }

  private set(change: Partial<TillState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
