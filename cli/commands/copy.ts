/** `npm run db:copy`: one environment's database in another one, with nobody's name in it. */
import { POSTGRES, REDIS } from '../../charts/names.ts';
import type { Config } from '../../environments/schema.ts';
import { POSTGRES_ROLES } from '../../environments/secrets.ts';
import { confirmed } from '../ask.ts';
import { readConfig } from '../environment.ts';
import { CliError } from '../errors.ts';
import { pipe } from '../exec.ts';
import { stamp } from '../jobs.ts';
import type { Kubectl } from '../kubectl.ts';
import { step } from '../steps.ts';
import { targetOf, type TargetOptions } from '../target.ts';
import { migrationsOf, ownProgram, runTask } from '../tasks.ts';

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
  const from = await endOf({
    env: options.from,
    ...(options.fromCluster === undefined ? {} : { cluster: options.fromCluster }),
    ...(options.fromContext === undefined ? {} : { context: options.fromContext }),
  });
  const to = await endOf({
    env: options.to,
    ...(options.toCluster === undefined ? {} : { cluster: options.toCluster }),
    ...(options.toContext === undefined ? {} : { context: options.toContext }),
  });
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

  const name = `${postgres.database}_copy`;
  await step('Copying', async (line) => {
    await query(to, [
      `drop database if exists ${name}`,
      `create database ${name} owner ${POSTGRES_ROLES.owner}`,
      `revoke all on database ${name} from public`,
    ]);
    await transfer(from, to, name, (megabytes) => {
      line.note(`${megabytes} MB`);
    });
  });
  await step('Replacing whatever tells of a person', (line) =>
    runTask(
      to.kubectl,
      { ...to.config, postgres: { ...postgres, database: name } },
      ownProgram(to.config, 'anonymize', ['--yes-this-is-a-copy']),
      line,
    ),
  );
  await step('Exchanging the databases', async () => {
    const { app, exporter, backup } = POSTGRES_ROLES;
    await query(to, [
      `alter database ${postgres.database} allow_connections false`,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${postgres.database}'`,
      `alter database ${postgres.database} rename to ${before}`,
      `alter database ${name} rename to ${postgres.database}`,
      `grant connect on database ${postgres.database} to ${app}, ${exporter}, ${backup}`,
    ]);
    if (to.config.redis.mode === 'statefulset') {
      // Sessions and cached totals are of the database before.
      await to.kubectl.run([
        ...['-n', namespace, 'exec', `${REDIS}-0`, '--', 'sh', '/usr/local/etc/redis/cli.sh', 'flushall'],
      ]);
    }
  });
  await step(`Migrations of ${environment}, and its first user`, (line) =>
    runTask(to.kubectl, to.config, migrationsOf(to.config), line),
  );
  console.log(
    `\nRemove the one of before when you are sure: ${to.kubectl.command(`-n ${namespace} exec ${POSTGRES}-0 -- psql -U ${POSTGRES_ROLES.superuser} -d postgres -c 'drop database ${before}'`)}`,
  );
}

async function endOf(target: TargetOptions): Promise<End> {
  const config = readConfig(target);
  if (config.postgres.mode !== 'statefulset') {
    throw new CliError(
      `The database of ${config.environment} is not in the cluster: postgres.mode is ${config.postgres.mode}.`,
      'Copy it with pg_dump and pg_restore.',
    );
  }
  const { kubectl, kind } = targetOf(target);
  await kind?.require();
  return { config, kubectl };
}

const psql = ({ config }: End, ...command: string[]): string[] => [
  ...['-n', config.namespace, 'exec', '-i', `${POSTGRES}-0`, '--', ...command],
  ...['-U', POSTGRES_ROLES.superuser],
];

const query = (end: End, statements: readonly string[]): Promise<string> =>
  end.kubectl.run(psql(end, 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres'), {
    input: `${statements.join(';\n')};\n`,
  });

/** A dump from the one into the other, kept nowhere on the way. */
async function transfer(
  from: End,
  to: End,
  name: string,
  onMegabytes: (count: number) => void,
): Promise<void> {
  const { ok, stderr } = await pipe(
    'kubectl',
    ['--context', from.kubectl.context, ...psql(from, 'pg_dump', '-Fc', '-d', from.config.postgres.database)],
    ['--context', to.kubectl.context, ...psql(to, 'pg_restore', '--exit-on-error', '-d', name)],
    (total) => {
      onMegabytes(Math.round(total / 1e6));
    },
  );
  if (ok) return;
  throw new CliError(
    `The database could not be copied: ${stderr.trim()}`,
    `Nothing of ${to.config.environment} was changed. Run it again when that is put right.`,
  );
}
