/** Backups, the log between them, and whether they restore: from what the pod zakpos-backup says of itself. */
import { hasBackups } from '../environments/backups.ts';
import { toSeconds } from '../environments/quantities.ts';
import { longestGap } from '../environments/schedule.ts';
import type { Config } from '../environments/schema.ts';
import { durationOf, withRunbooks, type AlertRule } from './rule.ts';
import { series } from './series.ts';

/** None where there are no such backups. */
export function backupAlerts(config: Config): readonly AlertRule[] {
  if (!hasBackups(config)) return [];
  const { backups, monitoring } = config;
  const { backupGrace, drillGrace, walAge } = monitoring.alerts;
  const backupAge = longestGap(backups.schedule) + toSeconds(backupGrace);
  const drillAge = longestGap(backups.drillSchedule) + toSeconds(drillGrace);

  /** What was told last, whichever pod has told it. */
  const latest = (selector: string, by = 'namespace'): string => `max by (${by}) (${selector})`;
  /** So that a wait of days doesn't start over when the pod is made anew. */
  const withinTheHour = (selector: string, by?: string): string =>
    latest(`max_over_time(${selector}[1h])`, by);
  const good = series(config, 'zakpos_backup_good');
  const finished = 'zakpos_backup_last_success_timestamp_seconds';
  const uploaded = series(config, 'zakpos_backup_wal_uploaded_timestamp_seconds');
  const storageUp = series(config, 'zakpos_backup_storage_up');
  const drilled = series(config, 'zakpos_restore_drill_last_timestamp_seconds');
  // While the bucket is away, others can't be well either; there is one alert of that.
  const unlessStorageDown = `unless on (namespace) ${latest(storageUp)} == 0`;

  return withRunbooks('backups', [
    {
      name: 'BackupMetricsMissing',
      expr: `absent(${uploaded}) ${unlessStorageDown}`,
      for: '15m',
      severity: 'page',
      summary:
        'For 15 minutes, zakpos-backup in {{ $labels.namespace }} has told nothing, or not how far the log is in the bucket: nobody knows whether sales are backed up.',
    },
    {
      name: 'BackupStorageDown',
      expr: `${latest(storageUp)} == 0`,
      for: '5m',
      severity: 'page',
      summary:
        'The bucket of the backups of {{ $labels.namespace }} has not answered for 5 minutes: since then, sales are on the disks of the cluster alone.',
    },
    {
      name: 'WalNotArchived',
      expr: `time() - ${latest(uploaded)} > ${toSeconds(walAge)} ${unlessStorageDown}`,
      for: '2m',
      severity: 'page',
      summary:
        'The write-ahead log of {{ $labels.namespace }} was last wholly in the bucket {{ $value | humanizeDuration }} ago: a lost volume would take all sales since then with it.',
    },
    {
      name: 'WalGap',
      expr: `time() - ${latest(series(config, finished, 'kind="base"'))} and on (namespace) ${latest(series(config, 'zakpos_backup_wal_gap'))} == 1`,
      for: '5m',
      severity: 'page',
      summary:
        'Write-ahead log is missing after the newest base backup of {{ $labels.namespace }}, which is {{ $value | humanizeDuration }} old: no later moment can be restored.',
    },
    {
      name: 'BackupTooOld',
      expr: `time() - ${latest(series(config, finished), 'namespace, kind')} > ${backupAge}`,
      for: '5m',
      severity: 'ticket',
      summary: `The newest good {{ $labels.kind }} backup of {{ $labels.namespace }} is {{ $value | humanizeDuration }} old; its schedule allows ${durationOf(backupAge)}.`,
    },
    {
      name: 'BackupNone',
      expr: `${withinTheHour(good, 'namespace, kind')} == 0`,
      for: durationOf(backupAge),
      severity: 'page',
      summary: `For ${durationOf(backupAge)}, the bucket has held {{ $value }} good {{ $labels.kind }} backups of {{ $labels.namespace }}.`,
    },
    {
      name: 'RestoreDrillFailed',
      expr: `time() - ${latest(drilled)} and on (namespace) ${latest(series(config, 'zakpos_restore_drill_success'))} == 0`,
      for: '5m',
      severity: 'ticket',
      summary:
        'The last restore drill of {{ $labels.namespace }}, {{ $value | humanizeDuration }} ago, failed: its backups may not restore.',
    },
    {
      name: 'RestoreDrillMissing',
      expr: `time() - ${latest(drilled)} > ${drillAge}`,
      for: '1h',
      severity: 'ticket',
      summary: `The last restore drill of {{ $labels.namespace }} was {{ $value | humanizeDuration }} ago; its schedule allows ${durationOf(drillAge)}.`,
    },
    {
      name: 'RestoreDrillNone',
      expr: `absent(${drilled}) and on (namespace) ${withinTheHour(storageUp)} == 1`,
      for: durationOf(drillAge),
      severity: 'ticket',
      summary: `For ${durationOf(drillAge)}, the bucket has known of no restore drill of {{ $labels.namespace }}: nobody has seen its backups restore.`,
    },
  ]);
}
