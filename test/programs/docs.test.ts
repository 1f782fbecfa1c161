import { commandsOf, fileOf, placeOf, stepsOf } from '../../docs/commands.ts';
import { pageOf, type Block } from '../../docs/pages.ts';
import { followPages } from '../reader.ts';

const block = (text: string, about = 'run=dev'): Block => ({ at: 'x.md:1', language: 'sh', about, text });

describe('a block of commands', () => {
  test('has one for each line that begins one', () => {
    const text = [
      '# a comment',
      "kubectl exec pod -- psql -c '",
      "  select 1' # it's one",
      'printf demo \\',
      '  > file',
      "psql <<'SQL'",
      'select 2;',
      'SQL',
      'for i in 0 1; do',
      '  echo $i',
      'done',
    ].join('\n');
    expect(commandsOf(block(text)).map((command) => command.text.split('\n').length)).toEqual([2, 2, 3, 3]);
  });

  test('says of each what the page says of it', () => {
    const commands = commandsOf(
      block(
        'npm run logs -- --follow # on, until Ctrl-C\nkubectl get pod <name>\nkubectl logs pod -p # if there\nls # <x>',
      ),
    );
    expect(
      commands.map(({ endless, incomplete, conditional }) => [endless, incomplete, conditional]),
    ).toEqual([
      [true, false, false],
      [false, true, false],
      [false, false, true],
      [false, false, false],
    ]);
  });

  test('says where it is run', () => {
    expect(placeOf(block('', 'run=prod'))).toEqual({ suite: 'prod' });
    expect(placeOf(block('', 'not-run="needs a bucket"'))).toEqual({ reason: 'needs a bucket' });
    expect(placeOf(block('', 'run=elsewhere'))).toBeUndefined();
    expect(placeOf(block('', ''))).toBeUndefined();
  });
});

test('a page is its files and the commands of a suite, in their order', () => {
  const page = pageOf(
    'x.md',
    '```yaml\n# shop.yaml: for prod\nsize: single\n```\n\n```sh run=unit\nls\n```\n\n```sh run=dev\npwd\n```\n',
  );
  expect(page.blocks.map(fileOf)).toEqual(['shop.yaml', undefined, undefined]);
  expect(stepsOf(page, 'unit').map((step) => step.text)).toEqual([
    '# shop.yaml: for prod\nsize: single',
    'ls',
  ]);
});

describe('commands that need no cluster', () => {
  followPages('unit', { env: () => Promise.resolve({}), seconds: 60 });
});
