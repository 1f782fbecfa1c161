/** The table as a terminal shows it. */
import { table } from '../../cli/table.ts';
import type { Row } from '../turns.ts';
import { outcome, verdict } from './words.ts';

export function asText(rows: readonly Row[]): string {
  return rows
    .map(({ title, unit, outcomes, verdicts }) =>
      [
        title,
        indented(table(outcomes.map((each) => [each.name, outcome(each, unit)]))),
        ...verdicts.map((each) => indented(`goal: ${verdict(each, unit)}`)),
      ].join('\n'),
    )
    .join('\n\n');
}

const indented = (text: string): string => text.replace(/^/gm, '  ');
