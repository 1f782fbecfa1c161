import type { ReactNode, RefObject, SubmitEvent } from 'react';

import type { Product } from '../api/messages';
import { quantityOf } from './cart';
import type { Register, RegisterState } from './register';

interface ProductGridProps {
  readonly register: Register;
  readonly state: RegisterState;
  readonly money: ((minor: number) => string) | null;
  readonly searchField: RefObject<HTMLInputElement | null>;
}

export function ProductGrid({ register, state, money, searchField }: ProductGridProps): ReactNode {
  const { products, search, cart, away } = state;

  const addFound = (event: SubmitEvent): void => {
    event.preventDefault();
    register.addFound();
  };

  return (
    <section className="products" aria-label="Products">
      <form role="search" onSubmit={addFound}>
        <input
          ref={searchField}
          type="search"
          aria-label="Search products"
          placeholder="Name or SKU, Enter adds it"
          autoComplete="off"
          enterKeyHint="search"
          value={search}
          onChange={(event) => {
            register.search(event.target.value);
          }}
        />
      </form>
      {products === null || money === null ? (
        <p className="hint">
          {away === null ? 'Reading the products …' : 'The products show as soon as the API answers.'}
        </p>
      ) : products.length === 0 ? (
        <p className="hint">
          {search === '' ? 'There are no products yet.' : `Nothing found for “${search}”.`}
        </p>
      ) : (
        <ul className="grid">
          {products.map((product) => (
            <li key={product.id}>
              <ProductButton
                product={product}
                price={money(product.priceMinor)}
                inCart={quantityOf(cart, product.id)}
                locked={cart.attempt !== null}
                onAdd={register.add}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface ProductButtonProps {
  readonly product: Product;
  readonly price: string;
  readonly inCart: number;
  readonly locked: boolean;
  readonly onAdd: (product: Product) => void;
}

const FEW_LEFT = 5;

function ProductButton({ product, price, inCart, locked, onAdd }: ProductButtonProps): ReactNode {
  const { name, stock } = product;
  const left = stock === 0 ? 'Sold out' : stock <= FEW_LEFT ? `${String(stock)} left` : null;
  return (
    <button
      type="button"
      className="product"
      disabled={locked || stock === 0}
      onClick={() => {
        onAdd(product);
      }}
    >
      <span className="name">{name}</span> <span className="price">{price}</span>{' '}
      {left === null ? null : <span className="left">{left}</span>}{' '}
      {inCart === 0 ? null : (
        <span className="in-cart">
          <span aria-hidden>{inCart}</span>
          <span className="visually-hidden">{inCart} in the cart</span>
        </span>
      )}
    </button>
  );
}
