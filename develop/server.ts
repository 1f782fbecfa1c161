/** The process of an app, and whatever it starts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const ASK_MS = 50;

export interface ServerProps {
  readonly command: readonly string[];
  readonly folder: string;
  /** URL that answers 2xx once it has started. */
  readonly health: string;
}

export class Server {
  /** Its exit code, once it has ended; as a shell has it where a signal ended it. */
  readonly ended: Promise<number>;
  private readonly process: ChildProcess;
  private readonly health: string;
  private isOver = false;

  constructor({ command: [program = '', ...args], folder, health }: ServerProps) {
    this.health = health;
    // As the leader of a group, so that nothing of it is left when it has ended.
    this.process = spawn(program, args, { cwd: folder, stdio: 'inherit', detached: true });
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('exit', (code, signal) => {
        this.isOver = true;
        this.killGroup();
        resolve(code ?? (signal === 'SIGTERM' ? 143 : 137));
      });
    });
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
