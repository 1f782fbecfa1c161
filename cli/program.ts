/** What the commands are called and take: the definitions that main.ts runs and the reference is generated from. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { isDuration, toSeconds } from '../environments/quantities.ts';
import { backup, drill, type BackupOptions } from './commands/backup.ts';
import { copy, type CopyOptions } from './commands/copy.ts';
import { db, ROLES, type DbOptions } from './commands/db.ts';
import { deploy, type DeployOptions } from './commands/deploy.ts';
import { diff, type DiffOptions } from './commands/diff.ts';
import { doctor, type DoctorOptions } from './commands/doctor.ts';
import { down, type DownOptions } from './commands/down.ts';
import { images, type ImagesOptions } from './commands/images.ts';
import { groups, tail, topics, type TailOptions } from './commands/kafka.ts';
import { logs, type LogsOptions } from './commands/logs.ts';
import { migrate, type MigrateOptions } from './commands/migrate.ts';
import { move, type MoveOptions } from './commands/move.ts';
import { redis } from './commands/redis.ts';
import { resize, type ResizeOptions } from './commands/resize.ts';
import { restore, type RestoreOptions } from './commands/restore.ts';
import { rollback, type RollbackOptions } from './commands/rollback.ts';
import { renew, rotate, secrets, type SecretsOptions } from './commands/secrets.ts';
import { seed, type SeedOptions } from './commands/seed.ts';
import { shell, type ShellOptions } from './commands/shell.ts';
import { snapshot, type SnapshotOptions } from './commands/snapshot.ts';
import { status, type StatusOptions } from './commands/status.ts';
import { up, type UpOptions } from './commands/up.ts';
import { upgrade, type UpgradeOptions } from './commands/upgrade.ts';
import { verify, type VerifyOptions } from './commands/verify.ts';
import { PATIENCE_SECONDS } from './smoke.ts';
import type { TargetOptions } from './target.ts';

export const program = new Command('zakpos').description('ZakPOS on Kubernetes').showHelpAfterError();

const command = (name: string, description: string): Command =>
  program
    .command(name)
    .description(description)
    .option('--env <environment>', 'dev, test, prod or cloud', 'dev')
    .addOption(
      new Option(
        '--cluster <name>',
        'name of the kind cluster (default: zakpos for dev, else zakpos-<environment>)',
      ).env('ZAKPOS_CLUSTER'),
    );
const withTarget = (name: string, description: string): Command =>
  command(name, description).option('--context <context>', 'a context of kubectl instead of a kind cluster');

/** For an option that may be repeated. */
const collect = (value: string, before: readonly string[]): string[] => [...before, value];
const positive =
  (things: string) =>
  (text: string): number => {
    if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError(`a whole number of ${things} is expected`);
    return Number(text);
  };
const seconds = positive('seconds');

const duration = (text: string): string => {
  if (!isDuration(text)) throw new InvalidArgumentError('a whole number with s, m, h or d is expected');
  // kubectl knows no days.
  return `${toSeconds(text)}s`;
};

withTarget('up', 'from nothing to the running till; run again, it changes what has to change')
  .option('--timeout <seconds>', 'how long components may take to become ready', seconds, 300)
  .option('--no-smoke', 'leave out the smoke test at the end')
  .addOption(
    new Option('--only <part>', 'infra: the stores of dev on localhost, for apps on this machine').choices([
      'infra',
    ]),
  )
  .action((options: UpOptions) => up(options));
command('doctor', 'what keeps it from working on this machine, each with the fix; it changes nothing')
  .option('--json', 'for programs')
  .action(async (options: DoctorOptions) => {
    if (!(await doctor(options))) process.exitCode = 1;
  });
withTarget('diff', 'what an apply would change, in words and then as YAML; it writes nothing')
  .option('--against <folder>', 'compare with manifests that were rendered before, instead of the cluster')
  .option('--markdown', 'as a comment of a pull request')
  .option('--exit-code', 'end with 2 when anything would change')
  .action(async (options: DiffOptions) => {
    if ((await diff(options)) && options.exitCode === true) process.exitCode = 2;
  });
withTarget('status', 'every component: ready or why not, version, restarts, memory; and the URLs')
  .option('--claims', 'instead: every claim, how full it is, who mounts it, and those that nothing uses')
  .option('--load', 'instead: sales, latency, errors and what is at its limit, now, until Ctrl-C')
  .option('--once', 'one reading of that')
  .action(async (options: StatusOptions) => {
    if (!(await status(options))) process.exitCode = 1;
  });
