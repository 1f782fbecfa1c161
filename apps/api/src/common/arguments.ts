import { parseArgs, type ParseArgsConfig } from 'node:util';

import { reasonOf } from './reason.js';
import { Refusal } from './refusal.js';

/** The options of the command line; one that isn't known is refused, since it was meant to change something. */
export function readArguments<const Options extends NonNullable<ParseArgsConfig['options']>>(
  options: Options,
) {
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new Refusal(`${reasonOf(error).split('. ')[0] ?? ''}. There are: ${known.join(', ')}.`);
  }
}
