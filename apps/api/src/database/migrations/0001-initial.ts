import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table users (
      id uuid primary key default gen_random_uuid(),
      email text not null unique check (email = lower(email)),
      name text not null,
      role text not null check (role in ('admin', 'cashier')),
      password_hash text not null,
      created_at timestamptz not null default now()
    )`.execute(db);

  await sql`
    create table invitations (
      token_hash bytea primary key,
      email text not null check (email = lower(email)),
      role text not null check (role in ('admin', 'cashier')),
      invited_by uuid not null references users,
      expires_at timestamptz not null,
      accepted_at timestamptz
    )`.execute(db);

  await sql`
    create table products (
      id uuid primary key default gen_random_uuid(),
      sku text not null unique,
      name text not null,
      price_minor integer not null check (price_minor > 0),
      stock integer not null check (stock >= 0),
      active boolean not null default true,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    )`.execute(db);

  await sql`
    create table sales (
      id uuid primary key,
      number bigint not null generated always as identity unique,
      cashier_id uuid not null references users,
      payment text not null check (payment in ('cash', 'card')),
      total_minor bigint not null check (total_minor > 0),
      currency text not null,
      customer_name text,
      customer_phone text,
      created_at timestamptz not null default now()
    )`.execute(db);
  // Answers the totals of a day without reading the sales themselves.
  await sql`create index sales_by_time on sales (created_at) include (total_minor)`.execute(db);

  await sql`
    create table sale_items (
      sale_id uuid not null references sales,
      line smallint not null,
      product_id uuid not null references products,
      name text not null,
      quantity integer not null check (quantity > 0),
      unit_price_minor integer not null,
      line_total_minor bigint not null,
      primary key (sale_id, line)
    )`.execute(db);

  await sql`
    create table outbox (
      id bigint primary key generated always as identity,
      event_type text not null,
      key text not null,
      request_id text not null,
      payload json not null,
      created_at timestamptz not null default now()
    )`.execute(db);

  await sql`
    create table idempotency_keys (
      user_id uuid not null references users,
      key text not null,
      request_hash bytea not null,
      sale_id uuid not null references sales,
      created_at timestamptz not null default now(),
      primary key (user_id, key)
    )`.execute(db);
  await sql`create index idempotency_keys_by_age on idempotency_keys (created_at)`.execute(db);

  await sql`
    create table sales_hourly (
      hour timestamptz primary key,
      sales integer not null,
      total_minor bigint not null
    )`.execute(db);

  await sql`
    create table processed_events (
      event_id uuid primary key,
      processed_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index processed_events_by_age on processed_events (processed_at)`.execute(db);
}
