/** What ends or grows old, and who tries to get in. */
import { API, EXPIRY } from '../charts/names.ts';
import { secondsToSpare } from '../environments/certificates.ts';
import { toSeconds } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { durationOf, withRunbooks, type AlertRule } from './rule.ts';
import { series, where } from './series.ts';

export function secretAlerts(config: Config): readonly AlertRule[] {
  const { secretAge, securityEvents } = config.monitoring.alerts;
  const ends = series(config, 'zakpos_certificate_not_after_timestamp_seconds');
  const left = `min by (namespace, certificate) (${ends}) - time()`;
  const toSpare = secondsToSpare(config.certificates.days);
  const lastCall = toSpare / 5;
  const age = `time() - max by (namespace, secret) (${series(config, 'zakpos_secret_made_timestamp_seconds')})`;
  const refused = series(
    config,
    'zakpos_security_events_total',
    'event=~"login_failed|token_refused|refresh_reused"',
  );

  return withRunbooks('secrets', [
    ...where(config, EXPIRY, () => [
      {
        name: 'CertificateExpiring',
        expr: `${left} < ${toSpare} >= ${lastCall}`,
        for: '1h',
        severity: 'ticket' as const,
        summary:
          'The certificate {{ $labels.certificate }} of {{ $labels.namespace }} ends in {{ $value | humanizeDuration }}, and nobody has renewed it.',
      },
      {
        name: 'CertificateAlmostExpired',
        expr: `${left} < ${lastCall}`,
        for: '5m',
        severity: 'page' as const,
        summary:
          'The certificate {{ $labels.certificate }} of {{ $labels.namespace }} ends in {{ $value | humanizeDuration }}; from then on, nobody connects who checks it.',
      },
      {
        name: 'SecretTooOld',
        expr: `${age} > ${toSeconds(secretAge)}`,
        for: '1h',
        severity: 'ticket' as const,
        summary: `The Secret {{ $labels.secret }} of {{ $labels.namespace }} is {{ $value | humanizeDuration }} old; it is to be rotated after ${durationOf(toSeconds(secretAge))}.`,
      },
    ]),
    ...where(config, API, () => [
      {
        name: 'SecurityEvents',
        expr: `sum by (namespace, event) (increase(${refused}[10m])) > ${securityEvents}`,
        for: '1m',
        severity: 'ticket' as const,
        summary:
          'Within 10 minutes, the API of {{ $labels.namespace }} has refused {{ $value | humanize }} times ({{ $labels.event }}): somebody may be trying to get in.',
      },
    ]),
  ]);
}
