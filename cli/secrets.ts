/** The Secrets of an environment in the cluster: which are missing or weak, and new ones that nobody ever sees. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import {
  CA_SECRET,
  cliCertificates,
  foreignSecrets,
  secondsToSpare,
  type CertificateSpec,
} from '../environments/certificates.ts';
import { dev } from '../environments/dev.ts';
import type { Config } from '../environments/schema.ts';
import { neededSecrets, openText, type SecretSpec, type SecretValue } from '../environments/secrets.ts';
import {
  factsOf,
  newAuthority,
  newCertificate,
  type CertificateFacts,
  type KeyPair,
} from './certificates.ts';
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
  readonly secret: { readonly name: string; readonly usedBy: readonly string[] };
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
  return [...passwordProblems(config, live), ...otherProblems(config, live)];
}

/** Those of them that are not for an operator to put right, which fetches passwords from a store. */
export const problemsToMend = (config: Config, live: LiveSecrets): SecretProblem[] =>
  config.secrets.source === 'external-secrets' ? otherProblems(config, live) : problemsOf(config, live);

const otherProblems = (config: Config, live: LiveSecrets): SecretProblem[] => [
  ...cliCertificates(config).flatMap((spec) => certificateProblems(spec, config.certificates.days, live)),
  ...foreignProblems(config, live),
];

const foreignProblems = (config: Config, live: LiveSecrets): SecretProblem[] =>
  foreignSecrets(config).flatMap((secret): SecretProblem[] => {
    const data = live.get(secret.name);
    if (data === undefined) return [{ secret, missing: true, fact: 'is missing, and is yours to make' }];
    return secret.keys
      .filter((key) => (data[key] ?? '') === '')
      .map((key) => ({ secret, missing: false, fact: `lacks the key "${key}"` }));
  });

/**
 * Secrets that only the operator can make.
 * @throws {CliError} that says how, when one is missing or incomplete
 */
export function requireForeign(kubectl: Kubectl, config: Config, live: LiveSecrets): void {
  const problems = foreignProblems(config, live);
  if (problems.length === 0) return;
  const lines = foreignSecrets(config)
    .filter(({ name }) => problems.some(({ secret }) => secret.name === name))
    .map(({ name, keys }) => {
      const kind = keys.includes('tls.key')
        ? `tls ${name} --cert=FILE --key=FILE`
        : `generic ${name} ${keys.map((key) => `--from-file=${key}=FILE`).join(' ')}`;
      return `\`${kubectl.command(`-n ${config.namespace} create secret ${kind}`)}\``;
    });
  throw new CliError(
    problems.map(describeProblem).join('\n'),
    `Make it with ${lines.join(' and ')}; then run this again.`,
  );
}

function passwordProblems(config: Config, live: LiveSecrets): SecretProblem[] {
  const isDocumented = (text: string): boolean =>
    config.secrets.source !== 'literal' && Object.values(dev.secrets?.values ?? {}).includes(text);
  return neededSecrets(config).flatMap((secret) => {
    const data = live.get(secret.name);
    if (data === undefined) return [{ secret, missing: true, fact: 'is missing' }];
    return Object.entries(secret.keys).flatMap(([key, value]): SecretProblem[] => {
      const text = data[key];
      if (text === undefined || text === '')
        return [{ secret, missing: false, fact: `lacks the key "${key}"` }];
      if (value.kind !== 'secret') return [];
      if (isDocumented(text)) {
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

function certificateProblems(spec: CertificateSpec, days: number, live: LiveSecrets): SecretProblem[] {
  const secret = { name: spec.secret, usedBy: spec.usedBy };
  const data = live.get(spec.secret);
  if (data === undefined) return [{ secret, missing: true, fact: 'is missing' }];
  const problem = (fact: string): SecretProblem[] => [{ secret, missing: false, fact }];
  const lacking = ['tls.crt', 'tls.key', 'ca.crt'].filter((key) => (data[key] ?? '') === '');
  if (lacking.length > 0) return problem(`lacks the key "${lacking.join('", "')}"`);
  let facts: CertificateFacts;
  try {
    facts = factsOf(data['tls.crt'] ?? '');
  } catch {
    return problem('has under "tls.crt" what is no certificate');
  }
  const secondsLeft = (facts.notAfter.getTime() - Date.now()) / 1000;
  if (secondsLeft < secondsToSpare(days)) {
    const daysLeft = Math.floor(secondsLeft / 86_400);
    return problem(
      `${daysLeft < 0 ? 'has expired' : `expires in ${daysLeft} days`}: \`npm run secrets renew ${spec.secret}\``,
    );
  }
  const unnamed = spec.dnsNames.filter((name) => !facts.dnsNames.includes(name));
  return unnamed.length === 0
    ? []
    : problem(`is not for ${unnamed.join(', ')}: \`npm run secrets renew ${spec.secret}\``);
}

/** A line for people: which Secret, what is wrong, who uses it. */
export const describeProblem = ({ secret, fact }: SecretProblem): string =>
  `Secret ${secret.name} ${fact} (used by ${secret.usedBy.join(', ')})`;

/** A new random password of at least so many characters; base64url fits into URLs. */
export const newPassword = (length: number): string =>
  randomBytes(Math.ceil((length * 3) / 4)).toString('base64url');

/** A Secret with new random values, as a manifest. */
export function newSecret(config: Config, { name, type, keys }: SecretSpec): object {
  const text = (value: SecretValue): string =>
    value.kind === 'secret' ? newPassword(value.length) : openText(value);
  return manifestOf(
    config,
    name,
    type,
    Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, text(value)])),
  );
}

const manifestOf = (
  { namespace, postgres }: Config,
  name: string,
  type: string,
  stringData: Readonly<Record<string, string>>,
): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name,
    namespace,
    labels: {
      'app.kubernetes.io/part-of': 'zakpos',
      'app.kubernetes.io/managed-by': 'zakpos',
      // Its operator looks again at once when a Secret with this label changes.
      ...(postgres.mode === 'cloudnativepg' ? { 'cnpg.io/reload': 'true' } : {}),
    },
  },
  type,
  stringData,
});

