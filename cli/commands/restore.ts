/** `npm run restore`: the database as it was at some time, in a namespace of its own or in the place of the live one. */
import { BACKUP_DAILY, POSTGRES } from '../../charts/names.ts';
import { ARCHIVE_CLAIM, backupPrefix, RESTORE_CLAIM, RESTORING } from '../../environments/backups.ts';
import { hasReferencePrograms } from '../../environments/images.ts';
import type { Config } from '../../environments/schema.ts';
import { dnsLabel } from '../../environments/schema/fields.ts';
import { POSTGRES_ROLES } from '../../environments/secrets.ts';
import { confirmed, refuseOther, type Question } from '../ask.ts';
import { requireBackups, type BackupManifest } from '../backups.ts';
import { readConfig } from '../environment.ts';
import { CliError, messageOf } from '../errors.ts';
import { endOthers } from '../exchanges.ts';
import { runNow, stamp } from '../jobs.ts';
import type { Kubectl } from '../kubectl.ts';
import { refuseDuringMove } from '../move-plan.ts';
import {
  applyFile,
  applyMissingClaim,
  copySecrets,
  objectsIn,
  planOf,
  replaceClaims,
  requireClaims,
  requireEmpty,
  runRestore,
  untilUploaded,
  withRestoreFiles,
  type RestoreFiles,
} from '../restore.ts';
import { SteadyKubectl, withoutInterruption } from '../signals.ts';
import { step } from '../steps.ts';
import { targetOf, type TargetOptions } from '../target.ts';
import { ownProgram, runTask } from '../tasks.ts';
import { waitForReady } from '../wait.ts';
import { tablesOf } from './backup.ts';

export interface RestoreOptions extends TargetOptions {
  /** Point in time with its zone; the end of the log without it. */
  readonly at?: string;
  /** Identifier of the base backup to begin from. */
  readonly backup?: string;
  /** Namespace that gets the database. */
  readonly into?: string;
  readonly yes?: boolean;
  /** The live namespace's name, to say that its database is to be replaced. */
  readonly confirm?: string;
  /** Claims whose volumes are lost, to be deleted and made anew. */
  readonly replaceClaim: readonly string[];
  /**
   * Whether to do only what comes after a restore onto the live database.
   * @default false
   */
  readonly finish?: boolean;
}

/** Seconds that PostgreSQL may take to end, and to start. */
const STOP_SECONDS = 120;
const START_SECONDS = 300;

export async function restore(options: RestoreOptions): Promise<void> {
  const config = readConfig(options);
  requireBackups(config);
  if (options.finish === true) {
    const { at, backup, into, confirm, replaceClaim } = options;
    if ([at, backup, into, confirm, ...replaceClaim].some((value) => value !== undefined)) {
      throw new CliError('--finish is for a restore that is done, and goes alone.', 'Leave the others out.');
    }
    const { kubectl, kind } = targetOf(options);
    await kind?.require();
    await finish(kubectl, config);
    return;
  }
  const request = {
    id: stamp(),
    ...(options.at === undefined ? {} : { at: timeOf(options.at) }),
    ...(options.backup === undefined ? {} : { backup: options.backup }),
  };
  const into = options.into ?? `${config.namespace}-restored`;
  const live = into === config.namespace;
  const name = dnsLabel('Namespace').safeParse(into);
  if (!name.success) {
    throw new CliError(`--into is "${into}".`, `Expected ${name.error.issues[0]?.message ?? 'a name'}.`);
  }
  const forLive = options.confirm === undefined ? [] : ['--confirm'];
  if (options.replaceClaim.length > 0) forLive.push('--replace-claim');
  if (!live && forLive.length > 0) {
    throw new CliError(
      `For the live namespace alone: ${forLive.join(', ')}.`,
      `Add \`--into ${config.namespace}\`, or leave it out.`,
    );
  }
  const question: Question = live
    ? {
        text: `Type ${into} to replace its database:`,
        answer: into,
        ...(options.confirm === undefined ? {} : { said: options.confirm }),
        option: `--confirm ${into}`,
      }
    : {
        text: 'Type yes to begin:',
        answer: 'yes',
        ...(options.yes ? { said: 'yes' } : {}),
        option: '--yes',
      };
  refuseOther(question);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  if (live) await requireClaims(kubectl, into, options.replaceClaim);
  else await requireEmpty(kubectl, into);
  const plan = await step('Plan', (line) =>
    withRestoreFiles(config, request, (files) => planOf(kubectl, config, files, line)),
  );
  console.log(describe(config, plan, request.at, into, options.replaceClaim));
  if (!(await confirmed(question))) {
    console.log('Nothing was changed.');
    return;
  }
  // The ports of this machine are the live one's.
  await withRestoreFiles({ ...config, namespace: into, localStores: false }, request, (files) =>
    live
      ? restoreLive(kubectl, config, files, request.at, options.replaceClaim)
      : restoreBeside(kubectl, config, into, files),
  );
}

