/**
 * Something that its user can mend: the thing and the fact about it, then the fix on a line of its own.
 * It is shown without a stack trace and ends the program with exit code 1.
 */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly problem: string;
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(`${problem}\n  ${fix}`);
    this.problem = problem;
    this.fix = fix;
  }
}

/** What an unknown error says. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
