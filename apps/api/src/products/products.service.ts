import { Injectable } from '@nestjs/common';

import { badRequest, conflict, notFound } from '../common/problem.js';
import { Database, hasSqlState, UNIQUE_VIOLATION } from '../database/database.js';
import { addToOutbox } from '../outbox/outbox.js';
import { OutboxRelay } from '../outbox/outbox.relay.js';
import type { NewProductBody, Product, ProductChangesBody, ProductQuery } from './products.dto.js';

const COLUMNS = ['id', 'sku', 'name', 'price_minor as priceMinor', 'stock', 'active'] as const;

@Injectable()
export class ProductsService {
  constructor(
    private readonly database: Database,
    private readonly relay: OutboxRelay,
  ) {}

  list({ search, limit }: ProductQuery): Promise<Product[]> {
    let query = this.database.query.selectFrom('products').select(COLUMNS).orderBy('name').limit(limit);
    if (search !== undefined) {
      const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
      query = query.where((either) =>
        either.or([either('name', 'ilike', pattern), either('sku', 'ilike', pattern)]),
      );
    }
    return query.execute();
  }

  async get(id: string): Promise<Product> {
    const product = await this.database.query
      .selectFrom('products')
      .select(COLUMNS)
      .where('id', '=', id)
      .executeTakeFirst();
    if (product === undefined) throw notFound(`There is no product ${id}.`);
    return product;
  }

  create({ name, sku, priceMinor, stock, active = true }: NewProductBody): Promise<Product> {
    return this.change(sku, async () =>
      this.database.query.transaction().execute(async (transaction) => {
        const product = await transaction
          .insertInto('products')
          .values({ name, sku, price_minor: priceMinor, stock, active })
          .returning(COLUMNS)
          .executeTakeFirstOrThrow();
        await addToOutbox(transaction, 'product.created', product.id, { product });
        return product;
      }),
    );
  }

  update(id: string, changes: ProductChangesBody): Promise<Product> {
    const { name, sku, priceMinor, stock, active } = changes;
    const given = Object.entries({ name, sku, price_minor: priceMinor, stock, active }).filter(
      ([, value]) => value !== undefined,
    );
    if (given.length === 0) throw badRequest('Nothing to change: give at least one field.');
    return this.change(sku ?? '', async () =>
      this.database.query.transaction().execute(async (transaction) => {
        const product = await transaction
          .updateTable('products')
          .set({ ...Object.fromEntries(given), updated_at: new Date() })
          .where('id', '=', id)
          .returning(COLUMNS)
          .executeTakeFirst();
        if (product === undefined) throw notFound(`There is no product ${id}.`);
        await addToOutbox(transaction, 'product.updated', product.id, { product });
        return product;
      }),
    );
  }

  private async change(sku: string, work: () => Promise<Product>): Promise<Product> {
    try {
      const product = await work();
      this.relay.wake();
      return product;
    } catch (error) {
      if (hasSqlState(error, UNIQUE_VIOLATION)) throw conflict(`A product with SKU ${sku} exists already.`);
      throw error;
    }
  }
}
