/** What a check of `npm run verify` is given, and what it answers. */
import type { Config } from '../../environments/schema.ts';
import type { Snapshot } from '../components.ts';
import type { Rendered } from '../environment.ts';
import type { Kubectl } from '../kubectl.ts';
import type { Line } from '../steps.ts';

/** A cluster, and what is to be in it. */
export interface Context {
  readonly config: Config;
  readonly kubectl: Kubectl;
  /** Whether it is a kind cluster of this project, which this machine reaches by 127.0.0.1. */
  readonly onKind: boolean;
  /** The manifests of the checkout. */
  readonly rendered: Rendered;
  /** The workloads and pods at the beginning. */
  readonly snapshot: Snapshot;
  /** The options that name the cluster, as a person types them. */
  readonly flags: string;
  /** Whether a restore is to be rehearsed now. */
  readonly drill: boolean;
  /** Stores that may be restarted to see that their data stay. */
  readonly restart: readonly string[];
}

/** Something that is wrong, or may be: read one after the other, thing and fact are a sentence. */
export interface Finding {
  /** Such as `Deployment zakpos-api`. */
  readonly thing: string;
  readonly fact: string;
  readonly fix: string;
}

export interface Verdict {
  readonly state: 'passed' | 'warned' | 'failed' | 'skipped';
  /** What was seen, or why nothing was looked at. */
  readonly words: string;
  readonly findings: readonly Finding[];
}

export interface Check {
  /** A sentence that is true when the check passes. */
  readonly title: string;
  readonly run: (context: Context, line: Line) => Promise<Verdict>;
}

/** Nothing was looked at, since there is nothing of it here. */
export const skipped = (words: string): Verdict => ({ state: 'skipped', words, findings: [] });

/** What was seen: `wrong` makes the check fail, `doubtful` is only told. */
export const judge = (
  words: string,
  wrong: readonly Finding[],
  doubtful: readonly Finding[] = [],
): Verdict => ({
  state: wrong.length > 0 ? 'failed' : doubtful.length > 0 ? 'warned' : 'passed',
  words,
  findings: [...wrong, ...doubtful],
});

/** Such as `1 pod` and `2 pods`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** What puts back whatever the manifests say. */
export const putBack = ({ flags }: Pick<Context, 'flags'>): string =>
  `\`npm run up -- ${flags}\` puts it back.`;
