/**
 * The commands of a page, and where they are run. A fence says so after `sh`:
 *
 * - `run=unit`: by `npm test`, which needs no cluster;
 * - `run=dev` or `run=prod`: by `npm run e2e`, on the suites' cluster of that environment;
 * - `not-run="…"`: nowhere, and why.
 *
 * The blocks of a page run in their order, from the folder of the repository. A block of YAML whose first line is a
 * comment with the name of a file is that file. A command with `<a placeholder>` or `…` is left out, one whose comment
 * says "until Ctrl-C" gets one, and one whose comment begins with "if" may fail.
 */
import type { Block, Page } from './pages.ts';

export type Suite = 'unit' | 'dev' | 'prod';

/** Where a block is run, or why not; `undefined` when its fence doesn't say. */
export function placeOf({
  about,
}: Block): { readonly suite: Suite } | { readonly reason: string } | undefined {
  const [, suite] = /^run=(unit|dev|prod)$/.exec(about) ?? [];
  if (suite === 'unit' || suite === 'dev' || suite === 'prod') return { suite };
  const [, reason] = /^not-run="([^"]{10,})"$/.exec(about) ?? [];
  return reason === undefined ? undefined : { reason };
}

export interface ShellCommand {
  readonly text: string;
  /** Whether something in it has to be filled in first. */
  readonly incomplete: boolean;
  /** Whether it goes on until somebody ends it. */
  readonly endless: boolean;
  /** Whether it is for a case that need not be. */
  readonly conditional: boolean;
}

/** The commands of a block: a line each, unless a backslash, a quote, a here-document or a loop goes on in the next. */
export function commandsOf({ text }: Block): ShellCommand[] {
  const commands: ShellCommand[] = [];
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    if (lines.length === 0 && /^\s*(#|$)/.test(line)) continue;
    lines.push(line);
    const command = lines.join('\n');
    if (!isWhole(command)) continue;
    commands.push({
      text: command,
      incomplete: /<[a-zA-Z][^<>\n]*>|…/.test(withoutComments(command)),
      endless: /#.*\buntil Ctrl-C\b/.test(line),
      conditional: /#\s+if\b/.test(line),
    });
    lines = [];
  }
  if (lines.length > 0) throw new Error(`a command does not end: ${lines.join('\n')}`);
  return commands;
}

const withoutComments = (command: string): string => command.replace(/(^|\s)#.*$/gm, '');

function isWhole(command: string): boolean {
  if (command.endsWith('\\')) return false;
  const [, end] = /<<-?\s*'?(\w+)'?/.exec(command) ?? [];
  if (end !== undefined) return command.trimEnd().endsWith(`\n${end}`);
  if (/^for .*; do$/m.test(command)) return command.trimEnd().endsWith('done');
  return !hasOpenQuote(command);
}

function hasOpenQuote(command: string): boolean {
  let quote = '';
  for (let i = 0; i < command.length; i++) {
    const character = command.charAt(i);
    if (character === '\\' && quote !== "'") i++;
    else if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '#' && /(^|\s)$/.test(command.slice(0, i))) {
      const end = command.indexOf('\n', i);
      if (end === -1) return false;
      i = end;
    }
  }
  return quote !== '';
}

/** The file that a block of YAML is, by the comment in its first line. */
export function fileOf({ language, text }: Block): string | undefined {
  return language === 'yaml' ? /^# ([\w.-]+\.ya?ml)\b/.exec(text)?.[1] : undefined;
}

/** What a suite does with a page, in order: files to write, and commands to run. */
export type Step =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | ({ readonly kind: 'command'; readonly at: string } & ShellCommand);

export function stepsOf(page: Page, suite: Suite): Step[] {
  return page.blocks.flatMap((block): Step[] => {
    const name = fileOf(block);
    if (name !== undefined) return [{ kind: 'file', name, text: block.text }];
    if (block.language !== 'sh') return [];
    const place = placeOf(block);
    if (place === undefined || !('suite' in place) || place.suite !== suite) return [];
    return commandsOf(block)
      .filter(({ incomplete }) => !incomplete)
      .map((command) => ({ kind: 'command', at: block.at, ...command }));
  });
}
