import type { Config } from '../environments/schema.ts';
import { appAlerts } from './apps.ts';
import { backupAlerts } from './backups.ts';
import { kafkaAlerts } from './kafka.ts';
import { podAlerts, podRecords } from './pods.ts';
import { postgresAlerts } from './postgres.ts';
import { redisAlerts } from './redis.ts';
import type { AlertGroup, AlertRule, RecordingRule } from './rule.ts';
import { saleAlerts, saleRecords } from './sales.ts';
import { secretAlerts } from './secrets.ts';
import { volumeAlerts } from './volumes.ts';

/**
 * All alerts of an environment: the one list for whatever evaluates them. Every series that they look at has the label
 * `namespace`, which scraping puts on it.
 */
export const alertGroups = (config: Config): AlertGroup[] =>
  [
    group('sales', saleAlerts(config), saleRecords(config)),
    group('apps', appAlerts(config)),
    group('postgres', postgresAlerts(config)),
    group('redis', redisAlerts(config)),
    group('kafka', kafkaAlerts(config)),
    group('pods', podAlerts(config), podRecords(config)),
    group('secrets', secretAlerts(config)),
    group('backups', backupAlerts(config)),
    group('volumes', volumeAlerts(config)),
  ]
    .filter(({ rules }) => rules.length > 0)
    .map((each) => ({
      ...each,
      rules: each.rules.map((rule) => ({
        ...rule,
        runbook: `${config.monitoring.runbookUrl}${rule.runbook}`,
      })),
    }));

const group = (
  subject: string,
  rules: readonly AlertRule[],
  records: readonly RecordingRule[] = [],
): AlertGroup => ({ name: `zakpos-${subject}`, records, rules });
