/** The computer's clock, for what waits; tests put a faster one in its place. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from './errors.ts';

export const clock = {
  /** Milliseconds since 1970. */
  now: (): number => Date.now(),
  /** Resolves after so many milliseconds, and at once when it is aborted. */
  sleep: (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    sleep(milliseconds, undefined, { signal }).catch(() => undefined),
};

/**
 * Looks each second until something is so.
 * @throws {CliError} when it isn't within the time; `otherwise` says what is then
 */
export async function until(seconds: number, otherwise: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = clock.now() + seconds * 1000;
  while (!(await isSo())) {
    if (clock.now() > deadline) {
      throw new CliError(
        `${otherwise} after ${seconds} s.`,
        'Look at it with `npm run status`, then run the same command again: it goes on from here.',
      );
    }
    await clock.sleep(1000);
  }
}
