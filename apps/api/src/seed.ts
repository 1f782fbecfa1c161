import { hashPassword, NO_PASSWORD } from './auth/passwords.js';
import { readArguments } from './common/arguments.js';
import { Refusal } from './common/refusal.js';
import { seedSchema } from './config/schema.js';
import { runTask } from './database/task.js';
import { fillShop } from './seed/fill.js';

/** Where made-up sales do no harm. A pod can't tell by itself where it runs, so whoever starts this says so. */
const ENVIRONMENTS = ['dev', 'test'];

runTask('zakpos-seed', seedSchema, readWish, async ({ config, args, database, logger }) => {
  const sold = await database.query.selectFrom('sales').select('id').limit(1).executeTakeFirst();
  if (sold !== undefined && !args.add) {
    throw new Refusal(
      `Database ${database.address.name} has sales already: nothing was changed. Use --add to add a month of ` +
        'made-up ones to them.',
    );
  }
  const password = config.bootstrap.adminPassword.read();
  const figures = await fillShop(database.query, {
    ...config.shop,
    seed: args.seed,
    passwordHash: password === undefined ? NO_PASSWORD : await hashPassword(password),
  });
  logger.info(figures, 'The shop is filled');
});

function readWish(): { seed: number; add: boolean } {
  const { environment, seed, add } = readArguments({
    environment: { type: 'string' },
    seed: { type: 'string', default: '1' },
    add: { type: 'boolean', default: false },
  });
  if (environment === undefined || !ENVIRONMENTS.includes(environment)) {
    throw new Refusal(
      `--environment is ${environment ?? 'not set'}: expected ${ENVIRONMENTS.join(' or ')}, since made-up sales ` +
        "can't be told from real ones afterwards.",
    );
  }
  if (!/^\d{1,9}$/.test(seed))
    throw new Refusal(`--seed is "${seed}": expected a whole number up to 999999999.`);
  return { seed: Number(seed), add };
}
