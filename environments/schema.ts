/**
 * The configuration of an environment: every field with its unit, bounds, default and a sentence.
 * `docs/reference/configuration.md` is generated from it.
 */
import { z } from 'zod';
import { cpuToMillicores, isBytes, isCpu, isDuration, toBytes } from './quantities.ts';

export const ENVIRONMENTS = ['dev', 'test', 'prod', 'cloud'] as const;
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;
const IMAGE = /^[a-z0-9][a-z0-9._:/-]*:(?!latest$)[\w][\w.-]{0,127}(@sha256:[a-f0-9]{64})?$/;
const SECRET_VALUE = /^[A-Za-z0-9._~-]+$/;

/** A kind of text: how to tell it, and how to say what is expected. The reference shows both sentences. */
const text = (expected: string, isValid: (value: string) => boolean) => (description: string) =>
  // What comes after may rely on a valid text, so a wrong one ends the checks.
  z.string(expected).refine(isValid, { error: expected, abort: true }).meta({ description, expected });
const pattern = (expected: string, regex: RegExp) => text(expected, (value) => regex.test(value));

const bytes = text('a whole number with a unit of bytes (Ki, Mi, Gi, Ti), such as 512Mi', isBytes);
const cpu = text('cores or thousandths of one, such as 500m or 1.5', isCpu);
const duration = text('a whole number with s, m, h or d, such as 7d', isDuration);
const dnsLabel = pattern('lower case letters, digits and hyphens, at most 63 characters', DNS_LABEL);
const hostName = pattern(
  'a DNS name in lower case without scheme or port, such as till.example.com',
  HOST_NAME,
);
const image = pattern(
  'an image with a tag other than latest, such as registry.example.com/zakpos-api:1.4.2',
  IMAGE,
);
const path = pattern('a path that starts with /', /^\/\S*$/);
const url = pattern('a path, or a URL with http:// or https://', /^(\/|https?:\/\/)\S+$/);
const port = (description: string) => z.int().min(1).max(65535).describe(description);
const storageClass = z
  .string()
  .min(1)
  .optional()
  .describe('StorageClass of the claim; the default class of the cluster when it is left out.');

interface ResourceDefaults {
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu?: string; readonly memory: string };
}

/** Requests and limits of one container; CPU is only limited where a limit is named. */
const resources = (defaults: ResourceDefaults) =>
  z
    .strictObject({
      requests: z
        .strictObject({
          cpu: cpu('Cores set aside for the container.').default(defaults.requests.cpu),
          memory: bytes('Memory set aside for the container.').default(defaults.requests.memory),
        })
        .prefault({}),
      limits: z
        .strictObject({
          cpu: cpu('Cores above which the container is throttled; null for no limit.')
            .nullable()
            .default(defaults.limits.cpu ?? null),
          memory: bytes('Memory above which the container is killed.').default(defaults.limits.memory),
        })
        .prefault({}),
    })
    .superRefine(({ requests, limits }, context) => {
      const atMost = (
        limit: string | null,
        of: 'cpu' | 'memory',
        toNumber: (quantity: string) => number,
      ): void => {
        const input = requests[of];
        if (limit === null || toNumber(input) <= toNumber(limit)) return;
        context.addIssue({
          code: 'custom',
          path: ['requests', of],
          message: `at most limits.${of} (${limit})`,
          input,
        });
      };
      atMost(limits.memory, 'memory', toBytes);
      atMost(limits.cpu, 'cpu', cpuToMillicores);
    })
    .prefault({});

const storage = (size: string, what: string) =>
  z
    .strictObject({
      size: bytes(`Size of the claim that holds ${what}.`).default(size),
      storageClass,
    })
    .prefault({});

const health = (defaults: { startup: string; ready: string; live: string }) =>
  z
    .strictObject({
      startup: path('Answers 2xx once the process has started.').default(defaults.startup),
      ready: path('Answers 2xx while the pod takes requests.').default(defaults.ready),
      live: path('Answers 2xx unless the process has to be restarted; looks at no other service.').default(
        defaults.live,
      ),
    })
    .prefault({});

const healthPaths = { startup: '/health/startup', ready: '/health/ready', live: '/health/live' };

const extraEnv = z
  .record(z.string().regex(/^[A-Za-z_]\w*$/, 'a name of letters, digits and _'), z.string())
  .default({})
  .describe('Further environment variables of the container; not for secrets.');

