/** The Secrets of an environment in the cluster: which are missing or weak, and new ones that nobody ever sees. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { dev } from '../environments/dev.ts';
import type { Config } from '../environments/schema.ts';
import { neededSecrets, type SecretSpec, type SecretValue } from '../environments/secrets.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';

const secretSchema = z.object({
  metadata: z.object({ name: z.string() }),
  data: z.record(z.string(), z.string()).default({}),
});
const secretList = z.object({ items: z.array(secretSchema) });
/** Values of the keys of each Secret in the cluster, by its name. */
export type LiveSecrets = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** One thing that is wrong with a Secret. */
export interface SecretProblem {
  readonly secret: SecretSpec;
  /** Whether the whole Secret is missing, so that it can be made. */
  readonly missing: boolean;
  readonly fact: string;
}

/** The Secrets of the product's namespace. */
export async function readSecrets(kubectl: Kubectl, { namespace }: Config): Promise<LiveSecrets> {
  const list = await kubectl.json(secretList, ['-n', namespace, 'get', 'secrets', '--ignore-not-found']);
  return new Map(
    (list?.items ?? []).map(({ metadata, data }) => [
      metadata.name,
      Object.fromEntries(
        Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
      ),
    ]),
  );
}

/** What is missing, incomplete or weak among the Secrets that an environment's workloads use. */
export function problemsOf(config: Config, live: LiveSecrets): SecretProblem[] {
  const documented = new Set(Object.values(dev.secrets?.values ?? {}));
  return neededSecrets(config).flatMap((secret) => {
    const data = live.get(secret.name);
    if (data === undefined) return [{ secret, missing: true, fact: 'is missing' }];
    return Object.entries(secret.keys).flatMap(([key, value]): SecretProblem[] => {
      const text = data[key];
      if (text === undefined || text === '')
        return [{ secret, missing: false, fact: `lacks the key "${key}"` }];
      if (value.kind === 'known') return [];
      if (documented.has(text)) {
        return [
          { secret, missing: false, fact: `has under "${key}" a value that dev's documentation shows` },
        ];
      }
      return text.length < value.minimum
        ? [{ secret, missing: false, fact: `has under "${key}" fewer than ${value.minimum} characters` }]
        : [];
    });
  });
}

/** A line for people: which Secret, what is wrong, who uses it. */
export const describeProblem = ({ secret, fact }: SecretProblem): string =>
  `Secret ${secret.name} ${fact} (used by ${secret.usedBy.join(', ')})`;

/** A Secret with new random values, as a manifest. */
export function newSecret({ namespace }: Config, { name, type, keys }: SecretSpec): object {
  const text = (value: SecretValue): string =>
    // base64url fits into URLs; 3 bytes make 4 characters.
    value.kind === 'known'
      ? value.text
      : randomBytes(Math.ceil((value.length * 3) / 4)).toString('base64url');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: { 'app.kubernetes.io/part-of': 'zakpos', 'app.kubernetes.io/managed-by': 'zakpos' },
    },
    type,
    stringData: Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, text(value)])),
  };
}

/**
 * Makes the Secrets that are missing; what exists is never written to. Values go to kubectl's standard input only.
 * @throws {CliError} when one that exists is incomplete or weak, which only its owner can mend
 */
export async function makeMissing(kubectl: Kubectl, config: Config): Promise<string[]> {
  const problems = problemsOf(config, await readSecrets(kubectl, config));
  const broken = problems.filter(({ missing }) => !missing);
  if (broken.length > 0) {
    throw new CliError(
      broken.map(describeProblem).join('\n'),
      'An existing Secret is never overwritten: put the value right with `kubectl edit secret`, or delete that Secret by its name and run this again (its password in the store has to be changed, too).',
    );
  }
  const missing = problems.map(({ secret }) => secret);
  if (missing.length > 0) {
    const list = { apiVersion: 'v1', kind: 'List', items: missing.map((spec) => newSecret(config, spec)) };
    await kubectl.run(['create', '-f', '-'], { input: JSON.stringify(list) });
  }
  return missing.map(({ name }) => name);
}

/**
 * Refuses passwords of dev's manifests that the database's existing volume doesn't have.
 * @throws {CliError} that names each Secret and how to go on, and no password
 */
export async function requirePasswordsOfVolume(kubectl: Kubectl, config: Config): Promise<void> {
  if (config.secrets.source !== 'literal' || config.postgres.mode !== 'statefulset') return;
  const claim = 'data-zakpos-postgres-0';
  const exists = await kubectl.run([
    '-n',
    config.namespace,
    'get',
    'pvc',
    claim,
    '-o',
    'name',
    '--ignore-not-found',
  ]);
  if (exists.trim() === '') return;
  const live = await readSecrets(kubectl, config);
  const changed = neededSecrets(config)
    .filter(({ type, usedBy }) => type === 'kubernetes.io/basic-auth' && usedBy.includes('zakpos-postgres'))
    .flatMap((spec) => {
      const password = spec.keys.password;
      const wanted = password?.kind === 'secret' ? config.secrets.values[password.field] : undefined;
      const data = live.get(spec.name);
      return data === undefined || data.password === wanted
        ? []
        : [{ name: spec.name, role: data.username ?? '' }];
    });
  const [first] = changed;
  if (first === undefined) return;
  throw new CliError(
    `The password of ${changed.map(({ name }) => `Secret ${name}`).join(', ')} differs from the one that the database on claim ${claim} was made with.`,
    `Put the old one back (.env, secrets.values); or set the new one first: \`${kubectl.command(`-n ${config.namespace} exec -it zakpos-postgres-0 -- psql -U postgres`)}\`, there \`\\password ${first.role}\`, ` +
      `and delete the Secret; or begin with an empty database, which loses its data: \`${kubectl.command(`-n ${config.namespace} delete statefulset/zakpos-postgres pvc/${claim}`)}\`.`,
  );
}
