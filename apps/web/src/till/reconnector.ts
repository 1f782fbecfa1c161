import { ApiAway } from '../api/errors';

export interface Away {
  readonly reason: string;
  /** On this device's clock, in milliseconds. */
  readonly retryAt: number;
}

const WAITS_MS = [2_000, 4_000, 8_000, 15_000];
const LONGEST_WAIT_MS = 60_000;

/** Repeats a task while the API is away, with growing waits, until it succeeds. */
export class Reconnector {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private lostMeanwhile: ApiAway | null = null;
  private running = false;
  private stopped = true;

  /** The task handles its errors other than ApiAway itself. */
  constructor(
    private readonly task: () => Promise<void>,
    private readonly onChange: (away: Away | null) => void,
  ) {}

  start(): void {
    this.stopped = false;
    this.tryNow();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  readonly tryNow = (): void => {
    if (this.running || this.stopped) return;
    clearTimeout(this.timer);
    this.running = true;
    void this.run();
  };

  /** Another request has found the API away: the task follows until it succeeds. */
  lost(error: ApiAway): void {
    if (this.running) this.lostMeanwhile = error;
    else this.wait(error);
  }

  private async run(): Promise<void> {
    try {
      await this.task();
      if (this.lostMeanwhile !== null) throw this.lostMeanwhile;
      this.failures = 0;
      this.change(null);
    } catch (error) {
      if (!(error instanceof ApiAway)) throw error;
      this.wait(error);
    } finally {
      this.running = false;
      this.lostMeanwhile = null;
    }
  }

  private wait(error: ApiAway): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    const planned = WAITS_MS[Math.min(this.failures, WAITS_MS.length - 1)] ?? LONGEST_WAIT_MS;
    const wait = Math.min(Math.max(planned, error.retryAfterMs), LONGEST_WAIT_MS);
    this.failures += 1;
    this.timer = setTimeout(this.tryNow, wait);
    this.change({ reason: error.message, retryAt: Date.now() + wait });
  }

  private change(away: Away | null): void {
    if (!this.stopped) this.onChange(away);
  }
}
