/** Runs docker, kind, kubectl and node as child processes. Secrets go to their stdin, never into their arguments. */
import { constants } from 'node:os';
import { execa } from 'execa';
import { CliError } from './errors.ts';

export interface RunOptions {
  /** Text for its stdin. */
  readonly input?: string;
  readonly cwd?: string;
  /** Variables in addition to this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds after which it is ended and counts as failed. */
  readonly timeoutSeconds?: number;
  /**
   * Whether a Ctrl-C at the terminal does not reach it.
   * @default false
   */
  readonly detached?: boolean;
  /** Called with each line of its output, stdout and stderr alike, as it appears. */
  readonly onLine?: (line: string) => void;
}

export interface RunResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** Its error output, or why it could not run. */
  readonly stderr: string;
  /** Whether there is no such command. */
  readonly notFound: boolean;
}

/** Runs a command to its end, whatever that is. */
export async function attempt(
  command: string,
  args: readonly string[],
  { input, cwd, env, timeoutSeconds, detached = false, onLine }: RunOptions = {},
): Promise<RunResult> {
  const child = execa(command, args, {
    reject: false,
    detached,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds * 1000 }),
  });
  if (onLine !== undefined) {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        const line = chunk.trimEnd().split('\n').at(-1)?.trim();
        if (line !== undefined && line !== '') onLine(line);
      });
    }
  }
  const result = await child;
  return {
    ok: !result.failed,
    stdout: result.stdout,
    stderr: result.timedOut
      ? `${command} did not answer within ${timeoutSeconds ?? 0} s\n${result.stderr}`.trim()
      : result.stderr || whyNotRun(command, result),
    notFound: result.code === 'ENOENT',
  };
}

/**
 * Runs a command twice, so that what the first prints is what the second reads, and answers for both, with what the
 * second printed. A signal that is aborted ends them.
 */
export async function pipe(
  command: string,
  from: readonly string[],
  to: readonly string[],
  onBytes: (total: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Omit<RunResult, 'notFound'>> {
  // What goes through is of any length, and kept nowhere.
  const reader = execa(command, from, { reject: false, stdin: 'ignore', buffer: { stdout: false } });
  const writer = execa(command, to, { reject: false });
  let total = 0;
  reader.stdout.on('data', (chunk: Buffer) => {
    onBytes((total += chunk.length));
  });
  reader.stdout.pipe(writer.stdin);
  // A writer that ends early, which its own words explain, leaves what the reader still has to give to nobody.
  writer.stdin.on('error', () => undefined);
  writer.stdin.on('close', () => {
    if (reader.stdout.readableEnded) return;
    reader.kill();
    reader.stdout.resume();
  });
  signal?.addEventListener('abort', () => reader.kill());
  const [written, read] = await Promise.all([writer, reader]);
  const failed = [written, read].filter((result) => result.failed);
  // One that said nothing was ended since the other was.
  const said = failed.map(({ stderr }) => stderr).filter((stderr) => stderr !== '');
  return {
    ok: failed.length === 0,
    stdout: written.stdout,
    stderr: said.join('\n') || failed.map((result) => whyNotRun(command, result)).join('\n'),
  };
}

/** Something that runs until it is stopped, or ends by itself. */
export interface Running {
  /** Ends with it, and says how. */
  readonly ended: Promise<Pick<RunResult, 'ok' | 'stderr'>>;
  readonly stop: () => void;
}

/** Starts a command that goes on for long, and hands over each line of its output as it appears. */
export function start(command: string, args: readonly string[], onLine: (line: string) => void): Running {
  const child = execa(command, args, { reject: false, stdin: 'ignore', buffer: { stdout: false } });
  let begun = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (begun + chunk).split('\n');
    begun = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  return {
    ended: child.then((result) => {
      if (begun !== '') onLine(begun);
      return { ok: !result.failed, stderr: result.stderr || whyNotRun(command, result) };
    }),
    stop: () => child.kill(),
  };
}

/**
 * Runs a command with the terminal of this process, or what stands in its place, and answers its exit code, as a shell
 * does. A stdin that is `'open'` brings nothing, and ends when this process does.
 */
export async function attach(
  command: string,
  args: readonly string[],
  stdin: 'inherit' | 'open' = 'inherit',
): Promise<number> {
  const { exitCode, signal } = await execa(command, args, {
    reject: false,
    stdin: stdin === 'open' ? 'pipe' : 'inherit',
    stdout: 'inherit',
    stderr: 'inherit',
  });
  return exitCode ?? (signal === undefined ? 127 : 128 + constants.signals[signal]);
}

/** Why a command without any error output couldn't run to its end: it wasn't there, or was killed. */
function whyNotRun(
  command: string,
  { signal, originalMessage = '' }: { readonly signal?: string; readonly originalMessage?: string },
): string {
  return signal === undefined ? originalMessage : `${command} was ended by ${signal}`;
}

/**
 * Runs a command that has to succeed and answers its stdout.
 * @throws {CliError} with what the command said
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions & { readonly fix?: string } = {},
): Promise<string> {
  const result = await attempt(command, args, options);
  if (result.ok) return result.stdout;
  throw new CliError(
    `\`${command} ${args.slice(0, 2).join(' ')}\` failed: ${lastLines(result.stderr || result.stdout)}`,
    options.fix ?? 'Put right what it names, then run the same command again: it continues where it stopped.',
  );
}

/** The end of a command's output, where the reason is. */
export function lastLines(output: string, count = 15): string {
  return output.trim().split('\n').slice(-count).join('\n');
}
