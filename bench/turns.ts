/** Sides take turns, so that what slows the machine for a while slows each of them. */
import { spreadOf, type Spread } from './statistics.ts';
import { Unavailable, type Goal, type Side, type Unit, type Work } from './work.ts';

/** What became of one side in a figure: its readings, or why there are none. */
export type Outcome = { readonly name: string } & (Spread | { readonly why: string });

export interface Verdict extends Goal {
  /** Our median, or its ratio to the other's; missing where either was not measured. */
  readonly got?: number;
}

/** A figure with what was measured of it. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly outcomes: readonly Outcome[];
  readonly verdicts: readonly Verdict[];
}

export const isMet = ({ bound, value, got }: Verdict): boolean | undefined =>
  got === undefined ? undefined : bound === 'at most' ? got <= value : got >= value;

type Readings = Readonly<Record<string, number>>;

/**
 * Runs a work and gives its rows. A side that is unavailable has a row with the reason; any other error ends the work.
 * @param note is told what is going on
 */
export async function measure(
  { what, sides, figures, rounds = 5 }: Work,
  note: (text: string) => void,
): Promise<Row[]> {
  const readings = new Map<Side, Readings[]>();
  const reasons = new Map<Side, string>();
  try {
    for (const side of sides) {
      note(`${what}: ${side.name} is made ready`);
      try {
        await side.prepare?.();
        readings.set(side, []);
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        reasons.set(side, error.message);
      }
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const [side, taken] of inTurn([...readings], round)) {
        note(`${what}: ${side.name}, ${round + 1} of ${rounds}`);
        taken.push(await side.run());
      }
    }
  } finally {
    for (const side of sides) await side.cleanUp?.();
  }
  return figures.map(({ id, title, unit, reading, goals }) => {
    const outcomes = sides.map((side): Outcome => {
      const why = reasons.get(side);
      if (why !== undefined) return { name: side.name, why };
      return { name: side.name, ...spreadOf((readings.get(side) ?? []).map((each) => each[reading] ?? NaN)) };
    });
    return { id, title, unit, outcomes, verdicts: goals.map((goal) => verdictOf(goal, outcomes)) };
  });
}

/** Every second round goes backwards: nobody always comes after the same other. */
const inTurn = <T>(sides: readonly T[], round: number): T[] =>
  round % 2 === 0 ? [...sides] : [...sides].reverse();

function verdictOf(goal: Goal, outcomes: readonly Outcome[]): Verdict {
  const ours = outcomes[0];
  if (ours === undefined || !('median' in ours)) return goal;
  if (goal.than === undefined) return { ...goal, got: ours.median };
  const other = outcomes.find(({ name }) => name === goal.than);
  if (other === undefined) throw new Error(`No side is called "${goal.than}"`);
  return 'median' in other ? { ...goal, got: ours.median / other.median } : goal;
}
