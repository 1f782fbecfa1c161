import { SessionEnded } from './errors';
import { feedMessage, type Sale } from './messages';

export interface FeedListener {
  /** Also after each reconnection: sales may have been missed in between. */
  readonly ready: () => void;
  readonly sale: (sale: Sale) => void;
  readonly lost: () => void;
}

/** What the feed needs of a WebSocket. */
export interface FeedSocket {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(text: string): void;
  close(): void;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** The WebSocket of sales; comes back by itself, each time with a fresh token. */
export class LiveFeed {
  private socket: FeedSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private wanted = false;

  constructor(
    private readonly url: string,
    private readonly accessToken: () => Promise<string>,
    private readonly listener: FeedListener,
    private readonly connect: (url: string) => FeedSocket = (address) => new WebSocket(address),
  ) {}

  open(): void {
    this.wanted = true;
    void this.dial();
  }

  close(): void {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
  }

  private async dial(): Promise<void> {
    let token: string;
    try {
      token = await this.accessToken();
    } catch (error) {
      if (!(error instanceof SessionEnded)) this.again();
      return;
    }
    if (!this.wanted || this.socket !== null) return;
    const socket = this.connect(this.url);
    this.socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'auth', token }));
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (this.socket === socket) this.receive(data);
    };
    socket.onclose = () => {
      if (this.socket === socket) this.again();
    };
  }

  private receive(data: unknown): void {
    const message = feedMessage.safeParse(typeof data === 'string' ? parseJson(data) : data);
    if (!message.success) return;
    if (message.data.type === 'sale') {
      this.listener.sale(message.data.sale);
      return;
    }
    this.failures = 0;
    this.listener.ready();
  }

  private again(): void {
    this.socket = null;
    if (!this.wanted) return;
    this.listener.lost();
    const longest = Math.min(FIRST_WAIT_MS * 2 ** this.failures, LONGEST_WAIT_MS);
    this.failures += 1;
    // Spread, so that all tills of a shop don't come back at one moment.
    this.timer = setTimeout(() => void this.dial(), longest * (0.5 + Math.random() / 2));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
