/**
 * Writes each dashboard into ../json as Grafana reads it, by Grafana's own library; `--check` only says which files would
 * change. `npm run dashboards` in the root installs this package and runs it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards } from '../list.ts';
import { grafanaDashboard } from './grafana.ts';

const JSON_FOLDER = join(import.meta.dirname, '../json');

/** The text of a file, or nothing where there is none. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

const files = dashboards.map((dashboard) => ({
  path: join(JSON_FOLDER, `${dashboard.uid}.json`),
  text: `${JSON.stringify(grafanaDashboard(dashboard), null, 2)}\n`,
}));
const outdated = files.filter(({ path, text }) => textOf(path) !== text);

if (process.argv.includes('--check')) {
  for (const { path } of outdated) console.error(`${path} is not what npm run dashboards writes`);
  process.exitCode = outdated.length === 0 ? 0 : 1;
} else {
  mkdirSync(JSON_FOLDER, { recursive: true });
  for (const { path, text } of outdated) {
    writeFileSync(path, text);
    console.log(path);
  }
}
