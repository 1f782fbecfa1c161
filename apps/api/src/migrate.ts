import { readArguments } from './common/arguments.js';
import { migrateSchema } from './config/schema.js';
import { createDemoProducts, createFirstAdmin } from './database/bootstrap.js';
import { grantRoles } from './database/grants.js';
import { applyMigrations, withMigrationLock } from './database/migrator.js';
import { describePlan } from './database/plan.js';
import { runTask } from './database/task.js';

runTask(
  'zakpos-migrate',
  migrateSchema,
  () => readArguments({ plan: { type: 'boolean', default: false } }),
  async ({ config: { bootstrap }, args, database, logger }) => {
    if (args.plan) {
      process.stdout.write(await describePlan(database, bootstrap.requireBackup));
      return;
    }
    await withMigrationLock(database, logger, async () => {
      const applied = await applyMigrations(database.query, bootstrap.requireBackup);
      logger.info({ applied }, applied.length === 0 ? 'the schema is up to date' : 'migrations applied');
      await grantRoles(database, bootstrap.roles, logger);
      await createFirstAdmin(database.query, bootstrap, logger);
      if (bootstrap.demoProducts) await createDemoProducts(database.query, logger);
    });
  },
);
