import { createHash, randomUUID } from 'node:crypto';

import { Inject, Injectable } from '@nestjs/common';
import { jsonArrayFrom } from 'kysely/helpers/postgres';

import { conflict, notFound, type Problem, unprocessable } from '../common/problem.js';
import { CONFIG } from '../common/tokens.js';
import type { ServerConfig } from '../config/schema.js';
import { Database } from '../database/database.js';
import { LiveFeed } from '../live/live-feed.js';
import { Metrics } from '../metrics/metrics.js';
import { currentRequestId } from '../outbox/outbox.js';
import { OutboxRelay } from '../outbox/outbox.relay.js';
import { TotalsCache } from '../reports/totals-cache.js';
import type { NewSaleBody, Sale, WantedItem } from './sales.dto.js';
import { SELL } from './sell.sql.js';

export interface SaleOutcome {
  readonly sale: Sale;
  /** The request was answered before: nothing was sold this time. */
  readonly replayed: boolean;
}

@Injectable()
export class SalesService {
  constructor(
    private readonly database: Database,
    private readonly totals: TotalsCache,
    private readonly live: LiveFeed,
    private readonly relay: OutboxRelay,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: ServerConfig,
  ) {}

  async sell(cashierId: string, idempotencyKey: string, body: NewSaleBody): Promise<SaleOutcome> {
    const wanted = mergeItems(body.items);
    const requestHash = hashOf(wanted, body);
    const sale = await this.trySelling(cashierId, idempotencyKey, requestHash, wanted, body);
    if (sale === undefined) return this.replay(cashierId, idempotencyKey, requestHash, wanted);

    this.relay.wake();
    this.metrics.countSale(sale.totalMinor, sale.currency);
    this.live.announce(sale);
    await this.totals.invalidate(sale.id);
    return { sale, replayed: false };
  }

  async list(limit: number): Promise<Sale[]> {
    const rows = await this.selectSales().orderBy('number', 'desc').limit(limit).execute();
    return rows.map(toSale);
  }

  async get(id: string): Promise<Sale> {
    const row = await this.selectSales().where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw notFound(`There is no sale ${id}.`);
    return toSale(row);
  }

  private async trySelling(
    cashierId: string,
    idempotencyKey: string,
    requestHash: Buffer,
    wanted: readonly WantedItem[],
    { payment, customer }: NewSaleBody,
  ): Promise<Sale | undefined> {
    const { rows } = await this.database.pool.query<{ sale: Sale }>({
      // A name lets each connection prepare the statement once.
      name: 'sell',
      text: SELL,
      values: [
        wanted.map((item) => item.productId),
        wanted.map((item) => item.quantity),
        cashierId,
        idempotencyKey,
        requestHash,
        randomUUID(),
        payment,
        this.config.shop.currency,
        customer?.name ?? null,
        customer?.phone ?? null,
        currentRequestId(),
        randomUUID(),
      ],
    });
    return rows[0]?.sale;
  }

  /** Nothing was sold: because this key has its sale already, or because something can't be sold. */
  private async replay(
    cashierId: string,
    idempotencyKey: string,
    requestHash: Buffer,
    wanted: readonly WantedItem[],
  ): Promise<SaleOutcome> {
    const earlier = await this.database.query
      .selectFrom('idempotency_keys')
      .select(['request_hash', 'sale_id'])
      .where('user_id', '=', cashierId)
      .where('key', '=', idempotencyKey)
      .executeTakeFirst();
    if (earlier === undefined) throw await this.reasonAgainst(wanted);
    if (!earlier.request_hash.equals(requestHash)) {
      throw unprocessable('This Idempotency-Key was used for another sale. Use a new key for each sale.');
    }
    return { sale: await this.get(earlier.sale_id), replayed: true };
  }

  private async reasonAgainst(wanted: readonly WantedItem[]): Promise<Problem> {
    const products = await this.database.query
      .selectFrom('products')
      .select(['id', 'name', 'stock', 'active'])
      .where(
        'id',
        'in',
        wanted.map((item) => item.productId),
      )
      .execute();
    const byId = new Map(products.map((product) => [product.id, product]));
    for (const { productId, quantity } of wanted) {
      const product = byId.get(productId);
      if (product === undefined) return unprocessable(`There is no product ${productId}.`);
      if (!product.active) return conflict(`${product.name} is not on sale.`);
      if (product.stock < quantity) {
        return conflict(`Not enough ${product.name} in stock: ${quantity} wanted, ${product.stock} left.`);
      }
    }
    return conflict('The stock changed at this moment. Send the sale again with the same key.');
  }

  private selectSales() {
    return this.database.query
      .selectFrom('sales')
      .select((sale) => [
        'id',
        'number',
        'created_at',
        'cashier_id',
        'total_minor',
        'currency',
        'payment',
        jsonArrayFrom(
          sale
            .selectFrom('sale_items')
            .select([
              'product_id as productId',
              'name',
              'quantity',
              'unit_price_minor as unitPriceMinor',
              'line_total_minor as lineTotalMinor',
            ])
            .whereRef('sale_items.sale_id', '=', 'sales.id')
            .orderBy('line'),
        ).as('items'),
      ]);
  }
}

type SaleRow = Awaited<ReturnType<ReturnType<SalesService['selectSales']>['executeTakeFirstOrThrow']>>;

function toSale(row: SaleRow): Sale {
  return {
    id: row.id,
    number: row.number,
    createdAt: row.created_at.toISOString(),
    cashierId: row.cashier_id,
    items: row.items,
    totalMinor: row.total_minor,
    currency: row.currency,
    payment: row.payment,
  };
}

/** One line for each product, however often the body names it. */
export function mergeItems(items: readonly WantedItem[]): WantedItem[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of items) {
    const id = productId.toLowerCase();
    quantities.set(id, (quantities.get(id) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

/** Equal for bodies that ask for the same sale. */
function hashOf(wanted: readonly WantedItem[], { payment, customer }: NewSaleBody): Buffer {
  const items = wanted.map(({ productId, quantity }) => [productId, quantity]).sort();
  const meaning = JSON.stringify([items, payment, customer?.name, customer?.phone]);
  return createHash('sha256').update(meaning).digest();
}
