/** Backups, calm and in trouble. */
import { DAY, gone, HOUR, last, type Fault, type Values, type World } from './world.ts';

const ofBackups = (metric: string, labels = ''): string =>
  `${metric}{namespace="zakpos",pod="zakpos-backup-0"${labels}}`;

const STORAGE_UP = ofBackups('zakpos_backup_storage_up');
export const UPLOADED = ofBackups('zakpos_backup_wal_uploaded_timestamp_seconds');
const GAP = ofBackups('zakpos_backup_wal_gap');
const FINISHED = {
  base: ofBackups('zakpos_backup_last_success_timestamp_seconds', ',kind="base"'),
  dump: ofBackups('zakpos_backup_last_success_timestamp_seconds', ',kind="dump"'),
};
const GOOD = {
  base: ofBackups('zakpos_backup_good', ',kind="base"'),
  dump: ofBackups('zakpos_backup_good', ',kind="dump"'),
};
const DRILLED = ofBackups('zakpos_restore_drill_last_timestamp_seconds');
const DRILL_SUCCESS = ofBackups('zakpos_restore_drill_success');

/** Backups of a shop that has been running for long, and those of another installation, which are in trouble. */
export const calmBackups: World = (minute) => ({
  [STORAGE_UP]: 1,
  [UPLOADED]: 60 * minute - 25,
  [GAP]: 0,
  [FINISHED.dump]: last(minute, DAY, 3 * HOUR + 5),
  [FINISHED.base]: last(minute, DAY, 3 * HOUR + 10),
  [GOOD.base]: 8,
  [GOOD.dump]: 14,
  [DRILLED]: last(minute, 7 * DAY, 5 * HOUR + 20),
  [DRILL_SUCCESS]: 1,
  'zakpos_backup_storage_up{namespace="other",pod="zakpos-backup-0"}': 0,
  'zakpos_backup_wal_gap{namespace="other",pod="zakpos-backup-0"}': 1,
  'zakpos_backup_wal_uploaded_timestamp_seconds{namespace="other",pod="zakpos-backup-0"}': 0,
  'zakpos_backup_last_success_timestamp_seconds{namespace="other",pod="zakpos-backup-0",kind="base"}': 0,
  'zakpos_restore_drill_success{namespace="other",pod="zakpos-backup-0"}': 0,
  'zakpos_restore_drill_last_timestamp_seconds{namespace="other",pod="zakpos-backup-0"}': 0,
});

/** A pod that tells nothing, since it isn't there. */
export const podGone = (minute: number) => gone(calmBackups(minute), /^zakpos_.*namespace="zakpos"/);
export const storageDown = (since: number): Values => ({ [STORAGE_UP]: 0, [UPLOADED]: 60 * since - 25 });

/** The first week of an installation, from when a backup and a drill have just been due: both take their time. */
export function firstWeek(minute: number): Readonly<Record<string, number | undefined>> {
  const undone = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, undefined]));
  return {
    [FINISHED.dump]: last(minute, DAY, 20),
    [FINISHED.base]: last(minute, DAY, 30),
    [DRILLED]: last(minute, 7 * DAY, 60),
    ...(minute < 5 ? undone(UPLOADED) : {}),
    ...(minute < DAY + 30 ? { ...undone(FINISHED.dump, FINISHED.base), [GOOD.base]: 0, [GOOD.dump]: 0 } : {}),
    ...(minute < 7 * DAY + 60 ? undone(DRILLED, DRILL_SUCCESS) : {}),
  };
}

