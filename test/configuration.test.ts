/** Configuration that can't be used is named with its field, its value and what is expected; nothing else happens. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, environmentName, loadConfig, type LoadOptions } from '../environments/load.ts';
import type { EnvironmentName } from '../environments/schema.ts';
import { configWith, ROOT, withFile } from './manifests.ts';

/** The message that a configuration is refused with. */
function refusal(environment: EnvironmentName, options: LoadOptions): string {
  try {
    loadConfig(environment, options);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
}

/** The problems that own values are refused for. */
function problems(environment: EnvironmentName, own: object): string[] {
  const message = withFile('own.json', JSON.stringify(own), (configFile) =>
    refusal(environment, { configFile }).replace(configFile, 'own.json'),
  );
  const [first, ...lines] = message.split('\n  ');
  expect(first).toBe(
    `The configuration of ${environment} (environments/${environment}.ts + own.json) can't be used:`,
  );
  return lines;
}

const BYTES = 'a whole number with a unit of bytes (Ki, Mi, Gi, Ti), such as 512Mi';
const HOST = 'a DNS name in lower case without scheme or port, such as till.example.com';
const IMAGE = 'an image with a tag other than latest, such as registry.example.com/zakpos-api:1.4.2';

test.each<[string, object, string]>([
  [
    'an unknown field',
    { redis: { maxMemry: '1Gi' } },
    'redis.maxMemry: no such field; docs/reference/configuration.md lists them',
  ],
  [
    'an unknown field at the top',
    { till: 1 },
    'till: no such field; docs/reference/configuration.md lists them',
  ],
  ['a wrong unit', { redis: { maxMemory: '320MB' } }, `redis.maxMemory: is "320MB", expected ${BYTES}`],
  ['a wrong unit of a heap', { kafka: { heap: '512' } }, `kafka.heap: is "512", expected ${BYTES}`],
  [
    'a wrong unit of a limit',
    { api: { resources: { limits: { memory: '1GB' } } } },
    `api.resources.limits.memory: is "1GB", expected ${BYTES}`,
  ],
  [
    'a wrong unit of CPU',
    { api: { resources: { requests: { cpu: '10%' } } } },
    'api.resources.requests.cpu: is "10%", expected cores or thousandths of one, such as 500m or 1.5',
  ],
  [
    'a wrong unit of time',
    { kafka: { topics: [{ name: 'a', retention: '1w' }] } },
    'kafka.topics.0.retention: is "1w", expected a whole number with s, m, h or d, such as 7d',
  ],
  ['a number without a unit', { redis: { maxMemory: 320 } }, `redis.maxMemory: is 320, expected ${BYTES}`],
  [
    'a memory limit below the heap of Kafka',
    { kafka: { heap: '2Gi' } },
    'kafka.resources.limits.memory: is "1Gi", expected more than the heap of 2Gi by a third at least, or a smaller kafka.heap',
  ],
  [
    'a memory limit below the heap of ZooKeeper',
    { zookeeper: { resources: { requests: { memory: '128Mi' }, limits: { memory: '192Mi' } } } },
    'zookeeper.resources.limits.memory: is "192Mi", expected more than the heap of 256Mi by a third at least, or a smaller zookeeper.heap',
  ],
  [
    'a memory limit below the data of Redis',
    { redis: { maxMemory: '512Mi' } },
    'redis.maxMemory: is "512Mi", expected at most three quarters of redis.resources.limits.memory (512Mi), since rewriting the append-only file needs the rest',
  ],
  [
    'a request of memory above its limit',
    { api: { resources: { requests: { memory: '2Gi' } } }, quota: { enabled: false } },
    'api.resources.requests.memory: is "2Gi", expected at most limits.memory (1Gi)',
  ],
  [
    'a request of CPU above its limit',
    { api: { resources: { requests: { cpu: '2' } } }, quota: { enabled: false } },
    'api.resources.requests.cpu: is "2", expected at most limits.cpu (1)',
  ],
  [
    'an even number of ZooKeepers',
    { zookeeper: { replicas: 4 } },
    'zookeeper.replicas: is 4, expected an odd number, so that a majority survives a split',
  ],
  [
    'more copies than brokers',
    { kafka: { replicationFactor: 5 } },
    'kafka.replicationFactor: is 5, expected at most kafka.replicas (3 brokers)',
  ],
  [
    'more copies in sync than there are',
    { kafka: { minInSyncReplicas: 4 } },
    'kafka.minInSyncReplicas: is 4, expected at most kafka.replicationFactor (3)',
  ],
  [
    'a topic twice',
    { kafka: { topics: [{ name: 'a' }, { name: 'a' }] } },
    'kafka.topics.1.name: is "a", expected a name that no other topic has',
  ],
  [
    'more connections than postgres takes',
    { api: { databasePoolSize: 60 } },
    'api.databasePoolSize: is 60, expected such that all pods fit into postgres.maxConnections (100): they take 428 at the most and 10 are kept free; or postgres.pooler.enabled',
  ],
  [
    'fewer connections than the API works with',
    { api: { databasePoolSize: 1 } },
    'api.databasePoolSize: is 1, expected at least 2',
  ],
  [
    'more connections than postgres takes when the autoscaler has added all pods',
    { api: { databasePoolSize: 12 } },
    'api.databasePoolSize: is 12, expected such that all pods fit into postgres.maxConnections (100): they take 92 at the most and 10 are kept free; or postgres.pooler.enabled',
  ],
  [
    'an autoscaler with a least above its most',
    { api: { autoscaling: { minReplicas: 7 } } },
    'api.autoscaling.minReplicas: is 7, expected at most api.autoscaling.maxReplicas (6)',
  ],
  [
    'an autoscaler of the till with a least above its most',
    { web: { autoscaling: { maxReplicas: 1 } } },
    'web.autoscaling.minReplicas: is 2, expected at most web.autoscaling.maxReplicas (1)',
  ],
  [
    'a number of pods that no drain leaves, beside an autoscaler',
    { api: { minAvailable: 2 } },
    'api.minAvailable: is 2, expected less than the 2 pods that there are at least, or no node could ever be drained',
  ],
  [
    'a number of pods that no drain leaves',
    { web: { autoscaling: { enabled: false }, replicas: 3, minAvailable: 3 } },
    'web.minAvailable: is 3, expected less than the 3 pods that there are at least, or no node could ever be drained',
  ],
  [
    'a quota that is short of CPU',
    { quota: { cpu: '5' } },
    'quota.cpu: is "5", expected at least the 7475m that all pods take at the most, those of a command among them',
  ],
  [
    'a quota that is short of memory',
    { quota: { memory: '8Gi' } },
    'quota.memory: is "8Gi", expected at least the 11168Mi that all pods take at the most, those of a command among them',
  ],
  [
    'a quota that is short of limits of memory',
    { quota: { memoryLimit: '16Gi' } },
    'quota.memoryLimit: is "16Gi", expected at least the 19328Mi that all pods take at the most, those of a command among them',
  ],
  [
    'a quota that is short of room for claims',
    { quota: { storage: '64Gi' } },
    'quota.storage: is "64Gi", expected at least the 116736Mi that all pods take at the most, those of a command among them',
  ],
  [
    'a quota that is short of pods',
    { quota: { pods: 20 } },
    'quota.pods: is 20, expected at least the 28 that there are at the most, those of a command among them',
  ],
  [
    'an existing PostgreSQL without a name',
    { postgres: { mode: 'external' } },
    'postgres.external: is missing, expected host and port of the server, since mode is external',
  ],
  [
    'an existing Redis without a name',
    { redis: { mode: 'external' } },
    'redis.external: is missing, expected host and port of the server, since mode is external',
  ],
  [
    'an existing Kafka without a name',
    { kafka: { mode: 'external' } },
    'kafka.external: is missing, expected host and port of the server, since mode is external',
  ],
  [
    'an existing Kafka without brokers',
    { kafka: { mode: 'external', external: { brokers: [] } } },
    'kafka.external.brokers: is [], expected at least 1',
  ],
  [
    'a broker without a port',
    { kafka: { mode: 'external', external: { brokers: ['b-1.example.com:9096', 'b-2.example.com'] } } },
    'kafka.external.brokers.1: is "b-2.example.com", expected a host name and a port, such as b-1.kafka.example.com:9096',
  ],
  [
    'a broker with a scheme',
    { kafka: { mode: 'external', external: { brokers: ['ssl://b-1:9096'] } } },
    'kafka.external.brokers.0: is "ssl://b-1:9096", expected a host name and a port, such as b-1.kafka.example.com:9096',
  ],
  [
    'a way of TLS that PostgreSQL knows and this does not',
    { postgres: { mode: 'external', external: { host: 'p', tls: 'verify-ca' } } },
    'postgres.external.tls: is "verify-ca", expected one of disable, require, verify-full',
  ],
  [
    'TLS with Redis that checks nothing',
    { redis: { mode: 'external', external: { host: 'r', tls: 'require' } } },
    'redis.external.tls: is "require", expected one of disable, verify-full',
  ],
  [
    'an unknown source of certificates',
    { certificates: { source: 'vault' } },
    'certificates.source: is "vault", expected one of none, cli, cert-manager',
  ],
  ['a certificate for a day', { certificates: { days: 1 } }, 'certificates.days: is 1, expected at least 2'],
  [
    'a certificate for longer than browsers take one',
    { certificates: { days: 826 } },
    'certificates.days: is 826, expected at most 825',
  ],
  [
    'an unknown source of the certificate of the ingress',
    { ingress: { tls: { source: 'acme' } } },
    'ingress.tls.source: is "acme", expected one of none, secret, cli, cert-manager',
  ],
  [
    'an unknown source of secrets',
    { secrets: { source: 'vault' } },
    'secrets.source: is "vault", expected one of literal, cluster, external-secrets',
  ],
  [
    'backups without a bucket',
    { backups: { s3: {} } },
    'backups.s3.bucket: is missing, expected lower case letters, digits, dots and hyphens, 3 to 63 characters',
  ],
  [
    'backups in a bucket of no such name',
    { backups: { s3: { bucket: 's3://backups' } } },
    'backups.s3.bucket: is "s3://backups", expected lower case letters, digits, dots and hyphens, 3 to 63 characters',
  ],
  [
    'an S3 server with a path',
    { backups: { s3: { bucket: 'backups', endpoint: 'https://s3.example.com/backups' } } },
    'backups.s3.endpoint: is "https://s3.example.com/backups", expected a URL with http:// or https:// and no path',
  ],
  [
    'an S3 server at no range of addresses',
    { backups: { s3: { bucket: 'backups', cidr: '10.4.0.9' } } },
    'backups.s3.cidr: is "10.4.0.9", expected a range of IPv4 addresses, such as 10.20.0.0/16',
  ],
  [
    'a folder of backups that begins with /',
    { backups: { s3: { bucket: 'backups', prefix: '/till' } } },
    'backups.s3.prefix: is "/till", expected letters, digits, dots, hyphens, _ and /, without / at the ends',
  ],
  [
    'backups of which none is kept',
    { backups: { retention: { daily: 0 } } },
    'backups.retention.daily: is 0, expected at least 1',
  ],
  [
    'more log kept than a full volume leaves room for',
    { backups: { s3: { bucket: 'backups' }, logKept: '6Gi' } },
    'backups.logKept: is "6Gi", expected at most a quarter of postgres.storage.size (20Gi), so that an archive that is away can\'t fill the volume',
  ],
  ...['postgres', 'template1'].map((database): [string, object, string] => [
    `the sales in ${database}, a database of the server's own`,
    { postgres: { database } },
    `postgres.database: is "${database}", expected another name than postgres, template0 and template1, which every server has for itself`,
  ]),
  [
    'less log kept than some segments',
    { backups: { s3: { bucket: 'backups' }, logKept: '63Mi' } },
    'backups.logKept: is "63Mi", expected at least 64Mi, four segments of the log, so that an archive that restarts misses none',
  ],
  [
    'backups at a time that is none of cron',
    { backups: { schedule: 'daily' } },
    'backups.schedule: is "daily", expected five fields of cron, such as "0 3 * * *"',
  ],
  [
    'two Secrets of one name',
    { postgres: { mode: 'external', external: { host: 'p', appSecret: 'one', ownerSecret: 'one' } } },
    'secrets: is (not shown), expected Secrets of different names: two are named one',
  ],
  [
    "a Gateway of this project's own Traefik",
    { ingress: { api: 'gateway' }, addons: { traefik: { enabled: true } } },
    'ingress.api: is "gateway", expected "ingress": this project\'s own Traefik has no Gateway',
  ],
  [
    'pods over something else than nodes and zones',
    { kafka: { rack: 'region' } },
    'kafka.rack: is "region", expected one of node, zone',
  ],
  ['an unknown spread', { spread: 'loose' }, 'spread: is "loose", expected one of strict, preferred'],
  ['an unknown size', { size: 'huge' }, 'size: is "huge", expected one of cluster, single'],
  [
    'an existing server without a host',
    { redis: { mode: 'external', external: { port: 6380 } } },
    `redis.external.host: is missing, expected ${HOST}`,
  ],
  [
    'addresses that are no range',
    { kafka: { external: { brokers: ['k:9092'], cidr: '10.0.0.1' } } },
    'kafka.external.cidr: is "10.0.0.1", expected a range of IPv4 addresses, such as 10.20.0.0/16',
  ],
  [
    'a host name with a scheme',
    { ingress: { host: 'https://till.example.com' } },
    `ingress.host: is "https://till.example.com", expected ${HOST}`,
  ],
  [
    'a host name with a port',
    { ingress: { host: 'till.example.com:8443' } },
    `ingress.host: is "till.example.com:8443", expected ${HOST}`,
  ],
  [
    'a host name with capitals and _',
    { ingress: { mobileHost: 'Till_1.example.com' } },
    `ingress.mobileHost: is "Till_1.example.com", expected ${HOST}`,
  ],
  [
    'an origin that is no URL',
    { api: { corsOrigins: ['till.example.com'] } },
    'api.corsOrigins.0: is "till.example.com", expected a URL with http:// or https://',
  ],
  [
    'a variable that is no name',
    { api: { env: { 'A-B': '1' } } },
    'api.env.A-B: is "A-B", expected a name of letters, digits and _',
  ],
  [
    'open registration outside dev',
    { api: { openRegistration: true } },
    'api.openRegistration: is true, expected false: only dev lets anyone register',
  ],
  [
    'an image that is latest',
    { api: { image: 'example.com/api:latest' } },
    `api.image: is "example.com/api:latest", expected ${IMAGE}`,
  ],
  [
    'an image without a tag',
    { web: { image: 'example.com:5000/web' } },
    `web.image: is "example.com:5000/web", expected ${IMAGE}`,
  ],
  [
    'both an image and sources of it',
    { web: { image: 'example.com/web:1', build: { context: '.' } } },
    'web.build: is {"context":".","dockerfile":"Dockerfile"}, expected to be left out beside web.image (example.com/web:1): one of the two',
  ],
  [
    'a folder of sources that is not there',
    { api: { build: { context: '/nowhere/my-api' } } },
    'api.build.context: is "/nowhere/my-api", expected a folder; there is no /nowhere/my-api',
  ],
  [
    'a folder of sources without the Dockerfile',
    { mobile: { build: { context: '/', dockerfile: 'nowhere/Dockerfile' } } },
    'mobile.build.dockerfile: is "nowhere/Dockerfile", expected a file of the context; there is no /nowhere/Dockerfile',
  ],
  ['root', { api: { uid: 0 } }, 'api.uid: is 0, expected at least 1'],
  [
    'a port that is none',
    { localPorts: { http: 70_000 } },
    'localPorts.http: is 70000, expected at most 65535',
  ],
  [
    'a word that is none of a list',
    { api: { logLevel: 'chatty' } },
    'api.logLevel: is "chatty", expected one of fatal, error, warn, info, debug',
  ],
  [
    'a time zone that is none',
    { shop: { timeZone: 'Mars/Olympus' } },
    'shop.timeZone: is "Mars/Olympus", expected a time zone of the IANA database, such as Europe/Berlin',
  ],
  ['nothing where something is', { api: null }, 'api: is null, expected object'],
])('prod refuses %s', (_, own, problem) => {
  expect(problems('prod', own)).toEqual([problem]);
});

test.each<[EnvironmentName, object, string]>([
  ['dev', { size: 'single' }, 'size: is "single", expected "cluster": dev and test have sizes of their own'],
  ['test', { size: 'single' }, 'size: is "single", expected "cluster": dev and test have sizes of their own'],
])('%s refuses %j', (environment, own, problem) => {
  expect(problems(environment, own)).toEqual([problem]);
});

test.each<[string, EnvironmentName, object]>([
  [
    'as many connections as you like, with a pooler',
    'prod',
    { api: { databasePoolSize: 60 }, postgres: { pooler: { enabled: true } } },
  ],
  [
    'as many connections as you like, of a server whose limit is not known here',
    'prod',
    {
      api: { databasePoolSize: 60 },
      postgres: { mode: 'external', external: { host: 'postgres.example.com' } },
    },
  ],
  ['bounds of an autoscaler that is not on', 'dev', { api: { autoscaling: { minReplicas: 7 } } }],
  ['a drain that leaves all but one', 'prod', { api: { minAvailable: 1 } }],
  ['any size without a quota', 'prod', { quota: { enabled: false, cpu: '1', pods: 1 } }],
  ['more copies than brokers of its own, where brokers are others', 'cloud', { kafka: { replicas: 1 } }],
])('fine is %s', (_, environment, own) => {
  expect(
    withFile('own.json', JSON.stringify(own), (configFile) => refusal(environment, { configFile })),
  ).toBe('accepted');
});

test('all problems are named at once', () => {
  expect(problems('prod', { zookeeper: { replicas: 2 }, api: { openRegistration: true } })).toEqual([
    'zookeeper.replicas: is 2, expected an odd number, so that a majority survives a split',
    'api.openRegistration: is true, expected false: only dev lets anyone register',
  ]);
});

describe('secrets', () => {
  const LITERAL_WITH_CERTIFICATES =
    'certificates.source: is "cli", expected "none" beside literal secrets, which have none for what certificates bring with them';

  test('of dev are refused beside certificates', () => {
    const own = { certificates: { source: 'cli' }, localStores: false };
    expect(problems('dev', own)).toEqual([LITERAL_WITH_CERTIFICATES]);
  });

  test('of dev are refused beside a Kafka that asks for a login', () => {
    const own = { kafka: { mode: 'external', external: { brokers: ['b-1:9096'] } } };
    expect(problems('dev', own)).toEqual([
      'kafka.external.sasl: is true, expected false beside literal secrets, which have none for the users of Kafka',
    ]);
  });

  test('that a cluster holds are fine with certificates in dev, too', () => {
    const own = { secrets: { source: 'cluster' }, certificates: { source: 'cli' }, localStores: false };
    expect(configWith('dev', own).certificates.source).toBe('cli');
  });

  test.each(['test', 'prod', 'cloud'] as const)('are refused as text in %s', (environment) => {
    const own = {
      secrets: { source: 'literal', values: { jwtSecret: 'hush-hush-hush-hush-hush-hush-hush' } },
    };
    expect(problems(environment, own)).toEqual([
      'secrets.source: is "literal", expected "cluster": only dev writes secrets into manifests',
      'secrets.values.jwtSecret: is (not shown), expected to be left out: only dev writes secrets into manifests',
      LITERAL_WITH_CERTIFICATES,
    ]);
  });

  test.each<[string, object, string]>([
    [
      'short',
      { redisPassword: 'hush-hush' },
      'redisPassword: is (not shown), expected at least 12 characters',
    ],
    [
      'no part of a URL',
      { redisPassword: 'hush/hush@hush' },
      'redisPassword: is (not shown), expected letters, digits and . _ ~ - only, so that it fits into a URL',
    ],
    [
      'too short to sign with',
      { jwtSecret: 'hush-hush-hush-hush' },
      'jwtSecret: is (not shown), expected at least 32 characters',
    ],
    ['a number', { jwtSecret: 123_456 }, 'jwtSecret: is (not shown), expected string'],
    [
      'unknown',
      { jwtScret: 'hush-hush-hush' },
      'jwtScret: no such field; docs/reference/configuration.md lists them',
    ],
  ])('of dev are refused when one is %s', (_, values, problem) => {
    expect(problems('dev', { secrets: { values } })).toEqual([`secrets.values.${problem}`]);
  });

  test.each([
    '{"secrets": "hush"}',
    '{"secrets": {"values": "hush"}}',
    '{"secrets": {"values": {"jwtSecret": "hush"}}}',
    'secrets: {values: {jwtSecret: "hush}}',
  ])('are never shown, even where they are misplaced: %s', (text) => {
    const message = withFile('own.yaml', text, (configFile) => refusal('dev', { configFile }));
    expect(message).toMatch(/^(The configuration of dev|ZAKPOS_CONFIG: )/);
    expect(message).not.toContain('hush');
  });
});

describe('a file of own values', () => {
  test.each([
    ['is not there', '/nowhere/own.yaml', 'ENOENT: no such file or directory'],
    ['is a folder', tmpdir(), 'EISDIR: illegal operation on a directory'],
  ])('that %s is named', (_, configFile, fact) => {
    const message = refusal('prod', { configFile });
    expect(message).toContain(`ZAKPOS_CONFIG: ${configFile} can't be read (`);
    expect(message).toContain(fact);
    expect(message).toMatch(/\); name a readable YAML or JSON file$/);
  });

  test.each([
    [
      'no YAML',
      'a: [1',
      /^ZAKPOS_CONFIG: \S+ is neither YAML nor JSON: Flow sequence .* at line 1, column 6$/,
    ],
    [
      'a field twice',
      'redis: {}\nredis: {}',
      /^ZAKPOS_CONFIG: \S+ is neither YAML nor JSON: Map keys must be unique at line 2, column 1$/,
    ],
    [
      'a list',
      '- redis',
      /^ZAKPOS_CONFIG: \S+ holds no mapping; write fields such as "ingress:\\n {2}host: till\.example\.com"$/,
    ],
    ['nothing', '', /^ZAKPOS_CONFIG: \S+ holds no mapping; write fields/],
    [
      'another environment that is none',
      'environment: production',
      /^ZAKPOS_CONFIG: \S+: environment is "production", expected one of dev, test, prod, cloud$/,
    ],
  ])('that holds %s is named', (_, text, message) => {
    expect(withFile('own.yaml', text, (configFile) => refusal('prod', { configFile }))).toMatch(message);
  });

  test.each([
    ['YAML', 'own.yaml', 'ingress:\n  host: till.example.com # ours\nkafka: { topics: [{ name: one }] }\n'],
    ['JSON', 'own.json', '{"ingress": {"host": "till.example.com"}, "kafka": {"topics": [{"name": "one"}]}}'],
  ])('in %s is laid over the environment: mappings are merged, lists replaced', (_, name, text) => {
    const { ingress, kafka } = withFile(name, text, (configFile) => loadConfig('dev', { configFile }));
    expect(ingress).toMatchObject({ host: 'till.example.com', mobileHost: 'mobile.zakpos.localhost' });
    expect(kafka.topics).toEqual([{ name: 'one', partitions: 3, cleanup: 'delete', retention: '7d' }]);
    expect([kafka.replicas, kafka.heap]).toEqual([1, '384Mi']);
  });

  test('that names its environment leaves the others alone', () => {
    const own = { environment: 'prod', ingress: { host: 'till.example.com' } };
    expect(configWith('prod', own).ingress.host).toBe('till.example.com');
    expect(configWith('cloud', own)).toEqual(loadConfig('cloud'));
  });

  test('is not judged by environments that it is not for', () => {
    expect(configWith('cloud', { environment: 'prod', nonsense: true })).toEqual(loadConfig('cloud'));
  });
});

