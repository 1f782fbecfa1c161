import type { Construct } from 'constructs';
import { WORKER_POOL_SIZE, type Config } from '../environments/schema.ts';
import { POSTGRES_ROLES } from '../environments/secrets.ts';
import type { ContainerProps } from '../lib/pod.ts';
import { Check } from '../lib/probes.ts';
import { secretKey, type SecretKey } from '../lib/secret-ref.ts';
import { Volume, type Mount } from '../lib/volume.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { API, KAFKA, PORTS, POSTGRES, REDIS, REPORTS } from './names.ts';
import { secretRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const SECRETS = '/run/secrets/zakpos';
/** Seconds that a pod goes on serving after it has been told to end: until no proxy sends it requests. */
export const DRAIN_SECONDS = 5;

/** The API, its migrations, and the worker that turns its events into hourly sales. */
export class ApiChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config, images } = props;
    const { api, reports } = config;
    const tmp = Volume.emptyDir('tmp');
    const pod = {
      uid: api.uid,
      gid: api.gid,
      imagePullPolicy: config.imagePullPolicy,
      spread: true,
      terminationGracePeriodSeconds: 45,
    };
    const server = both(toPostgres(config, 'app'), toRedis(config), toKafka(config), signingKey(config));
    const worker = both(toPostgres(config, 'app'), toKafka(config));
    const container = {
      image: images.api,
      ports: { http: api.port },
      probes: {
        startup: Check.http(api.health.startup, 'http'),
        readiness: Check.http(api.health.ready, 'http'),
        liveness: Check.http(api.health.live, 'http'),
      },
    };

    new HardenedDeployment(this, 'api', {
      name: API,
      ...pod,
      replicas: api.replicas,
      initContainers: api.migrations === null ? [] : [migrate(props, api.migrations, tmp)],
      containers: [
        {
          ...container,
          name: 'api',
          env: { ...server.env, ...settings(config), ...api.env },
          resources: api.resources,
          mounts: [...server.mounts, { volume: tmp, path: '/tmp' }],
          drainSeconds: DRAIN_SECONDS,
        },
      ],
    });
    new ServiceOf(this, 'service', { name: API, workload: API, ports: { http: api.port } });

    if (reports.enabled) {
      new HardenedDeployment(this, 'reports', {
        name: REPORTS,
        ...pod,
        replicas: reports.replicas,
        containers: [
          {
            ...container,
            name: 'reports',
            command: reports.command,
            env: { ...worker.env, ...workerSettings(config), ...api.env },
            resources: reports.resources,
            mounts: [...worker.mounts, { volume: tmp, path: '/tmp' }],
          },
        ],
      });
    }
  }
}

/** Migrates as the schema's owner, before any new pod serves; several at once wait for one lock. */
function migrate(
  { config, images }: ZakposChartProps,
  command: readonly string[],
  tmp: Volume,
): ContainerProps {
  const owner = toPostgres(config, 'owner');
  const admin = secretRef(config, 'admin');
  return {
    name: 'migrate',
    image: images.api,
    command,
    env: {
      ...owner.env,
      ...settings(config),
      DEMO_PRODUCTS: String(config.api.demoProducts),
      BOOTSTRAP_ADMIN_EMAIL: config.api.adminEmail,
      BOOTSTRAP_ADMIN_PASSWORD_FILE: `${SECRETS}/admin/password`,
      ...config.api.env,
    },
    resources: config.api.resources,
    mounts: [
      ...owner.mounts,
      { volume: Volume.secret('admin', admin), path: `${SECRETS}/admin` },
      { volume: tmp, path: '/tmp' },
    ],
  };
}

/** What a container needs to reach one thing: variables, and the files that they name. */
interface Connection {
  readonly env: Readonly<Record<string, string | SecretKey>>;
  readonly mounts: readonly Mount[];
}

const both = (...connections: readonly Connection[]): Connection => ({
  env: Object.fromEntries(connections.flatMap(({ env }) => Object.entries(env))),
  mounts: connections.flatMap(({ mounts }) => mounts),
});

/**
 * Secrets are files, named in `…_FILE` variables. An image that knows only whole URLs gets those, composed by the
 * kubelet from Secret keys.
 */