withTarget('verify', 'whether a running system is as it should be, point by point, with a report')
  .option('--report <file>', 'file of the report (default: verify/<environment>.md)')
  .option('--drill', 'rehearse a restore now, rather than only ask when it last was')
  .option(
    '--restart <store>',
    'restart postgres, redis, kafka or zookeeper and see that its data stay: an outage; may be repeated',
    collect,
    [],
  )
  .action(async (options: VerifyOptions) => {
    if (!(await verify(options))) process.exitCode = 1;
  });
withTarget('logs', 'what components have written, by time; from Loki where there is one, else from the nodes')
  .argument('[component...]', 'such as api, reports, ingress or kafka; all of them when it is left out')
  .option('--since <duration>', 'how far back, such as 90s, 10m or 2h', duration, '10m')
  .option('--request <id>', 'only lines with this id of a request (X-Request-Id)')
  .option('--follow', 'go on with what is written now, until Ctrl-C')
  .option('--json', 'lines as they were written')
  .option('--nodes', 'from the nodes, even where there is Loki')
  .action((components: readonly string[], options: LogsOptions) => logs(components, options));
withTarget('shell', 'a shell in a pod of a component')
  .argument('<component>', 'such as api, reports, web, postgres, kafka or ingress')
  .argument('[command...]', 'after `--`: what runs instead of a shell')
  .option('--pod <name>', 'which pod (default: one that is ready)')
  .action(async (component: string, args: readonly string[], options: ShellOptions) => {
    process.exitCode = await shell(component, args, options);
  });
withTarget('db', "psql on the environment's database; other options and arguments are psql's")
  .argument('[psql...]', "such as -c 'select count(*) from sales'")
  .addOption(new Option('--as <role>', 'whose rights').choices(ROLES).default('app'))
  .allowUnknownOption()
  .action(async (args: readonly string[], options: DbOptions) => {
    process.exitCode = await db(args, options);
  });
withTarget('redis', "redis-cli, logged in; other options and arguments are redis-cli's")
  .argument('[redis-cli...]', 'such as ping, or --scan')
  .allowUnknownOption()
  .action(async (args: readonly string[], options: TargetOptions) => {
    process.exitCode = await redis(args, options);
  });
const kafkaCommand = withTarget('kafka', 'what is in Kafka, by its own tools');
kafkaCommand
  .command('topics')
  .description('every topic, its partitions and settings')
  .action((_options: unknown, self: Command) => topics(self.optsWithGlobals()));
kafkaCommand
  .command('groups')
  .description('every group of consumers, and how many records it has before it')
  .action(async (_options: unknown, self: Command) => {
    process.exitCode = await groups(self.optsWithGlobals());
  });
kafkaCommand
  .command('tail <topic>')
  .description('the records of a topic as they come, one a line, until Ctrl-C')
  .option('--from-beginning', 'the oldest that are there first')
  .option('--max <records>', 'how many records, instead of until Ctrl-C', positive('records'))
  .action(async (topic: string, _options: unknown, self: Command) => {
    process.exitCode = await tail(topic, self.optsWithGlobals<TailOptions>());
  });
command('down', 'removes the kind cluster, after saying what is lost and asking')
  .option('--yes', 'do not ask')
  .action((options: DownOptions) => down(options));
withTarget('images', "builds the apps' images and loads them into the kind cluster")
  .option('--no-load', 'only build')
  .action((options: ImagesOptions) => images(options));
const secretsCommand = withTarget(
  'secrets',
  'makes the Secrets that are missing in the cluster; nobody sees their values',
)
  .option('--check', 'only report what is missing, incomplete or weak')
  .action(async (options: SecretsOptions) => {
    if (!(await secrets(options))) process.exitCode = 1;
  });
// The options are those of the command above them, wherever they are written.
secretsCommand
  .command('rotate <name>')
  .description('gives a store, or the signing of tokens, a new credential while the system serves')
  .action((name: string, _options: unknown, self: Command) => rotate(name, self.optsWithGlobals()));
secretsCommand
  .command('renew <name>')
  .description('renews a certificate that `secrets` has made')
  .action((name: string, _options: unknown, self: Command) => renew(name, self.optsWithGlobals()));
withTarget('deploy', "applies a release's manifests; what ran before runs again when they do no good")
  .requiredOption('--manifests <path>', "a release's archive, or a folder such as dist/prod")
  .option('--target <name>', "which of the release's places (default: the environment's name)")
  .option('--signed-by <repository>', 'only what the release workflow of this GitHub repository has signed')
  .option('--timeout <seconds>', 'how long pods may take to become ready', seconds, 600)
  .option('--smoke-timeout <seconds>', 'how long the smoke test tries', seconds, PATIENCE_SECONDS)
  .action((options: DeployOptions) => deploy(options));