describe('a file .env', () => {
  const text = 'REDIS_PASSWORD=from-the-dot-env\nJWT_SECRET=\n# POSTGRES_PASSWORD=no\nPATH=/bin\n';

  test("sets dev's secrets; what is empty or left out keeps its default", () => {
    const { values } = withFile('.env', text, (dotEnvFile) => loadConfig('dev', { dotEnvFile })).secrets;
    expect(values).toEqual({ ...loadConfig('dev').secrets.values, redisPassword: 'from-the-dot-env' });
  });

  const example = readFileSync(join(ROOT, '.env.example'), 'utf8');

  test('like .env.example sets what is the default anyway', () => {
    expect(loadConfig('dev', { dotEnvFile: join(ROOT, '.env.example') })).toEqual(loadConfig('dev'));
  });

  test("sets each of dev's secrets by a variable that .env.example names", () => {
    const changed = example.replaceAll(/^(\w+)=.*$/gm, '$1=another-value-of-more-than-32-letters');
    const { values } = withFile('.env', changed, (dotEnvFile) => loadConfig('dev', { dotEnvFile })).secrets;
    expect(Object.keys(values)).toHaveLength(10);
    expect(new Set(Object.values(values))).toEqual(new Set(['another-value-of-more-than-32-letters']));
  });

  test('touches no other environment', () => {
    expect(withFile('.env', text, (dotEnvFile) => loadConfig('test', { dotEnvFile }))).toEqual(
      loadConfig('test'),
    );
  });

  test('that is not there sets nothing', () => {
    expect(loadConfig('dev', { dotEnvFile: '/nowhere/.env' })).toEqual(loadConfig('dev'));
  });

  test('with a weak secret is refused by its name, and the file is named', () => {
    const message = withFile('.env', 'REDIS_PASSWORD=weak', (dotEnvFile) =>
      refusal('dev', { dotEnvFile }).replace(dotEnvFile, '.env'),
    );
    expect(message).toBe(
      "The configuration of dev (environments/dev.ts + .env) can't be used:\n" +
        '  secrets.values.redisPassword: is (not shown), expected at least 12 characters',
    );
  });

  test('yields to a file of own values', () => {
    const own = JSON.stringify({ secrets: { values: { redisPassword: 'from-own-values' } } });
    const { redisPassword } = withFile('.env', text, (dotEnvFile) =>
      withFile('own.json', own, (configFile) => loadConfig('dev', { dotEnvFile, configFile })),
    ).secrets.values;
    expect(redisPassword).toBe('from-own-values');
  });
});

