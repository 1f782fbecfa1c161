/**
 * No policy refuses what the schema accepts: configurations in which each value of each choice below meets each value
 * of every other one, as far as the schema lets them.
 */
import { ConfigError } from '../../environments/load.ts';
import type { EnvironmentName } from '../../environments/schema.ts';
import { judge } from '../../policies/verdict.ts';
import { called, configWith, render } from '../manifests.ts';

const OWN_API = {
  image: 'registry.example.com/pos/api:2.1',
  port: 8081,
  uid: 2000,
  gid: 3000,
  health: { startup: '/ready', ready: '/ready', live: '/ready' },
  migrations: null,
  secretsAs: 'env',
  metrics: false,
  env: { CACHE_URL: 'http://zakpos-mobile:9999', KEY_FILE: '/app/key', REPORT_URL: '/etc/pos/x' },
};
const external = (host: string) => ({
  mode: 'external',
  external: { host: `${host}.example.com`, cidr: '10.1.0.0/24' },
});

const CHOICES: Readonly<Record<string, readonly object[]>> = {
  size: [{}, { size: 'single' }],
  namespaces: [{}, { namespace: 'pos', systemNamespace: 'pos-system' }],
  pull: [{}, { imagePullPolicy: 'Always', imageRegistry: 'registry.example.com/pos' }],
  shop: [{}, { shop: { name: 'null undefined [object Object]', currency: 'JPY', timeZone: 'Asia/Tokyo' } }],
  postgres: [
    {},
    { postgres: { mode: 'cloudnativepg' } },
    { postgres: { mode: 'cloudnativepg', instances: 1 } },
    { postgres: external('postgres') },
  ],
  pooler: [
    {},
    { postgres: { pooler: { enabled: true, replicas: 1 } } },
    { postgres: { pooler: { enabled: true } } },
  ],
  redis: [{}, { redis: external('redis') }],
  kafka: [
    {},
    { kafka: { mode: 'external', external: { brokers: ['b-1.example.com:9096'], cidr: '10.3.0.0/24' } } },
    { kafka: { replicas: 5, topics: [], autoCreateTopics: true }, zookeeper: { replicas: 5 } },
  ],
  api: [
    {},
    { api: OWN_API },
    { api: { replicas: 1, autoscaling: { enabled: false }, corsOrigins: ['https://a.example.com'] } },
  ],
  pods: [
    {},
    { api: { autoscaling: { enabled: true, minReplicas: 3 }, minAvailable: 1 } },
    {
      api: { autoscaling: { enabled: true, minReplicas: 1, maxReplicas: 1 } },
      web: { autoscaling: { enabled: false }, replicas: 1 },
    },
  ],
  limits: [
    {},
    { api: { resources: { limits: { cpu: null } } }, redis: { resources: { limits: { cpu: null } } } },
  ],
  reports: [{}, { reports: { enabled: false } }, { reports: { replicas: 3 } }],
  web: [
    {},
    { web: { enabled: false } },
    { web: { image: 'registry.example.com/till:2', port: 8082, metrics: false, env: { A_FILE: '/x/y' } } },
  ],
  mobile: [
    {},
    { mobile: { enabled: false } },
    { mobile: { health: { startup: '/', ready: '/', live: '/' } } },
  ],
  ingress: [
    {},
    { ingress: { api: 'gateway' } },
    { ingress: { tls: { source: 'none' } } },
    {
      ingress: {
        tls: { source: 'secret', secret: 'till-tls' },
        controllerNamespace: 'edge',
        className: 'nginx',
      },
    },
    { ingress: { tls: { source: 'cert-manager' } } },
  ],
  traefik: [{}, { addons: { traefik: { enabled: true } } }],
  metricsServer: [{}, { addons: { metricsServer: { enabled: true } } }],
  certificates: [{}, { certificates: { source: 'none' } }, { certificates: { source: 'cert-manager' } }],
  secrets: [{}, { secrets: { source: 'external-secrets' } }, { secrets: { source: 'cluster' } }],
  backups: [{}, { backups: { s3: { bucket: 'till' } } }],
  monitoring: [
    {},
    { monitoring: { mode: 'operator' } },
    { monitoring: { mode: 'bundled' } },
    { monitoring: { mode: 'bundled', bundled: { grafana: { enabled: false }, logs: { enabled: false } } } },
  ],
  spread: [{}, { spread: 'preferred' }],
};
/** Room for as many pods as there may be. */
const ROOM = { quota: { enabled: false } };
const ENVIRONMENT: readonly (readonly [EnvironmentName, boolean])[] = [
  ['dev', false],
  ['test', false],
  ['prod', false],
  ['prod', true],
  ['cloud', false],
];