const secretsAsEnv = (config: Config): boolean => config.api.secretsAs === 'env';

function toPostgres(config: Config, role: 'app' | 'owner'): Connection {
  const secret = secretRef(config, role);
  const database = `${host(config.postgres, POSTGRES, PORTS.postgres)}/${config.postgres.database}`;
  const user = POSTGRES_ROLES[role];
  return secretsAsEnv(config)
    ? {
        env: {
          POSTGRES_PASSWORD: secretKey(secret, 'password'),
          DATABASE_URL: `postgresql://${user}:$(POSTGRES_PASSWORD)@${database}`,
        },
        mounts: [],
      }
    : {
        env: {
          DATABASE_URL: `postgresql://${user}@${database}`,
          DATABASE_PASSWORD_FILE: `${SECRETS}/${role}/password`,
        },
        mounts: [{ volume: Volume.secret(`postgres-${role}`, secret), path: `${SECRETS}/${role}` }],
      };
}

function toRedis(config: Config): Connection {
  const secret = secretRef(config, 'redis');
  const server = host(config.redis, REDIS, PORTS.redis);
  return secretsAsEnv(config)
    ? {
        env: {
          REDIS_PASSWORD: secretKey(secret, 'password'),
          REDIS_URL: `redis://:$(REDIS_PASSWORD)@${server}`,
        },
        mounts: [],
      }
    : {
        env: { REDIS_URL: `redis://${server}`, REDIS_PASSWORD_FILE: `${SECRETS}/redis/password` },
        mounts: [{ volume: Volume.secret('redis', secret), path: `${SECRETS}/redis` }],
      };
}

const toKafka = (config: Config): Connection => ({
  env: { KAFKA_BROKERS: host(config.kafka, KAFKA, PORTS.kafka) },
  mounts: [],
});

function signingKey(config: Config): Connection {
  const secret = secretRef(config, 'jwt');
  return secretsAsEnv(config)
    ? { env: { JWT_SECRET: secretKey(secret, 'secret') }, mounts: [] }
    : {
        env: { JWT_SECRET_FILE: `${SECRETS}/jwt/secret` },
        mounts: [{ volume: Volume.secret('jwt', secret), path: `${SECRETS}/jwt` }],
      };
}

/** What the worker reads of the settings; with the others, a change that only the API uses would roll it, too. */
const workerSettings = ({ api, shop }: Config): Record<string, string> => ({
  NODE_ENV: 'production',
  PORT: String(api.port),
  LOG_LEVEL: api.logLevel,
  DATABASE_POOL_SIZE: String(WORKER_POOL_SIZE),
  SHOP_TIME_ZONE: shop.timeZone,
});

function settings({ api, ingress, mobile, ...config }: Config): Record<string, string> {
  const scheme = ingress.tlsSecret === undefined ? 'http' : 'https';
  const localOrigins = config.addons.traefik.enabled
    ? [config.localPorts.web, config.localPorts.mobile].map((port) => `http://localhost:${port}`)
    : [];
  return {
    NODE_ENV: 'production',
    PORT: String(api.port),
    API_PREFIX: api.prefix,
    LOG_LEVEL: api.logLevel,
    DATABASE_POOL_SIZE: String(api.databasePoolSize),
    CORS_ORIGINS: [
      `${scheme}://${ingress.host}`,
      ...(mobile.enabled ? [`${scheme}://${ingress.mobileHost}`] : []),
      ...localOrigins,
      ...api.corsOrigins,
    ].join(','),
    RATE_LIMIT_PER_MINUTE: String(api.rateLimitPerMinute),
    RATE_LIMIT_LOGIN_PER_MINUTE: String(api.loginLimitPerMinute),
    OPEN_REGISTRATION: String(api.openRegistration),
    SHOP_NAME: config.shop.name,
    SHOP_CURRENCY: config.shop.currency,
    SHOP_TIME_ZONE: config.shop.timeZone,
  };
}

/** host:port of a store: its Service, or the existing server that the configuration names. */
function host(store: Pick<Config['redis'], 'mode' | 'external'>, service: string, port: number): string {
  if (store.mode === 'external' && store.external !== undefined)
    return `${store.external.host}:${store.external.port}`;
  return `${service}:${port}`;
}
