/** Before the tests of a process. */
import { addEventHandler } from 'jest-circus';

// What loads TypeScript into it is not for the programs that tests run.
delete process.env.NODE_OPTIONS;

/** Some tests run whole programs, on machines that may be busy. */
const MOST_MS = 60_000;

/** Ends what takes longer, which the runner does not do by itself. */
const within = (milliseconds: number, run: () => unknown) => async (): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not at its end after ${milliseconds / 1000} s`));
    }, milliseconds);
  });
  try {
    await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
};

addEventHandler((event, state) => {
  if (event.name !== 'add_test' && event.name !== 'add_hook') return;
  const { children, hooks } = state.currentDescribeBlock;
  const added = event.name === 'add_test' ? children.at(-1) : hooks.at(-1);
  if (added === undefined || !('fn' in added)) return;
  const { fn } = added;
  added.fn = within(event.timeout ?? MOST_MS, () => Reflect.apply(fn, undefined, []));
});
