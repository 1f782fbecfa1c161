/** What the commands show: a line for each step with the time it took; plain lines where there is no terminal. */
import { color, Listr, ListrLogger, ListrLogLevels, type LoggerFieldOptions } from 'listr2';

/** The line of a step while it runs. */
export interface Line {
  /** Shows below the line what is going on. */
  note(text: string): void;
  /** Replaces the text of the line. */
  rename(title: string): void;
}

export interface Step {
  readonly title: string;
  readonly work: (line: Line) => Promise<void>;
}

/** Runs one step and answers what came of it. */
export async function step<T>(title: string, work: (line: Line) => Promise<T>): Promise<T> {
  const outcome: { value?: Promise<T> } = {};
  await new Listr({ title, task: (_, task) => (outcome.value = work(lineOf(task))) }, listrOptions()).run();
  if (outcome.value === undefined) throw new Error(`The step "${title}" did not run`);
  return outcome.value;
}

/** Runs steps side by side below one title; the first that fails fails them all. */
export async function together(title: string, steps: readonly Step[]): Promise<void> {
  await new Listr(
    {
      title,
      task: (_, parent) =>
        parent.newListr(
          steps.map((each) => ({ title: each.title, task: (_context, task) => each.work(lineOf(task)) })),
          { concurrent: true },
        ),
    },
    listrOptions(),
  ).run();
}

/** What a task of listr2 offers to its own work. */
interface TaskLine {
  title: string;
  output: string;
}

const lineOf = (task: TaskLine): Line => ({
  note: (text) => {
    if (task.output !== text) task.output = text;
  },
  rename: (title) => {
    task.title = title;
  },
});

const FAILED: string = ListrLogLevels.FAILED;

/** Says of a failed step only that it failed: its message is shown once, at the end. */
class PlainLogger extends ListrLogger {
  override log(level: string, message: string, options?: LoggerFieldOptions): void {
    super.log(level, message, level === FAILED ? undefined : options);
  }
}

const timer = {
  condition: true,
  field: (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`,
  format: () => (text?: string) => color.dim(text ?? ''),
};

/** Made for each list of steps, since a logger writes to what is the process's output when it is made. */
const listrOptions = () =>
  ({
    // main.ts ends the program on signals.
    registerSignalListeners: false,
    rendererOptions: { timer, collapseSubtasks: false, collapseErrors: false, showErrorMessage: false },
    fallbackRenderer: 'simple',
    fallbackRendererOptions: { timer, logger: new PlainLogger({ useIcons: true, toStderr: [] }) },
  }) as const;
