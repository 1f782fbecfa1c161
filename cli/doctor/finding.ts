/** What `npm run doctor` has to say of one thing that it looked at. */
import { ConfigError } from '../../environments/load.ts';
import { CliError } from '../errors.ts';

export interface Finding {
  /** What was looked at. */
  readonly about: string;
  /** `advice` is about what works all the same; what was `left out` can't be looked at here or now. */
  readonly outcome: 'ok' | 'problem' | 'advice' | 'left out';
  readonly fact: string;
  /**
   * What to do about it.
   * @default - nothing has to be done
   */
  readonly fix?: string;
}

export const ok = (about: string, fact: string): Finding => ({ about, outcome: 'ok', fact });
export const leftOut = (about: string, fact: string): Finding => ({ about, outcome: 'left out', fact });
export const problem = (about: string, fact: string, fix: string): Finding => ({
  about,
  outcome: 'problem',
  fact,
  fix,
});
export const advice = (about: string, fact: string, fix: string): Finding => ({
  about,
  outcome: 'advice',
  fact,
  fix,
});

/** What came of looking at something; an error that has a fix is a problem like any other. */
export async function examine(
  about: string,
  look: () => Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return [await look()].flat();
  } catch (error) {
    if (error instanceof CliError) return [problem(about, error.problem, error.fix)];
    if (error instanceof ConfigError) return [problem(about, error.message, 'Put right what it names.')];
    throw error;
  }
}
