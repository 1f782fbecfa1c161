/** Volumes, calm and filling. */
import { DAY, GIB, HOUR, workDone, type Fault, type World } from './world.ts';

const ofVolume = (metric: string, claim: string, namespace = 'zakpos'): string =>
  `kubelet_volume_stats_${metric}_bytes{namespace="${namespace}",persistentvolumeclaim="${claim}",node="worker"}`;

const POSTGRES = 'data-zakpos-postgres-0';
const AVAILABLE = ofVolume('available', POSTGRES);

export const calmVolumes: World = (minute) => ({
  [ofVolume('capacity', POSTGRES)]: 20 * GIB,
  [AVAILABLE]: (13 - 0.05 * workDone(minute)) * GIB,
  [ofVolume('capacity', 'data-zakpos-kafka-0')]: 20 * GIB,
  [ofVolume('available', 'data-zakpos-kafka-0')]: (8 - 0.2 * (workDone(minute) % 1)) * GIB,
  // Log that has been shipped is deleted, and an append-only file is rewritten.
  [ofVolume('capacity', 'wal-zakpos-backup-0')]: 10 * GIB,
  [ofVolume('available', 'wal-zakpos-backup-0')]: (9.9 - 0.016 * (minute % 5)) * GIB,
  [ofVolume('capacity', 'data-zakpos-redis-0')]: 2 * GIB,
  [ofVolume('available', 'data-zakpos-redis-0')]: (1.8 - 0.4 * (workDone(minute) % 1)) * GIB,
  [ofVolume('capacity', 'data-other-0', 'other')]: 20 * GIB,
  [ofVolume('available', 'data-other-0', 'other')]: 0.1 * GIB,
});

export const VOLUME_FAULTS: readonly Fault[] = [
  {
    alert: 'VolumeFilling',
    of: 'a volume at 85 %',
    from: 0,
    until: 100,
    world: () => ({ [AVAILABLE]: 3 * GIB }),
    fires: 15,
    labels: { persistentvolumeclaim: POSTGRES },
    summary: `The volume of ${POSTGRES} in zakpos is 85% full.`,
  },
  {
    alert: 'VolumeAlmostFull',
    of: 'a volume at 95 %',
    from: 0,
    until: 100,
    world: () => ({ [AVAILABLE]: GIB }),
    fires: 5,
    labels: { persistentvolumeclaim: POSTGRES },
    summary: `The volume of ${POSTGRES} in zakpos is 95% full, and what writes to it stops at 100 %.`,
  },
  {
    alert: 'VolumeFullSoon',
    of: 'a volume that grows by 4 GiB a day',
    from: 0,
    until: 300,
    world: (minute) => ({ [AVAILABLE]: (11 - (4 * minute) / DAY) * GIB }),
    // Two values make a line.
    fires: 1 + HOUR,
    labels: { persistentvolumeclaim: POSTGRES },
    summary: `The volume of ${POSTGRES} in zakpos has 10.83GiB left, and is full within 4 days if it goes on as in the last 6 hours.`,
  },
];
