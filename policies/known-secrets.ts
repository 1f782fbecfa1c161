/** The Secrets that there will be, whoever makes them. */
import { foreignSecrets, watchedCertificates } from '../environments/certificates.ts';
import { neededSecrets } from '../environments/secrets.ts';
import { remembered, type Rendered } from './rendered.ts';
import type { Volume } from './workloads.ts';

/** A Secret that pods may name. */
export interface KnownSecret {
  readonly name: string;
  readonly keys: readonly string[];
  /** Workloads that name it, where it is in a catalogue. */
  readonly usedBy: readonly string[] | undefined;
}

/** Keys that a Secret has only while a rotation is under way; who reads them does without them as well. */
const ROTATING: Readonly<Record<string, readonly string[]>> = {
  'zakpos-redis': ['previous'],
  'zakpos-jwt': ['previous'],
};

/** All Secrets that there will be: passwords, certificates, and those that an operator makes. */
export const knownSecrets = remembered(({ config }): readonly KnownSecret[] => [
  ...neededSecrets(config).map(({ name, keys, usedBy }) => ({
    name,
    keys: [...Object.keys(keys), ...(ROTATING[name] ?? [])],
    usedBy,
  })),
  ...watchedCertificates(config)
    .filter(({ secret }) => !foreignSecrets(config).some(({ name }) => name === secret))
    .map(({ secret, usedBy }) => ({ name: secret, keys: ['tls.crt', 'tls.key', 'ca.crt'], usedBy })),
  ...foreignSecrets(config),
  ...(config.postgres.mode === 'cloudnativepg'
    ? [{ name: 'zakpos-postgres-ca', keys: ['ca.crt'], usedBy: undefined }]
    : []),
]);

/** What a pod sees of a Secret by a volume: the keys that it names, or all. */
export const shownKeys = (rendered: Rendered, { secret }: Volume): readonly string[] =>
  secret?.items?.map(({ path }) => path) ??
  knownSecrets(rendered).find(({ name }) => name === secret?.secretName)?.keys ??
  [];
