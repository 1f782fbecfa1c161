import { nothing } from '../decode';
import type { Storage } from '../storage-type';
import { ApiRefused, SessionEnded } from './errors';
import type { Http } from './http';
import { type SessionAnswer, sessionAnswer, type User } from './messages';

const STORED_AS = 'zakpos.refresh-token';
/** A token this close to its end may run out on the way. */
const RENEW_BEFORE_MS = 30_000;

interface Tokens {
  readonly access: string;
  readonly refresh: string;
  readonly expiresAt: number;
}

/** Who is logged in. The access token stays in memory; the refresh token is kept on the device. */
export class Session {
  private tokens: Tokens | null = null;
  private renewal: Promise<User> | null = null;

  constructor(
    private readonly http: Http,
    private readonly storage: Storage,
  ) {}

  async logIn(email: string, password: string): Promise<User> {
    return this.start(await this.http.send('/auth/login', { body: { email, password } }, sessionAnswer));
  }

  /** The user of the session that this device kept, if it is still good. */
  async resume(): Promise<User | null> {
    const refresh = await this.storage.read(STORED_AS);
    if (refresh === null) return null;
    this.tokens = { access: '', refresh, expiresAt: 0 };
    try {
      return await this.renew();
    } catch (error) {
      if (error instanceof SessionEnded) return null;
      throw error;
    }
  }

  /** Ends the session here at once, and at the API if it can be reached. */
  async logOut(): Promise<void> {
    const refreshToken = this.tokens?.refresh;
    await this.end();
    if (refreshToken === undefined) return;
    await this.http.send('/auth/logout', { body: { refreshToken } }, nothing).catch((error: unknown) => {
      console.warn('The session has ended on this device but not at the API:', error);
    });
  }

  async accessToken(): Promise<string> {
    if (this.tokens !== null && this.tokens.expiresAt - Date.now() < RENEW_BEFORE_MS) await this.renew();
    return this.current().access;
  }

  /** A token in place of one that the API refused before its time: a changed key, or a clock that is off. */
  async insteadOf(refused: string): Promise<string> {
    if (this.current().access === refused) await this.renew();
    return this.current().access;
  }

  private current(): Tokens {
    if (this.tokens === null) throw new SessionEnded();
    return this.tokens;
  }

  /** One renewal at a time, since a refresh token is good for one use. */
  private renew(): Promise<User> {
    this.renewal ??= this.exchangeRefreshToken(this.current()).finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  private async exchangeRefreshToken({ refresh }: Tokens): Promise<User> {
    try {
      const body = { refreshToken: refresh };
      const answer = await this.http.send('/auth/refresh', { body }, sessionAnswer);
      if (this.tokens?.refresh !== refresh) throw new SessionEnded();
      return await this.start(answer);
    } catch (error) {
      if (!(error instanceof ApiRefused)) throw error;
      await this.end();
      throw new SessionEnded();
    }
  }

  private async start({ accessToken, refreshToken, expiresInSeconds, user }: SessionAnswer): Promise<User> {
    this.tokens = {
      access: accessToken,
      refresh: refreshToken,
      expiresAt: Date.now() + expiresInSeconds * 1000,
    };
    await this.storage.write(STORED_AS, refreshToken);
    return user;
  }

  private async end(): Promise<void> {
    this.tokens = null;
    await this.storage.remove(STORED_AS);
  }
}
