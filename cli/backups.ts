/** The backups in the bucket, by the manifests that were written when each was good. */
import { BACKUP } from '../charts/names.ts';
import { hasBackups } from '../environments/backups.ts';
import type { Config } from '../environments/schema.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';

export interface BackupManifest {
  readonly kind: string;
  /** When it began, as a name: 20261121T030000Z. */
  readonly id: string;
  /** Identifier of the database. */
  readonly system: string;
  readonly finished: string;
  /** Bytes in the bucket, compressed and encrypted. */
  readonly bytes: number;
  /** Newest migration. */
  readonly schema: string;
  /** Rows of each table. */
  readonly rows: ReadonlyMap<string, number>;
}

/** @throws {CliError} when the environment has no backups */
export function requireBackups(config: Config): void {
  if (hasBackups(config)) return;
  throw new CliError(
    config.postgres.mode === 'statefulset'
      ? `${config.environment} has no backups: backups.s3 is not set.`
      : `${config.environment} has no backups of this project's: postgres.mode is ${config.postgres.mode}, which has its own.`,
    'docs/how-to/back-up-and-restore.md shows how to set them up.',
  );
}

/** All good backups, the oldest first. */
export async function listBackups(kubectl: Kubectl, { namespace }: Config): Promise<BackupManifest[]> {
  const text = await kubectl.run([
    ...['-n', namespace, 'exec', `${BACKUP}-0`, '-c', 'upload', '--'],
    ...['bash', '/opt/backup/list.sh'],
  ]);
  return parseManifests(text);
}

/** Manifests as backup/backup.sh writes them: a key and its value on each line, an empty line between two. */
export function parseManifests(text: string): BackupManifest[] {
  return text
    .split(/\n\s*\n/)
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => {
      const lines = each.split('\n').map((line) => {
        const [key = '', ...rest] = line.split(' ');
        return { key, value: rest.join(' ') };
      });
      const value = (key: string): string => lines.find((line) => line.key === key)?.value ?? '';
      return {
        kind: value('kind'),
        id: value('id'),
        system: value('system'),
        finished: value('finished'),
        bytes: Number(value('file').split(' ')[1]),
        schema: value('schema'),
        rows: new Map(
          lines
            .filter(({ key }) => key === 'rows')
            .map((line) => {
              const [table = '', count] = line.value.split(' ');
              return [table, Number(count)] as const;
            }),
        ),
      };
    });
}
