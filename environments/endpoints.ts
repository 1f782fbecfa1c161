/** Where the apps find each store, and how they make sure that it is the one. */
import { isEncrypted, TLS_SECRETS } from './certificates.ts';
import type { Config } from './schema.ts';

export interface Endpoint {
  /** `host:port`; of Kafka, one or several with commas between. */
  readonly address: string;
  readonly ports: readonly number[];
  readonly tls: 'disable' | 'require' | 'verify-full';
  /**
   * Secret whose key ca.crt holds the authority to trust.
   * @default - the system's authorities
   */
  readonly caSecret?: string;
  /**
   * Addresses of a server outside the cluster.
   * @default - it runs in the cluster
   */
  readonly cidr?: string;
}

const inCluster = (config: Config, service: string, port: number, caSecret: string): Endpoint => ({
  address: `${service}:${port}`,
  ports: [port],
  ...(isEncrypted(config) ? { tls: 'verify-full', caSecret } : { tls: 'disable' }),
});

/** Where the app's role finds PostgreSQL: at the pooler, where there is one. */
export const appPostgresEndpoint = (config: Config): Endpoint =>
  config.postgres.pooler.enabled
    ? inCluster(config, 'zakpos-pgbouncer', 5432, TLS_SECRETS.pgbouncer)
    : postgresEndpoint(config);

/** PostgreSQL itself, where the schema's owner migrates. */
export function postgresEndpoint(config: Config): Endpoint {
  const { mode, external } = config.postgres;
  if (mode === 'external' && external !== undefined) {
    const { host, port, tls, caSecret, cidr } = external;
    return { address: `${host}:${port}`, ports: [port], tls, cidr, ...(caSecret ? { caSecret } : {}) };
  }
  // CloudNativePG makes a Service for the primary, and an authority of the cluster's own.
  return mode === 'cloudnativepg'
    ? {
        address: 'zakpos-postgres-rw:5432',
        ports: [5432],
        tls: 'verify-full',
        caSecret: 'zakpos-postgres-ca',
      }
    : inCluster(config, 'zakpos-postgres', 5432, TLS_SECRETS.postgres);
}

export function redisEndpoint(config: Config): Endpoint {
  const { mode, external } = config.redis;
  if (mode === 'external' && external !== undefined) {
    const { host, port, tls, caSecret, cidr } = external;
    return { address: `${host}:${port}`, ports: [port], tls, cidr, ...(caSecret ? { caSecret } : {}) };
  }
  return inCluster(config, 'zakpos-redis', 6379, TLS_SECRETS.redis);
}

export function kafkaEndpoint(config: Config): Endpoint {
  const { mode, external } = config.kafka;
  if (mode === 'external' && external !== undefined) {
    const { brokers, tls, caSecret, cidr } = external;
    const ports = new Set(brokers.map((broker) => Number(broker.split(':')[1])));
    return { address: brokers.join(','), ports: [...ports], tls, cidr, ...(caSecret ? { caSecret } : {}) };
  }
  return inCluster(config, 'zakpos-kafka', 9092, TLS_SECRETS.kafka);
}
