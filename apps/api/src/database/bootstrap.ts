import type { Kysely } from 'kysely';
import type { Logger } from 'pino';

import { hashPassword, NO_PASSWORD } from '../auth/passwords.js';
import type { MigrateConfig } from '../config/schema.js';
import type { Tables } from './tables.js';

/** The first user who can log in is an admin; everyone after that is invited. */
export async function createFirstAdmin(
  db: Kysely<Tables>,
  { adminEmail, adminPassword }: MigrateConfig['bootstrap'],
  logger: Logger,
): Promise<void> {
  const password = adminPassword.read();
  if (adminEmail === undefined || password === undefined) return;
  const anyone = await db
    .selectFrom('users')
    .select('id')
    .where('password_hash', '<>', NO_PASSWORD)
    .limit(1)
    .executeTakeFirst();
  if (anyone !== undefined) return;
  const admin = { email: adminEmail, name: 'Admin', role: 'admin' as const };
  await db
    .insertInto('users')
    .values({ ...admin, password_hash: await hashPassword(password) })
    .execute();
  logger.info({ event: 'user.bootstrapped', email: adminEmail }, 'The first admin was created');
}

const DEMO_PRODUCTS: readonly (readonly [sku: string, name: string, priceMinor: number])[] = [
  ['COF-ESP', 'Espresso', 220],
  ['COF-CAP', 'Cappuccino', 340],
  ['COF-FLT', 'Filter coffee', 280],
  ['TEA-EGR', 'Earl Grey', 260],
  ['TEA-MNT', 'Fresh mint tea', 290],
  ['DRK-WAT', 'Sparkling water', 190],
  ['DRK-ORJ', 'Orange juice', 390],
  ['BAK-CRO', 'Croissant', 240],
  ['BAK-CIN', 'Cinnamon roll', 320],
  ['BAK-BRD', 'Sourdough loaf', 560],
  ['SNK-SND', 'Cheese sandwich', 590],
  ['SNK-COK', 'Chocolate cookie', 250],
];

const DEMO_STOCK = 1_000_000;

export async function createDemoProducts(db: Kysely<Tables>, logger: Logger): Promise<void> {
  const anything = await db.selectFrom('products').select('id').limit(1).executeTakeFirst();
  if (anything !== undefined) return;
  await db
    .insertInto('products')
    .values(
      DEMO_PRODUCTS.map(([sku, name, priceMinor]) => ({
        sku,
        name,
        price_minor: priceMinor,
        stock: DEMO_STOCK,
      })),
    )
    .execute();
  logger.info(`${DEMO_PRODUCTS.length} demo products were created`);
}