/** A Secret with a new certificate, as a manifest. */
export async function newCertificateSecret(
  config: Config,
  authority: KeyPair,
  spec: CertificateSpec,
): Promise<{ readonly manifest: object; readonly certificate: string }> {
  const { certificate, key } = await newCertificate(authority, spec, config.certificates.days);
  const manifest = manifestOf(config, spec.secret, 'kubernetes.io/tls', {
    'tls.crt': certificate,
    'tls.key': key,
    'ca.crt': authority.certificate,
  });
  return { manifest, certificate };
}

/** The installation's authority, from its Secret. */
export function authorityOf(live: LiveSecrets): KeyPair | undefined {
  const data = live.get(CA_SECRET);
  const [certificate, key] = [data?.['tls.crt'], data?.['tls.key']];
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

/**
 * Makes the Secrets that are missing; what exists is never written to. Values go to kubectl's standard input only.
 * @throws {CliError} when one that exists is incomplete or weak, which only its owner can mend
 */
export async function makeMissing(kubectl: Kubectl, config: Config): Promise<string[]> {
  const live = await readSecrets(kubectl, config);
  const problems = problemsToMend(config, live);
  const broken = problems.filter(({ missing }) => !missing);
  if (broken.length > 0) {
    throw new CliError(
      broken.map(describeProblem).join('\n'),
      'An existing Secret is never overwritten: put the value right with `kubectl edit secret`, or delete that Secret by its name and run this again (its password in the store has to be changed, too).',
    );
  }
  const isMissing = (name: string): boolean => problems.some(({ secret }) => secret.name === name);
  requireForeign(kubectl, config, live);
  const made: object[] = neededSecrets(config)
    .filter(({ name }) => isMissing(name))
    .map((spec) => newSecret(config, spec));
  const certificates = cliCertificates(config).filter(({ secret }) => isMissing(secret));
  if (certificates.length > 0) {
    let authority = authorityOf(live);
    if (authority === undefined) {
      authority = await newAuthority(`zakpos ${config.namespace}`);
      made.push(
        manifestOf(config, CA_SECRET, 'kubernetes.io/tls', {
          'tls.crt': authority.certificate,
          'tls.key': authority.key,
          'ca.crt': authority.certificate,
        }),
      );
    }
    for (const spec of certificates)
      made.push((await newCertificateSecret(config, authority, spec)).manifest);
  }
  if (made.length > 0) {
    const list = { apiVersion: 'v1', kind: 'List', items: made };
    await kubectl.run(['create', '-f', '-'], { input: JSON.stringify(list) });
  }
  return problems.map(({ secret }) => secret.name);
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
      const wanted =
        password?.kind === 'secret' && password.field !== undefined
          ? config.secrets.values[password.field]
          : undefined;
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
