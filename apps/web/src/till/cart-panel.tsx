import type { ReactNode } from 'react';

import { payments } from '../api/messages';
import { type CartLine, MOST_OF_ONE_PRODUCT, totalMinor } from './cart';
import type { Register, RegisterState } from './register';

interface CartPanelProps {
  readonly register: Register;
  readonly state: RegisterState;
  readonly money: ((minor: number) => string) | null;
  readonly onSell: () => void;
}

const paymentNames = { cash: 'Cash', card: 'Card' };

export function CartPanel({ register, state, money, onSell }: CartPanelProps): ReactNode {
  const { cart, selling, sold, trouble, away } = state;
  const locked = cart.attempt !== null;
  return (
    <section className="cart" id="cart" aria-labelledby="cart-heading" aria-busy={selling}>
      <h2 id="cart-heading">Cart</h2>
      {cart.lines.length === 0 ? <p className="hint">Pick a product to begin.</p> : null}
      <ul>
        {cart.lines.map((line) => (
          <Line
            key={line.productId}
            line={line}
            money={money}
            locked={locked}
            setQuantity={register.setQuantity}
          />
        ))}
      </ul>
      <p className="total">
        <span>Total</span>
        <strong>{money === null ? '–' : money(totalMinor(cart))}</strong>
      </p>
      <fieldset disabled={locked}>
        <legend>Payment</legend>
        {payments.map((payment) => (
          <label key={payment}>
            <input
              type="radio"
              name="payment"
              checked={cart.payment === payment}
              onChange={() => {
                register.pay(payment);
              }}
            />
            <span>{paymentNames[payment]}</span>
          </label>
        ))}
      </fieldset>
      <button type="button" className="primary" disabled={locked || cart.lines.length === 0} onClick={onSell}>
        Sell
      </button>
      <p className="sold" role="status">
        {sold === null || money === null
          ? null
          : `Sale #${String(sold.number)} done: ${money(sold.totalMinor)}`}
      </p>
      {trouble === null ? null : (
        <p className="trouble" role="alert">
          {trouble}
        </p>
      )}
      {locked && away !== null ? (
        <div className="open-attempt">
          <p>
            It isn’t known yet whether this sale was booked. The same sale is sent again until the API
            answers; it is booked once at most.
          </p>
          <button type="button" onClick={register.giveUp} disabled={selling}>
            Change the cart instead
          </button>
        </div>
      ) : null}
    </section>
  );
}

interface LineProps {
  readonly line: CartLine;
  readonly money: ((minor: number) => string) | null;
  readonly locked: boolean;
  readonly setQuantity: (productId: string, quantity: number) => void;
}

function Line({ line, money, locked, setQuantity }: LineProps): ReactNode {
  const { productId, name, quantity, priceMinor } = line;
  const change = (by: number) => () => {
    setQuantity(productId, quantity + by);
  };
  return (
    <li>
      <span className="name">{name}</span>
      <span className="quantity">
        <button type="button" disabled={locked} aria-label={`One less of ${name}`} onClick={change(-1)}>
          −
        </button>
        <span role="group" aria-label={`Quantity of ${name}`}>
          {quantity}
        </span>
        <button
          type="button"
          disabled={locked || quantity >= MOST_OF_ONE_PRODUCT}
          aria-label={`One more of ${name}`}
          onClick={change(1)}
        >
          +
        </button>
      </span>
      <span className="price">{money === null ? '–' : money(priceMinor * quantity)}</span>
    </li>
  );
}
