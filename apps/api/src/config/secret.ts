import { readFileSync } from 'node:fs';

/**
 * A secret that comes from a variable or from a file. A file is read each time it is asked for, so that a rotated
 * password works without a restart.
 */
export class Secret {
  private value: string | undefined;

  private constructor(
    private readonly variable: string,
    private readonly minimumLength: number,
    private readonly content: () => string | undefined,
    private readonly mayGo: boolean,
  ) {
    this.value = this.load();
  }

  static ofValue(variable: string, value: string | undefined, minimumLength = 0): Secret {
    return new Secret(variable, minimumLength, () => value, false);
  }

  /** `mayBeMissing`: a file that isn't there, or no longer, counts as no value. */
  static ofFile(variable: string, file: string, minimumLength = 0, mayBeMissing = false): Secret {
    const content = () => (mayBeMissing ? readFileIfAny(file) : readFileSync(file, 'utf8'));
    return new Secret(variable, minimumLength, () => content()?.replace(/\r?\n$/, ''), mayBeMissing);
  }

  /** What was read last stays in force while the file can't be read or holds too little. */
  read(): string | undefined {
    try {
      return this.load();
    } catch {
      return this.value;
    }
  }

  /** What the variable or the file holds now, or an error that says why that is of no use. */
  load(): string | undefined {
    const content = this.content();
    const value = content === '' ? undefined : content;
    if (value !== undefined && value.length < this.minimumLength) {
      throw new Error(
        `${this.variable} has ${value.length} characters: expected at least ${this.minimumLength}`,
      );
    }
    if (value === undefined && this.value !== undefined && !this.mayGo) {
      throw new Error(`${this.variable} has become empty`);
    }
    this.value = value;
    return value;
  }

  /** Keeps a secret out of logs and JSON, whatever object it sits in. */
  toJSON(): string {
    return '[secret]';
  }
}

export type PairOfSecrets = readonly [first: string | undefined, second: string | undefined];

const ATTEMPTS = 3;

/**
 * Two secrets that are rotated together, such as a user name and its password: what is read of them is of one
 * generation, also while their files are being replaced.
 */
export class SecretPair {
  private pair: PairOfSecrets;
  private readAt = -Infinity;

  /** `recheckAfterMs`: for how long what was read is given out again without a look at the files. */
  constructor(
    private readonly first: Secret,
    private readonly second: Secret,
    private readonly recheckAfterMs = 0,
  ) {
    this.pair = [first.read(), second.read()];
  }

  /** The pair that was read last stays in force while one of its files can't be read or holds too little. */
  read(): PairOfSecrets {
    const now = performance.now();
    if (now - this.readAt < this.recheckAfterMs) return this.pair;
    this.readAt = now;
    try {
      this.pair = this.load();
    } catch {
      return this.pair;
    }
    return this.pair;
  }

  toJSON(): string {
    return '[secret]';
  }

  private load(): PairOfSecrets {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const first = this.first.load();
      const second = this.second.load();
      // The files were replaced in between if the first is another one now.
      if (this.first.load() === first) return [first, second];
    }
    throw new Error('The files changed each time they were read');
  }
}

/** Looks twice: the files of a Secret's volume can't be found for the instant in which the kubelet replaces them. */
function readFileIfAny(file: string): string | undefined {
  for (let look = 0; look < 2; look += 1) {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return undefined;
}
