import { readArguments } from './common/arguments.js';
import { Refusal } from './common/refusal.js';
import { migrateSchema } from './config/schema.js';
import { anonymize } from './database/anonymization.js';
import { runTask } from './database/task.js';

const CONSENT = 'yes-this-is-a-copy';

runTask(
  'zakpos-anonymize',
  migrateSchema,
  () => {
    const { [CONSENT]: consent } = readArguments({ [CONSENT]: { type: 'boolean', default: false } });
    if (!consent) {
      throw new Refusal(
        `--${CONSENT} is not set: names, e-mail addresses and passwords would be gone from this database for good.`,
      );
    }
  },
  async ({ config, database, logger }) => {
    const { exporter, backup } = config.bootstrap.roles;
    logger.info(await anonymize(database, [exporter, backup]), 'The copy tells of nobody');
  },
);
