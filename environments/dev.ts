import { kind } from './kind.ts';
import type { ConfigInput } from './schema.ts';

/** What the apps take where they run from their images. */
export const fromImages = {
  api: {
    sources: 'image',
    resources: { requests: { cpu: '50m', memory: '160Mi' }, limits: { cpu: null, memory: '512Mi' } },
  },
  reports: {
    resources: { requests: { cpu: '20m', memory: '128Mi' }, limits: { cpu: null, memory: '384Mi' } },
  },
  web: {
    sources: 'image',
    resources: { requests: { cpu: '20m', memory: '128Mi' }, limits: { cpu: null, memory: '384Mi' } },
  },
  mobile: {
    sources: 'image',
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: null, memory: '64Mi' } },
  },
} as const satisfies Partial<ConfigInput>;

/**
 * A laptop: kind, one of everything, small, with servers for development that run the checkout's sources, and secrets
 * that are no secrets.
 */
export const dev: ConfigInput = {
  ...kind,
  environment: 'dev',
  postgres: {
    storage: { size: '2Gi' },
    resources: { requests: { cpu: '50m', memory: '192Mi' }, limits: { cpu: null, memory: '512Mi' } },
  },
  redis: {
    maxMemory: '64Mi',
    storage: { size: '1Gi' },
    resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { cpu: null, memory: '128Mi' } },
  },
  zookeeper: {
    replicas: 1,
    heap: '128Mi',
    dataStorage: { size: '1Gi' },
    logStorage: { size: '1Gi' },
    resources: { requests: { cpu: '20m', memory: '192Mi' }, limits: { cpu: null, memory: '320Mi' } },
  },
  kafka: {
    replicas: 1,
    replicationFactor: 1,
    minInSyncReplicas: 1,
    heap: '384Mi',
    storage: { size: '2Gi' },
    resources: { requests: { cpu: '100m', memory: '640Mi' }, limits: { cpu: null, memory: '896Mi' } },
  },
  // A compiler, Next.js and Metro need their memory only while somebody saves.
  api: {
    sources: 'mounted',
    replicas: 1,
    openRegistration: true,
    demoProducts: true,
    logLevel: 'debug',
    resources: { requests: { cpu: '50m', memory: '192Mi' }, limits: { cpu: null, memory: '640Mi' } },
  },
  reports: {
    resources: { requests: { cpu: '20m', memory: '160Mi' }, limits: { cpu: null, memory: '448Mi' } },
  },
  web: {
    sources: 'mounted',
    replicas: 1,
    resources: { requests: { cpu: '50m', memory: '384Mi' }, limits: { cpu: null, memory: '1Gi' } },
  },
  mobile: {
    sources: 'mounted',
    replicas: 1,
    resources: { requests: { cpu: '50m', memory: '320Mi' }, limits: { cpu: null, memory: '704Mi' } },
  },
  ingress: { ...kind.ingress, tls: { source: 'none' } },
  localStores: true,
  backups: { logKept: '512Mi', storage: { size: '1Gi' } },
  // Only with `mode: bundled`; with the exporters, its limits come to 1440 MiB.
  monitoring: {
    exporters: {
      resources: { requests: { cpu: '10m', memory: '24Mi' }, limits: { cpu: null, memory: '64Mi' } },
    },
    bundled: {
      prometheus: {
        retention: { time: '3d', size: '1Gi' },
        storage: { size: '2Gi' },
        resources: { requests: { cpu: '30m', memory: '160Mi' }, limits: { cpu: null, memory: '384Mi' } },
        discovery: {
          resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: null, memory: '128Mi' } },
        },
      },
      alertmanager: {
        resources: { requests: { cpu: '10m', memory: '24Mi' }, limits: { cpu: null, memory: '64Mi' } },
      },
      grafana: {
        resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { cpu: null, memory: '256Mi' } },
      },
      logs: {
        loki: {
          retention: '3d',
          storage: { size: '2Gi' },
          resources: { requests: { cpu: '30m', memory: '128Mi' }, limits: { cpu: null, memory: '320Mi' } },
        },
        collector: {
          resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { cpu: null, memory: '160Mi' } },
        },
      },
    },
  },
  spread: 'preferred',
  quota: { enabled: false },
  certificates: { source: 'none' },
  secrets: {
    source: 'literal',
    values: {
      postgresSuperuserPassword: 'dev-only-superuser-password',
      postgresOwnerPassword: 'dev-only-owner-password',
      postgresPassword: 'zakpos_secure_password_2024',
      postgresExporterPassword: 'dev-only-exporter-password',
      postgresBackupPassword: 'dev-only-backup-password',
      redisPassword: 'redis_secure_password_2024',
      jwtSecret: 'jwt_super_secure_secret_key_2024',
      adminPassword: 'zakpos-dev-admin',
      backupKey: 'dev-only-backup-key',
      grafanaPassword: 'dev-only-grafana-password',
    },
  },
};
