/** A file of values as `npm run scale` prints it. */
import { stringify } from 'yaml';
import { number } from '../report/words.ts';
import type { Cost } from './cost.ts';
import { environmentFor } from './environment.ts';
import { loadOf } from './model.ts';

export function asValues(tills: number, cost: Cost): string {
  const load = loadOf(tills, cost);
  const lines = [
    `${tills.toLocaleString('en')} tills: ${number(load.salesPerSecond)} sales in a second of the busiest hour.`,
    'What this is made from: docs/explanation/scale.md.',
  ];
  return `${lines.map((line) => `# ${line}\n`).join('')}${stringify(environmentFor(tills, cost))}`;
}
