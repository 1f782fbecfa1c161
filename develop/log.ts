/** One line of JSON, as the apps write theirs. */
export function log(level: 'info' | 'warn' | 'error', msg: string): void {
  console.log(JSON.stringify({ level, time: new Date().toISOString(), msg }));
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whether an error is the system's of this name, such as ENOENT. */
export const isSystemError = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
