/** `npm run seed`: a month of sales in a dev or test shop. */
import { readConfig } from '../environment.ts';
import { CliError } from '../errors.ts';
import { step } from '../steps.ts';
import { targetOf, type TargetOptions } from '../target.ts';
import { ownProgram, requireEnvironment, runTask } from '../tasks.ts';

export interface SeedOptions extends TargetOptions {
  /** What the made-up sales are derived from; the same number makes the same shop. */
  readonly seed: string;
  /**
   * Whether a shop that has sales gets these, too.
   * @default false
   */
  readonly add?: boolean;
}

export async function seed(options: SeedOptions): Promise<void> {
  const config = readConfig(options);
  const { environment } = config;
  if (environment !== 'dev' && environment !== 'test') {
    throw new CliError(
      `${environment} is no environment to make sales up in.`,
      'Made-up sales can not be told from real ones: choose --env dev or --env test.',
    );
  }
  const command = ownProgram(config, 'seed', [
    ...['--environment', environment, '--seed', options.seed],
    ...(options.add === true ? ['--add'] : []),
  ]);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  await requireEnvironment(kubectl, config);
  await step('Products and a month of sales', async (line) => {
    line.rename(
      `Products and a month of sales: ${lastFigures(await runTask(kubectl, config, command, line))}`,
    );
  });
}

/** The figures in the last line of a program's log, as text. */
function lastFigures(said: string): string {
  const line = said.trim().split('\n').at(-1) ?? '';
  return [...line.matchAll(/"(products|cashiers|sales|items)":(\d+)/g)]
    .map(([, name = '', count = '']) => `${count} ${name}`)
    .join(', ');
}