test('an unknown environment is named, with those that there are', () => {
  expect(() => environmentName('production')).toThrow(
    new ConfigError('"production" is no environment; choose one of dev, test, prod, cloud'),
  );
  expect(environmentName('cloud')).toBe('cloud');
});

test('the sizes and ways of prod are those of the seeds', () => {
  const { kafka, zookeeper, api, web, redis, secrets } = loadConfig('prod');
  expect([zookeeper.replicas, kafka.replicas, kafka.replicationFactor, kafka.minInSyncReplicas]).toEqual([
    3, 3, 3, 2,
  ]);
  expect(api.replicas).toBeGreaterThanOrEqual(2);
  expect(web.replicas).toBeGreaterThanOrEqual(2);
  expect(redis.appendOnly).toBe(true);
  expect(secrets).toMatchObject({ source: 'cluster', values: {} });
});

test('prod and cloud scale by themselves, encrypt, keep stores apart and have a quota', () => {
  for (const name of ['prod', 'cloud'] as const) {
    const { api, web, certificates, spread, quota, ingress } = loadConfig(name);
    expect([api.autoscaling.enabled, web.autoscaling.enabled]).toEqual([true, true]);
    expect([certificates.source, spread, quota.enabled]).toEqual(['cli', 'strict', true]);
    expect(ingress.tls.source).not.toBe('none');
  }
});

