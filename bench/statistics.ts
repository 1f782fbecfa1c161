/** The middle of several readings and how far they are apart. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** How many readings there were. */
  readonly rounds: number;
}

export function spreadOf(readings: readonly number[]): Spread {
  const sorted = [...readings].sort((a, b) => a - b);
  const [low, high] = [sorted.at(0), sorted.at(-1)];
  if (low === undefined || high === undefined) throw new RangeError('A spread needs a reading');
  const middle = (sorted.length - 1) / 2;
  const [below, above] = [sorted[Math.floor(middle)] ?? low, sorted[Math.ceil(middle)] ?? high];
  return { median: (below + above) / 2, low, high, rounds: sorted.length };
}
