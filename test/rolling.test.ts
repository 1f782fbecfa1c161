/** A changed value rolls the pods that use it, and no others. */
import { defined, render, workloads, type Rendered } from './manifests.ts';

const dev = render('dev');
const prod = render('prod');
const base = { dev, prod };

const templates = (rendered: Rendered): ReadonlyMap<string, string> =>
  new Map(
    workloads(rendered).map(({ podLabels, template }) => [
      defined(podLabels['app.kubernetes.io/name'], 'name'),
      JSON.stringify(template),
    ]),
  );

/** Workloads whose pods are made anew. */
const rolled = (environment: 'dev' | 'prod', overrides: object): string[] =>
  rolledFrom(base[environment], render(environment, overrides));

function rolledFrom(old: Rendered, current: Rendered): string[] {
  const [before, after] = [templates(old), templates(current)];
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort();
}

const API = 'zakpos-api';
const BACKUP = 'zakpos-backup';
const DAILY = 'zakpos-backup-daily';
const DRILL = 'zakpos-restore-drill';
const KAFKA = 'zakpos-kafka';
const MOBILE = 'zakpos-mobile';
const PGBOUNCER = 'zakpos-pgbouncer';
const POSTGRES = 'zakpos-postgres';
const REDIS = 'zakpos-redis';
const REPORTS = 'zakpos-reports';
const TOPICS = 'zakpos-kafka-topics';
const WEB = 'zakpos-web';
const ZOOKEEPER = 'zakpos-zookeeper';

const newSecret = (field: string) => ({
  secrets: { values: { [field]: 'another-secret-of-40-letters-0123456789' } },
});

test.each<[string, object, string[]]>([
  ['nothing', {}, []],
  ['the memory that Redis may use', { redis: { maxMemory: '48Mi' } }, [REDIS]],
  ['what Redis evicts', { redis: { evictionPolicy: 'noeviction' } }, [REDIS]],
  ['the memory of postgres', { postgres: { resources: { limits: { memory: '768Mi' } } } }, [POSTGRES]],
  ['the connections of postgres', { postgres: { maxConnections: 120 } }, [POSTGRES]],
  ["ZooKeeper's tick", { zookeeper: { tickTime: 3000 } }, [ZOOKEEPER]],
  ["Kafka's heap", { kafka: { heap: '400Mi' } }, [KAFKA]],
  ['a list of topics', { kafka: { topics: [{ name: 'zakpos.sales', partitions: 6 }] } }, [TOPICS]],
  ['whether topics make themselves', { kafka: { autoCreateTopics: true } }, [KAFKA]],
  ["the API's log level", { api: { logLevel: 'warn' } }, [API, REPORTS]],
  ["the API's pool of connections", { api: { databasePoolSize: 5 } }, [API]],
  ['origins of browsers', { api: { corsOrigins: ['https://back-office.example.com'] } }, [API]],
  ['limits of requests', { api: { rateLimitPerMinute: 99, loginLimitPerMinute: 9 } }, [API]],
  ['whether anyone may register', { api: { openRegistration: false } }, [API]],
  ["the first user's address", { api: { adminEmail: 'owner@example.com' } }, [API]],
  ['a variable of the API', { api: { env: { HTTP_PROXY: 'http://proxy:3128' } } }, [API, REPORTS]],
  ["the till's host", { ingress: { host: 'till.localhost' } }, [API, WEB]],
  ['where the till finds the API', { web: { apiUrl: 'https://api.example.com/api/v1' } }, [WEB]],
  ['where the app finds the API', { mobile: { apiUrl: 'https://api.example.com/api/v1' } }, [MOBILE]],
  ["the shop's name", { shop: { name: 'Corner shop' } }, [API, MOBILE, WEB]],
  ["the shop's time zone", { shop: { timeZone: 'Europe/Berlin' } }, [API, REPORTS]],
  ["the shop's currency", { shop: { currency: 'CHF' } }, [API]],
  ['the image of the till', { web: { image: 'registry.example.com/till:2' } }, [WEB]],
  ['a class of storage', { kafka: { storage: { size: '3Gi' } } }, []],
  ['a number of pods', { web: { replicas: 2 }, api: { replicas: 2 } }, []],
  ['a port of the laptop that nobody serves', { localPorts: { postgres: 15432, https: 8443 } }, []],
  ['the password of the superuser', newSecret('postgresSuperuserPassword'), [POSTGRES]],
  ['the password of the owner', newSecret('postgresOwnerPassword'), [API, POSTGRES]],
  ['the password of the app', newSecret('postgresPassword'), [API, POSTGRES, REPORTS]],
  ['the password of the exporter', newSecret('postgresExporterPassword'), [POSTGRES]],
  ['the password of the backup', newSecret('postgresBackupPassword'), [POSTGRES]],
  ['the password of Redis', newSecret('redisPassword'), [API, REDIS]],
  ['the key of tokens', newSecret('jwtSecret'), [API]],
  ['the password of the first user', newSecret('adminPassword'), [API]],
])('a change of %s rolls exactly its users in dev', (_, overrides, expected) => {
  expect(rolled('dev', overrides)).toEqual(expected);
});

