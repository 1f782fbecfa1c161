/** Each `npm run` in a text, held against its package.json and the commands' definitions. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { program } from '../cli/program.ts';
import { cliCommandOf, npmScripts } from './cli.ts';

/** What is wrong with the `npm run …` in a shell line or a piece of inline code; empty when nothing is. */
export function problemsOf(text: string): string[] {
  const runs = text
    .replaceAll('\\\n', ' ')
    .matchAll(
      /\bnpm (?:--prefix (?<folder>\S+) )?run(?: -s| --silent)? (?<script>[\w:-]+)(?<rest>[^|;&#<>`)\n]*)/g,
    );
  return [...runs].flatMap(({ groups }) =>
    problems(groups?.script ?? '', groups?.rest ?? '', groups?.folder ?? '.'),
  );
}

function problems(script: string, rest: string, folder: string): string[] {
  const line = npmScripts(folder)[script];
  if (line === undefined) return [`${join(folder, 'package.json')} has no script "${script}"`];
  // What follows a second -- is another program's.
  const [before = '', after = ''] = rest.split(/(?:^|\s)--(?=\s|$)/);
  const swallowed = words(before).filter((word) => word.startsWith('-'));
  if (swallowed.length > 0) return [`npm takes ${swallowed.join(' ')} for its own: put -- before it`];
  const name = cliCommandOf(line);
  if (name === undefined) return [];
  const given = [...words(before), ...words(after)];
  const parent = program.commands.find((command) => command.name() === name);
  const below = parent?.commands.find((command) => command.name() === given[0]);
  if (parent === undefined) return [`cli/program.ts has no command "${name}"`];
  return below === undefined
    ? unknown(given, parent, [parent])
    : unknown(given.slice(1), below, [below, parent]);
}

/** Options that none of the commands has, and arguments that the first doesn't take. */
function unknown(given: readonly string[], command: Command, all: readonly Command[]): string[] {
  const options = all.flatMap(({ options }) => options);
  const found: string[] = [];
  const operands: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const word = given[i] ?? '';
    if (!word.startsWith('--')) {
      operands.push(word);
      continue;
    }
    const option = options.find(({ long }) => long === word.replace(/=.*/, ''));
    if (option === undefined && !passesOptionsOn(command)) {
      found.push(`${command.name()} has no option ${word}`);
    } else if ((option?.required === true || option?.optional === true) && !word.includes('=')) {
      i++;
    }
  }
  const { registeredArguments } = command;
  if (operands.length > registeredArguments.length && registeredArguments.at(-1)?.variadic !== true) {
    found.push(`${command.name()} takes no ${operands.slice(registeredArguments.length).join(' ')}`);
  }
  return found;
}

/** Whether options that it doesn't know are those of a program that it runs. Commander has no other way to ask. */
const passesOptionsOn = (command: Command): boolean =>
  '_allowUnknownOption' in command && command._allowUnknownOption === true;

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
