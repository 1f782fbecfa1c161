/** docs/reference/performance.md: the last run of each figure. */
import type { Result } from '../results.ts';
import { outcome, verdict } from './words.ts';

export function asPage(results: readonly Result[]): string {
  const runs = [...new Set(results.map(({ run }) => `${run.date}: ${run.machine}; commit ${run.commit}`))];
  return [
    '# Performance',
    '',
    '<!-- Written by `npm run bench -- --write`. -->',
    '',
    'Medians, with the lowest and the highest in brackets, of sides that take turns in one run. Machines differ, so that',
    'the ratios count. `npm run bench` measures all of it again, `npm run bench -- --list` shows what there is.',
    '',
    ...runs.map((run) => `- ${run}`),
    '',
    '| figure | this project | against | goal |',
    '| ------ | ------------ | ------- | ---- |',
    ...results.map(({ title, unit, outcomes: [ours, ...others], verdicts }) =>
      [
        '',
        title,
        ours === undefined ? '' : outcome(ours, unit),
        others.map((each) => `${each.name}: ${outcome(each, unit)}`).join('<br>'),
        verdicts.map((each) => verdict(each, unit)).join('<br>'),
        '',
      ]
        .join(' | ')
        .trim(),
    ),
    '',
  ].join('\n');
}