export const BACKUP_FAULTS: readonly Fault[] = [
  {
    alert: 'BackupMetricsMissing',
    of: 'a pod that is gone',
    from: 600,
    until: 700,
    world: podGone,
    fires: 600 + 15,
    summary:
      'For 15 minutes, zakpos-backup in zakpos has told nothing, or not how far the log is in the bucket: nobody knows whether sales are backed up.',
  },
  {
    alert: 'BackupMetricsMissing',
    of: 'a log that never came to the bucket',
    from: 0,
    until: 100,
    world: () => ({ [UPLOADED]: undefined }),
    fires: 15,
    summary:
      'For 15 minutes, zakpos-backup in zakpos has told nothing, or not how far the log is in the bucket: nobody knows whether sales are backed up.',
  },
  {
    alert: 'BackupStorageDown',
    of: 'a bucket that is away',
    from: 600,
    until: 800,
    world: () => storageDown(600),
    fires: 600 + 5,
    summary:
      'The bucket of the backups of zakpos has not answered for 5 minutes: since then, sales are on the disks of the cluster alone.',
  },
  {
    alert: 'BackupStorageDown',
    of: 'a bucket that has never answered',
    from: 0,
    until: 100,
    world: (minute) => ({ ...podGone(minute), [STORAGE_UP]: 0 }),
    fires: 5,
    summary:
      'The bucket of the backups of zakpos has not answered for 5 minutes: since then, sales are on the disks of the cluster alone.',
  },
  {
    alert: 'WalNotArchived',
    of: 'log that stays where it is',
    from: 600,
    until: 700,
    world: () => ({ [UPLOADED]: 60 * 600 - 25 }),
    fires: 600 + 5 + 2,
    summary:
      'The write-ahead log of zakpos was last wholly in the bucket 7m 25s ago: a lost volume would take all sales since then with it.',
  },
  {
    alert: 'WalGap',
    of: 'a segment that is missing',
    from: 600,
    until: 700,
    world: () => ({ [GAP]: 1 }),
    fires: 600 + 5,
    summary:
      'Write-ahead log is missing after the newest base backup of zakpos, which is 6h 55m 0s old: no later moment can be restored.',
  },
  {
    alert: 'BackupTooOld',
    of: 'a dump that was missed',
    from: DAY,
    until: DAY + 8 * HOUR,
    world: () => ({ [FINISHED.dump]: 60 * (3 * HOUR + 5) }),
    fires: 3 * HOUR + 5 + 26 * HOUR + 1 + 5,
    labels: { kind: 'dump' },
    summary: 'The newest good dump backup of zakpos is 1d 2h 6m 0s old; its schedule allows 26h.',
  },
  {
    alert: 'BackupTooOld',
    of: 'a base backup that was missed',
    from: DAY,
    until: DAY + 8 * HOUR,
    world: () => ({ [FINISHED.base]: 60 * (3 * HOUR + 10) }),
    fires: 3 * HOUR + 10 + 26 * HOUR + 1 + 5,
    labels: { kind: 'base' },
    summary: 'The newest good base backup of zakpos is 1d 2h 6m 0s old; its schedule allows 26h.',
  },
  {
    alert: 'BackupNone',
    of: 'an installation that has never made one, whose pod once moved',
    from: 0,
    until: 2 * DAY,
    world: (minute) =>
      minute >= 800 && minute < 810 ? podGone(minute) : { [FINISHED.base]: undefined, [GOOD.base]: 0 },
    fires: 26 * HOUR,
    labels: { kind: 'base' },
    summary: 'For 26h, the bucket has held 0 good base backups of zakpos.',
  },
  {
    alert: 'RestoreDrillFailed',
    of: 'backups that did not restore',
    from: 600,
    until: 700,
    world: () => ({ [DRILLED]: 60 * 599, [DRILL_SUCCESS]: 0 }),
    fires: 600 + 5,
    summary: 'The last restore drill of zakpos, 6m 0s ago, failed: its backups may not restore.',
  },
  {
    alert: 'RestoreDrillMissing',
    of: 'a drill that was missed',
    from: 7 * DAY,
    until: 9 * DAY,
    world: () => ({ [DRILLED]: 60 * (5 * HOUR + 20) }),
    fires: 5 * HOUR + 20 + 8 * DAY + 5 + HOUR,
    summary: 'The last restore drill of zakpos was 8d 1h 5m 0s ago; its schedule allows 8d.',
  },
  {
    alert: 'RestoreDrillNone',
    of: 'an installation that has never had one, whose pod once moved',
    from: 0,
    until: 9 * DAY,
    world: (minute) =>
      minute >= 800 && minute < 810 ? podGone(minute) : { [DRILLED]: undefined, [DRILL_SUCCESS]: undefined },
    fires: 8 * DAY,
    summary:
      'For 8d, the bucket has known of no restore drill of zakpos: nobody has seen its backups restore.',
  },
];
