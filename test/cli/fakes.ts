/** Stand-ins for the tools that the commands run: small scripts in a PATH of their own, and a kubectl in memory. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { clock } from '../../cli/clock.ts';
import type { Running, RunOptions, RunResult } from '../../cli/exec.ts';
import { Kubectl } from '../../cli/kubectl.ts';
import { listenToSignals } from '../../cli/signals.ts';

/** Scripts of sh by the names of the tools that they stand for. */
export type Tools = Readonly<Record<string, string>>;

/** A folder with the tools, to be the whole PATH, and what they were called with. */
export interface ToolFolder {
  readonly path: string;
  /** A line for each call, such as `docker ps --all`. */
  readonly calls: () => string[];
}

/** Runs something with a folder of tools that is gone afterwards. */
export async function withToolFolder<T>(tools: Tools, use: (folder: ToolFolder) => Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'zakpos-tools-'));
  const log = join(path, 'calls');
  writeFileSync(log, '');
  for (const [name, script] of Object.entries(tools)) {
    writeFileSync(join(path, name), `#!/bin/sh\necho "${name} $*" >> '${log}'\n${script}\n`, { mode: 0o755 });
  }
  try {
    return await use({ path, calls: () => readFileSync(log, 'utf8').split('\n').filter(Boolean) });
  } finally {
    rmSync(path, { recursive: true });
  }
}

/** Runs something while these are the only tools that there are. */
export function withTools<T>(tools: Tools, work: () => Promise<T>): Promise<T> {
  return withToolFolder(tools, async ({ path }) => {
    const before = process.env.PATH;
    process.env.PATH = path;
    try {
      return await work();
    } finally {
      process.env.PATH = before;
    }
  });
}

/** What tools were called with while something ran with them, before those of the system. */
export const callsOf = (tools: Tools, use: () => Promise<unknown>): Promise<readonly string[]> =>
  withToolFolder(tools, async ({ path, calls }) => {
    const before = process.env.PATH;
    process.env.PATH = `${path}:/usr/bin:/bin`;
    try {
      await use();
    } finally {
      process.env.PATH = before;
    }
    return calls();
  });

/** Puts something in the place of what all test files of a process share, until the tests of this file are over. */
export function whileTesting<T extends object, K extends keyof T>(owner: T, key: K, standIn: T[K]): void {
  const before = owner[key];
  beforeAll(() => {
    owner[key] = standIn;
  });
  afterAll(() => {
    owner[key] = before;
  });
}

/** What is shown goes nowhere else while the tests of this file run; answers all of it so far. */
export function quiet(): readonly string[] {
  const shown: string[] = [];
  whileTesting(process.stdout, 'write', (text: string | Uint8Array) => shown.push(String(text)) > 0);
  return shown;
}

/** Signals are listened to, as by the program, while the tests of a block run; answers what it has said of them. */
export function listeningToSignals(): readonly string[] {
  const said: string[] = [];
  whileTesting(console, 'error', (text: string) => said.push(text));
  beforeAll(() => {
    listenToSignals();
  });
  afterAll(() => {
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.removeAllListeners(signal);
    for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
  });
  return said;
}

let ahead = 0;

/** Time passes as fast as it is slept through, while the tests of this file run. */
export function withFastClock(): void {
  whileTesting(clock, 'now', () => Date.now() + ahead);
  whileTesting(clock, 'sleep', async (milliseconds, signal) => {
    if (signal?.aborted !== true) ahead += milliseconds;
    await turn();
  });
}

/** A file of own values, which commands find by ZAKPOS_CONFIG while the tests of this file run. */
export interface OwnValues {
  /** The folder that it lies in. */
  readonly folder: string;
  readonly write: (values: object) => void;
}
export function ownValues(): OwnValues {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-own-'));
  const file = join(folder, 'own.json');
  beforeAll(() => {
    process.env.ZAKPOS_CONFIG = file;
  });
  afterAll(() => {
    delete process.env.ZAKPOS_CONFIG;
    rmSync(folder, { recursive: true });
  });
  return {
    folder,
    write: (values) => {
      writeFileSync(file, JSON.stringify(values));
    },
  };
}

/** What a kubectl in memory says to a call; nothing where it is left out. */
export interface Answer {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly ok?: boolean;
  /** Of what runs with the terminal. */
  readonly exitCode?: number;
}

/** A call that a kubectl in memory got. */
export interface Call {
  readonly args: readonly string[];
  readonly input: string | undefined;
}

/** A kubectl that runs nothing: it notes each call and answers by a function of its arguments and stdin. */
export class FakeKubectl extends Kubectl {
  readonly calls: Call[] = [];
  private readonly answer: (args: readonly string[], input: string | undefined) => Answer;

  constructor(answer: (args: readonly string[], input: string | undefined) => Answer) {
    super('fake');
    this.answer = answer;
  }

  override attempt(args: readonly string[], { input }: RunOptions = {}): Promise<RunResult> {
    this.calls.push({ args, input });
    const { stdout = '', stderr = '', ok = true } = this.answer(args, input);
    return Promise.resolve({ ok, stdout, stderr, notFound: false });
  }

  /** Asked as one call, of the command alone: what it says at its end is {@link Kubectl}'s own matter. */
  override runInPod(
    namespace: string,
    pod: string,
    command: readonly string[],
    input: string,
  ): Promise<string> {
    return this.run(['-n', namespace, 'exec', '-i', pod, '--', ...command], { input });
  }

  /** Asked as one call, whose answer is the URL at which a test has put something. */
  override async withPort<T>(
    { namespace, pod, port }: { readonly namespace: string; readonly pod: string; readonly port: number },
    use: (url: string) => Promise<T>,
  ): Promise<T> {
    return use(await this.run(['-n', namespace, 'port-forward', pod, `:${port}`]));
  }

  /** Asked as one call, whose answer is all that it will ever print. */
  override start(args: readonly string[], onLine: (line: string) => void): Running {
    const { stdout = '', stderr = '', ok = true } = this.answer(args, undefined);
    this.calls.push({ args, input: undefined });
    stdout.split('\n').forEach(onLine);
    return { ended: Promise.resolve({ ok, stderr }), stop: () => undefined };
  }

  /** Asked as one call, whose input says of which kind its stdin is. */
  override attach(args: readonly string[], stdin?: 'inherit' | 'open'): Promise<number> {
    this.calls.push({ args, input: stdin });
    return Promise.resolve(this.answer(args, undefined).exitCode ?? 0);
  }

  /** Asked as one call, with a `|` between its two halves. */
  override pipe(from: readonly string[], to: readonly string[]): Promise<Omit<RunResult, 'notFound'>> {
    return this.attempt([...from, '|', ...to]);
  }
}

/** The message of the error that something ends with. */
export async function failureOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
  return 'no error';
}