/** A point in time as the archive knows it: in UTC. */
function timeOf(text: string): string {
  const [, day] = /^\d{4}-\d\d-(\d\d)[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const time = new Date(text.replace(' ', 'T'));
  // JavaScript takes the 31st of a shorter month for a day of the next one.
  const dayOfMonth = new Date(`${text.slice(0, 10)}T00:00Z`).getUTCDate();
  if (Number(day) !== dayOfMonth || Number.isNaN(time.getTime())) {
    throw new CliError(
      `--at is "${text}"; expected a time with its zone.`,
      'For example 2026-11-21T10:30:00Z or 2026-11-21T11:30:00+01:00.',
    );
  }
  if (time.getTime() > Date.now())
    throw new CliError(`--at: ${text} is still to come.`, 'Leave it out to restore all there is.');
  return time.toISOString();
}

function describe(
  { environment, namespace, backups, ...config }: Config,
  { id, finished, bytes, schema, rows }: BackupManifest,
  at: string | undefined,
  into: string,
  lost: readonly string[],
): string {
  const from = `bucket ${backups.s3?.bucket ?? ''}, folder ${backupPrefix({ environment, namespace, backups, ...config })}`;
  return [
    '',
    `The database of ${environment}, from ${from}:`,
    `  begins with   base backup ${id}, finished ${finished}, ${(bytes / 2 ** 20).toFixed(1)} MiB, schema ${schema}`,
    `  goes on to    ${at ?? 'the end of the log'}`,
    ...(into === namespace
      ? [
          `  into          the live namespace ${into}: its database is stopped, and sales are refused until it is back;`,
          lost.includes(RESTORE_CLAIM)
            ? `                claim ${RESTORE_CLAIM} is deleted and made anew`
            : `                its files of now stay on claim ${RESTORE_CLAIM}, beside the restored ones`,
          ...lost
            .filter((claim) => claim !== RESTORE_CLAIM)
            .map((claim) => `  deletes       claim ${claim}, which is made anew and empty`),
        ]
      : [`  into          namespace ${into}, as a database alone; the live one is not touched`]),
    `  rows then     ${[...rows].map(([table, count]) => `${table} ${count}`).join(', ')}`,
    '',
  ].join('\n');
}

async function restoreBeside(
  kubectl: Kubectl,
  config: Config,
  into: string,
  files: RestoreFiles,
): Promise<void> {
  await step(`Namespace ${into}`, async () => {
    await applyFile(kubectl, files.namespace);
    await kubectl.run(['annotate', 'namespace', into, '--overwrite', `${RESTORING}=true`]);
    await endOthers(kubectl, into);
    await copySecrets(kubectl, config, into);
    await applyFile(kubectl, files.networkPolicies);
    await applyFile(kubectl, files.claim);
  });
  const said = await runRestore(kubectl, into, files);
  await applyFile(kubectl, files.postgres);
  await waitForReady(kubectl, objectsIn(files.postgres), { seconds: START_SECONDS });
  await kubectl.run(['annotate', 'namespace', into, `${RESTORING}-`]);
  console.log(
    [
      '',
      tablesOf(said),
      '',
      `Look into it:  ${kubectl.command(`-n ${into} exec -it ${POSTGRES}-0 -- psql -U ${POSTGRES_ROLES.superuser} ${config.postgres.database}`)}`,
      `Remove it:     ${kubectl.command(`delete namespace ${into}`)}`,
    ].join('\n'),
  );
}

async function restoreLive(
  kubectl: Kubectl,
  config: Config,
  files: RestoreFiles,
  at: string | undefined,
  lost: readonly string[],
): Promise<void> {
  const { namespace } = config;
  await refuseDuringMove(kubectl, namespace);
  await endOthers(kubectl, namespace);
  const said = await withoutInterruption(async (signal) => {
    try {
      return await restoreStopped(new SteadyKubectl(kubectl.context, signal), config, files, at, lost);
    } catch (error) {
      const isLost = lost.includes(RESTORE_CLAIM);
      await putBack(new SteadyKubectl(kubectl.context), namespace, isLost, error);
      if (!isLost && !signal.aborted) throw error;
      throw new CliError(
        signal.aborted ? 'The restore was interrupted.' : messageOf(error),
        isLost
          ? 'The database stays stopped, since its new claim is empty: run the same command again.'
          : 'The database starts with its files of before, or with the restored ones if they were in place already. To restore after all, run the same command again.',
      );
    }
  });
  await step('Starting the database', async () => {
    await kubectl.run(
      ['-n', namespace, 'rollout', 'status', `statefulset/${POSTGRES}`, `--timeout=${START_SECONDS}s`],
      { timeoutSeconds: START_SECONDS + 10 },
    );
  });
  console.log(['', tablesOf(said), ''].join('\n'));
  await finish(kubectl, config);
}

/**
 * What comes after a restore onto the live database; done twice, it does no harm.
 * @throws {CliError} which says how to go on when it fails
 */
async function finish(kubectl: Kubectl, config: Config): Promise<void> {
  try {
    if (hasReferencePrograms(config)) {
      await step('Events that nobody has counted are sent again', (line) =>
        runTask(kubectl, config, ownProgram(config, 'reconcile'), line),
      );
    }
    await step('Backup of what is there now', (line) =>
      runNow(kubectl, config.namespace, BACKUP_DAILY, line),
    );
  } catch (error) {
    throw new CliError(
      `The database is restored and runs, but what comes after that has failed. ${messageOf(error)}`,
      'When that is put right, `npm run restore -- --finish` does the rest.',
    );
  }
}

const scale = (kubectl: Kubectl, namespace: string, replicas: number): Promise<string> =>
  kubectl.run(['-n', namespace, 'scale', 'statefulset', POSTGRES, `--replicas=${replicas}`]);

/** From the database's stop to its start. Answers what the restore said. */
async function restoreStopped(
  kubectl: Kubectl,
  config: Config,
  files: RestoreFiles,
  at: string | undefined,
  lost: readonly string[],
): Promise<string> {
  const { namespace } = config;
  await step('Stopping the database', async (line) => {
    await scale(kubectl, namespace, 0);
    if (!lost.includes(RESTORE_CLAIM)) {
      await kubectl.run(
        ['-n', namespace, 'wait', '--for=delete', `pod/${POSTGRES}-0`, `--timeout=${STOP_SECONDS}s`],
        { timeoutSeconds: STOP_SECONDS + 10 },
      );
    }
    // What is restored to a time has long been in the bucket.
    if (at === undefined && !lost.includes(ARCHIVE_CLAIM)) await untilUploaded(kubectl, namespace, line);
  });
  if (lost.length > 0) await step('Claims', () => replaceClaims(kubectl, namespace, lost));
  await applyMissingClaim(kubectl, namespace, files);
  const said = await runRestore(kubectl, namespace, files);
  await scale(kubectl, namespace, 1);
  return said;
}

/**
 * Ends a restore and starts the database with its files of before, which are as they were; a new claim has none, and would
 * become an empty shop.
 * @throws {CliError} when that fails, too
 */
async function putBack(kubectl: Kubectl, namespace: string, isLost: boolean, cause: unknown): Promise<void> {
  try {
    await endOthers(kubectl, namespace);
    if (!isLost) await scale(kubectl, namespace, 1);
  } catch (error) {
    throw new CliError(
      `${messageOf(cause)}\nThe database is stopped, and could not be started again: ${messageOf(error)}`,
      `When that is put right, run the same command again${isLost ? '.' : '; or `npm run up`, which goes on with the files of before.'}`,
    );
  }
}
