import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The texts of scripts of the repository's folder backup/, by their names, as a ConfigMap carries them into a pod. */
export const scripts = (...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, readFileSync(join(process.cwd(), 'backup', name), 'utf8')]));
