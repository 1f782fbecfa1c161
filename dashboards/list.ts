import { hasBackups } from '../environments/backups.ts';
import type { Config } from '../environments/schema.ts';
import { api, web } from './apps.ts';
import { overview } from './overview.ts';
import type { Dashboard } from './panel.ts';
import { kafka, postgres, redis } from './stores.ts';
import { backups, nodes } from './upkeep.ts';

/** All dashboards: the one list for whatever shows them. */
export const dashboards: readonly Dashboard[] = [overview, api, web, postgres, redis, kafka, backups, nodes];

/** Those of an environment: without what it doesn't have. */
export const dashboardsOf = (config: Config): readonly Dashboard[] =>
  dashboards.filter(
    (dashboard) =>
      (dashboard !== backups || hasBackups(config)) &&
      (dashboard !== kafka || config.kafka.mode === 'statefulset') &&
      (dashboard !== web || config.web.enabled || config.addons.traefik.enabled),
  );
