/** `npm run move`: the data of a store goes to another node, storage class or size. */
import { confirmed } from '../ask.ts';
import { readConfig, synthesize } from '../environment.ts';
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
  if (!(await mayDelete(plan, options.claim))) {
    console.log('Nothing was touched.');
    return;
  }
  const moving = new Move(kubectl, plan, options.timeout);
  await moving.run();
  console.log(await moving.leftovers());
}

/** Whether the claims that are deleted and made again were named, since a claim is deleted only by its name. */
function mayDelete({ claims }: MovePlan, given: readonly string[]): Promise<boolean> {
  const names = claims.map(({ name }) => name).sort();
  return confirmed({
    text: `Type ${names.join(' ')} to go on:`,
    answer: names.join(' '),
    ...(given.length === 0 ? {} : { said: [...given].sort().join(' ') }),
    option: names.map((name) => `--claim ${name}`).join(' '),
  });
}
