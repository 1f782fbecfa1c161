/** The steps of a restore in the cluster. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { BACKUP } from '../charts/names.ts';
import type { RestoreRequest } from '../charts/restore.ts';
import { RESTORE_CLAIM, RESTORING } from '../environments/backups.ts';
import { isEncrypted, TLS_SECRETS } from '../environments/certificates.ts';
import { sourceHashes } from '../environments/images.ts';
import type { Config } from '../environments/schema.ts';
import { secretSpecs } from '../environments/secrets.ts';
import { APPLY } from './apply.ts';
import { parseManifests, type BackupManifest } from './backups.ts';
import { clock } from './clock.ts';
import { readManifest, ROOT, type Manifest } from './environment.ts';
import { CliError } from './errors.ts';
import type { RunResult } from './exec.ts';
import { follow } from './jobs.ts';
import type { Kubectl } from './kubectl.ts';
import { step, type Line } from './steps.ts';

/** Where a namespace or a claim says that a restore has begun to fill it. */
export const RESTORING_PATH = `{.metadata.annotations.${RESTORING.replaceAll('.', '\\.')}}`;

/** @throws {CliError} when the namespace has something in it that a restore to it hasn't put there */
export async function requireEmpty(kubectl: Kubectl, namespace: string): Promise<void> {
  const found = await kubectl.run([
    ...['get', 'namespace', namespace, '--ignore-not-found', '-o'],
    `jsonpath=there${RESTORING_PATH}`,
  ]);
  // Not there, or left behind by a restore that was cut off, which is done anew.
  if (found !== 'there') return;
  const things = await kubectl.run([
    // Secrets, too: those of an installation that is yet to come are none to write over.
    ...['-n', namespace, 'get', 'statefulsets,deployments,persistentvolumeclaims,secrets', '-o', 'name'],
  ]);
  if (things.trim() === '') return;
  throw new CliError(
    `The namespace "${namespace}" is not empty: it has ${things.trim().split('\n').join(', ')}.`,
    `Choose another with --into; or, when nothing in it is needed any more, \`${kubectl.command(`delete namespace ${namespace}`)}\`.`,
  );
}

/** What a restore applies, one file after the other. */
export interface RestoreFiles {
  readonly namespace: string;
  readonly networkPolicies: string;
  /** Shows which backup it would begin from. */
  readonly plan: string;
  readonly claim: string;
  readonly restore: string;
  readonly postgres: string;
}

/** Synthesizes a restore into a folder that is gone afterwards. */
export async function withRestoreFiles<T>(
  config: Config,
  request: RestoreRequest,
  use: (files: RestoreFiles) => Promise<T>,
): Promise<T> {
  const { composeRestore } = await import('../main.ts');
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-restore-'));
  const file = (name: string): string => join(folder, `${name}.yaml`);
  try {
    composeRestore(config, sourceHashes(ROOT, config), folder, request).synth();
    return await use({
      namespace: file('00-namespace'),
      plan: file('10-plan'),
      networkPolicies: file('20-network-policies'),
      claim: file('30-claim'),
      restore: file('40-restore'),
      postgres: file('50-postgres'),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The objects in one of the files. */
export const objectsIn = (file: string): readonly Manifest[] => readManifest(file).documents;

/** Name of the Job in a file. */
export function jobIn(file: string): string {
  const job = objectsIn(file).find(({ kind }) => kind === 'Job');
  if (job === undefined) throw new Error(`There is no Job in ${file}`);
  return job.metadata.name;
}

/** Which backup a restore begins from, by what is in the bucket now. */
export async function planOf(
  kubectl: Kubectl,
  config: Config,
  { plan }: RestoreFiles,
  line: Line,
): Promise<BackupManifest> {
  await applyFile(kubectl, plan);
  const job = jobIn(plan);
  const said = await follow(kubectl, config.namespace, job, line);
  await kubectl.run(['-n', config.namespace, 'delete', 'job', job]);
  const [found] = parseManifests(said.slice(said.indexOf('kind ')));
  if (found === undefined) throw new Error(`No manifest in: ${said}`);
  line.rename(`Plan: from base backup ${found.id}`);
  return found;
}

/** When everything that had been received was last known to be in the bucket, and how many segments are on their way. */
const PROGRESS =
  'echo "$(cat /run/backup/uploaded 2>/dev/null || echo 0) $(find /wal -type f -name \"0*\" | wc -l)"';
/** Seconds that the archive may take for one segment of the log before it counts as stuck. */
const STUCK_SECONDS = 60;

/** Waits until the last of the log is in the bucket, where the archive runs, for as long as it gets on. */
export async function untilUploaded(kubectl: Kubectl, namespace: string, line: Line): Promise<void> {
  const ask = (script: string): Promise<RunResult> =>
    kubectl.attempt(['-n', namespace, 'exec', `${BACKUP}-0`, '-c', 'upload', '--', 'sh', '-c', script], {
      timeoutSeconds: 15,
    });
  // By the archive's clock: this machine's may be another.
  const stopped = await ask('date +%s');
  if (!stopped.ok) {
    line.note('the archive does not run: what it has not uploaded is not restored');
    return;
  }
  let least = Infinity;
  let deadline = clock.now() + STUCK_SECONDS * 1000;
  for (;;) {
    const { ok, stdout } = await ask(PROGRESS);
    const [uploaded = 0, left = 0] = ok ? stdout.trim().split(' ').map(Number) : [0, least];
    if (uploaded > Number(stopped.stdout)) return;
    line.note(`waiting for the last of the log to be in the bucket, ${left} segments of 16 MiB`);
    if (left < least) {
      least = left;
      deadline = clock.now() + STUCK_SECONDS * 1000;
    }
    if (clock.now() > deadline) {
      throw new CliError(
        'The last of the log does not get into the bucket.',
        `\`${kubectl.command(`-n ${namespace} logs ${BACKUP}-0 -c upload`)}\` tells why. To restore without it, name the time with --at.`,
      );
    }
    await clock.sleep(1000);
  }
}

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({
        volumes: z
          .array(z.object({ persistentVolumeClaim: z.object({ claimName: z.string() }).optional() }))
          .default([]),
      }),
    }),
  ),
});

