/** `npm run move`: the data of a store goes to another node, storage class or size. */
import { createInterface } from 'node:readline/promises';
import { readConfig, synthesize } from '../environment.ts';
import { CliError } from '../errors.ts';
import { Move } from '../move.ts';
import { describePlan, planMove, planUnderWay, type MovePlan, type MoveTarget } from '../move-plan.ts';
import { storeOf } from '../stores.ts';
import { targetOf, type TargetOptions } from '../target.ts';

export interface MoveOptions extends TargetOptions, MoveTarget {
  /** Names of the claims that may be deleted, so that nobody has to be asked. */
  readonly claim: readonly string[];
  /** Whether a move that is under way is given up. */
  readonly cancel?: boolean;
  /** Seconds that pods may take to start. */
  readonly timeout: number;
}

export async function move(name: string, options: MoveOptions): Promise<void> {
  const config = readConfig(options);
  const { objects } = await synthesize(config, options);
  const store = storeOf(objects, name);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  const underWay = await planUnderWay(kubectl, store, options);
  if (options.cancel === true) {
    if (underWay === undefined) {
      console.log(`No move of ${store.name} is under way.`);
      return;
    }
    const given = new Move(kubectl, underWay, options.timeout);
    await given.cancel();
    console.log(await given.leftovers());
    return;
  }
  const plan = underWay ?? (await planMove(kubectl, store, options));
  console.log(`${underWay === undefined ? '' : 'A move that was cut off goes on. '}${describePlan(plan)}`);
  await confirm(plan, options.claim);
  const moving = new Move(kubectl, plan, options.timeout);
  await moving.run();
  console.log(await moving.leftovers());
}

/**
 * A claim is deleted only by its name.
 * @throws {CliError} when the names are not those of the claims
 */
async function confirm({ claims }: MovePlan, given: readonly string[]): Promise<void> {
  const names = claims.map(({ name }) => name);
  const typed = given.length > 0 || !process.stdin.isTTY ? given : await ask(names);
  const missing = names.filter((name) => !typed.includes(name));
  const others = typed.filter((name) => !names.includes(name));
  if (missing.length === 0 && others.length === 0) return;
  throw new CliError(
    `${typed.length === 0 ? 'Nobody has' : `"${typed.join(' ')}" has not`} named the claims that are deleted and made again. Nothing was touched.`,
    `Name them: ${names.map((name) => `\`--claim ${name}\``).join(' ')}.`,
  );
}

async function ask(names: readonly string[]): Promise<string[]> {
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const typed = await prompt.question(`Type ${names.join(' ')} to go on: `);
    return typed.split(/\s+/).filter((name) => name !== '');
  } finally {
    prompt.close();
  }
}
