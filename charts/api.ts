import type { Construct } from 'constructs';
import { hasBackups } from '../environments/backups.ts';
import {
  appPostgresEndpoint,
  kafkaEndpoint,
  postgresEndpoint,
  redisEndpoint,
  type Endpoint,
} from '../environments/endpoints.ts';
import { isMounted } from '../environments/images.ts';
import { WORKER_POOL_SIZE, type Config } from '../environments/schema.ts';
import { type KAFKA_USERS, kafkaNeedsLogin } from '../environments/secrets.ts';
import type { ContainerProps, EnvValue } from '../lib/pod.ts';
import { Check } from '../lib/probes.ts';
import { secretKey } from '../lib/secret-ref.ts';
import { Volume, type Mount } from '../lib/volume.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { PRIORITY } from './capacity.ts';
import { DebugService, debugging } from './debug.ts';
import { API, PORTS, REPORTS } from './names.ts';
import { codeOf, DEVELOPMENT_PROBES } from './sources.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, scaling, secretRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const SECRETS = '/run/secrets/zakpos';
const tmp = Volume.emptyDir('tmp');
/** Seconds that a pod goes on serving after it has been told to end: until no proxy sends it requests. */
export const DRAIN_SECONDS = 5;

/** The API, its migrations, and the worker that turns its events into hourly sales. */
export class ApiChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config, images } = props;
    const { api, reports } = config;
    const pod = {
      uid: api.uid,
      gid: api.gid,
      imagePullPolicy: config.imagePullPolicy,
      spread: 'preferred' as const,
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      terminationGracePeriodSeconds: 45,
    };
    const server = both(
      toPostgres(config, 'app'),
      toRedis(config),
      toKafka(config, 'kafkaApi'),
      signingKey(config),
    );
    const worker = both(toPostgres(config, 'app'), toKafka(config, 'kafkaReports'));
    const develops = isMounted(config, 'api');
    const container = {
      image: images.api,
      probes: {
        startup: Check.http(api.health.startup, 'http'),
        readiness: Check.http(api.health.ready, 'http'),
        // A breakpoint holds the process, but not its port.
        liveness: develops ? Check.tcp('http') : Check.http(api.health.live, 'http'),
        ...(develops ? DEVELOPMENT_PROBES : {}),
      },
    };

    const health = `http://127.0.0.1:${api.port}${api.health.startup}`;
    const code = codeOf(config, 'api', {
      command: [...debugging(PORTS.apiDebug), 'dist/main.js'],
      health,
      ahead: true,
    });

    new HardenedDeployment(this, 'api', {
      name: API,
      ...pod,
      ...scaling(api),
      initContainers: api.migrations === null ? [] : [ownerContainer(props, 'migrate', api.migrations)],
      containers: [
        {
          ...container,
          name: 'api',
          command: code.command,
          ports: { http: api.port, ...(develops ? { debug: PORTS.apiDebug } : {}) },
          env: { ...server.env, ...settings(config), ...code.env, ...api.env },
          resources: api.resources,
          mounts: [...server.mounts, ...code.mounts, { volume: tmp, path: '/tmp' }],
          drainSeconds: DRAIN_SECONDS,
        },
      ],
    });
    new ServiceOf(this, 'service', { name: API, workload: API, ports: { http: api.port } });

    if (develops) new DebugService(this, 'debug', API, 'apiDebug');

    if (reports.enabled) {
      const workerCode = codeOf(config, 'api', { command: reports.command, health }, reports.command);
      new HardenedDeployment(this, 'reports', {
        name: REPORTS,
        ...pod,
        replicas: reports.replicas,
        containers: [
          {
            ...container,
            name: 'reports',
            command: workerCode.command,
            ports: { http: api.port },
            env: { ...worker.env, ...workerSettings(config), ...workerCode.env, ...api.env },
            resources: reports.resources,
            mounts: [...worker.mounts, ...workerCode.mounts, { volume: tmp, path: '/tmp' }],
          },
        ],
      });
    }
  }
}

/**
 * A container of the API's image that works on the schema as its owner: it migrates before any new pod serves, where
 * several at once wait for one lock, and does single tasks.
 */
export function ownerContainer(
  { config, images }: ZakposChartProps,
  name: string,
  command: readonly string[],
): ContainerProps {
  const owner = toPostgres(config, 'owner');
  const admin = secretRef(config, 'admin');
  const code = codeOf(config, 'api', { command, serves: false }, command);
  return {
    name,
    image: images.api,
    command: code.command,
    env: {
      ...owner.env,
      ...settings(config),
      DEMO_PRODUCTS: String(config.api.demoProducts),
      ...(hasBackups(config) ? { MIGRATIONS_REQUIRE_BACKUP: 'true' } : {}),
      BOOTSTRAP_ADMIN_EMAIL: config.api.adminEmail,
      BOOTSTRAP_ADMIN_PASSWORD_FILE: `${SECRETS}/admin/password`,
      ...code.env,
      ...config.api.env,
    },
    resources: config.api.resources,
    mounts: [
      ...owner.mounts,
      { volume: Volume.secret('admin', admin), path: `${SECRETS}/admin` },
      ...code.mounts,
      { volume: tmp, path: '/tmp' },
    ],
  };
}

