/** GitHub, through its own program `gh`, which takes GH_TOKEN: the token of the workflow's run. */
import { CliError } from '../cli/errors.ts';
import { attempt, lastLines, type RunOptions } from '../cli/exec.ts';

/**
 * Runs gh and answers what it printed.
 * @throws {CliError} with what it said
 */
export async function gh(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await attempt('gh', args, options);
  if (result.ok) return result.stdout;
  if (result.notFound) {
    throw new CliError('gh is not installed, or not in PATH.', 'Install it: https://cli.github.com');
  }
  throw new CliError(
    `\`gh ${args.slice(0, 2).join(' ')}\` failed: ${lastLines(result.stderr, 3)}`,
    'It needs GH_TOKEN with the permissions that the workflow names, or `gh auth login`.',
  );
}
