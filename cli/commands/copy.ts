/** `npm run db:copy`: one environment's database in another one, with nobody's name in it. */
import { POSTGRES, REDIS } from '../../charts/names.ts';
import type { Config } from '../../environments/schema.ts';
import { POSTGRES_ROLES } from '../../environments/secrets.ts';
import { confirmed } from '../ask.ts';
import { readConfig } from '../environment.ts';
import { CliError, messageOf } from '../errors.ts';
import { pipe } from '../exec.ts';
import { stamp } from '../jobs.ts';
import { ENDED, sayingEnd, type Kubectl } from '../kubectl.ts';
import { SteadyKubectl, withoutInterruption } from '../signals.ts';
import { step } from '../steps.ts';
import { targetOf, type TargetOptions } from '../target.ts';
import { migrationsOf, ownProgram, requireEnvironment, runTask } from '../tasks.ts';

export interface CopyOptions {
  readonly from: string;
  readonly to: string;
  readonly fromCluster?: string;
  readonly fromContext?: string;
  readonly toCluster?: string;
  readonly toContext?: string;
  readonly yes?: boolean;
}

/** One of the two databases. */
interface End {
  readonly config: Config;
  readonly kubectl: Kubectl;
}

export async function copy(options: CopyOptions): Promise<void> {
  const [source, target] = [
    {
      env: options.from,
      ...(options.fromCluster === undefined ? {} : { cluster: options.fromCluster }),
      ...(options.fromContext === undefined ? {} : { context: options.fromContext }),
    },
    {
      env: options.to,
      ...(options.toCluster === undefined ? {} : { cluster: options.toCluster }),
      ...(options.toContext === undefined ? {} : { context: options.toContext }),
    },
  ];
  const [from, to] = [endOf(source), endOf(target)];
  const { environment, namespace, postgres } = to.config;
  refuseTarget(from, to);
  const programs = {
    migrate: migrationsOf(to.config),
    anonymize: ownProgram(to.config, 'anonymize', ['--yes-this-is-a-copy']),
  };
  for (const { kind } of [source, target].map(targetOf)) await kind?.require();
  for (const { kubectl, config } of [from, to]) await requireEnvironment(kubectl, config);

  const before = `${postgres.database}_before_${stamp()}`;
  console.log(
    [
      `The database of ${from.config.environment} (${from.kubectl.context}, namespace ${from.config.namespace})`,
      `takes the place of that of ${environment} (${to.kubectl.context}, namespace ${namespace}),`,
      'with names, telephone numbers, e-mail addresses and passwords replaced.',
      `The one of before stays beside it as ${before}.`,
    ].join('\n'),
  );
  const sure = await confirmed({
    text: `Type ${environment} to begin:`,
    answer: environment,
    ...(options.yes === true ? { said: environment } : {}),
    option: '--yes',
  });
  if (!sure) {
    console.log('Nothing was changed.');
    return;
  }

  await withoutInterruption(async (signal) => {
    // Whatever happens from here on, no copy with names in it stays behind.
    try {
      await takeCopy(from, withKubectl(to, signal), programs.anonymize, signal);
      await step('Exchanging the databases', () => exchange(withKubectl(to), before));
    } catch (error) {
      await orSayHow(
        withKubectl(to),
        `drop database if exists ${copyOf(to)} with (force)`,
        error,
        `The copy ${copyOf(to)} is still there, and may have names in it.`,
      );
      if (!signal.aborted) throw error;
      throw new CliError(
        'The copy was interrupted.',
        `The database of ${environment} is as it was. Run the same command again.`,
      );
    }
  });
  if (to.config.redis.mode === 'statefulset') {
    await step('Sessions and cached totals of the database before', () =>
      to.kubectl.run([
        ...['-n', namespace, 'exec', `${REDIS}-0`, '--', 'sh', '/usr/local/etc/redis/cli.sh', 'flushall'],
      ]),
    );
  }
  await step(`Migrations of ${environment}, and its first user`, (line) =>
    runTask(to.kubectl, to.config, programs.migrate, line),
  );
  console.log(`\nRemove the one of before when you are sure: ${commandFor(to, `drop database ${before}`)}`);
}

function endOf(target: TargetOptions): End {
  const config = readConfig(target);
  if (config.postgres.mode !== 'statefulset') {
    throw new CliError(
      `The database of ${config.environment} is not in the cluster: postgres.mode is ${config.postgres.mode}.`,
      'Copy it with pg_dump and pg_restore.',
    );
  }
  return { config, kubectl: targetOf(target).kubectl };
}

/** What PostgreSQL's names may have, less what follows the database's in that of the one before. */
const LONGEST_NAME = 63 - '_before_20261121t103000z'.length;