const podUser = (id: number) => ({
  uid: z.int().min(1).describe('User id that the container runs as; never 0.').default(id),
  gid: z.int().min(1).describe('Group id that the container runs as.').default(id),
});

const appImage = image(
  'Image of the app; when it is left out, the one that `npm run images` builds from apps/ and dockerfiles/, tagged with the hash of its sources.',
).optional();

const MODE =
  '`statefulset` runs it in the cluster, `external` uses one that exists, at `external.host` and `external.port`.';

const external = (defaultPort: number) =>
  z
    .strictObject({
      host: hostName('Host name of the existing server.'),
      port: port('Port of the existing server.').default(defaultPort),
      cidr: z
        .cidrv4('a range of IPv4 addresses, such as 10.20.0.0/16')
        .default('0.0.0.0/0')
        .describe('Addresses of the existing server, for the network policies.'),
    })
    .optional()
    .describe('The existing server; only with `mode: external`.');

const postgres = z
  .strictObject({
    mode: z.enum(['statefulset', 'external']).default('statefulset').describe(MODE),
    external: external(5432),
    image: image('Image of the server.').default('postgres:16-alpine'),
    database: pattern(
      'lower case letters, digits and _, at most 63 characters',
      /^[a-z_][a-z0-9_]{0,62}$/,
    )('Name of the database.').default('zakpos_db'),
    maxConnections: z.int().min(20).max(1000).default(100).describe('Connections that the server accepts.'),
    storage: storage('20Gi', 'the database'),
    resources: resources({ requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '2', memory: '2Gi' } }),
  })
  .prefault({});

const redis = z
  .strictObject({
    mode: z.enum(['statefulset', 'external']).default('statefulset').describe(MODE),
    external: external(6379),
    image: image('Image of the server.').default('redis:7-alpine'),
    maxMemory: bytes(
      'Memory for data, above which `evictionPolicy` acts; leave room for the append-only file.',
    ).default('320Mi'),
    evictionPolicy: z
      .enum(['noeviction', 'allkeys-lru', 'allkeys-lfu', 'volatile-lru', 'volatile-lfu', 'volatile-ttl'])
      .default('volatile-lru')
      .describe('What redis gives up when `maxMemory` is reached.'),
    appendOnly: z
      .boolean()
      .default(true)
      .describe('Write each change to an append-only file, synced each second.'),
    storage: storage('2Gi', 'the append-only file and snapshots'),
    resources: resources({
      requests: { cpu: '100m', memory: '256Mi' },
      limits: { cpu: '500m', memory: '512Mi' },
    }),
  })
  .prefault({});

const zookeeper = z
  .strictObject({
    image: image('Image of the server.').default('confluentinc/cp-zookeeper:7.5.0'),
    replicas: z
      .int()
      .min(1)
      .max(7)
      .refine((n) => n % 2 === 1, 'an odd number, so that a majority survives a split')
      .default(3)
      .describe('Servers of the ensemble.'),
    heap: bytes('Java heap; about half of the memory limit.').default('256Mi'),
    tickTime: z.int().min(500).max(10000).default(2000).describe('Heartbeat of sessions, in milliseconds.'),
    dataStorage: storage('2Gi', 'the snapshots'),
    logStorage: storage('2Gi', 'the transaction log'),
    resources: resources({
      requests: { cpu: '100m', memory: '384Mi' },
      limits: { cpu: '500m', memory: '512Mi' },
    }),
  })
  .prefault({});

const topic = z.strictObject({
  name: pattern('letters, digits, dots, hyphens and _', /^[a-zA-Z0-9._-]{1,249}$/)('Name of the topic.'),
  partitions: z.int().min(1).max(1000).default(3).describe('Partitions; they can grow, never shrink.'),
  cleanup: z
    .enum(['delete', 'compact'])
    .default('delete')
    .describe('`delete` drops what is older than `retention`, `compact` keeps the last record of each key.'),
  retention: duration('How long records are kept with `cleanup: delete`.').default('7d'),
});

