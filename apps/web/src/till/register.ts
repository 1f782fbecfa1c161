import type { ApiClient } from '../api/client';
import { ApiAway, ApiRefusal, SessionEnded } from '../api/errors';
import type { FeedListener, LiveFeed } from '../api/live-feed';
import type { Payment, Product, Sale, Today } from '../api/messages';
import { readStored } from '../api/session';
import { addProduct, type Cart, cartSchema, emptyCart, orderOf, setPayment, setQuantity } from './cart';
import { type Away, Reconnector } from './reconnector';
import { Store } from './store';

export interface RegisterState {
  /** Null until they are known. */
  readonly products: readonly Product[] | null;
  readonly today: Today | null;
  readonly search: string;
  readonly cart: Cart;
  readonly selling: boolean;
  /** The last sale of this register, until the next product goes into the cart. */
  readonly sold: Sale | null;
  /** Why the last sale didn't take place, or what else the cashier should know of it. */
  readonly trouble: string | null;
  readonly away: Away | null;
  readonly sales: readonly Sale[];
  readonly feed: 'connecting' | 'live' | 'lost';
}

const SEARCH_AFTER_MS = 200;
const TOTALS_AFTER_MS = 1_000;
const REFRESH_EVERY_MS = 60_000;
const MOST_SALES_SHOWN = 12;
const UNCLEAR =
  'The last sale was left without an answer and may have been booked. Look at the live sales before you sell it again.';

/** One cashier's register: what can be sold, the cart, and what was sold today. */
export class Register extends Store<RegisterState> {
  private readonly cartKey: string;
  private readonly feed: LiveFeed;
  private readonly reconnector: Reconnector;
  private searchTimer: ReturnType<typeof setTimeout> | undefined;
  private totalsTimer: ReturnType<typeof setTimeout> | undefined;
  private refreshTimer: ReturnType<typeof setInterval> | undefined;
  private productsAsked = 0;
  private todayAsked = 0;

  constructor(
    private readonly api: ApiClient,
    private readonly storage: Storage,
    userId: string,
    liveFeed: (listener: FeedListener) => LiveFeed,
  ) {
    const cartKey = `zakpos.cart.${userId}`;
    super({
      products: null,
      today: null,
      search: '',
      cart: readStored(storage, cartKey, cartSchema) ?? emptyCart,
      selling: false,
      sold: null,
      trouble: null,
      away: null,
      sales: [],
      feed: 'connecting',
    });
    this.cartKey = cartKey;
    this.reconnector = new Reconnector(
      async () => {
        try {
          await this.bringUpToDate();
        } catch (error) {
          if (error instanceof ApiAway) throw error;
          this.handle(error);
        }
      },
      (away) => {
        this.set({ away });
      },
    );
    this.feed = liveFeed({
      ready: () => {
        this.set({ feed: 'live' });
        this.attempt(() => this.loadSales());
      },
      sale: (sale) => {
        this.show([sale]);
        this.loadTodaySoon();
      },
      lost: () => {
        this.set({ feed: 'lost' });
      },
    });
  }

  open(): void {
    this.reconnector.start();
    this.feed.open();
    this.refreshTimer = setInterval(this.tryNow, REFRESH_EVERY_MS);
  }

  close(): void {
    this.reconnector.stop();
    this.feed.close();
    clearTimeout(this.searchTimer);
    clearTimeout(this.totalsTimer);
    this.totalsTimer = undefined;
    clearInterval(this.refreshTimer);
  }

  /** Sends an open sale again and reads everything anew. */
  readonly tryNow = (): void => {
    this.reconnector.tryNow();
  };

  readonly search = (search: string): void => {
    this.set({ search });
    clearTimeout(this.searchTimer);
    this.searchTimer = setTimeout(() => {
      this.attempt(() => this.loadProducts());
    }, SEARCH_AFTER_MS);
  };

