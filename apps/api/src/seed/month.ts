import { randomUUID } from 'node:crypto';

import type { PaymentMethod } from '../database/tables.js';
import { Random } from './random.js';

/** A day of the shop: when its first possible hour begins, and the day of the week, from Sunday, 0, on. */
export interface ShopDay {
  readonly opens: Date;
  readonly weekday: number;
}

export interface Article {
  readonly id: string;
  readonly name: string;
  readonly priceMinor: number;
}

/** A sale with its items, as columns of the database. */
export interface PastSale {
  readonly id: string;
  readonly cashier_id: string;
  readonly payment: PaymentMethod;
  readonly total_minor: number;
  readonly customer_name: string | undefined;
  readonly customer_phone: string | undefined;
  readonly created_at: Date;
  readonly items: readonly PastItem[];
}

interface PastItem {
  readonly sale_id: string;
  readonly line: number;
  readonly product_id: string;
  readonly name: string;
  readonly quantity: number;
  readonly unit_price_minor: number;
  readonly line_total_minor: number;
}

interface Customer {
  readonly name: string;
  readonly phone: string | undefined;
}

/** The hour at which a day of the shop begins. */
export const FIRST_HOUR = 7;
/** How busy each hour is, from the first on: people shop at noon and on their way home. */
const BUSY_HOURS = [5, 8, 7, 6, 9, 17, 14, 7, 7, 9, 16, 18, 12, 6];
/** On Sundays the shop is open from 9 to 18. */
const SUNDAY_HOURS = BUSY_HOURS.map((weight, index) => (index >= 2 && index < 11 ? weight : 0));
const BUSY_WEEKDAYS = [1.25, 0.85, 0.85, 0.9, 0.95, 1.15, 1.45];
const SALES_A_DAY = 380;
/** How many baskets have one line, two lines and so on. */
const BASKETS = [28, 25, 18, 13, 9, 7];
const QUANTITIES = [82, 13, 5];
const CUSTOMERS = 150;
const WITH_CUSTOMER = 0.15;
const BY_CARD = 0.6;

const FIRST_NAMES = [
  'Ada',
  'Ben',
  'Chiara',
  'David',
  'Elif',
  'Felix',
  'Grace',
  'Hugo',
  'Ines',
  'Jonas',
  'Katja',
];
const LAST_NAMES = [
  'Abel',
  'Baumann',
  'Conti',
  'Dubois',
  'Ercan',
  'Fischer',
  'Garcia',
  'Hansen',
  'Ivanova',
  'Jansen',
];

/** The sales of these days up to now, oldest first; the same for the same seed but for their ids. */
export function salesOf(
  days: readonly ShopDay[],
  articles: readonly Article[],
  cashierIds: readonly string[],
  seed: number,
): PastSale[] {
  const random = new Random(seed);
  const customers = makeCustomers(random);
  // A few articles are in many baskets, most of them in few, and what is dear in fewer.
  const popularity = articles.map(({ priceMinor }) => 1 / (0.05 + random.next()) / Math.sqrt(priceMinor));
  return days.flatMap((day, index) => {
    const count = Math.round(SALES_A_DAY * (BUSY_WEEKDAYS[day.weekday] ?? 1) * (0.92 + random.next() * 0.16));
    return timesOf(day, count, random).map((createdAt) => {
      const id = randomUUID();
      const items = basket(id, articles, popularity, random);
      const customer = random.next() < WITH_CUSTOMER ? random.pick(customers) : undefined;
      return {
        id,
        cashier_id: cashierAt(createdAt, day, index, cashierIds, random),
        payment: random.next() < BY_CARD ? 'card' : 'cash',
        total_minor: items.reduce((sum, item) => sum + item.line_total_minor, 0),
        customer_name: customer?.name,
        customer_phone: customer?.phone,
        created_at: createdAt,
        items,
      };
    });
  });
}

function makeCustomers(random: Random): Customer[] {
  return Array.from({ length: CUSTOMERS }, (_, index) => ({
    name: `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`,
    // 07700 900000 to 900999 are numbers of nobody, kept for plays by Ofcom.
    phone: random.next() < 0.8 ? `+44 7700 ${900_000 + index}` : undefined,
  }));
}

function timesOf({ opens, weekday }: ShopDay, count: number, random: Random): Date[] {
  const weights = weekday === 0 ? SUNDAY_HOURS : BUSY_HOURS;
  const hours = weights.map((_, hour) => hour);
  return Array.from({ length: count }, () => {
    const milliseconds = random.among(hours, weights) * 3_600_000 + random.whole(0, 3_599_999);
    return new Date(opens.getTime() + milliseconds);
  }).sort((one, other) => one.getTime() - other.getTime());
}

/** Two of them in the morning, two others from the middle of the day on, in turns from day to day. */
function cashierAt(
  time: Date,
  { opens }: ShopDay,
  day: number,
  cashierIds: readonly string[],
  random: Random,
): string {
  const late = time.getTime() - opens.getTime() > (BUSY_HOURS.length / 2) * 3_600_000;
  const cashier = cashierIds[(day + (late ? 2 : 0) + random.whole(0, 1)) % cashierIds.length];
  if (cashier === undefined) throw new Error('There is no cashier');
  return cashier;
}

function basket(
  saleId: string,
  articles: readonly Article[],
  popularity: readonly number[],
  random: Random,
): PastItem[] {
  const lines = random.among([1, 2, 3, 4, 5, 6], BASKETS);
  const chosen = new Set<Article>();
  while (chosen.size < Math.min(lines, articles.length)) chosen.add(random.among(articles, popularity));
  return [...chosen].map((article, index) => {
    const quantity = random.among([1, 2, 3], QUANTITIES);
    return {
      sale_id: saleId,
      line: index + 1,
      product_id: article.id,
      name: article.name,
      quantity,
      unit_price_minor: article.priceMinor,
      line_total_minor: article.priceMinor * quantity,
    };
  });
}
