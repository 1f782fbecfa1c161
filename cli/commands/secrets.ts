/** `npm run secrets`: makes the Secrets that are missing straight in the cluster, rotates them, renews certificates. */
import { createHash } from 'node:crypto';
import { cliCertificates } from '../../environments/certificates.ts';
import type { Config } from '../../environments/schema.ts';
import { secretSpecs } from '../../environments/secrets.ts';
import { APPLY } from '../apply.ts';
import { factsOf } from '../certificates.ts';
import { readConfig, synthesize } from '../environment.ts';
import { CliError } from '../errors.ts';
import type { Kubectl } from '../kubectl.ts';
import { Rotation, rotationsOf, untilFileIs } from '../rotation.ts';
import {
  authorityOf,
  describeProblem,
  makeMissing,
  newCertificateSecret,
  problemsOf,
  readSecrets,
} from '../secrets.ts';
import { writeSecretAges } from '../secret-ages.ts';
import { step } from '../steps.ts';
import { targetOf, type TargetOptions } from '../target.ts';

export interface SecretsOptions extends TargetOptions {
  readonly check?: boolean;
}

/** Answers whether all Secrets are in order. */
export async function secrets(options: SecretsOptions): Promise<boolean> {
  const config = readConfig(options);
  if (config.secrets.source === 'literal') {
    console.log(`The Secrets of ${config.environment} are in its manifests; .env sets their values.`);
    return true;
  }
  const kubectl = await clusterOf(options);
  if (options.check === true) {
    const problems = problemsOf(config, await readSecrets(kubectl, config));
    console.log(
      problems.length === 0 ? 'All Secrets are in order.' : problems.map(describeProblem).join('\n'),
    );
    return problems.length === 0;
  }
  if (config.secrets.source === 'external-secrets' && cliCertificates(config).length === 0) {
    throw new CliError(
      `The Secrets of ${config.environment} are fetched from ${config.secrets.store.kind} ${config.secrets.store.name}.`,
      'Put them there; `--check` tells which are missing in the cluster.',
    );
  }
  const { folder } = await synthesize(config, options);
  await kubectl.run(['apply', '--server-side', '-f', `${folder}/00-namespace.yaml`]);
  const made = await makeMissing(kubectl, config);
  await writeSecretAges(kubectl, config);
  console.log(made.length === 0 ? 'All Secrets are there; none was changed.' : `Made ${made.join(', ')}.`);
  const key = secretSpecs(config).backupKey.name;
  if (made.includes(key)) {
    console.log(
      `Keep a copy of ${key} outside of the cluster: without it, no backup can be read. \`${kubectl.command(`-n ${config.namespace} get secret ${key} -o jsonpath='{.data.password}' | base64 --decode`)}\``,
    );
  }
  return true;
}

/** Rotates one Secret, or all of a store's one after the other, while the system serves. */
export async function rotate(name: string, options: TargetOptions): Promise<void> {
  const config = readConfig(options);
  const ids = rotationsOf(config, name);
  const kubectl = await clusterOf(options);
  for (const id of ids) {
    await step(`Rotating ${id}`, async (line) => {
      const rotation = new Rotation(kubectl, config, id, line);
      const rolled = await rotation.run();
      await writeSecretAges(kubectl, config);
      line.rename(
        `Rotated ${rotation.secretName}: ${rolled.length === 0 ? 'nothing had to be rolled' : `rolled ${rolled.join(', ')}`}`,
      );
    });
  }
}

/** Renews a certificate that `npm run secrets` has made; its server loads it without a restart. */
export async function renew(name: string, options: TargetOptions): Promise<void> {
  const config = readConfig(options);
  const specs = cliCertificates(config);
  const spec = specs.find(({ secret }) => [secret, secret.replace(/^zakpos-/, '')].includes(name));
  if (spec === undefined) {
    throw new CliError(
      `"${name}" is no certificate that this command makes.`,
      specs.length === 0
        ? 'cert-manager, or whoever made it, renews it.'
        : `Name one of ${specs.map(({ secret }) => secret).join(', ')}.`,
    );
  }
  const kubectl = await clusterOf(options);
  await step(`Renewing ${spec.secret}`, async (line) => {
    const authority = authorityOf(await readSecrets(kubectl, config));
    if (authority === undefined) {
      throw new CliError(
        'The Secret zakpos-ca, with which certificates are signed, is missing.',
        'Put it back from your copy; or delete the certificates by name and make all anew with `npm run secrets`.',
      );
    }
    const renewed = await newCertificateSecret(config, authority, spec);
    await kubectl.run([...APPLY, '-f', '-'], {
      input: JSON.stringify(renewed.manifest),
    });
    const pods = await serversOf(kubectl, config, spec.commonName);
    for (const pod of pods) {
      line.note(`waiting until ${pod} has it`);
      await untilFileIs(kubectl, config, pod, '/run/secrets/tls/tls.crt', sha256(renewed.certificate));
    }
    const until = factsOf(renewed.certificate).notAfter.toISOString().slice(0, 10);
    line.rename(`Renewed ${spec.secret} until ${until}; no pod was restarted`);
  });
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The pods that show a certificate. */
async function serversOf(kubectl: Kubectl, { namespace }: Config, workload: string): Promise<string[]> {
  const listed = await kubectl.run([
    ...['-n', namespace, 'get', 'pods', '-l', `app.kubernetes.io/name=${workload}`],
    ...['--field-selector=status.phase=Running', '-o', 'name'],
  ]);
  return listed.split('\n').filter((line) => line !== '');
}

async function clusterOf(options: TargetOptions): Promise<Kubectl> {
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  return kubectl;
}
