import { type Decode, integer, listOf, nullable, oneOf, record, text } from '../decode';

/** What the API sends and takes, as far as this app uses it. Amounts are in the currency's minor units. */

export interface User {
  readonly id: string;
  readonly name: string;
}

export interface SessionAnswer {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresInSeconds: number;
  readonly user: User;
}

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly priceMinor: number;
  readonly stock: number;
}

export interface Today {
  readonly currency: string;
  readonly count: number;
  readonly totalMinor: number;
}

export interface Sale {
  readonly number: number;
  readonly totalMinor: number;
  readonly currency: string;
}

export const payments = ['cash', 'card'] as const;
export type Payment = (typeof payments)[number];
export const payment = oneOf(...payments);

export interface Order {
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
  readonly payment: Payment;
}

const user: Decode<User> = record((field) => ({ id: field('id', text), name: field('name', text) }));

export const sessionAnswer: Decode<SessionAnswer> = record((field) => ({
  accessToken: field('accessToken', text),
  refreshToken: field('refreshToken', text),
  expiresInSeconds: field('expiresIn', integer),
  user: field('user', user),
}));

export const product: Decode<Product> = record((field) => ({
  id: field('id', text),
  name: field('name', text),
  priceMinor: field('priceMinor', integer),
  stock: field('stock', integer),
}));

export const products = listOf(product);

export const today: Decode<Today> = record((field) => ({
  currency: field('currency', text),
  count: field('count', integer),
  totalMinor: field('totalMinor', integer),
}));

export const sale: Decode<Sale> = record((field) => ({
  number: field('number', integer),
  totalMinor: field('totalMinor', integer),
  currency: field('currency', text),
}));

/** An error's body (RFC 9457). */
export const problem = record((field) => ({
  title: field('title', nullable(text)),
  detail: field('detail', nullable(text)),
}));
