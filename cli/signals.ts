/** What SIGHUP, SIGINT and SIGTERM do: they end the program, or have a command put back first what it has taken away. */
import type { RunOptions, RunResult } from './exec.ts';
import { Kubectl } from './kubectl.ts';

/** Exit codes of a shell for programs that these have ended. */
const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Aborted by a signal while there is something to be put back. */
let atWork: AbortController | undefined;

export function listenToSignals(): void {
  for (const [signal, code] of Object.entries(CODES)) {
    process.on(signal, () => {
      if (atWork === undefined) {
        console.error('\nInterrupted; the same command continues where it stopped.');
        process.exit(code);
      }
      if (!atWork.signal.aborted) console.error('\nInterrupted: a moment, until everything is as it was.');
      atWork.abort();
    });
  }
  // A terminal that was closed takes no more words, which is no reason to leave the rest undone.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (atWork === undefined) throw error;
    });
  }
}

/** Runs work that a signal must not cut off: it learns of the signal, and ends in its own way. */
export async function withoutInterruption<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  atWork = new AbortController();
  try {
    return await work(atWork.signal);
  } finally {
    atWork = undefined;
  }
}

/** kubectl whose calls come to their end at a signal; after it, there are no more of those that heed it. */
export class SteadyKubectl extends Kubectl {
  private readonly signal: AbortSignal | undefined;

  constructor(context: string, signal?: AbortSignal) {
    super(context);
    this.signal = signal;
  }

  override async attempt(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    this.signal?.throwIfAborted();
    const result = await super.attempt(args, { ...options, detached: true });
    this.signal?.throwIfAborted();
    return result;
  }
}