function refuseTarget(from: End, to: End): void {
  const { environment, namespace, postgres } = to.config;
  if (environment !== 'dev' && environment !== 'test') {
    throw new CliError(
      `A copy into ${environment} would take the place of real sales.`,
      'Choose --to dev or --to test.',
    );
  }
  if (from.kubectl.context === to.kubectl.context && from.config.namespace === namespace) {
    throw new CliError(
      `${from.config.environment} and ${environment} are one and the same: namespace ${namespace} of context ${to.kubectl.context}.`,
      'Name another cluster with --from-cluster, --to-cluster, --from-context or --to-context.',
    );
  }
  if (postgres.database.length > LONGEST_NAME) {
    throw new CliError(
      `The name ${postgres.database} is too long for one of the database before to begin with it.`,
      `Copy it with pg_dump and pg_restore, or choose a postgres.database of at most ${LONGEST_NAME} characters.`,
    );
  }
}

const withKubectl = ({ config, kubectl }: End, signal?: AbortSignal): End => ({
  config,
  kubectl: new SteadyKubectl(kubectl.context, signal),
});

/** Name of the copy until it takes the place of the database; nobody but its owner may log in to it. */
const copyOf = ({ config }: End): string => `${config.postgres.database}_copy`;

/** A copy with nobody's name in it, beside the database. */
async function takeCopy(
  from: End,
  to: End,
  anonymize: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const name = copyOf(to);
  await step('Copying', async (line) => {
    await query(to, [
      `drop database if exists ${name}`,
      `create database ${name} owner ${POSTGRES_ROLES.owner}`,
      `revoke all on database ${name} from public`,
    ]);
    await transfer(from, to, signal, (megabytes) => {
      line.note(`${megabytes} MB`);
    });
  });
  const config = { ...to.config, postgres: { ...to.config.postgres, database: name } };
  await step('Replacing whatever tells of a person', (line) => runTask(to.kubectl, config, anonymize, line));
}

/** Gives the copy the database's name, and the database another one: both or neither. */
async function exchange(to: End, before: string): Promise<void> {
  const { database } = to.config.postgres;
  const { app, exporter, backup } = POSTGRES_ROLES;
  try {
    await query(to, [
      `alter database ${database} allow_connections false`,
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${database}'`,
      'begin',
      `alter database ${database} rename to ${before}`,
      `alter database ${copyOf(to)} rename to ${database}`,
      `grant connect on database ${database} to ${app}, ${exporter}, ${backup}`,
      'commit',
    ]);
  } catch (error) {
    const statement = `alter database ${database} allow_connections true`;
    await orSayHow(to, statement, error, `The database ${database} takes no connections now.`);
    throw error;
  }
}

/**
 * Puts something back after a failure.
 * @throws {CliError} with the command that does it, when that fails, too
 */
async function orSayHow(to: End, statement: string, cause: unknown, state: string): Promise<void> {
  try {
    await query(to, [statement]);
  } catch (error) {
    throw new CliError(
      `${messageOf(cause)}\n${state} That could not be put right: ${messageOf(error)}`,
      `Do it as soon as the database answers: ${commandFor(to, statement)}`,
    );
  }
}

const commandFor = ({ config, kubectl }: End, statement: string): string =>
  kubectl.command(
    `-n ${config.namespace} exec ${POSTGRES}-0 -- psql -U ${POSTGRES_ROLES.superuser} -d postgres -c '${statement}'`,
  );

const AS_SUPERUSER = ['-U', POSTGRES_ROLES.superuser];

const query = ({ config, kubectl }: End, statements: readonly string[]): Promise<string> =>
  kubectl.runInPod(
    config.namespace,
    `${POSTGRES}-0`,
    ['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres', ...AS_SUPERUSER],
    `${statements.join(';\n')};\n`,
  );

/** A dump from the one into the other, kept nowhere on the way. */
async function transfer(
  from: End,
  to: End,
  signal: AbortSignal,
  onMegabytes: (count: number) => void,
): Promise<void> {
  const inPod = ({ config, kubectl }: End, ...command: string[]): string[] => [
    ...[
      '--context',
      kubectl.context,
      '-n',
      config.namespace,
      'exec',
      '-i',
      `${POSTGRES}-0`,
      '--',
      ...command,
    ],
  ];
  const restore = ['pg_restore', '--exit-on-error', '-d', copyOf(to), ...AS_SUPERUSER];
  const { ok, stdout, stderr } = await pipe(
    'kubectl',
    // Half a dump is an error of who reads it.
    inPod(from, 'pg_dump', '-Fc', '-d', from.config.postgres.database, ...AS_SUPERUSER),
    inPod(to, ...sayingEnd(restore)),
    (total) => {
      onMegabytes(Math.round(total / 1e6));
    },
    signal,
  );
  if (ok && stdout.endsWith(ENDED)) return;
  throw new CliError(
    `The database could not be copied: ${withoutRows(stderr).trim() || `the connection to ${POSTGRES}-0 was lost`}`,
    `The database of ${to.config.environment} is as it was. Run it again when that is put right.`,
  );
}

/** What pg_dump and pg_restore complain of, without the rows and values that they quote. */
const withoutRows = (complaint: string): string =>
  complaint
    .replaceAll(
      /^(?:DETAIL|CONTEXT|STATEMENT):[^]*?(?=^(?:pg_dump|pg_restore|command terminated)\b|$(?![^]))/gm,
      '',
    )
    .replaceAll(/: "[^]*?"$/gm, ': (not shown)');
