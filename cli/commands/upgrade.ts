/** `npm run upgrade`: the database goes to another major version of PostgreSQL, or back to the one before. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { POSTGRES, RESTORE, UPGRADE } from '../../charts/names.ts';
import type { UpgradeRequest } from '../../charts/upgrade.ts';
import { sourceHashes } from '../../environments/images.ts';
import type { Config } from '../../environments/schema.ts';
import { confirmed, refuseOther, type Question } from '../ask.ts';
import type { Snapshot } from '../components.ts';
import { readConfig, ROOT } from '../environment.ts';
import { CliError, messageOf } from '../errors.ts';
import { endOthers, refuseDuringRestore, upgradeUnderWay } from '../exchanges.ts';
import { refuseImmutableChanges } from '../immutable.ts';
import { follow, stamp } from '../jobs.ts';
import type { Kubectl } from '../kubectl.ts';
import { refuseDuringMove } from '../move-plan.ts';
import { imageOfDatabase, releaseOf } from '../postgres-release.ts';
import { applyFile, jobIn, objectsIn, tryFile } from '../restore.ts';
import { SteadyKubectl, withoutInterruption } from '../signals.ts';
import { step } from '../steps.ts';
import { flagsOf, targetOf, type TargetOptions } from '../target.ts';
import { requireEnvironment } from '../tasks.ts';

export interface UpgradeOptions extends TargetOptions {
  /**
   * Whether the files of before the last upgrade are put back.
   * @default false
   */
  readonly back?: boolean;
  /** The namespace's name, to say that its database is to be stopped. */
  readonly confirm?: string;
}

/** Seconds that PostgreSQL may take to end, and to start. */
const STOP_SECONDS = 120;
const START_SECONDS = 300;

export async function upgrade(store: string, options: UpgradeOptions): Promise<void> {
  const config = readConfig(options);
  const { namespace, postgres } = config;
  if (store !== 'postgres') {
    throw new CliError(
      `"${store}" can't be upgraded by a command.`,
      '`npm run upgrade -- postgres` is there; docs/how-to/upgrade.md has the others.',
    );
  }
  if (postgres.mode !== 'statefulset') {
    throw new CliError(
      `The database of ${config.environment} is none of this project's: postgres.mode is ${postgres.mode}.`,
      'Whoever looks after it upgrades it.',
    );
  }
  const question: Question = {
    text: `Type ${namespace} to stop its database:`,
    answer: namespace,
    ...(options.confirm === undefined ? {} : { said: options.confirm }),
    option: `--confirm ${namespace}`,
  };
  refuseOther(question);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  await requireEnvironment(kubectl, config);
  const from = await imageOfDatabase(kubectl, namespace);
  requireAnother(config, from, options.back === true);
  await refuseDuringMove(kubectl, namespace);
  await refuseDuringRestore(kubectl, namespace, [RESTORE]);
  const request = { id: stamp(), ...(options.back === true ? {} : { from }) };
  await withUpgradeFiles(config, request, async (files) => {
    await refuseImmutableChanges(kubectl, objectsIn(files.postgres), flagsOf(options));
    for (const file of [files.upgrade, files.postgres]) await tryFile(kubectl, file);
    console.log(describe(config, from, options.back === true));
    if (!(await confirmed(question))) {
      console.log('Nothing was changed.');
      return;
    }
    await exchange(kubectl, namespace, files, await upgradeUnderWay(kubectl, namespace, files.upgrade));
    console.log(
      `\nNow \`npm run up -- ${flagsOf(options)}\` brings the rest along, and \`npm run backup\` makes the first backup of it.`,
    );
  });
}

/** @throws {CliError} when there is nothing to upgrade, or it is to go the other way */
function requireAnother({ namespace, postgres }: Config, from: string | undefined, back: boolean): void {
  if (from === undefined) {
    throw new CliError(
      `There is no database in namespace ${namespace}.`,
      '`npm run up` makes one, of the image that postgres.image names.',
    );
  }
  const [is, wants] = [releaseOf(from), releaseOf(postgres.image)];
  if (from === postgres.image || (is !== undefined && is === wants)) {
    throw new CliError(
      `The database runs ${from}, and postgres.image is ${postgres.image}: both are of the same major version.`,
      `Name the image to ${back ? 'go back' : 'upgrade'} to in postgres.image; within a major version, \`npm run up\` is enough.`,
    );
  }
  if (is === undefined || wants === undefined || back === wants < is) return;
  throw new CliError(
    `The database is one of PostgreSQL ${is}, and postgres.image is ${postgres.image}, which is ${back ? 'newer: --back takes an upgrade back' : 'older: an upgrade goes to a newer one'}.`,
    back
      ? 'To upgrade, leave --back out.'
      : 'To put the files of before the last upgrade back, with none of what was written since, add --back.',
  );
}