const kafka = z
  .strictObject({
    mode: z.enum(['statefulset', 'external']).default('statefulset').describe(MODE),
    external: external(9092),
    image: image('Image of the broker and of its command-line tools.').default('confluentinc/cp-kafka:7.5.0'),
    replicas: z.int().min(1).max(100).default(3).describe('Brokers.'),
    replicationFactor: z.int().min(1).max(100).default(3).describe('Copies of each partition.'),
    minInSyncReplicas: z
      .int()
      .min(1)
      .max(100)
      .default(2)
      .describe('Copies that must have a record before it is acknowledged.'),
    heap: bytes('Java heap; about half of the memory limit.').default('512Mi'),
    autoCreateTopics: z
      .boolean()
      .default(false)
      .describe('Whether a client makes a topic by naming it; a typing error then makes one, too.'),
    topics: z
      .array(topic)
      .default([
        { name: 'zakpos.sales', partitions: 3, cleanup: 'delete', retention: '7d' },
        { name: 'zakpos.sales.dlq', partitions: 1, cleanup: 'delete', retention: '30d' },
        { name: 'zakpos.products', partitions: 3, cleanup: 'compact', retention: '7d' },
      ])
      .describe('Topics that exist once the topics Job has run.'),
    storage: storage('20Gi', "the broker's log segments"),
    resources: resources({ requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } }),
  })
  .prefault({});

const api = z
  .strictObject({
    image: appImage,
    replicas: z.int().min(1).max(100).default(2).describe('Pods that serve the API.'),
    port: port('Port that the container listens on.').default(3000),
    prefix: pattern(
      'a path without leading and trailing slash, such as api/v1',
      /^[a-z0-9][a-z0-9/-]*[a-z0-9]$/,
    )('Path below which the API answers (API_PREFIX).').default('api/v1'),
    ...podUser(1001),
    health: health(healthPaths),
    migrations: z
      .array(z.string())
      .nullable()
      .default(['node', 'dist/migrate.js'])
      .describe('Command of the init container that migrates the database; null for none.'),
    secretsAs: z
      .enum(['files', 'env'])
      .default('files')
      .describe(
        '`files` mounts secrets and names them in …_FILE variables; `env` sets DATABASE_URL, REDIS_URL and JWT_SECRET whole, for an image that knows nothing else.',
      ),
    databasePoolSize: z.int().min(2).max(200).default(10).describe('Connections to postgres of one pod.'),
    corsOrigins: z
      .array(z.url({ protocol: /^https?$/, error: 'a URL with http:// or https://' }))
      .default([])
      .describe('Origins beside the ingress hosts from which browsers may call the API.'),
    rateLimitPerMinute: z
      .int()
      .min(1)
      .default(300)
      .describe('Requests a minute of one client before it is answered 429.'),
    loginLimitPerMinute: z
      .int()
      .min(1)
      .default(10)
      .describe('Attempts to log in a minute of one client before it is answered 429.'),
    openRegistration: z.boolean().default(false).describe('Whether anyone may register; only in dev.'),
    demoProducts: z
      .boolean()
      .default(false)
      .describe('Whether an empty database is filled with a dozen demo products.'),
    adminEmail: z
      .email('an e-mail address')
      .default('admin@zakpos.example')
      .describe('The first user, who is made admin.'),
    logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug']).default('info').describe('Log level.'),
    env: extraEnv,
    resources: resources({ requests: { cpu: '500m', memory: '512Mi' }, limits: { cpu: '1', memory: '1Gi' } }),
  })
  .prefault({});

const reports = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether the worker runs that turns sale events into hourly sales.'),
    command: z
      .array(z.string())
      .default(['node', 'dist/worker.js'])
      .describe('Command of the worker in the image of the API.'),
    replicas: z.int().min(1).max(100).default(1).describe('Pods of the consumer group zakpos-reports.'),
    resources: resources({
      requests: { cpu: '50m', memory: '192Mi' },
      limits: { cpu: '500m', memory: '384Mi' },
    }),
  })
  .prefault({});

const web = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether the web till runs.'),
    image: appImage,
    replicas: z.int().min(1).max(100).default(2).describe('Pods that serve the till.'),
    port: port('Port that the container listens on.').default(3000),
    ...podUser(1001),
    health: health(healthPaths),
    apiUrl: url('Where browsers find the API (NEXT_PUBLIC_API_URL); a path means the same host.').default(
      '/api/v1',
    ),
    wsUrl: pattern(
      'empty, or a URL with ws:// or wss://',
      /^(|wss?:\/\/\S+)$/,
    )('Where browsers find the live feed (NEXT_PUBLIC_WS_URL); empty means beside the API.').default(''),
    env: extraEnv,
    resources: resources({
      requests: { cpu: '250m', memory: '256Mi' },
      limits: { cpu: '500m', memory: '512Mi' },
    }),
  })
  .prefault({});

