/** Every certificate that an environment needs: its Secret, its names, and who uses it. */
import { BACKUP_CLIENTS, BACKUP_WORKLOADS, hasBackups } from './backups.ts';
import { expiryCommand, isMonitored, receiverSecrets } from './monitoring.ts';
import type { Config } from './schema.ts';

export interface CertificateSpec {
  /** Secret of type kubernetes.io/tls with tls.crt, tls.key and ca.crt. */
  readonly secret: string;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  /** Whether it is shown by a server, by a client, or both. */
  readonly usages: readonly ('server auth' | 'client auth')[];
  /** Workloads that mount it or trust its authority. */
  readonly usedBy: readonly string[];
}

/** Secret of the authority that signs the others; nobody mounts it. */
export const CA_SECRET = 'zakpos-ca';
export const TLS_SECRETS = {
  postgres: 'zakpos-postgres-tls',
  pgbouncer: 'zakpos-pgbouncer-tls',
  redis: 'zakpos-redis-tls',
  kafka: 'zakpos-kafka-tls',
  kafkaAdmin: 'zakpos-kafka-admin-tls',
} as const;
/** Common names of the certificates that Kafka knows as super users. */
export const KAFKA_SUPER_USERS = { broker: 'zakpos-kafka', admin: 'zakpos-kafka-admin' } as const;

/** Whether connections to the stores in the cluster are encrypted. */
export const isEncrypted = (config: Config): boolean => config.certificates.source !== 'none';

/**
 * Seconds before its end from which a certificate that nobody has renewed is a problem: cert-manager would have done so
 * when a third of its days was left.
 */
export const secondsToSpare = (days: number): number => Math.min(10 * 86_400, (days * 86_400) / 3);

/** Who talks to the stores. */
const appsOf = ({ reports }: Config): string[] => [
  'zakpos-api',
  ...(reports.enabled ? ['zakpos-reports'] : []),
];

/** What asks a store for metrics, where somebody asks for those. */
const exporterOf = (store: string, config: Config): string[] =>
  isMonitored(config) ? [`zakpos-${store}-exporter`] : [];

/** Who talks to PostgreSQL itself: the pooler stands in for the apps, but for what migrates. */
const clientsOfPostgres = (config: Config): string[] => [
  ...(config.postgres.pooler.enabled
    ? ['zakpos-pgbouncer', ...(config.api.migrations === null ? [] : ['zakpos-api'])]
    : appsOf(config)),
  ...exporterOf('postgres', config),
];

const clientsOfRedis = (config: Config): string[] => ['zakpos-api', ...exporterOf('redis', config)];

/** Who sees of each certificate when it ends. */
const expiryOf = (config: Config): string[] => (expiryCommand(config) === undefined ? [] : ['zakpos-expiry']);

/** The certificates of the stores that run in the cluster. */
export function storeCertificates(config: Config): CertificateSpec[] {
  if (!isEncrypted(config)) return [];
  const { namespace, postgres, redis, kafka } = config;
  const ofService = (service: string): string[] => [
    service,
    `${service}.${namespace}`,
    `${service}.${namespace}.svc`,
  ];
  const apps = appsOf(config);
  const server = (
    secret: string,
    service: string,
    usedBy: readonly string[],
    more: Partial<CertificateSpec> = {},
  ): CertificateSpec => ({
    secret,
    commonName: service,
    dnsNames: [...ofService(service), 'localhost'],
    usages: ['server auth'],
    usedBy: [service, ...usedBy, ...expiryOf(config)],
    ...more,
  });
  return [
    ...(postgres.mode === 'statefulset'
      ? [
          server(TLS_SECRETS.postgres, 'zakpos-postgres', [
            ...clientsOfPostgres(config),
            ...(hasBackups(config) ? BACKUP_CLIENTS : []),
          ]),
        ]
      : []),
    ...(postgres.pooler.enabled ? [server(TLS_SECRETS.pgbouncer, 'zakpos-pgbouncer', apps)] : []),
    ...(redis.mode === 'statefulset'
      ? [server(TLS_SECRETS.redis, 'zakpos-redis', clientsOfRedis(config))]
      : []),
    ...(kafka.mode === 'statefulset'
      ? [
          server(TLS_SECRETS.kafka, KAFKA_SUPER_USERS.broker, [...apps, 'zakpos-kafka-topics'], {
            dnsNames: [...ofService('zakpos-kafka'), `*.zakpos-kafka-headless.${namespace}.svc`, 'localhost'],
            usages: ['server auth', 'client auth'],
          }),
          {
            secret: TLS_SECRETS.kafkaAdmin,
            commonName: KAFKA_SUPER_USERS.admin,
            dnsNames: [],
            usages: ['client auth'] as const,
            usedBy: ['zakpos-kafka-topics', ...expiryOf(config)],
          },
        ]
      : []),
  ];
}

