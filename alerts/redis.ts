/** Redis, as its exporter and the API see it. */
import { API, REDIS_EXPORTER } from '../charts/names.ts';
import type { Config } from '../environments/schema.ts';
import { withRunbooks, type AlertRule } from './rule.ts';
import { isScraped, series, where } from './series.ts';

export function redisAlerts(config: Config): readonly AlertRule[] {
  const used = series(config, 'redis_memory_used_bytes');
  const most = series(config, 'redis_memory_max_bytes');
  const seen = [
    ...(isScraped(config, REDIS_EXPORTER) ? [series(config, 'redis_up')] : []),
    ...(isScraped(config, API) ? [series(config, 'zakpos_dependency_up', 'dependency="redis"')] : []),
  ];

  return withRunbooks('redis', [
    ...(seen.length === 0
      ? []
      : [
          {
            name: 'RedisDown',
            expr: `max by (namespace) (${seen.join(' or ')}) == 0`,
            for: '1m',
            keepFiringFor: '3m',
            severity: 'page' as const,
            summary:
              'Redis of {{ $labels.namespace }} has answered {{ $value }} of those who asked, for a minute: nobody can log in; who is logged in sells on.',
          },
        ]),
    ...where(config, REDIS_EXPORTER, () => [
      {
        name: 'RedisMemoryFull',
        expr: `max by (namespace) (${used} / (${most} > 0)) > 0.9`,
        for: '5m',
        severity: 'page' as const,
        summary:
          'Redis of {{ $labels.namespace }} has used {{ $value | humanizePercentage }} of its memory: it gives up sessions, or refuses new ones.',
      },
    ]),
  ]);
}
