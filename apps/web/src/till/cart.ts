import * as z from 'zod/mini';

import { type Order, type Payment, payments, type Product } from '../api/messages';

export const MOST_OF_ONE_PRODUCT = 9_999;

const lineSchema = z.object({
  productId: z.string(),
  name: z.string(),
  priceMinor: z.int(),
  quantity: z.int(),
});

export const cartSchema = z.object({
  lines: z.array(lineSchema),
  payment: z.enum(payments),
  /**
   * The Idempotency-Key of a sale that was sent and whose outcome isn't known. While there is one, nothing
   * of the cart changes, so that a key always stands for one order.
   */
  attempt: z.nullable(z.string()),
});

export type Cart = z.infer<typeof cartSchema>;
export type CartLine = z.infer<typeof lineSchema>;

export const emptyCart: Cart = { lines: [], payment: 'cash', attempt: null };

export function addProduct(cart: Cart, { id, name, priceMinor }: Product): Cart {
  const inCart = cart.lines.find((line) => line.productId === id);
  if (inCart !== undefined) return setQuantity(cart, id, inCart.quantity + 1);
  return change(cart, { lines: [...cart.lines, { productId: id, name, priceMinor, quantity: 1 }] });
}

/** A quantity of 0 takes the product out. */
export function setQuantity(cart: Cart, productId: string, wanted: number): Cart {
  const quantity = Math.min(wanted, MOST_OF_ONE_PRODUCT);
  const lines = cart.lines.map((line) => (line.productId === productId ? { ...line, quantity } : line));
  return change(cart, { lines: lines.filter((line) => line.quantity > 0) });
}

export function setPayment(cart: Cart, payment: Payment): Cart {
  return change(cart, { payment });
}

export function totalMinor({ lines }: Cart): number {
  return lines.reduce((total, line) => total + line.priceMinor * line.quantity, 0);
}

export function itemCount({ lines }: Cart): number {
  return lines.reduce((count, line) => count + line.quantity, 0);
}

export function quantityOf({ lines }: Cart, productId: string): number {
  return lines.find((line) => line.productId === productId)?.quantity ?? 0;
}

export function orderOf({ lines, payment }: Cart): Order {
  return { items: lines.map(({ productId, quantity }) => ({ productId, quantity })), payment };
}

function change(cart: Cart, changes: Partial<Omit<Cart, 'attempt'>>): Cart {
  return cart.attempt === null ? { ...cart, ...changes } : cart;
}
