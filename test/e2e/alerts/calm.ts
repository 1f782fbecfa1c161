/** A shop that has been running for long, and another installation in the same cluster that is in trouble. */
import { calmBackups } from './backups.ts';
import { installation, PODS, type Pod } from './running.ts';
import { calmVolumes } from './volumes.ts';
import { series, type Values, type World } from './world.ts';

const OTHERS: Values = Object.fromEntries(
  Object.entries({
    up: 0,
    pg_up: 0,
    redis_up: 0,
    kafka_controller_active: 0,
    kafka_offline_partitions: 9,
    kafka_under_replicated_partitions: 9,
    zookeeper_is_leader: 0,
    zakpos_outbox_oldest_seconds: 9e5,
    zakpos_report_lag_events: 9e5,
    zakpos_report_reading: 0,
    nodejs_eventloop_lag_p99_seconds: 9,
    zakpos_certificate_not_after_timestamp_seconds: 0,
    zakpos_secret_made_timestamp_seconds: -9e8,
  }).map(([metric, value]) => [
    series(metric, { namespace: 'other', job: 'other/zakpos-api', pod: 'zakpos-api-0' }),
    value,
  ]),
);

/** It with the pods that there are at each minute. */
export const calmWith =
  (podsAt: (minute: number) => readonly Pod[]): World =>
  (minute) => ({
    ...calmBackups(minute),
    ...calmVolumes(minute),
    ...installation(podsAt(minute), minute),
    ...OTHERS,
  });

export const calm = calmWith(() => PODS);
