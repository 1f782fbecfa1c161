/** What a benchmark consists of: a work, the sides that do it by turns, and the figures that are read off it. */

/** One way of doing a work. The first side of a work is this project's own. */
export interface Side<Reading extends string = string> {
  /** As tables show it, such as `helm template`. */
  readonly name: string;
  /**
   * What comes once, before its first turn: installs, builds, warms up.
   * @throws {Unavailable} with the reason for which this side can't be measured here
   * @default - nothing
   */
  prepare?(): Promise<void>;
  /** One turn; what was read, by name. */
  run(): Promise<Readonly<Record<Reading, number>>>;
  /**
   * What comes once, after its last turn, whatever happened.
   * @default - nothing
   */
  cleanUp?(): Promise<void>;
}

/** Why a side is not in the table. */
export class Unavailable extends Error {}

export const UNITS = ['s', 'ms', 'MB', 'MiB', 'GiB', '/s', 'ms CPU', '%', 'bytes', ''] as const;
export type Unit = (typeof UNITS)[number];

/** A bound for our own side: of its median, or of its ratio to another side's median. */
export interface Goal {
  /**
   * Name of the side that it is compared with.
   * @default - none: the bound is absolute, in the figure's unit
   */
  readonly than?: string;
  readonly bound: 'at most' | 'at least';
  readonly value: number;
}

/** A row of the table. */
export interface Figure<Reading extends string = string> {
  /** As in `npm run bench -- <id>`, and by which a row of an earlier run is found. */
  readonly id: string;
  readonly title: string;
  readonly reading: Reading;
  readonly unit: Unit;
  readonly goals: readonly Goal[];
}

export interface Work<Reading extends string = string> {
  readonly id: string;
  /** What is done, in a sentence. */
  readonly what: string;
  /**
   * Turns of each side.
   * @default 5
   */
  readonly rounds?: number;
  readonly sides: readonly Side<Reading>[];
  readonly figures: readonly Figure<Reading>[];
}
