import type { Order, Payment, Product } from '../api/messages';

export interface CartLine {
  readonly product: Product;
  readonly quantity: number;
}

export interface Cart {
  readonly lines: readonly CartLine[];
  readonly payment: Payment;
}

export const emptyCart: Cart = { lines: [], payment: 'cash' };

export function quantityOf(cart: Cart, productId: string): number {
  return cart.lines.find(({ product }) => product.id === productId)?.quantity ?? 0;
}

/** Between none, which takes the line away, and the stock that is known. */
export function setQuantity(cart: Cart, product: Product, wanted: number): Cart {
  const quantity = Math.min(Math.max(wanted, 0), product.stock);
  const isThis = (line: CartLine) => line.product.id === product.id;
  if (quantity === 0) return { ...cart, lines: cart.lines.filter((line) => !isThis(line)) };
  const line = { product, quantity };
  return cart.lines.some(isThis)
    ? { ...cart, lines: cart.lines.map((old) => (isThis(old) ? line : old)) }
    : { ...cart, lines: [...cart.lines, line] };
}

export function totalMinor({ lines }: Cart): number {
  return lines.reduce((sum, { product, quantity }) => sum + product.priceMinor * quantity, 0);
}

export function orderOf({ lines, payment }: Cart): Order {
  return {
    items: lines.map(({ product, quantity }) => ({ productId: product.id, quantity })),
    payment,
  };
}
