import { asChart } from '../../bench/report/chart.ts';
import { asPage } from '../../bench/report/page.ts';
import { asText } from '../../bench/report/text.ts';
import { number } from '../../bench/report/words.ts';
import { merged, type Result } from '../../bench/results.ts';

const RUN = { machine: '2 × CPU, 24 GiB', commit: '0123456789ab', date: '2026-11-21' };
const ours = { name: 'ours', median: 0.4, low: 0.35, high: 0.5, rounds: 5 };
const result = (more: Partial<Result> = {}): Result => ({
  ...{ id: 'synth', title: 'synthesis', unit: 's', run: RUN },
  outcomes: [ours, { ...ours, name: 'helm', median: 0.2 }, { name: 'kustomize', why: 'go is not installed' }],
  verdicts: [
    { than: 'helm', bound: 'at most', value: 0.7, got: 2 },
    { than: 'kustomize', bound: 'at most', value: 1 },
    { bound: 'at most', value: 1, got: 0.4 },
  ],
  ...more,
});

test.each([
  [0.123, '0.12'],
  [12.34, '12.3'],
  [12_345.6, '12,346'],
])('%s is written as %s', (value, text) => {
  expect(number(value)).toBe(text);
});

test('the text has a line for each side and each goal', () => {
  expect(asText([result()])).toBe(
    [
      'synthesis',
      '  ours       0.40 s (0.35–0.50)',
      '  helm       0.20 s (0.35–0.50)',
      '  kustomize  not measured: go is not installed',
      '  goal: 2.00 × helm, at most 0.70: missed',
      '  goal: at most 1.00 × kustomize: not measured',
      '  goal: 0.40 s, at most 1.00 s: met',
    ].join('\n'),
  );
});

test('the page names each run once, and has a row for each figure', () => {
  const page = asPage([result(), result({ id: 'other', title: 'other' })]);
  expect(page.match(/2 × CPU, 24 GiB; commit 0123456789ab/g)).toHaveLength(1);
  expect(page).toContain(
    '| synthesis | 0.40 s (0.35–0.50) | helm: 0.20 s (0.35–0.50)<br>kustomize: not measured',
  );
  expect(page).toContain('| other |');
});

test('the chart has a bar for each ratio that was measured, coloured by its goal', () => {
  const chart = asChart([result()]);
  expect(chart.match(/#c62828/g)).toHaveLength(1);
  expect(chart).not.toContain('#2e7d32');
  expect(chart).toContain('÷ helm');
  expect(chart).not.toContain('kustomize');
  expect(asChart([result({ verdicts: [{ than: 'helm', bound: 'at most', value: 3, got: 2 }] })])).toContain(
    '#2e7d32',
  );
});

test('a figure that was measured again takes the place of what was known of it; others stay', () => {
  const known = [result(), result({ id: 'test' })];
  const again = result({ title: 'again' });
  expect(merged(known, [again], ['test', 'synth', 'growth'])).toEqual([result({ id: 'test' }), again]);
});
