/** Every Secret that an environment needs: its keys, where their values come from, and who uses it. */
import { BACKUP_CLIENTS, BACKUP_WORKLOADS, hasBackups } from './backups.ts';
import { isEncrypted } from './certificates.ts';
import { hasGrafana, isMonitored } from './monitoring.ts';
import type { Config } from './schema.ts';

/** What a key of a Secret holds: a text known to all, or one that is secret. */
export type SecretValue =
  | { readonly kind: 'known'; readonly text: string }
  /** The name to log in with: of two that mean the same, so that a rotation brings in the one before the other ends. */
  | { readonly kind: 'login'; readonly names: readonly [string, string] }
  | {
      readonly kind: 'secret';
      /**
       * Field of `secrets.values` with dev's literal value.
       * @default - none: dev has no such secret
       */
      readonly field?: keyof Config['secrets']['values'];
      /** Characters of a new one. */
      readonly length: number;
      /** Characters below which it counts as weak. */
      readonly minimum: number;
    };

export interface SecretSpec {
  readonly name: string;
  /** Type of the Secret; `kubernetes.io/basic-auth` is what CloudNativePG and others expect of a role. */
  readonly type: 'Opaque' | 'kubernetes.io/basic-auth';
  readonly keys: Readonly<Record<string, SecretValue>>;
  /** Workloads that mount it. */
  readonly usedBy: readonly string[];
}

/** Roles of PostgreSQL. None but `postgres` is a superuser; `zakpos_owner` owns the schema and migrates it. */
export const POSTGRES_ROLES = {
  superuser: 'postgres',
  owner: 'zakpos_owner',
  app: 'zakpos_user',
  exporter: 'zakpos_exporter',
  backup: 'zakpos_backup',
} as const;

/** The operator, as a user of Secrets: what it is to read again has a label of its. */
export const CLOUDNATIVEPG = 'CloudNativePG';

/** The second login of a role or user, which rotations alternate with. */
export const alternate = (name: string): string => `${name}${name.includes('_') ? '_b' : '-b'}`;

const known = (text: string): SecretValue => ({ kind: 'known', text });
const login = (name: string): SecretValue => ({ kind: 'login', names: [name, alternate(name)] });
const secret = (field?: keyof Config['secrets']['values'], length = 32, minimum = 12): SecretValue => ({
  kind: 'secret',
  ...(field === undefined ? {} : { field }),
  length,
  minimum,
});

export const SECRET_IDS = [
  'superuser',
  'owner',
  'app',
  'exporter',
  'backup',
  'redis',
  'kafkaApi',
  'kafkaReports',
  'jwt',
  'admin',
  'backupKey',
  'grafana',
] as const;
export type SecretId = (typeof SECRET_IDS)[number];

/** Users of Kafka, each with the rights of its workload and nothing else. */
export const KAFKA_USERS = { kafkaApi: 'zakpos-api', kafkaReports: 'zakpos-reports' } as const;

/** Whether clients of Kafka log in. */
export const kafkaNeedsLogin = (config: Config): boolean =>
  config.kafka.mode === 'external' ? config.kafka.external?.sasl === true : isEncrypted(config);

