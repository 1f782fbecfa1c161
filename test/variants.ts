/** The environments as they are, and with values that turn on what they leave out: what holds, holds for all. */
import type { EnvironmentName } from '../environments/schema.ts';
import {
  allContainers,
  called,
  render,
  workloads,
  type Container,
  type Rendered,
  type Workload,
} from './manifests.ts';

const THREE_OF_EACH = {
  zookeeper: { replicas: 3 },
  kafka: { replicas: 3, replicationFactor: 3, minInSyncReplicas: 2 },
};
const OWN_IMAGES = {
  api: {
    secretsAs: 'env',
    migrations: null,
    image: 'registry.example.com/pos/api:2.1',
    port: 8081,
    uid: 2000,
  },
  web: { image: 'registry.example.com/pos/web:2.1', port: 8082 },
  ingress: { tls: { source: 'secret', secret: 'till-tls' } },
};
const CERT_MANAGER = {
  certificates: { source: 'cert-manager' },
  ingress: { tls: { source: 'cert-manager' } },
};
const POOLER = { postgres: { pooler: { enabled: true } } };
const BACKUPS = {
  backups: { s3: { bucket: 'backups', endpoint: 'http://s3.example.com:9000', cidr: '10.4.0.0/24' } },
};
const METRICS = { monitoring: { mode: 'operator' } };
const BUNDLED = {
  monitoring: {
    mode: 'bundled',
    bundled: {
      alertmanager: {
        receivers: {
          page: { type: 'slack', secret: { name: 'chat', key: 'url' }, cidr: '10.5.0.0/24' },
          ticket: {
            type: 'email',
            to: 'tickets@example.com',
            from: 'zakpos@example.com',
            smarthost: 'mail.example.com:587',
            username: 'zakpos',
            secret: { name: 'mail', key: 'password' },
            cidr: '10.6.0.0/24',
          },
        },
      },
    },
  },
};
const CLOUDNATIVEPG = { postgres: { mode: 'cloudnativepg' }, backups: { s3: { bucket: 'backups' } } };

/** Existing stores; `own` is said of each of them. */
const postgres = (own: object = {}) => ({
  mode: 'external',
  external: { host: 'postgres.example.com', cidr: '10.1.0.0/24', ...own },
});
const redis = (own: object = {}) => ({
  mode: 'external',
  external: { host: 'redis.example.com', port: 6390, cidr: '10.2.0.0/24', ...own },
});
const kafka = (own: object = {}) => ({
  mode: 'external',
  external: { brokers: ['b-1.example.com:9096', 'b-2.example.com:9098'], cidr: '10.3.0.0/24', ...own },
});
const CA = {
  postgres: postgres({ caSecret: 'postgres-authority' }),
  redis: redis({ caSecret: 'redis-authority' }),
  kafka: kafka({ caSecret: 'kafka-authority' }),
};
const PLAIN = {
  postgres: postgres({ tls: 'disable' }),
  redis: redis({ tls: 'disable' }),
  kafka: kafka({ tls: 'disable', sasl: false }),
};

export const environments: Readonly<Record<EnvironmentName, Rendered>> = {
  dev: render('dev'),
  test: render('test'),
  prod: render('prod'),
  cloud: render('cloud'),
};