describe('one server', () => {
  test.each(['prod', 'cloud'] as const)('is what size: single makes of %s', (name) => {
    const { spread, zookeeper, kafka, api, web, mobile, ingress, addons } = configWith(name, {
      size: 'single',
    });
    expect({ spread, zookeeper: zookeeper.replicas, mobile: mobile.replicas }).toEqual({
      spread: 'preferred',
      zookeeper: 1,
      mobile: 1,
    });
    expect([kafka.replicas, kafka.replicationFactor, kafka.minInSyncReplicas]).toEqual([1, 1, 1]);
    expect([api.autoscaling.enabled, api.replicas, web.autoscaling.enabled, web.replicas]).toEqual([
      false,
      2,
      false,
      1,
    ]);
    // The ingress controller is k3s's own.
    expect([ingress.controllerNamespace, addons.traefik.enabled]).toEqual(['kube-system', false]);
  });

  test('yields to what else is said', () => {
    const own = { size: 'single', api: { replicas: 4 }, ingress: { controllerNamespace: 'ingress' } };
    const { api, ingress, web } = configWith('prod', own);
    expect([api.replicas, ingress.controllerNamespace, web.replicas]).toEqual([4, 'ingress', 1]);
  });

  test('is otherwise like a cluster: encrypted, with durable stores', () => {
    const [one, many] = [configWith('prod', { size: 'single' }), loadConfig('prod')];
    for (const field of ['postgres', 'redis', 'certificates', 'secrets', 'quota'] as const)
      expect(one[field]).toEqual(many[field]);
    expect(configWith('prod', { size: 'cluster' })).toEqual(many);
  });
});

