/** The stores: PostgreSQL, Redis, ZooKeeper and Kafka. */
import { z } from 'zod';
import { bytes, dnsLabel, duration, hostName, image, pattern, port, resources, storage } from './fields.ts';

/** Connections to postgres of one pod of the reports worker. */
export const WORKER_POOL_SIZE = 4;

const MODE =
  '`statefulset` runs it in the cluster, `external` uses one that exists, which `external` describes.';

const cidr = z
  .cidrv4('a range of IPv4 addresses, such as 10.20.0.0/16')
  .default('0.0.0.0/0')
  .describe('Addresses of the existing server, for the network policies.');

const caSecret = dnsLabel(
  "Secret whose key ca.crt holds the authority that signed the server's certificate; the system's authorities when it is left out.",
).optional();

const tlsOrNot = z
  .enum(['disable', 'verify-full'])
  .default('verify-full')
  .describe('Whether connections are encrypted, and the certificate and its name checked.');

const existing = 'The existing server; only with `mode: external`.';

const externalPostgres = z
  .strictObject({
    host: hostName('Host name of the existing server.'),
    port: port('Port of the existing server.').default(5432),
    cidr,
    tls: z
      .enum(['disable', 'require', 'verify-full'])
      .default('verify-full')
      .describe('`require` encrypts, `verify-full` also checks the certificate and its name.'),
    caSecret,
    appSecret: dnsLabel("Secret with `username` and `password` of the app's role.").default(
      'zakpos-postgres-app',
    ),
    ownerSecret: dnsLabel(
      'Secret with `username` and `password` of the role that owns the schema and migrates it.',
    ).default('zakpos-postgres-owner'),
    exporterSecret: dnsLabel(
      'Secret with `username` and `password` of a role in pg_monitor; only with metrics.',
    ).default('zakpos-postgres-exporter'),
  })
  .optional()
  .describe(existing);

const externalRedis = z
  .strictObject({
    host: hostName('Host name of the existing server.'),
    port: port('Port of the existing server.').default(6379),
    cidr,
    tls: tlsOrNot,
    caSecret,
    secret: dnsLabel('Secret with `password`.').default('zakpos-redis'),
  })
  .optional()
  .describe(existing);

const externalKafka = z
  .strictObject({
    brokers: z
      .array(
        pattern(
          'a host name and a port, such as b-1.kafka.example.com:9096',
          /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?:\d{1,5}$/,
        )('One broker.'),
      )
      .min(1)
      .describe('Brokers to start from, as host:port.'),
    cidr,
    tls: tlsOrNot,
    caSecret,
    sasl: z.boolean().default(true).describe('Whether clients log in by SCRAM-SHA-512.'),
    apiSecret: dnsLabel('Secret with `username` and `password` of the API.').default('zakpos-kafka-api'),
    reportsSecret: dnsLabel('Secret with `username` and `password` of the reports worker.').default(
      'zakpos-kafka-reports',
    ),
  })
  .optional()
  .describe(existing);

const pooler = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe(
        'Whether PgBouncer stands between the apps and the server, so that pods may outnumber connections.',
      ),
    image: image('Image of PgBouncer.').default('edoburu/pgbouncer:v1.24.1-p1'),
    replicas: z.int().min(1).max(20).default(2).describe('Pods of PgBouncer.'),
    poolSize: z
      .int()
      .min(2)
      .max(500)
      .default(20)
      .describe('Connections of one pod to the server; transactions take turns on them.'),
    resources: resources({
      requests: { cpu: '50m', memory: '32Mi' },
      limits: { cpu: '500m', memory: '128Mi' },
    }),
  })
  .prefault({});

export const postgres = z
  .strictObject({
    mode: z
      .enum(['statefulset', 'cloudnativepg', 'external'])
      .default('statefulset')
      .describe(`${MODE} \`cloudnativepg\` leaves it to that operator.`),
    external: externalPostgres,
    instances: z
      .int()
      .min(1)
      .max(9)
      .default(3)
      .describe('Servers with `mode: cloudnativepg`: a primary and its replicas.'),
    instanceImage: image(
      'Image of each server with `mode: cloudnativepg`, which needs one of its own.',
    ).default('ghcr.io/cloudnative-pg/postgresql:16'),
    operatorNamespace: dnsLabel("Namespace of CloudNativePG's operator, for the network policies.").default(
      'cnpg-system',
    ),
    pooler,
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

export const redis = z
  .strictObject({
    mode: z.enum(['statefulset', 'external']).default('statefulset').describe(MODE),
    external: externalRedis,
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

export const zookeeper = z
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

export const kafka = z
  .strictObject({
    mode: z.enum(['statefulset', 'external']).default('statefulset').describe(MODE),
    external: externalKafka,
    image: image('Image of the broker and of its command-line tools.').default('confluentinc/cp-kafka:7.5.0'),
    replicas: z.int().min(1).max(100).default(3).describe('Brokers.'),
    replicationFactor: z.int().min(1).max(100).default(3).describe('Copies of each partition.'),
    minInSyncReplicas: z
      .int()
      .min(1)
      .max(100)
      .default(2)
      .describe('Copies that must have a record before it is acknowledged.'),
    rack: z
      .enum(['node', 'zone'])
      .default('node')
      .describe(
        'What copies of a partition are spread over; `zone` needs Kubernetes 1.35, which tells pods the zone of their node.',
      ),
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
