/** Where secrets and certificates come from. */
import { z } from 'zod';
import { dnsLabel, duration, issuer } from './fields.ts';

const SECRET_VALUE = /^[A-Za-z0-9._~-]+$/;

const secretValue = (description: string) =>
  z
    .string()
    .min(12, 'at least 12 characters')
    .regex(SECRET_VALUE, 'letters, digits and . _ ~ - only, so that it fits into a URL')
    .optional()
    .describe(description);

export const secrets = z
  .strictObject({
    source: z
      .enum(['literal', 'cluster', 'external-secrets'])
      .default('cluster')
      .describe(
        '`literal` writes `values` into the manifests, which only dev may; `cluster` names Secrets that `npm run secrets` makes; `external-secrets` has the External Secrets operator fetch them from `store`.',
      ),
    store: z
      .strictObject({
        name: dnsLabel('Its name.').default('zakpos'),
        kind: z
          .enum(['ClusterSecretStore', 'SecretStore'])
          .default('ClusterSecretStore')
          .describe('Its kind.'),
        prefix: z
          .string()
          .regex(/^[\w./-]*$/, 'letters, digits and . _ / -')
          .default('')
          .describe('Put in front of the name of each Secret to find it in the store.'),
        refresh: duration('How often the store is asked again.').default('1h'),
      })
      .prefault({})
      .describe('Store of the External Secrets operator.'),
    values: z
      .strictObject({
        postgresSuperuserPassword: secretValue(
          'Password of the role postgres (POSTGRES_SUPERUSER_PASSWORD).',
        ),
        postgresOwnerPassword: secretValue(
          'Password of zakpos_owner, who migrates (POSTGRES_OWNER_PASSWORD).',
        ),
        postgresPassword: secretValue('Password of zakpos_user, the app (POSTGRES_PASSWORD).'),
        postgresExporterPassword: secretValue('Password of zakpos_exporter (POSTGRES_EXPORTER_PASSWORD).'),
        postgresBackupPassword: secretValue('Password of zakpos_backup (POSTGRES_BACKUP_PASSWORD).'),
        redisPassword: secretValue('Password of redis (REDIS_PASSWORD).'),
        jwtSecret: secretValue('Key that signs access tokens, at least 32 characters (JWT_SECRET).'),
        adminPassword: secretValue('Password of the first user (ADMIN_PASSWORD).'),
        backupKey: secretValue('Key that backups are encrypted with (BACKUP_KEY).'),
        grafanaPassword: secretValue('Password of the user admin of Grafana (GRAFANA_PASSWORD).'),
      })
      .prefault({})
      .describe(
        'Literal values; only with `source: literal`. In dev, `.env` sets them by the names in brackets.',
      ),
  })
  .prefault({});

export const certificates = z
  .strictObject({
    source: z
      .enum(['none', 'cli', 'cert-manager'])
      .default('cli')
      .describe(
        'Who makes the certificates of the stores: `npm run secrets` (`cli`) or cert-manager; with `none`, connections in the cluster are neither encrypted nor, to Kafka, authenticated.',
      ),
    // Without its default, which would be there when it is left out.
    issuer: issuer('', 'zakpos')
      .unwrap()
      .optional()
      .describe(
        'Who signs them with `source: cert-manager`; when it is left out, an authority of their own that cert-manager keeps in the Secret zakpos-ca.',
      ),
    days: z
      .int()
      .min(2)
      .max(825)
      .default(90)
      .describe('Days that a certificate is valid; cert-manager renews it after two thirds.'),
  })
  .prefault({});