const describe = ({ namespace, postgres }: Config, from: string | undefined, back: boolean): string =>
  [
    '',
    `The database of namespace ${namespace}, from ${from ?? ''} to ${postgres.image}:`,
    '  it is stopped, and sales are refused until it is back;',
    back
      ? '  the files of before the upgrade are put in place: what was written since is not in them,'
      : '  all that is in it goes into new files of the same claim, and is compared;',
    `  ${back ? 'and stays' : 'the files of before stay'} beside them, as pgdata.<version>-…`,
    '',
  ].join('\n');

interface UpgradeFiles {
  readonly upgrade: string;
  readonly postgres: string;
}

async function withUpgradeFiles(
  config: Config,
  request: UpgradeRequest,
  use: (files: UpgradeFiles) => Promise<void>,
): Promise<void> {
  const { composeUpgrade } = await import('../../main.ts');
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-upgrade-'));
  try {
    composeUpgrade(config, sourceHashes(ROOT, config), folder, request).synth();
    await use({ upgrade: join(folder, '10-upgrade.yaml'), postgres: join(folder, '50-postgres.yaml') });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** From the database's stop to its start with the other image; a Job that is at work already is followed to its end. */
async function exchange(
  kubectl: Kubectl,
  namespace: string,
  files: UpgradeFiles,
  underWay: string | undefined,
): Promise<void> {
  await withoutInterruption(async (signal) => {
    const steady = new SteadyKubectl(kubectl.context, signal);
    try {
      await step('Stopping the database', async () => {
        await scale(steady, namespace, 0);
        await steady.run(
          ['-n', namespace, 'wait', '--for=delete', `pod/${POSTGRES}-0`, `--timeout=${STOP_SECONDS}s`],
          { timeoutSeconds: STOP_SECONDS + 10 },
        );
      });
      await step('Exchanging its files', async (line) => {
        if (underWay === undefined) await applyFile(steady, files.upgrade);
        const job = underWay ?? jobIn(files.upgrade);
        const said = await follow(steady, namespace, job, line, refuseDatabase);
        line.rename(`Exchanging its files: ${outcomeOf(said)}`);
      });
    } catch (error) {
      await putBack(new SteadyKubectl(kubectl.context), namespace, error);
      throw new CliError(
        signal.aborted ? 'The upgrade was interrupted.' : messageOf(error),
        'The database starts with its files of before; if the others were in place already, it does not, and waits for the same command. To upgrade after all, run the same command again.',
      );
    }
  });
  await step('Starting the database', async () => {
    await applyFile(kubectl, files.postgres);
    await kubectl.run(
      ['-n', namespace, 'rollout', 'status', `statefulset/${POSTGRES}`, `--timeout=${START_SECONDS}s`],
      { timeoutSeconds: START_SECONDS + 10 },
    );
  });
}

/** What of the script's words counts in the end: how the databases compare, and which one there is now. */
function outcomeOf(said: string): string {
  const lines = said.trim().split('\n');
  const compared = lines.filter((text) => text.endsWith(', all of them the same'));
  return [...compared, lines.at(-1)?.replace(/^\S+ /, '') ?? ''].join('; ');
}

/** @throws {CliError} when somebody has started the database while its files are exchanged */
function refuseDatabase(seen: Snapshot): void {
  if (!seen.some(({ kind, metadata }) => kind === 'Pod' && metadata.name === `${POSTGRES}-0`)) return;
  throw new CliError(
    'Somebody has started the database while its files were being exchanged.',
    'Pause what applies from git (docs/how-to/argo-cd.md, docs/how-to/flux.md), and run no other command meanwhile.',
  );
}

const scale = (kubectl: Kubectl, namespace: string, replicas: number): Promise<string> =>
  kubectl.run(['-n', namespace, 'scale', 'statefulset', POSTGRES, `--replicas=${replicas}`]);

/** @throws {CliError} when the database can't be started again */
async function putBack(kubectl: Kubectl, namespace: string, cause: unknown): Promise<void> {
  try {
    await endOthers(kubectl, namespace, [UPGRADE]);
    await scale(kubectl, namespace, 1);
  } catch (error) {
    throw new CliError(
      `${messageOf(cause)}\nThe database is stopped, and could not be started again: ${messageOf(error)}`,
      'When that is put right, run the same command again.',
    );
  }
}
