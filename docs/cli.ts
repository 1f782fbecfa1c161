/** docs/reference/cli.md, made from the commands' definitions. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Argument, Command, Option } from 'commander';
import { z } from 'zod';
import { program } from '../cli/program.ts';

const ROOT = join(import.meta.dirname, '..');
const packageJson = z.object({ scripts: z.record(z.string(), z.string()) });

/** The scripts of a package, such as that of `apps/api`. */
export const npmScripts = (folder = '.'): Readonly<Record<string, string>> =>
  packageJson.parse(JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'))).scripts;

/** Name of the CLI's command that a script of package.json is; `undefined` for one that is something else. */
export const cliCommandOf = (script: string): string | undefined => /^node cli\.mjs (\S+)/.exec(script)?.[1];

export function cliReference(): string {
  const byName = new Map(program.commands.map((command) => [command.name(), command]));
  const commands = Object.entries(npmScripts()).flatMap(([script, line]) => {
    const command = byName.get(cliCommandOf(line) ?? '');
    return command === undefined ? [] : [{ script, command }];
  });
  return [
    '# Commands',
    '',
    '<!-- Made by `npm run docs` from cli/program.ts: change it there. -->',
    '',
    'Options come after `--`: `npm run up -- --env prod`. Where a command takes `--env`, `--cluster` and `--context`, they',
    'say which environment it is about and where that runs; ZAKPOS_CLUSTER stands for `--cluster`. Each exits with 0 when',
    'it has done what it says, else with another code. The other scripts of `package.json` are in',
    '[the README](../../README.md#commands).',
    ...commands.flatMap(({ script, command }) => [
      '',
      `## npm run ${script}`,
      '',
      ...described(command, `npm run ${script}`),
      ...command.commands.flatMap((below) => [
        '',
        `### npm run ${script} ${below.name()}`,
        '',
        ...described(below, `npm run ${script} ${below.name()}`),
      ]),
    ]),
    '',
  ].join('\n');
}

function described(command: Command, typed: string): string[] {
  const rows = [
    ...command.registeredArguments.map((argument) => row(nameOf(argument), argument.description, argument)),
    ...command.options.map((option) => row(option.flags, option.description, option)),
  ];
  const named = command.registeredArguments.map(nameOf).join(' ');
  return [
    `\`${typed}${named === '' ? '' : ` ${command.options.length > 0 ? '-- ' : ''}${named}`}\`: ${command.description()}.`,
    ...(rows.length === 0 ? [] : ['', '| takes | meaning | default |', '| --- | --- | --- |', ...rows]),
  ];
}

const nameOf = (argument: Argument): string => {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
};

function row(takes: string, meaning: string, { defaultValue }: Argument | Option): string {
  const none =
    defaultValue === undefined || typeof defaultValue === 'boolean' || [defaultValue].flat().length === 0;
  return `| \`${takes}\` | ${meaning.replaceAll('|', '\\|').replaceAll('<', '&lt;')} | ${none ? '' : `\`${String(defaultValue)}\``} |`;
}
