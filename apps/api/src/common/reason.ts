/** What an error says and what caused it, in one line; of a bundle of errors, what each of them says. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const causes: unknown[] = error instanceof AggregateError ? error.errors : [error.cause];
  const reasons = new Set(causes.filter((cause) => cause !== undefined).map((cause) => reasonOf(cause)));
  const own = error.message || (reasons.size === 0 ? error.name : '');
  return [own, ...reasons].filter((reason) => reason !== '').join(': ');
}
