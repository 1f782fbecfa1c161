/** Certificates that end, secrets that are old, and whoever tries them. */
import { API, EXPIRY } from '../../../charts/names.ts';
import { each, event, firstOf, sold, type Pod } from './running.ts';
import { HOUR, type Fault } from './world.ts';

const AT = HOUR;
const DAY_SECONDS = 86_400;
const CERTIFICATE = { certificate: 'zakpos-redis-tls' };
const SECRET = { secret: 'zakpos-redis' };
const ends = (daysLeft: number) =>
  each(
    EXPIRY,
    'zakpos_certificate_not_after_timestamp_seconds',
    60 * AT + daysLeft * DAY_SECONDS,
    CERTIFICATE,
  );
const failedLogins = (pod: Pod, more: number, minute: number) => ({
  [event(pod, 'login_failed')]: Math.floor(sold(minute) / 200) + more,
});

export const SECRET_FAULTS: readonly Fault[] = [
  {
    alert: 'CertificateExpiring',
    of: 'a certificate that nobody has renewed',
    from: AT,
    until: AT + 100,
    world: () => ends(9),
    fires: AT + 60,
    labels: CERTIFICATE,
    summary: 'The certificate zakpos-redis-tls of zakpos ends in 8d 23h 0m 0s, and nobody has renewed it.',
  },
  {
    alert: 'CertificateAlmostExpired',
    of: 'a certificate on its last day',
    from: AT,
    until: AT + 100,
    world: () => ends(1),
    fires: AT + 5,
    labels: CERTIFICATE,
    summary:
      'The certificate zakpos-redis-tls of zakpos ends in 23h 55m 0s; from then on, nobody connects who checks it.',
  },
  {
    alert: 'CertificateAlmostExpired',
    of: 'a certificate that has ended',
    from: AT,
    until: AT + 100,
    world: () => ends(-1),
    fires: AT + 5,
    labels: CERTIFICATE,
    summary:
      'The certificate zakpos-redis-tls of zakpos ends in -1d 0h 5m 0s; from then on, nobody connects who checks it.',
  },
  {
    alert: 'SecretTooOld',
    of: 'a password that is half a year old',
    from: AT,
    until: AT + 100,
    world: () =>
      each(EXPIRY, 'zakpos_secret_made_timestamp_seconds', 60 * AT - 180 * DAY_SECONDS - 1, SECRET),
    fires: AT + 60,
    labels: SECRET,
    summary: 'The Secret zakpos-redis of zakpos is 180d 1h 0m 1s old; it is to be rotated after 180d.',
  },
  {
    alert: 'SecurityEvents',
    of: 'somebody who guesses passwords',
    from: AT,
    until: AT + 30,
    world: (minute) => failedLogins(firstOf(API), 20 * (minute - AT), minute),
    fires: AT + 3 + 1,
    // Ten minutes are looked back at.
    ends: AT + 30 + 7,
    labels: { event: 'login_failed' },
    summary:
      'Within 10 minutes, the API of zakpos has refused 80 times (login_failed): somebody may be trying to get in.',
  },
];