/** What a container needs to reach one thing: variables, and the files that they name. */
interface Connection {
  readonly env: Readonly<Record<string, EnvValue>>;
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
  const pooled = role === 'app' && config.postgres.pooler.enabled;
  const endpoint = role === 'app' ? appPostgresEndpoint(config) : postgresEndpoint(config);
  const ca = trust(endpoint, pooled ? 'pgbouncer' : 'postgres');
  const database = `${endpoint.address}/${config.postgres.database}`;
  if (secretsAsEnv(config)) {
    const parameters = new URLSearchParams(
      endpoint.tls === 'disable'
        ? {}
        : { sslmode: endpoint.tls, ...(ca.file ? { sslrootcert: ca.file } : {}) },
    );
    return {
      env: {
        POSTGRES_USER: secretKey(secret, 'username'),
        POSTGRES_PASSWORD: secretKey(secret, 'password'),
        DATABASE_URL: [
          `postgresql://$(POSTGRES_USER):$(POSTGRES_PASSWORD)@${database}`,
          parameters.toString(),
        ]
          .filter((part) => part !== '')
          .join('?'),
      },
      mounts: ca.mounts,
    };
  }
  return {
    env: {
      DATABASE_URL: `postgresql://${database}`,
      DATABASE_USERNAME_FILE: `${SECRETS}/${role}/username`,
      DATABASE_PASSWORD_FILE: `${SECRETS}/${role}/password`,
      ...(endpoint.tls === 'disable' ? {} : { DATABASE_SSL_MODE: endpoint.tls }),
      ...(ca.file ? { DATABASE_SSL_CA_FILE: ca.file } : {}),
    },
    mounts: [{ volume: Volume.secret(`postgres-${role}`, secret), path: `${SECRETS}/${role}` }, ...ca.mounts],
  };
}

function toRedis(config: Config): Connection {
  const secret = secretRef(config, 'redis');
  const endpoint = redisEndpoint(config);
  const ca = trust(endpoint, 'redis');
  const scheme = endpoint.tls === 'disable' ? 'redis' : 'rediss';
  const caFile: Record<string, string> = ca.file ? { REDIS_SSL_CA_FILE: ca.file } : {};
  return secretsAsEnv(config)
    ? {
        env: {
          REDIS_PASSWORD: secretKey(secret, 'password'),
          REDIS_URL: `${scheme}://:$(REDIS_PASSWORD)@${endpoint.address}`,
          ...caFile,
        },
        mounts: ca.mounts,
      }
    : {
        env: {
          REDIS_URL: `${scheme}://${endpoint.address}`,
          REDIS_PASSWORD_FILE: `${SECRETS}/redis/password`,
          ...caFile,
        },
        mounts: [{ volume: Volume.secret('redis', secret), path: `${SECRETS}/redis` }, ...ca.mounts],
      };
}

function toKafka(config: Config, user: keyof typeof KAFKA_USERS): Connection {
  const endpoint = kafkaEndpoint(config);
  const ca = trust(endpoint, 'kafka');
  const env: Record<string, string> = {
    KAFKA_BROKERS: endpoint.address,
    ...(endpoint.tls === 'disable' ? {} : { KAFKA_SSL: 'true' }),
    ...(ca.file ? { KAFKA_SSL_CA_FILE: ca.file } : {}),
  };
  if (!kafkaNeedsLogin(config)) return { env, mounts: ca.mounts };
  const secret = secretRef(config, user);
  return secretsAsEnv(config)
    ? {
        env: {
          ...env,
          KAFKA_SASL_USERNAME: secretKey(secret, 'username'),
          KAFKA_SASL_PASSWORD: secretKey(secret, 'password'),
        },
        mounts: ca.mounts,
      }
    : {
        env: {
          ...env,
          KAFKA_SASL_USERNAME_FILE: `${SECRETS}/kafka/username`,
          KAFKA_SASL_PASSWORD_FILE: `${SECRETS}/kafka/password`,
        },
        mounts: [{ volume: Volume.secret('kafka', secret), path: `${SECRETS}/kafka` }, ...ca.mounts],
      };
}

/** The authority that a store's certificate is checked by: a file, where it isn't one that the system knows. */
function trust({ caSecret }: Endpoint, store: string): { file?: string; mounts: readonly Mount[] } {
  if (caSecret === undefined) return { mounts: [] };
  const path = `${SECRETS}/${store}-ca`;
  return {
    file: `${path}/ca.crt`,
    mounts: [{ volume: Volume.secret(`${store}-ca`, certificateRef(caSecret), ['ca.crt']), path }],
  };
}

function signingKey(config: Config): Connection {
  const secret = secretRef(config, 'jwt');
  return secretsAsEnv(config)
    ? { env: { JWT_SECRET: secretKey(secret, 'secret') }, mounts: [] }
    : {
        // A rotation leaves the key before in the Secret, so that what it has signed stays good.
        env: {
          JWT_SECRET_FILE: `${SECRETS}/jwt/secret`,
          JWT_PREVIOUS_SECRET_FILE: `${SECRETS}/jwt/previous`,
        },
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
  const scheme = ingress.tls.source === 'none' ? 'http' : 'https';
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
    // The ingress controller itself, and the proxies that it trusts.
    TRUST_PROXY: String(1 + ingress.trustedProxies),
    RATE_LIMIT_PER_MINUTE: String(api.rateLimitPerMinute),
    RATE_LIMIT_LOGIN_PER_MINUTE: String(api.loginLimitPerMinute),
    OPEN_REGISTRATION: String(api.openRegistration),
    SHOP_NAME: config.shop.name,
    SHOP_CURRENCY: config.shop.currency,
    SHOP_TIME_ZONE: config.shop.timeZone,
  };
}