type Choice = Readonly<Record<string, number>>;

/** Rows in which each pair of values is together at least once: to each missing pair, the values that add most pairs. */
function allPairs(sizes: Readonly<Record<string, number>>): Choice[] {
  const names = Object.keys(sizes);
  const missing = new Set<string>();
  const key = (a: string, i: number, b: string, j: number): string =>
    names.indexOf(a) < names.indexOf(b) ? `${a} ${i} ${b} ${j}` : `${b} ${j} ${a} ${i}`;
  const range = (name: string): number[] => Array.from({ length: sizes[name] ?? 0 }, (_, i) => i);
  for (const a of names)
    for (const b of names)
      if (a !== b) for (const i of range(a)) for (const j of range(b)) missing.add(key(a, i, b, j));
  const rows: Choice[] = [];
  for (const pair of missing) {
    const [a = '', i, b = '', j] = pair.split(' ');
    const row: Record<string, number> = { [a]: Number(i), [b]: Number(j) };
    for (const name of names) {
      if (name in row) continue;
      const gain = (value: number): number =>
        Object.entries(row).filter(([other, at]) => missing.has(key(name, value, other, at))).length;
      row[name] = range(name).reduce((best, value) => (gain(value) > gain(best) ? value : best));
    }
    for (const [one, x] of Object.entries(row))
      for (const [two, y] of Object.entries(row)) if (one !== two) missing.delete(key(one, x, two, y));
    rows.push(row);
  }
  return rows;
}

/** Mappings are merged, everything else is replaced. */
function merged(base: object, over: object): object {
  return Object.entries(over).reduce<Record<string, unknown>>(
    (result, [key, value]: [string, unknown]) => {
      const below = result[key];
      const isTree = (each: unknown): each is object =>
        typeof each === 'object' && each !== null && !Array.isArray(each);
      return { ...result, [key]: isTree(below) && isTree(value) ? merged(below, value) : value };
    },
    { ...base },
  );
}

/** The configuration of a row, without those of its choices that the schema refuses. */
function accepted(row: Choice): Parameters<typeof render> {
  const [environment, onKind] = ENVIRONMENT[row.environment ?? 0] ?? ['dev', false];
  const chosen = Object.entries(CHOICES).map(([name, values]) => values[row[name] ?? 0] ?? {});
  const own = chosen.reduce<object>((before, choice) => {
    const after = merged(before, choice);
    return isAccepted(environment, after, onKind) ? after : before;
  }, ROOM);
  return [environment, own, onKind];
}

function isAccepted(...configuration: Parameters<typeof configWith>): boolean {
  try {
    configWith(...configuration);
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

const rows = allPairs({
  environment: ENVIRONMENT.length,
  ...Object.fromEntries(Object.entries(CHOICES).map(([name, values]) => [name, values.length])),
});

test.each(rows.map((row) => [JSON.stringify(row), row] as const))('%s breaks no policy', (_, row) => {
  const { violations } = judge(render(...accepted(row)));
  expect(violations.map(({ rule, object, fact }) => `${rule}: ${called(object)} ${fact}`)).toEqual([]);
});
