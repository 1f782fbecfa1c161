/** Single tasks of the API's image on the database: a Job each, which leaves nothing behind unless it fails. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TASK } from '../charts/names.ts';
import { buildOf, hasReferencePrograms, sourceHashes } from '../environments/images.ts';
import type { Config } from '../environments/schema.ts';
import { APPLY } from './apply.ts';
import { readManifest, ROOT } from './environment.ts';
import { CliError } from './errors.ts';
import { follow } from './jobs.ts';
import type { Kubectl } from './kubectl.ts';
import type { Line } from './steps.ts';

/**
 * Runs a command of the API's image as the schema's owner, and answers what it printed.
 * @throws {CliError} with its last words, when it fails
 */
export async function runTask(
  kubectl: Kubectl,
  config: Config,
  command: readonly string[],
  line: Line,
): Promise<string> {
  const { composeTask } = await import('../main.ts');
  const { namespace } = config;
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-task-'));
  let job: string | undefined;
  try {
    composeTask(config, sourceHashes(ROOT, config), folder, command).synth();
    const file = join(folder, 'task.yaml');
    job = readManifest(file).documents.find(({ kind }) => kind === 'Job')?.metadata.name;
    if (job === undefined) throw new Error(`There is no Job in ${file}`);
    // One that was cut off has the same name.
    await kubectl.run(['-n', namespace, 'delete', 'job', job, '--ignore-not-found', '--wait']);
    await kubectl.run([...APPLY, '-f', file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const said = await follow(kubectl, namespace, job, line);
  await kubectl.run([
    '-n',
    namespace,
    'delete',
    `job/${job}`,
    `serviceaccount/${TASK}`,
    '--ignore-not-found',
  ]);
  return said;
}

/**
 * Made-up sales, and a database that takes another's place, are for the environment that was named and no other.
 * @throws {CliError} when what the namespace holds is of another environment, or nothing is there
 */
export async function requireEnvironment(
  kubectl: Kubectl,
  { environment, namespace }: Config,
): Promise<void> {
  const found = await kubectl.run([
    ...['get', 'namespace', namespace, '--ignore-not-found', '-o'],
    'jsonpath={.metadata.labels.zakpos\\.io/environment}',
  ]);
  if (found.trim() === environment) return;
  throw new CliError(
    `Namespace ${namespace} of context ${kubectl.context} ${found.trim() === '' ? 'holds no environment' : `holds ${found.trim()}`}, not ${environment}.`,
    'Name the cluster where that is.',
  );
}

/**
 * The command that migrates.
 * @throws {CliError} where the API's image has none
 */
export function migrationsOf({ environment, api }: Config): readonly string[] {
  if (api.migrations !== null) return api.migrations;
  throw new CliError(
    `The API of ${environment} has no migrations: api.migrations is null.`,
    'Name the command of your image that migrates.',
  );
}

/**
 * The command of a program that the reference API's image has beside the server.
 * @throws {CliError} where somebody else's API is in its place
 */
export function ownProgram(config: Config, name: string, args: readonly string[] = []): readonly string[] {
  if (hasReferencePrograms(config)) return ['node', `dist/${name}.js`, ...args];
  throw new CliError(
    `The image of the API is ${config.api.image ?? `built from ${buildOf('api', config).context}`}, which need not have dist/${name}.js.`,
    "Only the repository's own API has that program; api.migrations is another command than its.",
  );
}
