/** `npm run backup` and `npm run drill`: what the clock does each day and each week, now. */
import { BACKUP_DAILY, RESTORE_DRILL } from '../../charts/names.ts';
import { listBackups, requireBackups } from '../backups.ts';
import { readConfig } from '../environment.ts';
import { runNow } from '../jobs.ts';
import { step } from '../steps.ts';
import { table } from '../table.ts';
import { targetOf, type TargetOptions } from '../target.ts';

export interface BackupOptions extends TargetOptions {
  /**
   * Whether the good backups are listed, and none is made.
   * @default false
   */
  readonly list?: boolean;
}

export async function backup(options: BackupOptions): Promise<void> {
  const config = readConfig(options);
  requireBackups(config);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  if (options.list !== true) {
    await step('Backup', async (line) => {
      await runNow(kubectl, config.namespace, BACKUP_DAILY, line);
      line.rename('Backup: a dump and a base backup were made and read back');
    });
  }
  const found = await listBackups(kubectl, config);
  if (found.length === 0) console.log('There is no good backup yet; `npm run backup` makes one.');
  else {
    const rows = found.map(({ kind, id, finished, bytes, schema, rows }) => [
      ...[kind, id, finished, `${(bytes / 2 ** 20).toFixed(1)} MiB`, schema],
      String([...rows.values()].reduce((sum, count) => sum + count, 0)),
    ]);
    console.log(table([['kind', 'id', 'finished', 'size', 'schema', 'rows'], ...rows]));
  }
}

export async function drill(options: TargetOptions): Promise<void> {
  const config = readConfig(options);
  requireBackups(config);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  const said = await step('Restore drill', async (line) => {
    const text = await runNow(kubectl, config.namespace, RESTORE_DRILL, line);
    line.rename('Restore drill: the newest base backup, the log after it and the newest dump are good');
    return text;
  });
  console.log(tablesOf(said));
}

/** The lines of a restore that compare the rows of each table. */
export const tablesOf = (said: string): string =>
  said
    .split('\n')
    .filter((line) => /^\w+ +(\d+|backup) +(\d+|none|restored)$/.test(line))
    .join('\n');
