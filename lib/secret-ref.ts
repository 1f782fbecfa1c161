/** A Secret that exists or will: named, never contained. */
export interface SecretRef {
  readonly name: string;
  /** The keys that it holds. */
  readonly keys: readonly string[];
  /**
   * Checksum of its content, so that a change rolls the pods that use it.
   * @default - the content isn't known here; whoever changes it rolls its users
   */
  readonly checksum?: string;
}

/** One key of a Secret. */
export interface SecretKey {
  readonly secret: SecretRef;
  readonly key: string;
}

/** A key of a Secret, checked against the keys that the Secret is known to hold. */
export function secretKey(secret: SecretRef, key: string): SecretKey {
  if (!secret.keys.includes(key)) {
    throw new Error(`Secret ${secret.name} has no key "${key}"; it holds ${secret.keys.join(', ')}`);
  }
  return { secret, key };
}
