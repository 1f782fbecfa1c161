/** `npm run bench`: measures this project and its peers on the same work, by turns, and shows the ratios. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { commit, machine } from './machine.ts';
import { asChart } from './report/chart.ts';
import { asPage } from './report/page.ts';
import { asText } from './report/text.ts';
import { merged, readResults, type Result } from './results.ts';
import { closeShops } from './shop.ts';
import { measure } from './turns.ts';
import { works } from './works.ts';

const ROOT = join(import.meta.dirname, '..');
const RESULTS = join(ROOT, 'docs/reference/performance.json');
const PAGE = join(ROOT, 'docs/reference/performance.md');
const CHART = join(ROOT, 'docs/reference/performance.svg');

interface Options {
  readonly list: boolean;
  readonly write: boolean;
  readonly rounds?: number;
}

const count = (text: string): number => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('a whole number from 1 on is expected');
  return Number(text);
};

const program = new Command('bench')
  .description('measures this project and its peers on the same work, by turns')
  .argument('[work...]', 'such as synth or growth; all of them when it is left out')
  .option('--list', 'only show which works there are', false)
  .option('--write', 'keep what was measured, and write docs/reference/performance.md from it', false)
  .option('--rounds <number>', 'turns of each side (default: as each work says)', count)
  .showHelpAfterError()
  .action((ids: readonly string[], options: Options) => bench(ids, options));

async function bench(ids: readonly string[], { list, write, rounds }: Options): Promise<void> {
  const all = works();
  const unknown = ids.filter((id) => all.every((work) => work.id !== id));
  if (unknown.length > 0) {
    program.error(
      `No work is called ${unknown.join(', ')}; there are ${all.map(({ id }) => id).join(', ')}.`,
    );
  }
  const wanted = all.filter(({ id }) => ids.length === 0 || ids.includes(id));
  if (list) {
    console.log(wanted.map(({ id, what }) => `${id.padEnd(16)}${what}`).join('\n'));
    return;
  }
  const run = { machine: machine(), commit: await commit(ROOT), date: new Date().toISOString().slice(0, 10) };
  console.log(`${run.machine}; commit ${run.commit}`);
  const order = all.flatMap(({ figures }) => figures.map(({ id }) => id));
  const failed: string[] = [];
  try {
    for (const work of wanted) {
      try {
        const rows = await measure(rounds === undefined ? work : { ...work, rounds }, (text) => {
          console.error(text);
        });
        console.log(`\n${asText(rows)}`);
        if (write)
          keep(
            rows.map((row) => ({ ...row, run })),
            order,
          );
      } catch (error) {
        // Hours of others are not to be lost for it.
        console.error(error);
        failed.push(work.id);
      }
    }
  } finally {
    await closeShops();
  }
  if (failed.length > 0) program.error(`Not measured: ${failed.join(', ')}; the errors are above.`);
}

/** Puts results in the place of earlier ones of the same figures, and writes what is shown of them. */
function keep(measured: readonly Result[], order: readonly string[]): void {
  const results = merged(readResults(RESULTS), measured, order);
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(PAGE, asPage(results));
  writeFileSync(CHART, asChart(results));
  console.log(`\nWritten: ${PAGE}`);
}

await program.parseAsync();
