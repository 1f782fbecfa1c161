import { hash, verify } from '@node-rs/argon2';

/** argon2id at OWASP's sizes: 19 MiB, two passes. */
const OPTIONS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** What an unknown user's password is checked against, so that the answer takes as long as for a known one. */
const nobody = hash('nobody has this password', OPTIONS);

export function hashPassword(password: string): Promise<string> {
  return hash(password, OPTIONS);
}

/** Stands in place of a hash for who can't log in. */
export const NO_PASSWORD = '*';

export async function passwordMatches(storedHash: string | undefined, password: string): Promise<boolean> {
  const known = storedHash !== undefined && storedHash !== NO_PASSWORD;
  const matches = await verify(known ? storedHash : await nobody, password);
  return matches && known;
}
