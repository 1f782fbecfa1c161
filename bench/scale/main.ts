/** `npm run scale -- <tills>`: the values of an environment that serves so many tills. */
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { readResults } from '../results.ts';
import { costOf } from './cost.ts';
import { asValues } from './values.ts';

const RESULTS = join(import.meta.dirname, '../../docs/reference/performance.json');
const MOST_TILLS = 1_000_000;

const tillsOf = (text: string): number => {
  if (!/^[1-9]\d*$/.test(text) || Number(text) > MOST_TILLS) {
    throw new InvalidArgumentError(`a whole number from 1 to ${MOST_TILLS} is expected`);
  }
  return Number(text);
};

const program = new Command('scale')
  .description('prints the values of an environment that serves so many tills')
  .argument('<tills>', 'how many tills sell in the busiest hour', tillsOf)
  .showHelpAfterError()
  .action((tills: number) => {
    try {
      process.stdout.write(asValues(tills, costOf(readResults(RESULTS))));
    } catch (error) {
      program.error(error instanceof Error ? error.message : String(error));
    }
  });

program.parse();
