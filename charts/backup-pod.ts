/** What the pods that reach the bucket have in common: PostgreSQL's tools, rclone beside them, and the scripts. */
import type { Construct } from 'constructs';
import { backupPrefix } from '../environments/backups.ts';
import { TLS_SECRETS } from '../environments/certificates.ts';
import { postgresEndpoint } from '../environments/endpoints.ts';
import { toBytes, toSeconds } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import type { ContainerProps, Resources } from '../lib/pod.ts';
import { scripts } from '../lib/scripts.ts';
import { Volume, type Mount } from '../lib/volume.ts';
import type { WorkloadPodProps } from '../lib/workloads.ts';
import type { PRIORITY } from './capacity.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, secretRef } from './zakpos-chart.ts';

const SCRIPTS = '/opt/backup';
const TOOLS = '/opt/tools';
const SECRETS = '/run/secrets';
/** Where a restore makes the database's files, and a drill its own. */
export const DATA = '/var/lib/postgresql/data';

/** Exit code of a script for what no second try mends, such as a damaged backup: give_up of backup/common.sh. */
export const GIVEN_UP = 3;

/** Scripts by what runs them. */
export const BACKUP_SCRIPTS = [
  'common.sh',
  'facts.sql',
  'receive.sh',
  'upload.sh',
  'metrics.sh',
  'list.sh',
  'backup.sh',
  'retain.sh',
] as const;
export const RESTORE_SCRIPTS = [
  'common.sh',
  'facts.sql',
  'recover.sh',
  'fetch-wal.sh',
  'drill.sh',
  'restore.sh',
] as const;

export const backupScripts = (scope: Construct, name: string, files: readonly string[]): Volume =>
  Volume.configFiles(
    'scripts',
    new ConfigFiles(scope, `scripts-${name}`, { name, files: scripts(...files) }),
    0o555,
  );

export const UPGRADE_SCRIPTS = ['common.sh', 'facts.sql', 'checksums.sql', 'upgrade.sh'] as const;

/** Resources of a container that waits most of the time; environments/demand.ts has the sum of the archive's. */
export const small = ({ backups }: Config): Resources => ({
  requests: { cpu: '10m', memory: '32Mi' },
  limits: { cpu: backups.resources.limits.cpu, memory: '256Mi' },
});

/** Pod settings that they share; uid and gid are those of postgres in the Alpine image, who owns the database's files. */
export const backupPod = (
  config: Config,
  priority: (typeof PRIORITY)[keyof typeof PRIORITY],
): Pick<
  WorkloadPodProps,
  'uid' | 'gid' | 'annotations' | 'imagePullPolicy' | 'priorityClassName' | 'initContainers'
> => ({
  uid: 70,
  gid: 70,
  annotations: WAIVERS,
  imagePullPolicy: config.imagePullPolicy,
  priorityClassName: priority,
  initContainers: [
    {
      name: 'rclone',
      image: config.backups.image,
      // One static file, which runs in any image.
      command: ['sh', '-c', `cp "$(command -v rclone)" ${TOOLS}/rclone`],
      resources: small(config),
      mounts: [{ volume: tools, path: TOOLS }],
    },
  ],
});

const tools = Volume.emptyDir('tools', { mebibytes: 256 });
/** Logins and keys as rclone and libpq read them, in memory. */
const run = Volume.emptyDir('run', { memory: true, mebibytes: 64 });

export interface BackupContainerProps extends Pick<ContainerProps, 'name' | 'resources' | 'env' | 'mounts'> {
  /** The scripts; one of them is run. */
  readonly scripts: Volume;
}

/** A container that runs one of the scripts against the bucket, with its key and that of the backups. */
export function bucketContainer(config: Config, script: string, props: BackupContainerProps): ContainerProps {
  const { s3 } = config.backups;
  if (s3 === undefined) throw new Error('There is no bucket: set backups.s3');
  const keys = {
    s3: { name: s3.secret, keys: ['access-key-id', 'secret-access-key'] },
    'backup-key': secretRef(config, 'backupKey'),
  };
  return backupContainer(config, script, {
    ...props,
    env: {
      RCLONE: `${TOOLS}/rclone`,
      S3_ENDPOINT: s3.endpoint ?? '',
      S3_BUCKET: s3.bucket,
      S3_PREFIX: backupPrefix(config),
      S3_REGION: s3.region,
      S3_CHUNK_SIZE: `${chunkMebibytes(config)}Mi`,
      ...props.env,
    },
    mounts: [
      { volume: tools, path: TOOLS },
      ...Object.entries(keys).map(([name, secret]) => ({
        volume: Volume.secret(name, secret),
        path: `${SECRETS}/${name}`,
      })),
      ...(props.mounts ?? []),
    ],
  });
}

/** A container that runs one of the scripts with PostgreSQL's tools. */
export function backupContainer(config: Config, script: string, props: BackupContainerProps): ContainerProps {
  const [command, ...args] = script.split(' ');
  return {
    name: props.name,
    image: config.postgres.image,
    command: ['bash', `${SCRIPTS}/${command ?? ''}`, ...args],
    env: {
      PGDATABASE: config.postgres.database,
      ...props.env,
    },
    resources: props.resources,
    mounts: [
      { volume: props.scripts, path: SCRIPTS },
      { volume: run, path: '/run/backup' },
      { volume: Volume.emptyDir('tmp'), path: '/tmp' },
      ...(props.mounts ?? []),
    ],
  };
}

/** S3 takes an object in at most 10,000 parts, and the size of a stream isn't known before its end. */
const chunkMebibytes = ({ postgres }: Config): number =>
  Math.max(16, Math.ceil(toBytes(postgres.storage.size) / 2 ** 20 / 10_000));

/** How long backups are kept, for retain.sh. */
export const retentionEnv = ({ backups: { retention } }: Config): Record<string, string> => ({
  RETAIN_DAILY: String(retention.daily),
  RETAIN_WEEKLY: String(retention.weekly),
  RETAIN_MONTHLY: String(retention.monthly),
  RETAIN_POINT_IN_TIME: String(toSeconds(retention.pointInTime)),
});

/** What it takes to log in to the database as the backup role. */
export function toDatabase(config: Config): { env: Record<string, string>; mounts: readonly Mount[] } {
  const { address, tls, caSecret } = postgresEndpoint(config);
  const { hostname, port } = new URL(`postgresql://${address}`);
  return {
    env: {
      PGHOST: hostname,
      PGPORT: port,
      PGSSLMODE: tls,
      ...(caSecret === undefined ? {} : { PGSSLROOTCERT: `${SECRETS}/postgres-ca/ca.crt` }),
    },
    mounts: [
      {
        volume: Volume.secret('login', secretRef(config, 'backup')),
        path: `${SECRETS}/postgres`,
      },
      ...(caSecret === undefined
        ? []
        : [
            {
              volume: Volume.secret('postgres-ca', certificateRef(TLS_SECRETS.postgres), ['ca.crt']),
              path: `${SECRETS}/postgres-ca`,
            },
          ]),
    ],
  };
}

/** Where a server of its own runs for a while: its files, its socket and its shared memory. */
export const serverMounts = (data: Volume): readonly Mount[] => [
  { volume: data, path: DATA },
  { volume: Volume.emptyDir('socket'), path: '/var/run/postgresql' },
  { volume: Volume.emptyDir('shm', { memory: true }), path: '/dev/shm' },
];
