import { type ReactNode, useMemo, useRef, useSyncExternalStore } from 'react';

import type { User } from '../api/messages';
import { AwayBanner } from './away-banner';
import { itemCount, totalMinor } from './cart';
import { CartPanel } from './cart-panel';
import { LiveSales } from './live-sales';
import { moneyFormat } from './money';
import { ProductGrid } from './product-grid';
import type { Register } from './register';

interface CounterProps {
  readonly register: Register;
  readonly user: User;
  readonly shopName: string;
  readonly onLogOut: () => void;
}

export function Counter({ register, user, shopName, onLogOut }: CounterProps): ReactNode {
  const state = useSyncExternalStore(register.subscribe, register.current);
  const { products, today, cart, away, sales } = state;
  const searchField = useRef<HTMLInputElement>(null);
  const currency = today?.currency ?? sales[0]?.currency;
  const money = useMemo(() => (currency === undefined ? null : moneyFormat(currency)), [currency]);
  const count = itemCount(cart);

  const sell = (): void => {
    register.sell();
    // The button is about to be disabled. A touch screen would open its keyboard over the result.
    if (window.matchMedia('(pointer: fine)').matches) searchField.current?.focus();
  };

  return (
    <div className="counter">
      <header>
        <h1 className="brand">{shopName}</h1>
        <dl className="today">
          <div>
            <dt>Today</dt>
            <dd data-testid="today-total">
              {today === null || money === null ? '–' : money(today.totalMinor)}
            </dd>
          </div>
          <div>
            <dt>Sales</dt>
            <dd data-testid="today-count">{today?.count ?? '–'}</dd>
          </div>
        </dl>
        <div className="cashier">
          <span>{user.name}</span>
          <button type="button" onClick={onLogOut}>
            Log out
          </button>
        </div>
      </header>
      {away === null ? null : (
        <AwayBanner away={away} onTryNow={register.tryNow}>
          Your cart is kept.
        </AwayBanner>
      )}
      <main>
        <ProductGrid register={register} state={state} money={money} searchField={searchField} />
        {count === 0 || money === null || products === null ? null : (
          <a className="to-cart" href="#cart">
            <span>
              <span className="visually-hidden">To the cart: </span>
              {count} {count === 1 ? 'item' : 'items'}
            </span>
            <strong>{money(totalMinor(cart))}</strong>
          </a>
        )}
        <div className="side">
          <CartPanel register={register} state={state} money={money} onSell={sell} />
          <LiveSales state={state} money={money} />
        </div>
      </main>
    </div>
  );
}
