import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The texts of files of one of the repository's folders, by their names, as a ConfigMap carries them into a pod. */
export const filesOf = (folder: string, ...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, readFileSync(join(process.cwd(), folder, name), 'utf8')]));

/** The scripts of the backups. */
export const scripts = (...names: readonly string[]): Record<string, string> => filesOf('backup', ...names);
