import { readFileSync, statSync } from 'node:fs';

const RECHECK_AFTER_MS = 1000;

/**
 * A secret that comes from a variable or from a file. A file is read again when it changes,
 * so that a rotated key or password works without a restart.
 */
export class Secret {
  private value: string | undefined;
  private fileVersion: number | undefined;
  private checkedAt = 0;

  private constructor(
    private readonly variable: string,
    private readonly minimumLength: number,
    private readonly file?: string,
  ) {}

  static ofValue(variable: string, value: string | undefined, minimumLength = 0): Secret {
    const secret = new Secret(variable, minimumLength);
    secret.value = value === '' ? undefined : value;
    secret.refuseShort(secret.value);
    return secret;
  }

  static ofFile(variable: string, file: string, minimumLength = 0, mayBeMissing = false): Secret {
    const secret = new Secret(variable, minimumLength, file);
    try {
      secret.reload();
    } catch (error) {
      if (!mayBeMissing) throw error;
    }
    return secret;
  }

  /** What was read last stays in force while the file can't be read or holds too little. */
  read(): string | undefined {
    if (this.file !== undefined && Date.now() - this.checkedAt >= RECHECK_AFTER_MS) {
      try {
        this.reload();
      } catch {
        return this.value;
      }
    }
    return this.value;
  }

  /** Keeps a secret out of logs and JSON, whatever object it sits in. */
  toJSON(): string {
    return '[secret]';
  }

  private reload(): void {
    if (this.file === undefined) return;
    this.checkedAt = Date.now();
    const version = statSync(this.file).mtimeMs;
    if (version === this.fileVersion) return;
    const content = readFileSync(this.file, 'utf8').replace(/\r?\n$/, '');
    const value = content === '' ? undefined : content;
    this.refuseShort(value);
    this.value = value;
    this.fileVersion = version;
  }

  private refuseShort(value: string | undefined): void {
    if (value !== undefined && value.length < this.minimumLength) {
      throw new Error(
        `${this.variable} has ${value.length} characters: expected at least ${this.minimumLength}`,
      );
    }
  }
}