  /** For a scanner or a quick typist: the product with this SKU, or the only one found, goes into the cart. */
  readonly addFound = (): void => {
    const wanted = this.current().search.trim().toLowerCase();
    if (wanted === '') return;
    clearTimeout(this.searchTimer);
    this.attempt(async () => {
      await this.loadProducts();
      const { products, search } = this.current();
      if (products === null || search.trim().toLowerCase() !== wanted) return;
      const found =
        products.find(({ sku }) => sku.toLowerCase() === wanted) ??
        (products.length === 1 ? products[0] : undefined);
      if (found === undefined || found.stock === 0) return;
      this.add(found);
      this.search('');
    });
  };

  readonly add = (product: Product): void => {
    this.edit(addProduct(this.current().cart, product));
  };

  readonly setQuantity = (productId: string, quantity: number): void => {
    this.edit(setQuantity(this.current().cart, productId, quantity));
  };

  readonly pay = (payment: Payment): void => {
    this.edit(setPayment(this.current().cart, payment));
  };

  readonly sell = (): void => {
    const { cart } = this.current();
    if (cart.attempt !== null || cart.lines.length === 0) return;
    this.keep({ ...cart, attempt: newKey() });
    this.set({ sold: null, trouble: null });
    this.attempt(() => this.bringUpToDate());
  };

  /** Unlocks the cart although nobody knows what became of its sale. */
  readonly giveUp = (): void => {
    this.keep({ ...this.current().cart, attempt: null });
    this.set({ trouble: UNCLEAR });
  };

  private async bringUpToDate(): Promise<void> {
    await this.finishAttempt();
    await Promise.all([this.loadProducts(), this.loadToday()]);
  }

  private async finishAttempt(): Promise<void> {
    const { cart, selling } = this.current();
    if (cart.attempt === null || selling) return;
    this.set({ selling: true });
    try {
      const sold = await this.api.sell(orderOf(cart), cart.attempt);
      if (this.current().cart.attempt === cart.attempt) this.keep({ ...emptyCart, payment: cart.payment });
      this.set({ sold, trouble: null });
      this.show([sold]);
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      this.keep({ ...this.current().cart, attempt: null });
      this.set({ trouble: error.message });
    } finally {
      this.set({ selling: false });
    }
  }

  private async loadProducts(): Promise<void> {
    const asked = ++this.productsAsked;
    const products = await this.api.products(this.current().search.trim());
    if (asked === this.productsAsked) this.set({ products });
  }

  private async loadToday(): Promise<void> {
    const asked = ++this.todayAsked;
    const today = await this.api.today();
    if (asked === this.todayAsked) this.set({ today });
  }

  /** Once for all the sales of a moment, since each till hears of each sale. */
  private loadTodaySoon(): void {
    this.totalsTimer ??= setTimeout(() => {
      this.totalsTimer = undefined;
      this.attempt(() => this.loadToday());
    }, TOTALS_AFTER_MS);
  }

  private async loadSales(): Promise<void> {
    this.show(await this.api.recentSales());
  }

  private show(sales: readonly Sale[]): void {
    const known = new Map([...this.current().sales, ...sales].map((sale) => [sale.id, sale]));
    const newestFirst = [...known.values()].sort((one, other) => other.number - one.number);
    this.set({ sales: newestFirst.slice(0, MOST_SALES_SHOWN) });
  }

  private edit(cart: Cart): void {
    if (cart === this.current().cart) return;
    this.keep(cart);
    this.set({ sold: null, trouble: null });
  }

  private keep(cart: Cart): void {
    this.storage.setItem(this.cartKey, JSON.stringify(cart));
    this.set({ cart });
  }

  private attempt(task: () => Promise<void>): void {
    task().catch((error: unknown) => {
      this.handle(error);
    });
  }

  /** An API that is away is waited for; the end of the session shows by itself. */
  private handle(error: unknown): void {
    if (error instanceof ApiAway) this.reconnector.lost(error);
    else if (error instanceof ApiRefusal) this.set({ trouble: error.message });
    else if (!(error instanceof SessionEnded)) throw error;
  }
}

/** crypto.randomUUID is missing where a till is opened by http under a plain host name. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
