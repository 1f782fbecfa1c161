/** The process of an app, and whatever it starts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from './ahead.ts';

const ASK_MS = 50;
const AHEAD = fileURLToPath(new URL('ahead.ts', import.meta.url));
const INSPECT = '--inspect=';

export interface ServerProps {
  readonly command: readonly string[];
  readonly folder: string;
  /** URL that answers 2xx once it has started. */
  readonly health: string;
  /**
   * Whether its process loads the packages of the app, and leaves it at that until {@link Server.run}.
   * @default false
   */
  readonly ahead?: boolean;
}

export class Server {
  /** Its exit code, once it has ended; as a shell has it where a signal ended it. */
  readonly ended: Promise<number>;
  private readonly process: ChildProcess;
  private readonly health: string;
  private readonly word: Run | undefined;
  private isOver = false;

  constructor({ command: [program = '', ...args], folder, health, ahead = false }: ServerProps) {
    this.health = health;
    const inspect = args.find((each) => each.startsWith(INSPECT));
    this.word = ahead ? { inspect: inspect?.slice(INSPECT.length) } : undefined;
    // The inspector's address is told from outside, where a policy says who may reach it.
    const loading = [
      ...process.execArgv,
      '--disable-warning=SecurityWarning',
      '--import',
      AHEAD,
      ...args.filter((each) => each !== inspect),
    ];
    this.process = spawn(program, ahead ? loading : args, {
      cwd: folder,
      env: { ...process.env, ...(ahead ? { NODE_COMPILE_CACHE: join(folder, '.compiled') } : {}) },
      stdio: ['inherit', 'inherit', 'inherit', ...(ahead ? (['ipc'] as const) : [])],
      // As the leader of a group, so that nothing of it is left when it has ended.
      detached: true,
    });
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('exit', (code, signal) => {
        this.isOver = true;
        this.killGroup();
        resolve(code ?? (signal === 'SIGTERM' ? 143 : 137));
      });
    });
  }

  /** Whether its process is there, waiting or running. */
  get isAlive(): boolean {
    return !this.isOver;
  }

  /** Lets it run, where it waits for that. */
  run(): void {
    if (this.word !== undefined) this.process.send(this.word);
  }

  /** Whether it has started; it hasn't when it ended before. */
  async hasStarted(): Promise<boolean> {
    while (!this.isOver) {
      const answer = await fetch(this.health).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok === true) return true;
      await sleep(ASK_MS);
    }
    return false;
  }

  /** Lets it finish what it has in hand, for so many milliseconds; for as long as it takes where none are named. */
  async stop(milliseconds?: number): Promise<void> {
    this.process.kill('SIGTERM');
    const timer =
      milliseconds === undefined
        ? undefined
        : setTimeout(() => {
            this.killGroup();
          }, milliseconds);
    await this.ended;
    clearTimeout(timer);
  }

  private killGroup(): void {
    try {
      if (this.process.pid !== undefined) process.kill(-this.process.pid, 'SIGKILL');
    } catch {
      // Nobody is left.
    }
  }
}
