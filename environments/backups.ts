/** Whether, where and by whom the database is backed up. */
import type { Config } from './schema.ts';

/** Whether this project's own backups are on: CloudNativePG makes its own, and so does whoever runs an external server. */
export const hasBackups = ({ postgres, backups }: Config): boolean =>
  postgres.mode === 'statefulset' && backups.s3 !== undefined;

/** Workloads that log in to the database to back it up: what ships the log, and what makes backups. */
export const BACKUP_CLIENTS = ['zakpos-backup', 'zakpos-backup-daily'] as const;
/** Workloads that reach the bucket and hold the key: those, and what rehearses a restore. */
export const BACKUP_WORKLOADS = [...BACKUP_CLIENTS, 'zakpos-restore-drill'] as const;

/** Folder in the bucket. */
export const backupPrefix = ({ environment, backups }: Config): string =>
  backups.s3?.prefix ?? `zakpos-${environment}`;

/** The claim of the database, as its StatefulSet names it. */
export const RESTORE_CLAIM = 'data-zakpos-postgres-0';
/** Annotation of a namespace, or of a claim of the database, that a restore has begun to fill. */
export const RESTORING = 'zakpos.io/restoring';
/** The claim of the log archive, likewise. */
export const ARCHIVE_CLAIM = 'wal-zakpos-backup-0';
