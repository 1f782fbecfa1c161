import { ApiUnavailable } from './errors';

const TRIES = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** Repeats a task that is safe to repeat while the API gives no clear answer, with growing pauses. */
export async function persistently<T>(
  task: () => Promise<T>,
  wait: (milliseconds: number) => Promise<void>,
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof ApiUnavailable) || tried === TRIES) throw error;
      const pause = Math.max(FIRST_PAUSE_MS * 2 ** (tried - 1), error.retryAfterMs);
      await wait(Math.min(pause, LONGEST_PAUSE_MS));
    }
  }
}