export const variants = {
  'prod on kind': render('prod', {}, true),
  'cloud on kind': render('cloud', {}, true),
  'prod on one server': render('prod', { size: 'single' }),
  'cloud on one server': render('cloud', { size: 'single' }),
  'prod without encryption': render('prod', { certificates: { source: 'none' } }),
  'prod with cert-manager': render('prod', CERT_MANAGER),
  'prod with external-secrets': render('prod', { secrets: { source: 'external-secrets' } }),
  'prod with CloudNativePG': render('prod', CLOUDNATIVEPG),
  'prod with every operator': render('prod', {
    ...CERT_MANAGER,
    ...CLOUDNATIVEPG,
    postgres: { mode: 'cloudnativepg', instances: 1, pooler: { enabled: true } },
    secrets: { source: 'external-secrets' },
    quota: { enabled: false },
    spread: 'preferred',
  }),
  'prod with a pooler': render('prod', POOLER),
  'dev with a pooler': render('dev', POOLER),
  'prod with a pooler and secrets in variables': render('prod', { api: { secretsAs: 'env' }, ...POOLER }),
  'prod with a pooler of an existing PostgreSQL': render('prod', {
    postgres: { ...CA.postgres, pooler: { enabled: true } },
  }),
  'prod with an existing PostgreSQL': render('prod', { postgres: CA.postgres }),
  'prod with an existing Redis': render('prod', { redis: CA.redis }),
  'prod with an existing Kafka': render('prod', { kafka: CA.kafka }),
  'prod with existing stores': render('prod', { postgres: postgres(), redis: redis(), kafka: kafka() }),
  'prod with existing stores of an authority': render('prod', CA),
  'prod with existing stores of one authority': render('prod', {
    postgres: postgres({ caSecret: 'stores-ca' }),
    redis: redis({ caSecret: 'stores-ca' }),
    kafka: kafka({ caSecret: 'stores-ca' }),
  }),
  'prod with existing stores of an authority and secrets in variables': render('prod', {
    ...CA,
    api: { secretsAs: 'env' },
  }),
  'prod with existing stores without encryption': render('prod', PLAIN),
  'prod with a Gateway': render('prod', { ingress: { api: 'gateway' } }),
  'prod with images of its own': render('prod', OWN_IMAGES),
  'dev with an API of its own': render('dev', { api: OWN_IMAGES.api, reports: { enabled: false } }),
  'prod with Traefik, without mobile app and reports': render('prod', {
    addons: { traefik: { enabled: true } },
    mobile: { enabled: false },
    reports: { enabled: false },
  }),
  'prod over zones, without a till': render('prod', {
    kafka: { rack: 'zone' },
    api: { autoscaling: { minReplicas: 3 }, minAvailable: 2 },
    web: { enabled: false },
  }),
  'dev with backups': render('dev', BACKUPS),
  'prod with backups': render('prod', BACKUPS),
  'prod with backups, without encryption': render('prod', { ...BACKUPS, certificates: { source: 'none' } }),
  'prod with backups and operators': render('prod', {
    ...CERT_MANAGER,
    ...BACKUPS,
    secrets: { source: 'external-secrets' },
    monitoring: { mode: 'operator' },
  }),
  'cloud on one server with backups in Amazon and a pooler': render('cloud', {
    size: 'single',
    postgres: { mode: 'statefulset', storage: { storageClass: 'fast' }, pooler: { enabled: true } },
    backups: { s3: { bucket: 'backups' } },
  }),
  'dev with metrics': render('dev', METRICS),
  'prod on kind with metrics': render('prod', METRICS, true),
  'prod with CloudNativePG and metrics': render('prod', { ...CLOUDNATIVEPG, ...METRICS }),
  'prod with existing stores of an authority and metrics': render('prod', { ...CA, ...METRICS }),
  'prod with existing stores without encryption and metrics': render('prod', { ...PLAIN, ...METRICS }),
  'dev with three of each': render('dev', { ...THREE_OF_EACH, localStores: false }),
  'dev with bundled monitoring': render('dev', { monitoring: { mode: 'bundled' } }),
  'prod with bundled monitoring': render('prod', { ...BUNDLED, ...BACKUPS }),
  'prod on kind with bundled monitoring alone': render(
    'prod',
    {
      monitoring: {
        mode: 'bundled',
        bundled: {
          alertmanager: { receivers: { page: { type: 'webhook', url: 'http://10.7.0.1:8080/alerts' } } },
          grafana: { enabled: false },
          logs: { enabled: false },
        },
      },
    },
    true,
  ),
} as const;

export const rendered: readonly Rendered[] = [
  ...Object.values(environments),
  ...Object.entries(variants).map(([title, each]) => ({ ...each, title })),
];

/** Fails with every broken fact, and the environments that it is of. */
export function everywhere(facts: (rendered: Rendered) => Iterable<string>): void {
  const broken = new Map<string, string[]>();
  for (const each of rendered) {
    for (const fact of new Set(facts(each))) broken.set(fact, [...(broken.get(fact) ?? []), each.title]);
  }
  const some = (titles: readonly string[]): string =>
    titles.length > 3 ? `${titles.slice(0, 3).join('; ')} and ${titles.length - 3} more` : titles.join('; ');
  expect([...broken].map(([fact, titles]) => `${fact} (${some(titles)})`)).toEqual([]);
}

export function everyPod(facts: (pod: Workload, rendered: Rendered) => Iterable<string>): void {
  everywhere(function* (each) {
    for (const pod of workloads(each)) {
      for (const fact of facts(pod, each)) yield `${called(pod)}: ${fact}`;
    }
  });
}

export function everyContainer(
  facts: (container: Container, pod: Workload, rendered: Rendered) => Iterable<string>,
): void {
  everyPod(function* (pod, each) {
    for (const container of allContainers(pod)) {
      for (const fact of facts(container, pod, each)) yield `container ${container.name} ${fact}`;
    }
  });
}

export { isJob, workloadName } from '../policies/workloads.ts';
