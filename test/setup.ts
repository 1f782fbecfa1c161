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

/** How many of those that may run at once do. */
const AT_ONCE = 4;

type Run = () => Promise<void>;
const concurrent = new WeakMap<object, Run[]>();

/** Begins with the tests that come after it in its block, too; each is waited for in its turn. */
function withNext(block: object, run: Run): Run {
  const all = concurrent.get(block) ?? [];
  concurrent.set(block, all);
  let running: Promise<void> | undefined;
  const begun: Run = () => {
    running ??= run();
    // It is looked at when it is its turn.
    running.catch(() => undefined);
    return running;
  };
  const position = all.push(begun) - 1;
  return () => {
    for (const next of all.slice(position + 1, position + AT_ONCE)) void next();
    return begun();
  };
}

addEventHandler((event, state) => {
  if (event.name !== 'add_test' && event.name !== 'add_hook') return;
  const block = state.currentDescribeBlock;
  const added = event.name === 'add_test' ? block.children.at(-1) : block.hooks.at(-1);
  if (added === undefined || !('fn' in added)) return;
  const { fn } = added;
  const run = within(event.timeout ?? MOST_MS, () => Reflect.apply(fn, undefined, []));
  added.fn = event.name === 'add_test' && event.concurrent ? withNext(block, run) : run;
});
