/** A row `sale` as the till gets it and its event carries it; `items` is where its items are. */
const receiptOf = (items: string) => `json_build_object(
    'id', sale.id,
    'number', sale.number,
    'createdAt', to_char(sale.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'cashierId', sale.cashier_id,
    'items', (
      select json_agg(json_build_object(
        'productId', product_id, 'name', name, 'quantity', quantity,
        'unitPriceMinor', unit_price_minor, 'lineTotalMinor', line_total_minor) order by line)
      from ${items}),
    'totalMinor', sale.total_minor,
    'currency', sale.currency,
    'payment', sale.payment)`;

/** The event of a row with a receipt in its column `sale`. */
const eventOf = (id: string, requestId: string) => `json_build_object(
    'id', ${id},
    'type', 'sale.created',
    'occurredAt', sale -> 'createdAt',
    'requestId', ${requestId},
    'sale', sale)`;

/**
 * A sale in one statement, and so in one transaction and one round trip: either everything below happens or
 * nothing does. Read from top to bottom it is the order in which it runs, since each part reads the one above.
 *
 * - `locked` takes the products' rows in the order of their ids: two sales never wait for each other in a circle.
 *   Whoever had to wait sees the stock that the other one left.
 * - `basket` has a row only if every product exists, is on sale and is in stock in the wanted quantity.
 * - `claimed` has a row only for the first request with this key. A second one waits here until the first has
 *   ended, and then finds the key taken.
 *
 * No row in the answer means: nothing was sold. The caller finds out why.
 */
export const SELL = `
with wanted as (
  select product_id, quantity, line
  from unnest($1::uuid[], $2::integer[]) with ordinality as wanted (product_id, quantity, line)
),
locked as (
  select product.id, product.name, product.price_minor, product.stock, product.active,
         wanted.quantity, wanted.line, product.price_minor::bigint * wanted.quantity as total_minor
  from wanted join products product on product.id = wanted.product_id
  order by product.id
  for no key update of product
),
basket as (
  select sum(total_minor)::bigint as total_minor
  from locked
  having count(*) = cardinality($1::uuid[]) and bool_and(active and stock >= quantity)
),
claimed as (
  insert into idempotency_keys (user_id, key, request_hash, sale_id)
  select $3::uuid, $4, $5, $6::uuid from basket
  on conflict (user_id, key) do nothing
  returning sale_id
),
taken as (
  update products set stock = products.stock - locked.quantity
  from locked, claimed
  where products.id = locked.id
),
sale as (
  insert into sales (id, cashier_id, payment, total_minor, currency, customer_name, customer_phone, event_id)
  select claimed.sale_id, $3::uuid, $7, basket.total_minor, $8, $9, $10, $12::uuid from claimed, basket
  returning *
),
items as (
  insert into sale_items (sale_id, line, product_id, name, quantity, unit_price_minor, line_total_minor)
  select sale.id, locked.line, locked.id, locked.name, locked.quantity, locked.price_minor, locked.total_minor
  from sale, locked
  returning *
),
receipt as (
  select sale.id, ${receiptOf('items')} as sale
  from sale
),
announced as (
  insert into outbox (event_type, key, request_id, payload)
  select 'sale.created', id::text, $11, ${eventOf('$12::uuid', '$11::text')}
  from receipt
)
select sale from receipt`;

/**
 * Tells again, under the same id, of the sales since $1 whose event neither waits to be sent nor was counted. $2 is how
 * many days back it is certain that a counted event is still remembered as such.
 */
export const TELL_AGAIN = `
with receipt as (
  select sale.number, sale.id, sale.event_id, ${receiptOf('sale_items where sale_id = sale.id')} as sale
  from sales sale
  where sale.created_at >= greatest($1::timestamptz, now() - make_interval(days => $2))
    and sale.event_id is not null
    and not exists (select from outbox where event_type = 'sale.created' and key = sale.id::text)
    and not exists (select from processed_events where event_id = sale.event_id)
)
insert into outbox (event_type, key, request_id, payload)
select 'sale.created', id::text, 'reconcile', ${eventOf('event_id', "'reconcile'")}
from receipt
order by number`;
