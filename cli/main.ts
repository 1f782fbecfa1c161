/** The commands behind `npm run up`, `status`, `down` and the others of package.json. */
import { ConfigError } from '../environments/load.ts';
import { CliError } from './errors.ts';
import { program } from './program.ts';
import { listenToSignals } from './signals.ts';

listenToSignals();

program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof CliError || error instanceof ConfigError)) throw error;
  console.error(`\n${error.message}`);
  process.exitCode = 1;
});
