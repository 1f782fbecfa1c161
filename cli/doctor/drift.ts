/** Whether dist/ is what the sources render, and the cluster what is rendered. */
import { existsSync } from 'node:fs';
import type { Config } from '../../environments/schema.ts';
import { isEmpty, type Comparison } from '../diff/report.ts';
import { folderOf, readManifests, type Preview } from '../environment.ts';
import { advice, leftOut, ok, problem, type Finding } from './finding.ts';

export function dist(config: Config, { digest }: Preview): Finding {
  const folder = folderOf(config);
  if (!existsSync(folder)) return leftOut('dist', `there is no ${folder} yet; \`npm run up\` writes it`);
  return readManifests(folder).digest === digest
    ? ok('dist', `${folder} is what the sources render`)
    : advice(
        'dist',
        `${folder} is older than the sources or the configuration.`,
        '`npm run up` renders it anew, as does `npm run synth`.',
      );
}

/** How many objects are named before the others are only counted. */
const NAMED = 5;

export function drift(comparison: Comparison, flags: string): Finding {
  if (isEmpty(comparison)) return ok('drift', `${comparison.compared} objects are as they are rendered`);
  const differing = [
    ...comparison.changes.map(({ kind, name }) => `${kind} ${name}`),
    ...comparison.facts
      .filter(({ section }) => section !== 'warnings')
      .map(({ text }) => text.split('\n')[0]),
  ];
  const more = differing.length > NAMED ? ` and ${differing.length - NAMED} more` : '';
  return problem(
    'drift',
    `The cluster is not what is rendered: ${differing.slice(0, NAMED).join(', ')}${more}.`,
    `\`npm run diff -- ${flags}\` shows how, \`npm run up -- ${flags}\` applies it.`,
  );
}
