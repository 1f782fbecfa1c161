import * as z from 'zod/mini';

const money = z.int();

export const userMessage = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.string(),
});

export const sessionMessage = z.object({
  accessToken: z.string(),
  refreshToken: z.string(),
  /** In seconds. */
  expiresIn: z.number(),
  user: userMessage,
});

export const productMessage = z.object({
  id: z.string(),
  sku: z.string(),
  name: z.string(),
  priceMinor: money,
  stock: z.int(),
});

/** What the live feed tells of a sale. */
export const saleMessage = z.object({
  id: z.string(),
  number: z.int(),
  totalMinor: money,
  currency: z.string(),
  createdAt: z.string(),
});

export const todayMessage = z.object({ currency: z.string(), count: z.int(), totalMinor: money });

export const problemMessage = z.object({ title: z.optional(z.string()), detail: z.optional(z.string()) });

export const feedMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('sale'), sale: saleMessage }),
]);

export type SessionAnswer = z.infer<typeof sessionMessage>;
export type User = z.infer<typeof userMessage>;
export type Product = z.infer<typeof productMessage>;
export type Sale = z.infer<typeof saleMessage>;
export type Today = z.infer<typeof todayMessage>;

export const payments = ['cash', 'card'] as const;
export type Payment = (typeof payments)[number];

export interface Order {
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
  readonly payment: Payment;
}
