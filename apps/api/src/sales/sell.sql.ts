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
  insert into sales (id, cashier_id, payment, total_minor, currency, customer_name, customer_phone)
  select claimed.sale_id, $3::uuid, $7, basket.total_minor, $8, $9, $10 from claimed, basket
  returning *
),
items as (
  insert into sale_items (sale_id, line, product_id, name, quantity, unit_price_minor, line_total_minor)
  select sale.id, locked.line, locked.id, locked.name, locked.quantity, locked.price_minor, locked.total_minor
  from sale, locked
  returning *
),
receipt as (
  select sale.id, sale.created_at, json_build_object(
    'id', sale.id,
    'number', sale.number,
    'createdAt', to_char(sale.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'cashierId', sale.cashier_id,
    'items', (
      select json_agg(json_build_object(
        'productId', product_id, 'name', name, 'quantity', quantity,
        'unitPriceMinor', unit_price_minor, 'lineTotalMinor', line_total_minor) order by line)
      from items),
    'totalMinor', sale.total_minor,
    'currency', sale.currency,
    'payment', sale.payment) as sale
  from sale
),
announced as (
  insert into outbox (event_type, key, request_id, payload)
  select 'sale.created', id::text, $11, json_build_object(
    'id', $12::uuid,
    'type', 'sale.created',
    'occurredAt', sale -> 'createdAt',
    'requestId', $11::text,
    'sale', sale)
  from receipt
)
select sale from receipt`;