/** @throws {CliError} when a claim that is to be replaced is none of the namespace's */
export async function requireClaims(
  kubectl: Kubectl,
  namespace: string,
  claims: readonly string[],
): Promise<void> {
  if (claims.length === 0) return;
  const names = await kubectl.run(['-n', namespace, 'get', 'persistentvolumeclaims', '-o', 'name']);
  const there = names
    .trim()
    .split('\n')
    .map((name) => name.replace(/^.*\//, ''));
  // That of the database is missing where a restore was cut off after its deletion.
  const unknown = claims.filter((claim) => claim !== RESTORE_CLAIM && !there.includes(claim));
  if (unknown.length === 0) return;
  throw new CliError(
    `The namespace "${namespace}" has no claim ${unknown.join(', ')}.`,
    `Those there are: ${there.join(', ')}.`,
  );
}

/** Deletes claims that were named, and the pods that hold them, which their StatefulSets make anew. */
export async function replaceClaims(
  kubectl: Kubectl,
  namespace: string,
  claims: readonly string[],
): Promise<void> {
  const pods = (await kubectl.json(podList, ['-n', namespace, 'get', 'pods']))?.items ?? [];
  for (const claim of claims) {
    await kubectl.run([
      ...['-n', namespace, 'delete', 'persistentvolumeclaim', claim, '--ignore-not-found', '--wait=false'],
    ]);
    const holders = pods.filter(({ spec }) =>
      spec.volumes.some((volume) => volume.persistentVolumeClaim?.claimName === claim),
    );
    for (const { metadata } of holders) {
      await kubectl.run([
        ...['-n', namespace, 'delete', 'pod', metadata.name, '--force', '--grace-period=0'],
        '--ignore-not-found',
      ]);
    }
  }
  // The database's is not made anew before it is gone, since nothing else makes it.
  if (claims.includes(RESTORE_CLAIM)) {
    await kubectl.run(['-n', namespace, 'wait', '--for=delete', `pvc/${RESTORE_CLAIM}`, '--timeout=60s']);
  }
}

export async function applyMissingClaim(
  kubectl: Kubectl,
  namespace: string,
  files: RestoreFiles,
): Promise<void> {
  const there = await kubectl.run([
    ...['-n', namespace, 'get', 'pvc', RESTORE_CLAIM, '--ignore-not-found', '-o', 'name'],
  ]);
  if (there.trim() === '') await applyFile(kubectl, files.claim);
}

export async function runRestore(kubectl: Kubectl, namespace: string, files: RestoreFiles): Promise<string> {
  return step('Restoring', async (line) => {
    await applyFile(kubectl, files.restore);
    const said = await follow(kubectl, namespace, jobIn(files.restore), line);
    await kubectl.run(['-n', namespace, 'annotate', 'pvc', RESTORE_CLAIM, `${RESTORING}-`]);
    line.rename('Restored, and compared with the manifest of the backup');
    return said;
  });
}

const secretList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
      type: z.string(),
      data: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

/** The Secrets that the database and its restore use, from the live namespace; values go through standard input. */
export async function copySecrets(kubectl: Kubectl, config: Config, into: string): Promise<void> {
  const specs = secretSpecs(config);
  const names = [
    ...(['superuser', 'owner', 'app', 'exporter', 'backup', 'backupKey'] as const).map(
      (id) => specs[id].name,
    ),
    ...(config.backups.s3 === undefined ? [] : [config.backups.s3.secret]),
    ...(isEncrypted(config) ? [TLS_SECRETS.postgres] : []),
  ];
  const found = await kubectl.json(secretList, [
    '-n',
    config.namespace,
    'get',
    'secrets',
    ...names,
    '--ignore-not-found',
  ]);
  const there = found?.items ?? [];
  const missing = names.filter((name) => !there.some(({ metadata }) => metadata.name === name));
  if (missing.length > 0) {
    throw new CliError(
      `The namespace "${config.namespace}" lacks the Secret ${missing.join(', ')}.`,
      'The restored database needs it, too: make it there, or let `npm run up` do it, then run this again.',
    );
  }
  const items = there.map(({ metadata, type, data }) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: metadata.name, namespace: into, labels: metadata.labels },
    type,
    data,
  }));
  await kubectl.run([...APPLY, '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  });
}

export const applyFile = (kubectl: Kubectl, file: string): Promise<string> =>
  kubectl.run([...APPLY, '-f', file]);

/** @throws {CliError} when the cluster would not take it */
export const tryFile = (kubectl: Kubectl, file: string): Promise<string> =>
  kubectl.run([...APPLY, '--dry-run=server', '-f', file]);
