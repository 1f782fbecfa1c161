import { createHash } from 'node:crypto';

/** The first 16 hexadecimal digits of the SHA-256 of some text: enough to tell contents apart by name. */
export const checksum = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16);