describe('stores on localhost', () => {
  test('are there in dev alone, and not in a cluster that somebody else looks after', () => {
    expect(loadConfig('dev').localStores).toBe(true);
    expect(loadConfig('dev', { onKind: false }).localStores).toBe(false);
    for (const name of ['test', 'prod', 'cloud'] as const)
      expect(loadConfig(name, { onKind: true }).localStores).toBe(false);
  });

  test('are refused where nobody is to reach them', () => {
    expect(problems('prod', { localStores: true, certificates: { source: 'none' }, kafka: ONE })).toEqual([
      'localStores: is true, expected false: only dev opens its stores to the machine that it runs on',
    ]);
  });

  test('are refused where a client could not tell that it talks to them', () => {
    expect(problems('dev', { secrets: { source: 'cluster' }, certificates: { source: 'cli' } })).toEqual([
      'localStores: is true, expected false beside certificates.source "cli": no certificate has the name localhost',
    ]);
  });

  test('are refused beside brokers that one port cannot stand for', () => {
    expect(problems('dev', { kafka: { replicas: 2 } })).toEqual([
      'localStores: is true, expected false beside kafka.replicas 2: one port of the machine stands for one broker',
    ]);
  });

  const ONE = { replicas: 1, replicationFactor: 1, minInSyncReplicas: 1 };
});