/** The Secrets of an environment by the name that charts know them by; those without users aren't needed. */
export function secretSpecs(config: Config): Readonly<Record<SecretId, SecretSpec>> {
  const { postgres, redis, kafka } = config;
  const external = {
    postgres: postgres.mode === 'external' ? postgres.external : undefined,
    redis: redis.mode === 'external' ? redis.external : undefined,
    kafka: kafka.mode === 'external' ? kafka.external : undefined,
  };
  const migrates = config.api.migrations === null ? [] : ['zakpos-api'];
  const reports = config.reports.enabled ? ['zakpos-reports'] : [];
  const database = postgres.mode === 'statefulset' ? ['zakpos-postgres'] : [];
  const pooler = postgres.pooler.enabled ? ['zakpos-pgbouncer'] : [];
  const cache = redis.mode === 'statefulset' ? ['zakpos-redis'] : [];
  const exporter = (of: string): string[] => (isMonitored(config) ? [`zakpos-${of}-exporter`] : []);
  const role = (
    id: keyof typeof POSTGRES_ROLES,
    password: SecretValue,
    usedBy: readonly string[],
    name = `zakpos-postgres-${id}`,
  ): SecretSpec => ({
    name,
    type: 'kubernetes.io/basic-auth',
    keys: {
      // CloudNativePG changes the password of a role; it knows no second login.
      username:
        id === 'superuser' || postgres.mode === 'cloudnativepg'
          ? known(POSTGRES_ROLES[id])
          : login(POSTGRES_ROLES[id]),
      password,
    },
    usedBy: [...(postgres.mode === 'cloudnativepg' ? [CLOUDNATIVEPG] : database), ...usedBy],
  });
  const kafkaUser = (
    id: keyof typeof KAFKA_USERS,
    name: string | undefined,
    user: readonly string[],
  ): SecretSpec => ({
    name: name ?? `zakpos-kafka-${id === 'kafkaApi' ? 'api' : 'reports'}`,
    type: 'kubernetes.io/basic-auth',
    keys: { username: login(KAFKA_USERS[id]), password: secret() },
    usedBy: kafkaNeedsLogin(config)
      ? [...user, ...(kafka.mode === 'statefulset' ? ['zakpos-kafka-topics'] : [])]
      : [],
  });
  return {
    superuser: {
      ...role('superuser', secret('postgresSuperuserPassword'), []),
      usedBy: database,
    },
    owner: role('owner', secret('postgresOwnerPassword'), migrates, external.postgres?.ownerSecret),
    app: role(
      'app',
      secret('postgresPassword'),
      ['zakpos-api', ...reports, ...pooler],
      external.postgres?.appSecret,
    ),
    exporter: role(
      'exporter',
      secret('postgresExporterPassword'),
      exporter('postgres'),
      external.postgres?.exporterSecret,
    ),
    backup: role('backup', secret('postgresBackupPassword'), hasBackups(config) ? BACKUP_CLIENTS : []),
    redis: {
      name: external.redis?.secret ?? 'zakpos-redis',
      type: 'Opaque',
      keys: { password: secret('redisPassword') },
      usedBy: [...cache, 'zakpos-api', ...exporter('redis')],
    },
    kafkaApi: kafkaUser('kafkaApi', external.kafka?.apiSecret, ['zakpos-api']),
    kafkaReports: {
      ...kafkaUser('kafkaReports', external.kafka?.reportsSecret, reports),
      ...(config.reports.enabled ? {} : { usedBy: [] }),
    },
    jwt: {
      name: 'zakpos-jwt',
      type: 'Opaque',
      keys: { secret: secret('jwtSecret', 48, 32) },
      usedBy: ['zakpos-api'],
    },
    admin: {
      name: 'zakpos-admin',
      type: 'kubernetes.io/basic-auth',
      keys: { username: known(config.api.adminEmail), password: secret('adminPassword', 20) },
      usedBy: migrates,
    },
    backupKey: {
      name: 'zakpos-backup-key',
      type: 'Opaque',
      keys: { password: secret('backupKey', 48, 16) },
      usedBy: hasBackups(config) ? BACKUP_WORKLOADS : [],
    },
    grafana: {
      name: 'zakpos-grafana',
      type: 'kubernetes.io/basic-auth',
      keys: { username: known('admin'), password: secret('grafanaPassword', 20) },
      usedBy: hasGrafana(config) ? ['zakpos-grafana'] : [],
    },
  };
}

/** The Secrets that somebody mounts: those an apply would wait for. */
export const neededSecrets = (config: Config): SecretSpec[] =>
  Object.values(secretSpecs(config)).filter((spec) => spec.usedBy.length > 0);

/** What a key that is no secret holds at first. */
export const openText = (value: Exclude<SecretValue, { readonly kind: 'secret' }>): string =>
  value.kind === 'known' ? value.text : value.names[0];
