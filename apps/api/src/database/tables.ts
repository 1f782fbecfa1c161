import type { ColumnType, Generated } from 'kysely';

export type Role = 'admin' | 'cashier';
export type PaymentMethod = 'cash' | 'card';

type CreatedAt = ColumnType<Date, never, never>;

export interface UsersTable {
  id: Generated<string>;
  email: string;
  name: string;
  role: Role;
  password_hash: string;
  created_at: CreatedAt;
}

export interface InvitationsTable {
  token_hash: Buffer;
  email: string;
  role: Role;
  invited_by: string;
  expires_at: Date;
  accepted_at: Date | null;
}

export interface ProductsTable {
  id: Generated<string>;
  sku: string;
  name: string;
  price_minor: number;
  stock: number;
  active: Generated<boolean>;
  created_at: CreatedAt;
  updated_at: ColumnType<Date, never, Date>;
}

export interface SalesTable {
  id: string;
  number: Generated<number>;
  cashier_id: string;
  payment: PaymentMethod;
  total_minor: number;
  currency: string;
  customer_name: string | null;
  customer_phone: string | null;
  /** Of the event that told of it; null for one that no event tells of, or whose event is not known. */
  event_id: string | null;
  created_at: CreatedAt;
}

export interface SaleItemsTable {
  sale_id: string;
  line: number;
  product_id: string;
  name: string;
  quantity: number;
  unit_price_minor: number;
  line_total_minor: number;
}

export type EventType = 'sale.created' | 'product.created' | 'product.updated';

export interface OutboxTable {
  id: Generated<number>;
  event_type: EventType;
  key: string;
  request_id: string;
  payload: ColumnType<unknown, string, never>;
  created_at: CreatedAt;
}

export interface IdempotencyKeysTable {
  user_id: string;
  key: string;
  request_hash: Buffer;
  sale_id: string;
  created_at: CreatedAt;
}

export interface SalesHourlyTable {
  hour: Date;
  sales: number;
  total_minor: number;
}

export interface ProcessedEventsTable {
  event_id: string;
  processed_at: CreatedAt;
}

export interface BackupsTable {
  id: string;
  kind: string;
  finished_at: ColumnType<Date, Date | undefined, never>;
  /** The newest migration that the backup has. */
  schema_version: string;
}

export interface Tables {
  users: UsersTable;
  invitations: InvitationsTable;
  products: ProductsTable;
  sales: SalesTable;
  sale_items: SaleItemsTable;
  outbox: OutboxTable;
  idempotency_keys: IdempotencyKeysTable;
  sales_hourly: SalesHourlyTable;
  processed_events: ProcessedEventsTable;
  backups: BackupsTable;
}
