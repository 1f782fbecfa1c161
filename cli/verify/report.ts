/** What came of the checks, for people: below the lines of the terminal, and as a page of Markdown. */
import type { Finding } from './check.ts';
import type { Result } from './run.ts';

export interface Heading {
  readonly environment: string;
  readonly context: string;
  readonly date: Date;
}

const MARKS = { passed: '✔ passed', warned: '⚠ warned', failed: '✖ failed', skipped: '– skipped' } as const;

const sentence = ({ thing, fact }: Finding): string => `${thing} ${fact.replace(/\.$/, '')}.`;

const withFindings = (results: readonly Result[]): Result[] =>
  results.filter(({ findings }) => findings.length > 0);

/** All that is wrong or doubtful, each with its fix. */
export const describeFindings = (results: readonly Result[]): string =>
  withFindings(results)
    .map(({ title, state, findings }) =>
      [
        `${MARKS[state]}: ${title}`,
        ...findings.flatMap((finding) => [`  ${sentence(finding)}`, `    ${finding.fix}`]),
      ].join('\n'),
    )
    .join('\n\n');

/** Such as `11 passed, 1 warned, 1 failed, 0 skipped`. */
export const summaryOf = (results: readonly Result[]): string =>
  (['passed', 'warned', 'failed', 'skipped'] as const)
    .map((state) => `${results.filter((result) => result.state === state).length} ${state}`)
    .join(', ');

export function reportOf({ environment, context, date }: Heading, results: readonly Result[]): string {
  return [
    `# ${environment} on ${context}, ${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    '',
    `${summaryOf(results)}.`,
    '',
    '| check | result | what was seen | seconds |',
    '| --- | --- | --- | --- |',
    ...results.map(({ title, state, words, seconds }) =>
      row([title, MARKS[state], words, seconds.toFixed(1)]),
    ),
    ...withFindings(results).flatMap(({ title, findings }) => [
      '',
      `## ${title}`,
      '',
      ...findings.map((finding) => `- ${oneLine(sentence(finding))} ${oneLine(finding.fix)}`),
    ]),
    '',
  ].join('\n');
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ');
const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => oneLine(cell).replaceAll('|', '\\|')).join(' | ')} |`;