const mobile = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether the web export of the mobile app is served.'),
    image: appImage,
    replicas: z.int().min(1).max(100).default(2).describe('Pods that serve it.'),
    port: port('Port that the container listens on.').default(19006),
    ...podUser(1001),
    health: health(healthPaths),
    apiUrl: url('Where the app finds the API (EXPO_PUBLIC_API_URL); a path means the same host.').default(
      '/api/v1',
    ),
    resources: resources({
      requests: { cpu: '25m', memory: '32Mi' },
      limits: { cpu: '250m', memory: '256Mi' },
    }),
  })
  .prefault({});

const ingress = z
  .strictObject({
    className: z.string().min(1).default('traefik').describe('IngressClass of the controller.'),
    host: hostName('Host of the till; the API answers below its prefix on the same host.').default(
      'zakpos.example.com',
    ),
    mobileHost: hostName('Host of the mobile app.').default('mobile.zakpos.example.com'),
    tlsSecret: dnsLabel(
      'Secret of type kubernetes.io/tls for both hosts; plain HTTP when it is left out.',
    ).optional(),
    controllerNamespace: dnsLabel('Namespace of the ingress controller, for the network policies.').default(
      'traefik',
    ),
  })
  .prefault({});

const addons = z
  .strictObject({
    traefik: z
      .strictObject({
        enabled: z.boolean().default(false).describe("Whether this project's own Traefik runs."),
        image: image('Image of Traefik.').default('traefik:v3.3'),
        resources: resources({ requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '128Mi' } }),
      })
      .prefault({}),
    metricsServer: z
      .strictObject({
        enabled: z.boolean().default(false).describe("Whether this project's own metrics-server runs."),
        image: image('Image of metrics-server.').default(
          'registry.k8s.io/metrics-server/metrics-server:v0.7.2',
        ),
        resources: resources({ requests: { cpu: '25m', memory: '48Mi' }, limits: { memory: '128Mi' } }),
      })
      .prefault({}),
  })
  .prefault({});

const localPorts = z
  .strictObject({
    http: port('The ingress, by host name.').default(80),
    https: port('The ingress with TLS.').default(443),
    api: port('The API.').default(39847),
    web: port('The till.').default(41923),
    mobile: port('The mobile app.').default(19006),
    apiDebug: port("The API's inspector.").default(9229),
    webDebug: port("The till's inspector.").default(9230),
    postgres: port('PostgreSQL.').default(5432),
    redis: port('Redis.').default(6379),
    kafka: port('Kafka.').default(9092),
  })
  .prefault({})
  .describe('Ports on 127.0.0.1 of the machine that runs the kind cluster.');

const secretValue = (description: string) =>
  z
    .string()
    .min(12, 'at least 12 characters')
    .regex(SECRET_VALUE, 'letters, digits and . _ ~ - only, so that it fits into a URL')
    .optional()
    .describe(description);

const secrets = z
  .strictObject({
    source: z
      .enum(['literal', 'cluster'])
      .default('cluster')
      .describe(
        '`literal` writes `values` into the manifests, which only dev may; `cluster` names Secrets that `npm run secrets` or an operator makes.',
      ),
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
      })
      .prefault({})
      .describe(
        'Literal values; only with `source: literal`. In dev, `.env` sets them by the names in brackets.',
      ),
  })
  .prefault({});

const shape = z.strictObject({
  environment: z
    .enum(ENVIRONMENTS)
    .describe('The environment; in a file of your own: the one that it is for.'),
  namespace: dnsLabel('Namespace of the product.').default('zakpos'),
  systemNamespace: dnsLabel('Namespace of the cluster add-ons of this project.').default('zakpos-system'),
  imageRegistry: pattern(
    'a registry and path without trailing slash',
    /^[a-z0-9][a-z0-9._:/-]*[a-z0-9]$/,
  )('Registry and path in front of the images that this project builds, such as ghcr.io/acme.').optional(),
  imagePullPolicy: z
    .enum(['IfNotPresent', 'Always'])
    .default('IfNotPresent')
    .describe('When nodes pull images.'),
  smokeTest: z
    .enum(['sale', 'read'])
    .default('read')
    .describe('What `npm run up` tries at its end: sell one product, or only read.'),
  shop: z
    .strictObject({
      name: z.string().min(1).max(60).default('ZakPOS').describe('Name shown on the till.'),
      currency: pattern(
        'a currency code of ISO 4217, such as EUR',
        /^[A-Z]{3}$/,
      )('Currency of all prices.').default('EUR'),
      timeZone: text(
        'a time zone of the IANA database, such as Europe/Berlin',
        isTimeZone,
      )('Time zone that decides which sales are of today.').default('UTC'),
    })
    .prefault({}),
  postgres,
  redis,
  zookeeper,
  kafka,
  api,
  reports,
  web,
  mobile,
  ingress,
  addons,
  localPorts,
  secrets,
});

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Configuration as charts read it: parsed, bounded, every default filled in. */
export type Config = z.output<typeof shape>;
/** Configuration as people write it: every field optional but `environment`. */
export type ConfigInput = z.input<typeof shape>;

