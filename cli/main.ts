/** The commands behind `npm run up`, `status`, `down`, `images`, `secrets` and `rollback`. */
import { Command, InvalidArgumentError } from 'commander';
import { ConfigError } from '../environments/load.ts';
import { down, type DownOptions } from './commands/down.ts';
import { images, type ImagesOptions } from './commands/images.ts';
import { rollback, type RollbackOptions } from './commands/rollback.ts';
import { renew, rotate, secrets, type SecretsOptions } from './commands/secrets.ts';
import { status, type StatusOptions } from './commands/status.ts';
import { up, type UpOptions } from './commands/up.ts';
import { CliError } from './errors.ts';

const program = new Command('zakpos').description('ZakPOS on Kubernetes').showHelpAfterError();

const command = (name: string, description: string): Command =>
  program
    .command(name)
    .description(description)
    .option('--env <environment>', 'dev, test, prod or cloud', 'dev')
    .option(
      '--cluster <name>',
      'name of the kind cluster (default: zakpos for dev, else zakpos-<environment>)',
    );
const withTarget = (name: string, description: string): Command =>
  command(name, description).option('--context <context>', 'a context of kubectl instead of a kind cluster');

const seconds = (text: string): number => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('a whole number of seconds is expected');
  return Number(text);
};

withTarget('up', 'from nothing to the running till; run again, it changes what has to change')
  .option('--timeout <seconds>', 'how long components may take to become ready', seconds, 300)
  .option('--no-smoke', 'leave out the smoke test at the end')
  .action((options: UpOptions) => up(options));
withTarget('status', 'every component: ready or why not, version, restarts, memory; and the URLs').action(
  async (options: StatusOptions) => {
    if (!(await status(options))) process.exitCode = 1;
  },
);
command('down', 'removes the kind cluster, after saying what is lost and asking')
  .option('--yes', 'do not ask')
  .action((options: DownOptions) => down(options));
withTarget('images', "builds the apps' images and loads them into the kind cluster")
  .option('--no-load', 'only build')
  .action((options: ImagesOptions) => images(options));
const secretsCommand = withTarget(
  'secrets',
  'makes the Secrets that are missing in the cluster; nobody sees their values',
)
  .option('--check', 'only report what is missing, incomplete or weak')
  .action(async (options: SecretsOptions) => {
    if (!(await secrets(options))) process.exitCode = 1;
  });
// The options are those of the command above them, wherever they are written.
secretsCommand
  .command('rotate <name>')
  .description('gives a store, or the signing of tokens, a new credential while the system serves')
  .action((name: string, _options: unknown, self: Command) => rotate(name, self.optsWithGlobals()));
secretsCommand
  .command('renew <name>')
  .description('renews a certificate that `secrets` has made')
  .action((name: string, _options: unknown, self: Command) => renew(name, self.optsWithGlobals()));
withTarget('rollback', 'takes the last rollout of an app back')
  .argument('[app]', 'api, reports, web or mobile; all that do not come up when it is left out')
  .option('--timeout <seconds>', 'how long the pods of before may take', seconds, 300)
  .action((app: string | undefined, options: RollbackOptions) => rollback(app, options));

process.once('SIGINT', () => {
  console.error('\nInterrupted; the same command continues where it stopped.');
  process.exit(130);
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CliError || error instanceof ConfigError)) throw error;
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