test.each<[string, object, string[]]>([
  ['the third ZooKeeper gone', { zookeeper: { replicas: 1 } }, [ZOOKEEPER]],
  ['five brokers', { kafka: { replicas: 5 } }, []],
  ['one copy to be acknowledged', { kafka: { minInSyncReplicas: 1 } }, [KAFKA, TOPICS]],
  [
    'an existing Redis',
    { redis: { mode: 'external', external: { host: 'redis.example.com' } } },
    [API, REDIS],
  ],
  ['the till away', { web: { enabled: false } }, [WEB]],
  ['no TLS of the ingress', { ingress: { tls: { source: 'none' } } }, [API]],
  ['another certificate of the ingress', { ingress: { tls: { secret: 'till-tls' } } }, []],
  ['who makes the certificate of the ingress', { ingress: { tls: { source: 'cli' } } }, []],
  [
    'what the ingress lets through',
    { ingress: { rateLimit: { average: 5 }, maxBody: '1Mi', tls: { hstsSeconds: 60 } } },
    [],
  ],
  ['proxies in front of the ingress', { ingress: { trustedProxies: 1 } }, [API]],
  ['a Gateway', { ingress: { api: 'gateway' } }, []],
  ['the bounds of an autoscaler', { api: { autoscaling: { minReplicas: 3, maxReplicas: 7 } } }, []],
  ['no autoscaler', { api: { autoscaling: { enabled: false } } }, []],
  ['what a drain leaves', { web: { autoscaling: { minReplicas: 3 }, minAvailable: 1 } }, []],
  ['the quota', { quota: { cpu: '16', pods: 90 } }, []],
  ['no quota', { quota: { enabled: false } }, []],
  ['stores that may share a node', { spread: 'preferred' }, [KAFKA, ZOOKEEPER]],
  ['copies over zones', { kafka: { rack: 'zone' } }, [KAFKA]],
  ['one server', { size: 'single' }, [KAFKA, TOPICS, ZOOKEEPER]],
  ['no encryption', { certificates: { source: 'none' } }, [API, KAFKA, TOPICS, POSTGRES, REDIS, REPORTS]],
  ['who makes the certificates', { certificates: { source: 'cert-manager' } }, []],
  ['how long certificates are valid', { certificates: { days: 30 } }, []],
  ['where secrets come from', { secrets: { source: 'external-secrets' } }, []],
  ['backups', { backups: { s3: { bucket: 'backups' } } }, [API, BACKUP, DAILY, POSTGRES, DRILL]],
  ['a pooler', { postgres: { pooler: { enabled: true } } }, [API, PGBOUNCER, REPORTS]],
  ['CloudNativePG', { postgres: { mode: 'cloudnativepg' } }, [API, POSTGRES, REPORTS]],
  [
    'an existing Kafka',
    { kafka: { mode: 'external', external: { brokers: ['b-1.example.com:9096'] } } },
    [API, KAFKA, TOPICS, REPORTS, ZOOKEEPER],
  ],
  [
    'an existing PostgreSQL',
    { postgres: { mode: 'external', external: { host: 'postgres.example.com' } } },
    [API, POSTGRES, REPORTS],
  ],
  ['the namespace of the ingress controller', { ingress: { controllerNamespace: 'ingress-nginx' } }, []],
])('%s rolls exactly the pods that it is of in prod', (_, overrides, expected) => {
  expect(rolled('prod', overrides)).toEqual(expected);
});