/** Connections to postgres of one pod of the reports worker. */
export const WORKER_POOL_SIZE = 4;

/** A rule that spans fields: where it is broken, the value there and what is expected. */
interface Violation {
  readonly path: readonly string[];
  readonly expected: string;
}

function* crossFieldViolations(config: Config): Generator<Violation> {
  const { kafka, zookeeper, postgres, redis, api, reports, secrets } = config;

  for (const [name, store] of [['kafka', kafka] as const, ['zookeeper', zookeeper] as const]) {
    if (toBytes(store.heap) > 0.75 * toBytes(store.resources.limits.memory)) {
      yield {
        path: [name, 'resources', 'limits', 'memory'],
        expected: `more than the heap of ${store.heap} by a third at least, or a smaller ${name}.heap`,
      };
    }
  }
  if (toBytes(redis.maxMemory) > 0.75 * toBytes(redis.resources.limits.memory)) {
    yield {
      path: ['redis', 'maxMemory'],
      expected: `at most three quarters of redis.resources.limits.memory (${redis.resources.limits.memory}), since rewriting the append-only file needs the rest`,
    };
  }

  if (kafka.mode === 'statefulset' && kafka.replicationFactor > kafka.replicas) {
    yield {
      path: ['kafka', 'replicationFactor'],
      expected: `at most kafka.replicas (${kafka.replicas} brokers)`,
    };
  }
  if (kafka.minInSyncReplicas > kafka.replicationFactor) {
    yield {
      path: ['kafka', 'minInSyncReplicas'],
      expected: `at most kafka.replicationFactor (${kafka.replicationFactor})`,
    };
  }
  const names = kafka.topics.map((t) => t.name);
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (twice !== -1) {
    yield { path: ['kafka', 'topics', String(twice), 'name'], expected: 'a name that no other topic has' };
  }

  // A rolling update runs one pod more than there are replicas; migrations and people need a few connections.
  const reserved = 10;
  const connections =
    (api.replicas + 1) * api.databasePoolSize +
    (reports.enabled ? reports.replicas + 1 : 0) * WORKER_POOL_SIZE;
  if (postgres.mode === 'statefulset' && connections + reserved > postgres.maxConnections) {
    yield {
      path: ['api', 'databasePoolSize'],
      expected: `such that all pods fit into postgres.maxConnections (${postgres.maxConnections}): they take ${connections} and ${reserved} are kept free`,
    };
  }

  for (const [name, store] of Object.entries({ postgres, redis, kafka })) {
    if (store.mode === 'external' && store.external === undefined) {
      yield { path: [name, 'external'], expected: 'host and port of the server, since mode is external' };
    }
  }

  if (config.environment !== 'dev') {
    if (secrets.source === 'literal') {
      yield { path: ['secrets', 'source'], expected: '"cluster": only dev writes secrets into manifests' };
    }
    for (const name of Object.keys(secrets.values)) {
      yield {
        path: ['secrets', 'values', name],
        expected: 'to be left out: only dev writes secrets into manifests',
      };
    }
    if (api.openRegistration) {
      yield { path: ['api', 'openRegistration'], expected: 'false: only dev lets anyone register' };
    }
  }
  if (secrets.source === 'literal' && (secrets.values.jwtSecret?.length ?? 0) < 32) {
    yield { path: ['secrets', 'values', 'jwtSecret'], expected: 'at least 32 characters' };
  }
}

/** The value at a path, for messages. */
export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null
        ? new Map(Object.entries(value)).get(String(key))
        : undefined,
    root,
  );
}

export const configSchema = shape.superRefine((config, context) => {
  for (const { path, expected } of crossFieldViolations(config)) {
    context.addIssue({ code: 'custom', path: [...path], message: expected, input: valueAt(config, path) });
  }
});
