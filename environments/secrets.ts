/** Every Secret that an environment needs: its keys, where their values come from, and who uses it. */
import type { Config } from './schema.ts';

/** What a key of a Secret holds: a text known to all, or one that is secret. */
export type SecretValue =
  | { readonly kind: 'known'; readonly text: string }
  | {
      readonly kind: 'secret';
      readonly field: keyof Config['secrets']['values'];
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

const known = (text: string): SecretValue => ({ kind: 'known', text });
const secret = (field: keyof Config['secrets']['values'], length = 32, minimum = 12): SecretValue => ({
  kind: 'secret',
  field,
  length,
  minimum,
});

const SECRET_NAMES = {
  superuser: 'zakpos-postgres-superuser',
  owner: 'zakpos-postgres-owner',
  app: 'zakpos-postgres-app',
  exporter: 'zakpos-postgres-exporter',
  backup: 'zakpos-postgres-backup',
  redis: 'zakpos-redis',
  jwt: 'zakpos-jwt',
  admin: 'zakpos-admin',
} as const;
export type SecretId = keyof typeof SECRET_NAMES;

/** The Secrets of an environment by the name that charts know them by. */
export function secretSpecs(config: Config): Readonly<Record<SecretId, SecretSpec>> {
  const migrates = config.api.migrations === null ? [] : ['zakpos-api'];
  const reports = config.reports.enabled ? ['zakpos-reports'] : [];
  const inCluster = config.postgres.mode === 'statefulset' ? ['zakpos-postgres'] : [];
  const role = (
    id: keyof typeof POSTGRES_ROLES,
    password: SecretValue,
    usedBy: readonly string[],
  ): SecretSpec => ({
    name: SECRET_NAMES[id],
    type: 'kubernetes.io/basic-auth',
    keys: { username: known(POSTGRES_ROLES[id]), password },
    usedBy: [...inCluster, ...usedBy],
  });
  return {
    superuser: role('superuser', secret('postgresSuperuserPassword'), []),
    owner: role('owner', secret('postgresOwnerPassword'), migrates),
    app: role('app', secret('postgresPassword'), ['zakpos-api', ...reports]),
    exporter: role('exporter', secret('postgresExporterPassword'), []),
    backup: role('backup', secret('postgresBackupPassword'), []),
    redis: {
      name: SECRET_NAMES.redis,
      type: 'Opaque',
      keys: { password: secret('redisPassword') },
      usedBy: [...(config.redis.mode === 'statefulset' ? ['zakpos-redis'] : []), 'zakpos-api'],
    },
    jwt: {
      name: SECRET_NAMES.jwt,
      type: 'Opaque',
      keys: { secret: secret('jwtSecret', 48, 32) },
      usedBy: ['zakpos-api'],
    },
    admin: {
      name: SECRET_NAMES.admin,
      type: 'kubernetes.io/basic-auth',
      keys: { username: known(config.api.adminEmail), password: secret('adminPassword', 20) },
      usedBy: migrates,
    },
  };
}

/** The Secrets that somebody mounts: those an apply would wait for. */
export const neededSecrets = (config: Config): SecretSpec[] =>
  Object.values(secretSpecs(config)).filter((spec) => spec.usedBy.length > 0);
