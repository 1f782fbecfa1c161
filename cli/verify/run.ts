/** Runs checks one after the other, each on a line of its own; one that can't be run has failed. */
import { CliError, messageOf } from '../errors.ts';
import { step } from '../steps.ts';
import type { Check, Context, Verdict } from './check.ts';

export interface Result extends Verdict {
  readonly title: string;
  readonly seconds: number;
}

export async function runChecks(checks: readonly Check[], context: Context): Promise<Result[]> {
  const results: Result[] = [];
  for (const check of checks) results.push(await runCheck(check, context));
  return results;
}

async function runCheck({ title, run }: Check, context: Context): Promise<Result> {
  const began = Date.now();
  let verdict: Verdict | undefined;
  try {
    await step(title, async (line) => {
      try {
        verdict = await run(context, line);
      } catch (error) {
        verdict = failure(error);
      }
      line.rename(describe(title, verdict));
      // A line is marked as failed by an error; what it says is told below all lines.
      if (verdict.state === 'failed') throw new Failed();
    });
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  }
  if (verdict === undefined) throw new Error(`"${title}" came to no verdict`);
  return { ...verdict, title, seconds: (Date.now() - began) / 1000 };
}

class Failed extends Error {}

/** The line of a check at its end. */
const describe = (title: string, { state, words, findings }: Verdict): string =>
  state === 'skipped'
    ? `${title}: skipped, ${words}`
    : `${title}: ${words}${findings.length === 0 ? '' : ` (${findings.length} to look at)`}`;

/** Why a check couldn't be run, as one finding. */
function failure(error: unknown): Verdict {
  const [fact = '', fix = 'Mend what it names, then run the same command again.'] =
    error instanceof CliError ? error.message.split(/\n {2}(?=[^\n]*$)/) : [messageOf(error)];
  return {
    state: 'failed',
    words: 'not to be told',
    findings: [{ thing: 'The check', fact: `ended early: ${fact}`, fix }],
  };
}
