/**
 * Loaded before an app's program, as `node --import`: loads the packages that the program will ask for, then waits for the
 * word that it may run. Nearly all of a start is loading packages; a process that has them answers in a fraction of it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import inspector from 'node:inspector';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { log, reasonOf } from './log.ts';

/** The word. */
export interface Run {
  /** Where its inspector is to listen, such as `0.0.0.0:9229`: one process at a time can. */
  readonly inspect: string | undefined;
}

// A file of the app's own folder, since packages are found from there.
const file = join(process.cwd(), '.packages.mjs');
try {
  const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
  const hasPackages = typeof manifest === 'object' && manifest !== null && 'dependencies' in manifest;
  const names = hasPackages ? Object.keys(manifest.dependencies ?? {}) : [];
  const imports = names.map((name) => `import(${JSON.stringify(name)})`);
  writeFileSync(file, `await Promise.allSettled([${imports.join(', ')}]);\n`);
  await import(pathToFileURL(file).href);
  log('info', 'The packages of the next start are loaded.');
} catch (error) {
  // The program says what it misses, and where.
  log('warn', `No package was loaded ahead: ${reasonOf(error)}`);
}

const { inspect } = await new Promise<Run>((resolve) => process.once('message', resolve));
// From here on, the process is the program's.
process.disconnect();
if (inspect !== undefined) {
  const [, host, port] = /^(?:(.+):)?(\d+)$/.exec(inspect) ?? [];
  inspector.open(Number(port), host);
}
