import { CliError } from '../../../cli/errors.ts';
import { judge, skipped, type Check } from '../../../cli/verify/check.ts';
import { configuration } from '../../../cli/verify/configuration.ts';
import { describeFindings, reportOf, summaryOf } from '../../../cli/verify/report.ts';
import { runChecks } from '../../../cli/verify/run.ts';
import { quiet, withTools } from '../fakes.ts';
import { contextOf, LINE, list, told } from './world.ts';

const shown = quiet();

const finding = { thing: 'Pod a|b', fact: 'is not ready:\n  waiting', fix: '`npm run up` mends it.' };
const check = (title: string, run: Check['run']): Check => ({ title, run });
const CHECKS = [
  check('All is well', () => Promise.resolve(judge('3 pods', []))),
  check('Nothing is here', () => Promise.resolve(skipped('dev has none'))),
  check('One is doubtful', () => Promise.resolve(judge('1 pod', [], [finding]))),
  check('One is wrong', () => Promise.resolve(judge('2 pods', [finding]))),
  check('One ends', () => Promise.reject(new CliError('The cluster is gone.', 'Start it.'))),
];
const results = () => runChecks(CHECKS, contextOf([]));

test('each check has a line, and the others go on when one has failed or ended', async () => {
  const all = await results();
  expect(all.map(({ title, state }) => `${title}: ${state}`)).toEqual([
    'All is well: passed',
    'Nothing is here: skipped',
    'One is doubtful: warned',
    'One is wrong: failed',
    'One ends: failed',
  ]);
  expect(summaryOf(all)).toBe('1 passed, 1 warned, 2 failed, 1 skipped');
  const lines = shown.join('');
  for (const line of [
    'All is well: 3 pods',
    'Nothing is here: skipped, dev has none',
    'One is doubtful: 1 pod (1 to look at)',
  ]) {
    expect(lines).toContain(line);
  }
});

test('what is wrong is named with its fact and its fix', async () => {
  expect(describeFindings(await results())).toBe(
    [
      '⚠ warned: One is doubtful',
      '  Pod a|b is not ready:\n  waiting.',
      '    `npm run up` mends it.',
      '',
      '✖ failed: One is wrong',
      '  Pod a|b is not ready:\n  waiting.',
      '    `npm run up` mends it.',
      '',
      '✖ failed: One ends',
      '  The check ended early: The cluster is gone.',
      '    Start it.',
    ].join('\n'),
  );
});

test('the report is a page that is told apart by its cluster and time', async () => {
  const date = new Date('2026-11-22T10:11:12Z');
  const page = reportOf({ environment: 'dev', context: 'kind-zakpos', date }, await results());
  expect(page.replaceAll(/\| \d\.\d \|$/gm, '| 0.0 |')).toBe(`# dev on kind-zakpos, 2026-11-22 10:11 UTC

1 passed, 1 warned, 2 failed, 1 skipped.

| check | result | what was seen | seconds |
| --- | --- | --- | --- |
| All is well | ✔ passed | 3 pods | 0.0 |
| Nothing is here | – skipped | dev has none | 0.0 |
| One is doubtful | ⚠ warned | 1 pod | 0.0 |
| One is wrong | ✖ failed | 2 pods | 0.0 |
| One ends | ✖ failed | not to be told | 0.0 |

## One is doubtful

- Pod a|b is not ready: waiting. \`npm run up\` mends it.

## One is wrong

- Pod a|b is not ready: waiting. \`npm run up\` mends it.

## One ends

- The check ended early: The cluster is gone. Start it.
`);
});

describe('the configuration', () => {
  const rules = (a: number) => ({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'zakpos' } },
    data: { a },
  });
  /** A cluster with that in it, and nothing else. */
  const judgeWith = (live: object, status = '') =>
    withTools({ git: `[ "$1" = status ] && printf '${status}' || echo abc1234` }, () =>
      configuration.run(
        contextOf(
          [
            [/^api-resources/, 'configmaps  cm  v1  true  ConfigMap'],
            [/^get namespaces/, 'namespace/zakpos'],
            [/^get --ignore-not-found/, { kind: 'List', ...list(live) }],
            [/^apply .*--dry-run=server/, { kind: 'List', ...list(rules(2)) }],
            [/get secrets/, list()],
            [/ -l /, list()],
            [/customresourcedefinitions/, ''],
          ],
          { objects: [rules(2)] },
        ),
        LINE,
      ),
    );

  test('passes when an apply would change nothing', async () => {
    expect(await judgeWith(rules(2))).toMatchObject({ state: 'passed', words: '1 object of commit abc1234' });
  });

  test('fails when it would', async () => {
    const verdict = await judgeWith(rules(1));
    expect([verdict.state, ...told(verdict)]).toEqual([
      'failed',
      'ConfigMap x is not as in the manifests: - a: 1; + a: 2',
    ]);
  });

  test('is doubtful when git has it otherwise', async () => {
    const verdict = await judgeWith(rules(2), ' M main.ts\\n');
    expect([verdict.state, ...told(verdict)]).toEqual([
      'warned',
      'The checkout has 1 file that git does not have so: nobody else can render these manifests',
    ]);
  });
});
