/** Questions to whoever runs a command; an option answers them where nobody is at the terminal. */
import { createInterface } from 'node:readline/promises';
import { CliError } from './errors.ts';

export interface Question {
  readonly text: string;
  /** What has to be typed. */
  readonly answer: string;
  /**
   * What an option has said already.
   * @default - nothing: ask
   */
  readonly said?: string;
  /** The option, such as `--yes`, for messages. */
  readonly option: string;
}

/** @throws {CliError} when the option says something else than the answer */
export function refuseOther({ answer, said, option }: Question): void {
  if (said === undefined || said === answer) return;
  throw new CliError(`Expected \`${option}\`, not "${said}".`, 'Nothing was changed.');
}

/**
 * Whether the answer was given.
 * @throws {CliError} when there is nobody to ask, or the option says something else
 */
export async function confirmed(question: Question): Promise<boolean> {
  refuseOther(question);
  const { text, answer, said, option } = question;
  if (said === answer) return true;
  if (!process.stdin.isTTY) {
    throw new CliError('Nobody is there to confirm it.', `Say it on the command line: \`${option}\`.`);
  }
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await prompt.question(`${text} `)).trim() === answer;
  } finally {
    prompt.close();
  }
}