describe('what is said of an existing store', () => {
  const external = (own: object) =>
    render('prod', {
      postgres: { mode: 'external', external: { host: 'postgres.example.com', ...own } },
    });

  test.each<[string, object, string[]]>([
    ['its authority', { caSecret: 'authority' }, [API, REPORTS]],
    ['how it is checked', { tls: 'require' }, [API, REPORTS]],
    ["the Secret of the schema's owner", { ownerSecret: 'owner' }, [API]],
    ['its addresses', { cidr: '10.0.0.0/8' }, []],
  ])('rolls who reads it: %s', (_, own, expected) => {
    expect(rolledFrom(external({}), external(own))).toEqual(expected);
  });
});

describe('with backups', () => {
  const to = (s3: object, own: object = {}) => ({ backups: { s3: { bucket: 'backups', ...s3 }, ...own } });
  const before = render('dev', to({}));
  test.each<[string, object, string[]]>([
    ['their key', { ...to({}), ...newSecret('backupKey') }, [BACKUP, DAILY, DRILL]],
    [
      "their role's password",
      { ...to({}), ...newSecret('postgresBackupPassword') },
      [BACKUP, DAILY, POSTGRES],
    ],
    ['another bucket', to({ bucket: 'others' }), [BACKUP, DAILY, DRILL]],
    ['where the bucket is', to({ cidr: '10.4.0.0/24' }), []],
    ['how long they are kept', to({}, { retention: { daily: 9 } }), [DAILY]],
    ['when they are made', to({}, { schedule: '0 4 * * *', drillSchedule: '0 6 * * *' }), []],
    ['log that the server keeps', to({}, { logKept: '256Mi' }), [POSTGRES]],
    ['a larger volume of the database', { ...to({}), postgres: { storage: { size: '3Gi' } } }, [DRILL]],
  ])('a change of %s rolls exactly its users', (_, own, expected) => {
    expect(rolledFrom(before, render('dev', own))).toEqual(expected);
  });
});

test('a pool that is larger rolls the pooler alone, and a pod more of the apps no app', () => {
  const pooled = (overrides: object) =>
    render('prod', { postgres: { pooler: { enabled: true, ...overrides } } });
  expect(rolledFrom(pooled({}), pooled({ poolSize: 25 }))).toEqual([PGBOUNCER]);
  expect(rolledFrom(pooled({}), pooled({ replicas: 3 }))).toEqual([]);
});

test('a Job whose pod changes is another Job, since a Job cannot be changed', () => {
  const nameOfJob = (rendered: Rendered) =>
    workloads(rendered).flatMap(({ kind, name }) => (kind === 'Job' ? [name] : []));
  const changed = render('dev', { kafka: { topics: [{ name: 'zakpos.sales', retention: '8d' }] } });
  expect(nameOfJob(dev)).toHaveLength(1);
  expect(nameOfJob(changed)).toHaveLength(1);
  expect(nameOfJob(changed)).not.toEqual(nameOfJob(dev));
  expect(nameOfJob(render('dev', { redis: { maxMemory: '48Mi' } }))).toEqual(nameOfJob(dev));
});

test('names of objects stay when values change', () => {
  const names = (rendered: Rendered) =>
    rendered.objects.filter(({ kind }) => kind !== 'Job').map(({ kind, name }) => `${kind} ${name}`);
  const changed = render('dev', {
    redis: { maxMemory: '48Mi' },
    shop: { name: 'Corner shop' },
    ingress: { host: 'till.localhost' },
    kafka: { topics: [] },
    ...newSecret('jwtSecret'),
  });
  expect(names(changed)).toEqual(names(dev));
});
