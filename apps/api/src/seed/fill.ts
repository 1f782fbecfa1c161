import { type Kysely, sql, type Transaction } from 'kysely';

import type { Tables } from '../database/tables.js';
import { ASSORTMENT } from './assortment.js';
import { type Article, FIRST_HOUR, type PastSale, salesOf, type ShopDay } from './month.js';
import { Random } from './random.js';

const DAYS = 30;
/** Few enough for a statement that no server takes for a slow one. */
const BATCH = 1000;
const CASHIERS = ['Amira Haddad', 'Bruno Keller', 'Clara Novak', 'Deniz Aydin', 'Emil Larsen'];

export interface Wish {
  readonly seed: number;
  readonly currency: string;
  readonly timeZone: string;
  /** What the cashiers log in with. */
  readonly passwordHash: string;
}

/** What was added. */
export interface Figures {
  readonly products: number;
  readonly cashiers: number;
  readonly sales: number;
  readonly items: number;
  readonly totalMinor: number;
  readonly currency: string;
}

/** A month of a corner shop, all of it or nothing. What is there already, by article number or e-mail, stays as it is. */
export function fillShop(db: Kysely<Tables>, wish: Wish): Promise<Figures> {
  return db.transaction().execute(async (transaction) => {
    const { days, from, to } = await lastDays(transaction, wish.timeZone);
    const cashiers = await addCashiers(transaction, wish.passwordHash);
    const products = await addProducts(transaction, from, wish.seed);
    const planned = salesOf(days, products.articles, cashiers.ids, wish.seed);
    const sales = planned.filter(({ created_at: time }) => time > from && time <= to);
    for (let start = 0; start < sales.length; start += BATCH) {
      await addSales(transaction, sales.slice(start, start + BATCH), wish);
    }
    return {
      products: products.added,
      cashiers: cashiers.added,
      sales: sales.length,
      items: sales.reduce((sum, sale) => sum + sale.items.length, 0),
      totalMinor: sales.reduce((sum, sale) => sum + sale.total_minor, 0),
      currency: wish.currency,
    };
  });
}

interface Period {
  readonly days: readonly ShopDay[];
  readonly from: Date;
  readonly to: Date;
}

async function lastDays(db: Transaction<Tables>, timeZone: string): Promise<Period> {
  const { rows: days } = await sql<ShopDay & { now: Date }>`
    select
      now() as now,
      (today + back + make_time(${FIRST_HOUR}, 0, 0)) at time zone ${timeZone} as opens,
      extract(dow from today + back)::integer as weekday
    from generate_series(${-DAYS}::integer, 0) as back,
      (select (now() at time zone ${timeZone})::date as today) as shop
    order by back`.execute(db);
  const to = days[0]?.now ?? new Date();
  return { days, from: new Date(to.getTime() - DAYS * 86_400_000), to };
}

async function addCashiers(db: Transaction<Tables>, passwordHash: string) {
  const cashiers = CASHIERS.map((name) => ({
    email: `${name.toLowerCase().replace(' ', '.')}@zakpos.example`,
    name,
    role: 'cashier' as const,
    password_hash: passwordHash,
  }));
  const { numInsertedOrUpdatedRows: added = 0n } = await db
    .insertInto('users')
    .values(cashiers)
    .onConflict((conflict) => conflict.column('email').doNothing())
    .executeTakeFirstOrThrow();
  const users = await db
    .selectFrom('users')
    .select('id')
    .where(
      'email',
      'in',
      cashiers.map(({ email }) => email),
    )
    .orderBy('email')
    .execute();
  return { added: Number(added), ids: users.map(({ id }) => id) };
}

/** Deliveries aren't recorded, so the stock is what a month of both has left on the shelf. */
async function addProducts(db: Transaction<Tables>, since: Date, seed: number) {
  const random = new Random(seed);
  const products = Object.entries(ASSORTMENT).flatMap(([prefix, articles]) =>
    Object.entries(articles).map(([name, price], index) => ({
      sku: `${prefix}-${String(index + 1).padStart(3, '0')}`,
      name,
      price_minor: price,
      stock: random.next() < 0.05 ? random.whole(0, 4) : random.whole(10, 240),
      since,
    })),
  );
  const { numAffectedRows: added = 0n } = await sql`
    insert into products (sku, name, price_minor, stock, created_at, updated_at)
    select sku, name, price_minor, stock, since, since
    from json_to_recordset(${JSON.stringify(products)})
      as product (sku text, name text, price_minor integer, stock integer, since timestamptz)
    on conflict (sku) do nothing`.execute(db);
  const articles: Article[] = await db
    .selectFrom('products')
    .select(['id', 'name', 'price_minor as priceMinor'])
    .where(
      'sku',
      'in',
      products.map(({ sku }) => sku),
    )
    .orderBy('sku')
    .execute();
  return { added: Number(added), articles };
}

/**
 * The hours are counted here as the reports worker counts them, and not by events: a month of them would keep Kafka and
 * the worker busy for nothing. Without `event_id` nobody misses their events later on, either.
 */
async function addSales(db: Transaction<Tables>, sales: readonly PastSale[], wish: Wish): Promise<void> {
  const { currency, timeZone } = wish;
  await sql`
    with sold as (
      insert into sales (id, cashier_id, payment, total_minor, currency, customer_name, customer_phone, created_at)
      select id, cashier_id, payment, total_minor, ${currency}, customer_name, customer_phone, created_at
      from json_to_recordset(${JSON.stringify(sales)}) as sale (
        id uuid, cashier_id uuid, payment text, total_minor bigint, customer_name text, customer_phone text,
        created_at timestamptz)
      order by created_at
      returning created_at, total_minor
    )
    insert into sales_hourly as hourly (hour, sales, total_minor)
    select date_trunc('hour', created_at, ${timeZone}) as hour, count(*), sum(total_minor)
    from sold
    group by hour
    order by hour
    on conflict (hour) do update
    set sales = hourly.sales + excluded.sales, total_minor = hourly.total_minor + excluded.total_minor
  `.execute(db);
  await sql`
    insert into sale_items
    select *
    from json_populate_recordset(null::sale_items, ${JSON.stringify(sales.flatMap(({ items }) => items))})
  `.execute(db);
}
