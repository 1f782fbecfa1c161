/** Numbers that look like chance and are the same for the same seed (mulberry32). */
export class Random {
  constructor(private state: number) {}

  /** From 0 up to 1, without 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<Entry>(entries: readonly Entry[]): Entry {
    return this.among(
      entries,
      entries.map(() => 1),
    );
  }

  /** An entry as often as its weight among all of them says. */
  among<Entry>(entries: readonly Entry[], weights: readonly number[]): Entry {
    let rest = this.next() * weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, entry] of entries.entries()) {
      rest -= weights[index] ?? 0;
      if (rest < 0) return entry;
    }
    throw new Error('There is nothing to choose from');
  }
}
