/** `npm run workflows`: what actionlint and shellcheck say of .github/workflows. */
import { CliError } from '../../cli/errors.ts';
import { attempt } from '../../cli/exec.ts';
import { step } from '../../cli/steps.ts';
import { ACTIONLINT, actionlintIn, cacheFolder } from './tools.ts';

try {
  const command = await step(`actionlint ${ACTIONLINT}`, (line) =>
    actionlintIn(cacheFolder(), (text) => {
      line.note(text);
    }),
  );
  if ((await attempt('shellcheck', ['--version'])).notFound) {
    throw new CliError(
      'shellcheck is not installed, or not in PATH; actionlint would leave the scripts out without a word.',
      'Install it (shellcheck of Debian, or `brew install shellcheck`).',
    );
  }
  const { ok, stdout, stderr } = await attempt(command, ['-verbose', '-color']);
  const [, files = 'no'] = /in (\d+) files$/m.exec(stderr) ?? [];
  console.log(stdout === '' ? `actionlint: nothing to say of ${files} workflows` : stdout);
  if (!ok) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