describe('on a kind cluster', () => {
  test.each(['prod', 'cloud'] as const)('%s gets what kind lacks', (name) => {
    const config = loadConfig(name, { onKind: true });
    expect(config).toMatchObject({
      smokeTest: 'sale',
      api: { demoProducts: true },
      ingress: {
        host: 'zakpos.localhost',
        mobileHost: 'mobile.zakpos.localhost',
        tls: { source: 'cli', hstsSeconds: 0 },
      },
      addons: { traefik: { enabled: true }, metricsServer: { enabled: true } },
    });
    // And nothing else.
    const { addons, ingress, api, smokeTest, ...rest } = loadConfig(name);
    expect(config).toMatchObject(rest);
    expect([addons.traefik.enabled, ingress.tls.hstsSeconds > 0, api.demoProducts, smokeTest]).toEqual([
      false,
      true,
      false,
      'read',
    ]);
  });

  test.each(['dev', 'test'] as const)('%s is what it is anyway', (name) => {
    expect(loadConfig(name, { onKind: true })).toEqual(loadConfig(name));
  });

  test("it yields to a file of one's own", () => {
    const own = {
      smokeTest: 'read',
      ingress: { host: 'till.example.com' },
      addons: { metricsServer: { enabled: false } },
    };
    const { smokeTest, ingress, addons } = configWith('prod', own, true);
    expect([smokeTest, ingress.host, ingress.mobileHost]).toEqual([
      'read',
      'till.example.com',
      'mobile.zakpos.localhost',
    ]);
    expect([addons.traefik.enabled, addons.metricsServer.enabled]).toEqual([true, false]);
  });

  test('and is named in messages, since its values may be the wrong ones', () => {
    const message = withFile('own.json', '{"till": 1}', (configFile) =>
      refusal('prod', { configFile, onKind: true }).replace(configFile, 'own.json'),
    );
    expect(message).toMatch(
      /^The configuration of prod \(environments\/prod\.ts \+ environments\/kind\.ts \+ own\.json\) can't be used:/,
    );
  });
});
