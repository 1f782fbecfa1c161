import { createLogger } from './logger.js';
import { reasonOf } from './reason.js';
import { Refusal } from './refusal.js';

/** Finishes what is in hand and gives back what is held. */
export type Stop = () => Promise<void>;

/**
 * Runs an entry of the image. As the container's first process it gets no default for signals: SIGTERM ends it
 * at once until `main` has returned, and by `main`'s own way of stopping from then on. What it can't recover
 * from becomes one line and exit code 1.
 */
export function runEntry(service: string, main: () => Promise<Stop | undefined>): void {
  let stop: Stop | undefined;

  const fail = (error: unknown) => {
    const logger = createLogger(service, 'info');
    if (error instanceof Refusal) logger.fatal(error.message);
    else logger.fatal({ err: error }, reasonOf(error));
    process.exit(1);
  };

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      if (stop === undefined) process.exit(143);
      stop().then(() => process.exit(0), fail);
    });
  }
  main().then((stopMain) => {
    stop = stopMain;
  }, fail);
}
