/** The files that are made from the code, whole or between marks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../environments/load.ts';
import { alertReference } from './alerts.ts';
import { configurationReference } from './configuration.ts';
import { diagram } from './diagram.ts';

const ROOT = join(import.meta.dirname, '..');
const DIAGRAM = /(<!-- diagram -->\n)[\s\S]*?(<!-- \/diagram -->)/;

export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** Each generated file as it has to be now. */
export function generatedFiles(): GeneratedFile[] {
  const readme = join(ROOT, 'README.md');
  const picture = `\n\`\`\`mermaid\n${diagram(loadConfig('dev'))}\n\`\`\`\n\n`;
  return [
    { path: join(ROOT, 'docs/reference/configuration.md'), text: configurationReference() },
    { path: join(ROOT, 'docs/reference/alerts.md'), text: alertReference() },
    { path: readme, text: readFileSync(readme, 'utf8').replace(DIAGRAM, `$1${picture}$2`) },
  ];
}
