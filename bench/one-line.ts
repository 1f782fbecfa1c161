/** One line more in a source of an app, for as long as something is measured. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const APPS = join(import.meta.dirname, '../apps');

/** @param file in `apps/`, such as `api/src/server.ts` */
export async function withOneLineMore<T>(file: string, work: () => Promise<T>): Promise<T> {
  const path = join(APPS, file);
  const before = readFileSync(path, 'utf8');
  const putBack = (): void => {
    writeFileSync(path, before);
  };
  process.once('exit', putBack);
  try {
    writeFileSync(path, `${before}export const changed = ${Date.now()};\n`);
    return await work();
  } finally {
    putBack();
    process.off('exit', putBack);
  }
}
