/** The files that are made from the code, whole or between marks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readResults } from '../bench/results.ts';
import { limitsPlot, limitsTable, needsTable, prediction } from '../bench/scale/page.ts';
import { environmentName, loadConfig } from '../environments/load.ts';
import { alertReference } from './alerts.ts';
import { cliReference } from './cli.ts';
import { configurationReference } from './configuration.ts';
import { diagram } from './diagram.ts';
import { namesReference } from './names.ts';

const ROOT = join(import.meta.dirname, '..');

/** Pages with diagrams, between `<!-- diagram of <environment> -->` and `<!-- /diagram -->`. */
const DRAWN = ['README.md', 'docs/explanation/architecture.md'];
const DIAGRAM = /(<!-- diagram of (\w+) -->\n)[\s\S]*?(<!-- \/diagram -->)/g;

/** What the model of scale says, between `<!-- scale: limits -->` and `<!-- /scale -->`. */
const SCALE = join(ROOT, 'docs/explanation/scale.md');
const SCALE_PART = /(<!-- scale: (limits|needs|prediction) -->\n)[\s\S]*?(<!-- \/scale -->)/g;

export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** Each generated file as it has to be now. */
export function generatedFiles(): GeneratedFile[] {
  const references = {
    configuration: configurationReference,
    alerts: alertReference,
    cli: cliReference,
    names: namesReference,
  };
  const results = readResults(join(ROOT, 'docs/reference/performance.json'));
  const scale = { limits: limitsTable, needs: needsTable, prediction };
  return [
    {
      path: SCALE,
      text: readFileSync(SCALE, 'utf8').replace(
        SCALE_PART,
        (_, begin: string, part: keyof typeof scale, end: string) =>
          `${begin}\n${scale[part](results)}\n\n${end}`,
      ),
    },
    { path: SCALE.replace('.md', '.svg'), text: limitsPlot(results) },
    ...Object.entries(references).map(([name, text]) => ({
      path: join(ROOT, `docs/reference/${name}.md`),
      text: text(),
    })),
    ...DRAWN.map((page) => {
      const path = join(ROOT, page);
      return { path, text: readFileSync(path, 'utf8').replace(DIAGRAM, drawn) };
    }),
  ];
}

const drawn = (_: string, begin: string, environment: string, end: string): string =>
  `${begin}\n\`\`\`mermaid\n${diagram(loadConfig(environmentName(environment)))}\n\`\`\`\n\n${end}`;