withTarget('rollback', 'takes the last rollout of an app back')
  .argument('[app]', 'api, reports, web or mobile; all that do not come up when it is left out')
  .option('--timeout <seconds>', 'how long the pods of before may take', seconds, 300)
  .action((app: string | undefined, options: RollbackOptions) => rollback(app, options));
const number = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('a number from 0 on is expected');
  return Number(text);
};
withTarget('resize', "grows a store's claims to the size of the configuration, under its running pods")
  .argument('<store>', 'postgres, redis, kafka or zookeeper')
  .option('--timeout <seconds>', 'how long the volumes may take to grow', seconds, 600)
  .action((store: string, options: ResizeOptions) => resize(store, options));
withTarget('move', "copies a store's claims to another node, storage class or size; the old volumes stay")
  .argument('<store>', 'postgres, redis, kafka or zookeeper')
  .option('--to-node <node>', 'node of the new volume (default: where the pod is)')
  .option('--storage-class <class>', 'class of the new volume, which the configuration has to name, too')
  .option('--pod <ordinal>', 'which pod of several', number)
  .option('--claim <name>', 'a claim that may be deleted and made again, instead of asking', collect, [])
  .option('--cancel', 'gives a move up that was cut off before it swapped the claims')
  .option('--timeout <seconds>', 'how long pods may take to start', seconds, 300)
  .action((store: string, options: MoveOptions) => move(store, options));
withTarget('snapshot', "VolumeSnapshots of a store's claims, where the cluster's storage makes them")
  .argument('<store>', 'postgres, redis, kafka or zookeeper')
  .option('--class <name>', 'VolumeSnapshotClass (default: the default one of the driver)')
  .option('--timeout <seconds>', 'how long they may take', seconds, 600)
  .action((store: string, options: SnapshotOptions) => snapshot(store, options));

withTarget('backup', 'makes a dump and a base backup now, reads them back, and lists all there are')
  .option('--list', 'only list the good ones')
  .action((options: BackupOptions) => backup(options));
withTarget('drill', 'restores the newest backup into a throwaway server now, and compares').action(
  (options: TargetOptions) => drill(options),
);
withTarget('restore', 'the database of a point in time, into a namespace of its own or onto the live one')
  .option('--at <time>', 'a time with its zone, such as 2026-11-21T10:30:00Z; all there is without it')
  .option('--backup <id>', 'base backup to begin from, of those that `npm run backup -- --list` shows')
  .option('--into <namespace>', 'namespace that gets it (default: <namespace>-restored)')
  .option('--yes', 'do not ask before restoring into a namespace of its own')
  .option('--confirm <namespace>', 'say that the database of the live namespace is to be replaced')
  .option(
    '--replace-claim <claim>',
    'claim on a lost node, to be deleted and made anew; may be repeated',
    (claim: string, others: readonly string[]) => [...others, claim],
    [],
  )
  .option('--finish', 'only what comes after a restore onto the live database, when that has failed')
  .action((options: RestoreOptions) => restore(options));
withTarget('upgrade', 'takes the database to the major version of PostgreSQL that postgres.image is of')
  .argument('<store>', 'postgres')
  .option('--back', 'put the files of before the upgrade back; what was written since is not in them')
  .option(
    '--confirm <namespace>',
    'say that the database of this namespace is to be stopped, instead of asking',
  )
  .action((store: string, options: UpgradeOptions) => upgrade(store, options));
withTarget('migrate', 'migrates the database, before the new version is rolled out')
  .option('--plan', 'only show what would be done')
  .action((options: MigrateOptions) => migrate(options));
withTarget('seed', 'fills the shop of dev or test with products and a month of sales')
  .option('--seed <number>', 'what the made-up sales are derived from', '1')
  .option('--add', 'in a shop that has sales, too')
  .action((options: SeedOptions) => seed(options));
program
  .command('db:copy')
  .description("puts one environment's database in the place of another's, with nobody's name in it")
  .requiredOption('--from <environment>', 'whose database is copied')
  .requiredOption('--to <environment>', 'whose database it becomes: dev or test')
  .option('--from-cluster <name>', 'name of the kind cluster that it is in')
  .option('--from-context <context>', 'a context of kubectl instead')
  .option('--to-cluster <name>', 'name of the kind cluster that it goes to')
  .option('--to-context <context>', 'a context of kubectl instead')
  .option('--yes', 'do not ask')
  .action((options: CopyOptions) => copy(options));
