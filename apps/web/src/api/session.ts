import * as z from 'zod/mini';

import { type SessionAnswer, userMessage } from './messages';

const STORAGE_KEY = 'zakpos.session';

const storedSession = z.object({
  accessToken: z.string(),
  refreshToken: z.string(),
  /** On this device's clock, in milliseconds. */
  expiresAt: z.number(),
  user: userMessage,
});

export type Session = z.infer<typeof storedSession>;

/** The session of this tab. It outlives a reload and ends with the tab. */
export class SessionStore {
  private session: Session | null;
  private endedBecause: string | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly storage: Storage) {
    this.session = readStored(storage, STORAGE_KEY, storedSession);
  }

  readonly current = (): Session | null => this.session;

  /** What the cashier should know of the end of the last session. */
  readonly endReason = (): string | null => this.endedBecause;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(answer: SessionAnswer): Session {
    const { expiresIn, ...rest } = answer;
    const session = { ...rest, expiresAt: Date.now() + expiresIn * 1000 };
    this.storage.setItem(STORAGE_KEY, JSON.stringify(session));
    this.change(session, null);
    return session;
  }

  end(reason: string | null): void {
    this.storage.removeItem(STORAGE_KEY);
    this.change(null, reason);
  }

  private change(session: Session | null, endReason: string | null): void {
    this.session = session;
    this.endedBecause = endReason;
    for (const listener of this.listeners) listener();
  }
}

/** What was stored under the key, or null when it is missing or of another shape. */
export function readStored<Schema extends z.ZodMiniType>(
  storage: Storage,
  key: string,
  schema: Schema,
): z.infer<Schema> | null {
  const text = storage.getItem(key);
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