/** The certificate of the ingress hosts, unless there is no TLS. */
export function ingressCertificate(config: Config): CertificateSpec | undefined {
  const { ingress, mobile } = config;
  if (ingress.tls.source === 'none') return undefined;
  return {
    secret: ingress.tls.secret,
    commonName: ingress.host,
    dnsNames: [ingress.host, ...(mobile.enabled ? [ingress.mobileHost] : [])],
    usages: ['server auth'],
    usedBy: clientsOfIngressCertificate(config),
  };
}

const clientsOfIngressCertificate = (config: Config): string[] => [
  'the ingress controller',
  // A Gateway has its certificate elsewhere.
  ...(config.ingress.api === 'ingress' ? expiryOf(config) : []),
];

/** The certificates of the product's namespace, whoever makes them. */
export function watchedCertificates(config: Config): CertificateSpec[] {
  const ingress = config.ingress.api === 'ingress' ? ingressCertificate(config) : undefined;
  return [...storeCertificates(config), ...(ingress === undefined ? [] : [ingress])];
}

/** The certificates that `npm run secrets` makes. */
export function cliCertificates(config: Config): CertificateSpec[] {
  const ingress = config.ingress.tls.source === 'cli' ? ingressCertificate(config) : undefined;
  return [
    ...(config.certificates.source === 'cli' ? storeCertificates(config) : []),
    ...(ingress === undefined ? [] : [ingress]),
  ];
}

/** A Secret that nobody but the operator can make: its keys, and who uses it. */
export interface ForeignSecret {
  readonly name: string;
  readonly keys: readonly string[];
  readonly usedBy: readonly string[];
}

/** All of them that must be there; one that stands in several places of the configuration is there once. */
export function foreignSecrets(config: Config): ForeignSecret[] {
  const found = new Map<string, ForeignSecret>();
  for (const secret of namedSecrets(config)) {
    const { keys = [], usedBy = [] } = found.get(secret.name) ?? {};
    found.set(secret.name, {
      name: secret.name,
      keys: [...new Set([...keys, ...secret.keys])],
      usedBy: [...new Set([...usedBy, ...secret.usedBy])],
    });
  }
  return [...found.values()];
}

/** As the configuration names them, place by place. */
function namedSecrets(config: Config): ForeignSecret[] {
  const { ingress, postgres, redis, kafka, backups } = config;
  const authority = (name: string | undefined, usedBy: readonly string[]) =>
    name === undefined ? [] : [{ name, keys: ['ca.crt'], usedBy }];
  return [
    ...(ingress.tls.source === 'secret' && ingress.api === 'ingress'
      ? [
          {
            name: ingress.tls.secret,
            keys: ['tls.crt', 'tls.key'],
            usedBy: clientsOfIngressCertificate(config),
          },
        ]
      : []),
    ...(postgres.mode === 'external'
      ? authority(postgres.external?.caSecret, clientsOfPostgres(config))
      : []),
    ...(redis.mode === 'external' ? authority(redis.external?.caSecret, clientsOfRedis(config)) : []),
    ...(kafka.mode === 'external' ? authority(kafka.external?.caSecret, appsOf(config)) : []),
    ...(postgres.mode !== 'external' && backups.s3 !== undefined
      ? [
          {
            name: backups.s3.secret,
            keys: ['access-key-id', 'secret-access-key'],
            usedBy: postgres.mode === 'cloudnativepg' ? ['CloudNativePG'] : BACKUP_WORKLOADS,
          },
        ]
      : []),
    ...receiverSecrets(config).map((secret) => ({ ...secret, usedBy: ['zakpos-alertmanager'] })),
  ];
}
