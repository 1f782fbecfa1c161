import type { Config } from '../environments/schema.ts';
import { backupAlerts } from './backups.ts';
import type { AlertGroup } from './rule.ts';
import { volumeAlerts } from './volumes.ts';

/**
 * All alerts of an environment: the one list for whatever evaluates them. Every series that they look at has the label
 * `namespace`, which scraping puts on it.
 */
export const alertGroups = (config: Config): AlertGroup[] =>
  [
    { name: 'zakpos-backups', rules: backupAlerts(config) },
    { name: 'zakpos-volumes', rules: volumeAlerts(config) },
  ].filter(({ rules }) => rules.length > 0);
