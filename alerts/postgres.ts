/** PostgreSQL, as its exporter and the API see it. */
import { API, POSTGRES_EXPORTER } from '../charts/names.ts';
import type { Config } from '../environments/schema.ts';
import { withRunbooks, type AlertRule } from './rule.ts';
import { isScraped, series, where } from './series.ts';

export function postgresAlerts(config: Config): readonly AlertRule[] {
  const connections = `sum by (namespace) (${series(config, 'pg_stat_database_numbackends')})`;
  const most = `max by (namespace) (${series(config, 'pg_settings_max_connections')})`;
  const seen = [
    ...(isScraped(config, POSTGRES_EXPORTER) ? [series(config, 'pg_up')] : []),
    ...(isScraped(config, API) ? [series(config, 'zakpos_dependency_up', 'dependency="postgres"')] : []),
  ];

  return withRunbooks('postgres', [
    ...(seen.length === 0
      ? []
      : [
          {
            name: 'PostgresDown',
            // Whoever reaches it shows that it is up.
            expr: `max by (namespace) (${seen.join(' or ')}) == 0`,
            for: '1m',
            keepFiringFor: '3m',
            severity: 'page' as const,
            summary:
              'PostgreSQL of {{ $labels.namespace }} has answered {{ $value }} of those who asked, for a minute: every sale is refused.',
          },
        ]),
    ...where(config, POSTGRES_EXPORTER, () => [
      {
        name: 'PostgresConnectionsNearLimit',
        expr: `${connections} / ${most} > 0.8`,
        for: '10m',
        severity: 'ticket' as const,
        summary:
          '{{ $value | humanizePercentage }} of the connections that PostgreSQL of {{ $labels.namespace }} accepts are taken: the next pods may get none.',
      },
      {
        name: 'LongTransaction',
        expr: `max by (namespace) (${series(config, 'zakpos_postgres_longest_transaction_seconds')}) > 3600`,
        for: '5m',
        severity: 'ticket' as const,
        summary:
          'A transaction in PostgreSQL of {{ $labels.namespace }} has been open for {{ $value | humanizeDuration }}: what is deleted meanwhile keeps its room, and every query reads past it.',
      },
      {
        name: 'SessionsBlocked',
        expr: `max by (namespace) (min_over_time(${series(config, 'zakpos_postgres_blocked_sessions')}[2m])) > 0`,
        for: '3m',
        severity: 'ticket' as const,
        summary:
          'For 5 minutes, at least {{ $value }} sessions of PostgreSQL in {{ $labels.namespace }} have waited for a lock that another one holds.',
      },
    ]),
  ]);
}
