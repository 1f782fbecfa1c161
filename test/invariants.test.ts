/**
 * What holds for every environment, beyond the policies (test/policies): what is the same twice, reads as it was meant,
 * and is exactly what is expected.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ENVIRONMENTS } from '../environments/schema.ts';
import { dev as devInput } from '../environments/dev.ts';
import { edges } from '../policies/edges.ts';
import { restrictedTemplate, restrictedViolations } from '../policies/restricted-profile.ts';
import { drainSeconds } from '../policies/rolling.ts';
import {
  called,
  defined,
  networkPolicies,
  only,
  parseManifests,
  remembered,
  render,
  ROOT,
  routes,
  workload,
  workloads,
  yamlOf,
} from './manifests.ts';
import { filesOf } from '../lib/scripts.ts';
import { environments, everyPod, everywhere, isJob, rendered, variants, workloadName } from './variants.ts';

const CLUSTER_SCOPED = [
  'APIService',
  'ClusterRole',
  'ClusterRoleBinding',
  'IngressClass',
  'Namespace',
  'PersistentVolume',
  'PriorityClass',
];
const OF_KUBERNETES = [
  'ConfigMap',
  'CronJob',
  'DaemonSet',
  'Deployment',
  'HorizontalPodAutoscaler',
  'Ingress',
  'Job',
  'LimitRange',
  'NetworkPolicy',
  'PersistentVolumeClaim',
  'PodDisruptionBudget',
  'ResourceQuota',
  'Role',
  'RoleBinding',
  'Secret',
  'Service',
  'ServiceAccount',
  'StatefulSet',
];
/** Kinds that a cluster has only with the operator that they are for. */
const OF_OPERATORS = [
  'Certificate',
  'Cluster',
  'ExternalSecret',
  'HTTPRoute',
  'Issuer',
  'Middleware',
  'PodMonitor',
  'PrometheusRule',
  'ScheduledBackup',
  'TLSOption',
];

const jsonOf = remembered(({ objects }) => JSON.stringify(objects.map(({ raw }) => raw)));

const STORES = ['zakpos-kafka', 'zakpos-kafka-topics', 'zakpos-postgres', 'zakpos-redis', 'zakpos-zookeeper'];
const APPS = ['zakpos-api', 'zakpos-mobile', 'zakpos-reports', 'zakpos-web'];
const ADDONS = ['metrics-server', 'traefik'];
const BACKUPS = ['zakpos-backup', 'zakpos-backup-daily', 'zakpos-restore-drill'];
const EXPORTERS = ['zakpos-postgres-exporter', 'zakpos-redis-exporter'];
/** It has something to tell where Secrets or certificates are made in the cluster. */
const EXPIRY = ['zakpos-expiry'];
const ALERTING = [...EXPORTERS, 'zakpos-alertmanager', 'zakpos-prometheus'];
const BUNDLED = [...ALERTING, 'zakpos-grafana', 'zakpos-log-collector', 'zakpos-loki'];

describe('an environment', () => {
  test.each([
    ['dev', [...ADDONS, ...APPS, ...STORES]],
    ['test', [...ADDONS, ...APPS, ...STORES]],
    ['prod', [...APPS, ...STORES]],
    ['cloud', APPS],
    ['prod on kind', [...ADDONS, ...APPS, ...STORES]],
    ['prod on one server', [...APPS, ...STORES]],
    ['prod with a pooler', [...APPS, ...STORES, 'zakpos-pgbouncer']],
    ['dev with backups', [...ADDONS, ...APPS, ...STORES, ...BACKUPS]],
    ['prod with backups', [...APPS, ...STORES, ...BACKUPS]],
    ['prod with CloudNativePG', [...APPS, ...STORES.filter((name) => name !== 'zakpos-postgres')]],
    ['prod with existing stores', APPS],
    ['dev with metrics', [...ADDONS, ...APPS, ...STORES, ...EXPORTERS]],
    ['prod with existing stores of an authority and metrics', [...APPS, ...EXPORTERS, ...EXPIRY]],
    ['dev with bundled monitoring', [...ADDONS, ...APPS, ...STORES, ...BUNDLED]],
    ['prod with bundled monitoring', [...APPS, ...STORES, ...BACKUPS, ...BUNDLED, ...EXPIRY]],
    ['prod on kind with bundled monitoring alone', [...ADDONS, ...APPS, ...STORES, ...ALERTING, ...EXPIRY]],
  ] as const)('%s has exactly these workloads', (name, expected) => {
    expect(
      workloads({ ...environments, ...variants }[name])
        .map(workloadName)
        .sort(),
    ).toEqual([...expected].sort());
  });

  test('has no kind of object that these tests know nothing of', () => {
    const known = [...CLUSTER_SCOPED, ...OF_KUBERNETES, ...OF_OPERATORS];
    everywhere(({ objects }) => objects.filter(({ kind }) => !known.includes(kind)).map(called));
    const made = new Set(rendered.flatMap(({ objects }) => objects.map(({ kind }) => kind)));
    expect(known.filter((kind) => !made.has(kind))).toEqual([]);
  });

  test('is the same text when it is synthesized twice', () => {
    for (const name of ENVIRONMENTS) expect(jsonOf(render(name))).toBe(jsonOf(environments[name]));
  });

  test('is read by kubectl as it was meant, with no text that turns into a number or a boolean', () => {
    for (const each of Object.values(environments)) {
      expect(parseManifests(yamlOf(each)).map(({ raw }) => raw)).toEqual(each.objects.map(({ raw }) => raw));
    }
  });

  test('has no empty list, which the API server may drop, so that every diff shows it', () => {
    everywhere((each) =>
      // What a ConfigMap holds is text to it.
      each.objects
        .filter(({ kind, raw }) => kind !== 'ConfigMap' && JSON.stringify(raw).includes('[]'))
        .map((object) => called(object)),
    );
  });

  test('never says undefined, null, NaN or [object Object]', () => {
    const programs = ['discovery', 'develop'].flatMap((folder) =>
      Object.values(filesOf(folder, ...readdirSync(join(ROOT, folder)))),
    );
    everywhere(function* ({ objects }) {
      for (const object of objects) {
        for (const value of valuesIn(object.raw)) {
          const text = String(value);
          // A program, which is typed.
          if (programs.includes(text)) continue;
          // But for /dev/null, and SQL's.
          if (/\b(undefined|NaN)\b|\[object |(?<!\/dev\/|is not |password )\bnull\b/.test(text))
            yield `${called(object)}: ${text}`;
        }
      }
    });
  });
});

/** Names, texts, numbers and the like at any depth. */
function valuesIn(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [value];
  return Object.entries(value).flatMap(([name, below]) => [name, ...valuesIn(below)]);
}

describe('the log collector', () => {
  /** What reads a folder of its node, in a namespace of its own, and is restricted in everything else. */
  const COLLECTOR = 'zakpos-log-collector';

  test('is all that Pod Security would not admit, for the folder of its node that it reads', () => {
    everyPod(function* (pod) {
      const violations = [...restrictedViolations(restrictedTemplate.parse(pod.template))];
      if (pod.name !== COLLECTOR) yield* violations;
      else if (violations.join() !== 'volume logs is of type hostPath') yield violations.join();
    });
  });

  test('is alone in its namespace', () => {
    everyPod(function* (pod, each) {
      if (pod.name !== COLLECTOR) return;
      const others = workloads(each).filter(
        ({ name, namespace }) => namespace === pod.namespace && name !== COLLECTOR,
      );
      for (const { name } of others) yield `${name} is there, too`;
    });
  });

  test('sees nothing of its node but the logs of pods, and may not write there', () => {
    everyPod(function* ({ pod }) {
      for (const { name, hostPath } of pod.volumes) {
        if (hostPath === undefined) continue;
        if (hostPath.path !== '/var/log/pods') yield `volume ${name} is ${hostPath.path} of the node`;
        for (const { volumeMounts } of pod.containers)
          if (volumeMounts.some((mount) => mount.name === name && !mount.readOnly))
            yield `volume ${name} may be written to`;
      }
    });
  });
});

test('a container in prod has a limit of CPU where it goes on running', () => {
  for (const pod of workloads(environments.prod).filter((each) => !isJob(each))) {
    for (const { name, resources } of pod.pod.containers)
      expect(resources.limits.cpu === undefined ? `${name} has none` : 'limited').toBe('limited');
  }
});

describe('network policies', () => {
  test.each([
    ['dev', `${EDGES_OF_KIND()}${EDGES_OF_A_LAPTOP()}`],
    ['test', EDGES_OF_KIND()],
    [
      'prod',
      `
      namespace traefik/any pod -> zakpos-api:3000, zakpos-web:3000, zakpos-mobile:19006
      zakpos-api                -> zakpos-postgres:5432, zakpos-redis:6379, zakpos-kafka:9092
      zakpos-reports            -> zakpos-postgres:5432, zakpos-kafka:9092
      zakpos-kafka              -> zakpos-zookeeper:2181, zakpos-kafka:9093
      zakpos-zookeeper          -> zakpos-zookeeper:2888, zakpos-zookeeper:3888
      zakpos-kafka-topics       -> zakpos-kafka:9093
      zakpos-api                -> namespace kube-system/k8s-app=kube-dns:53
      zakpos-reports            -> namespace kube-system/k8s-app=kube-dns:53
      zakpos-kafka              -> namespace kube-system/k8s-app=kube-dns:53
      zakpos-zookeeper          -> namespace kube-system/k8s-app=kube-dns:53
      zakpos-kafka-topics       -> namespace kube-system/k8s-app=kube-dns:53
      zakpos-task               -> zakpos-postgres:5432, namespace kube-system/k8s-app=kube-dns:53
      `,
    ],
    [
      'cloud',
      `
      namespace traefik/any pod -> zakpos-api:3000, zakpos-web:3000, zakpos-mobile:19006
      zakpos-api                -> 0.0.0.0/0:5432, 0.0.0.0/0:6379, 0.0.0.0/0:9096
      zakpos-reports            -> 0.0.0.0/0:5432, 0.0.0.0/0:9096
      zakpos-api                -> namespace kube-system/k8s-app=kube-dns:53
      zakpos-reports            -> namespace kube-system/k8s-app=kube-dns:53
      zakpos-task               -> 0.0.0.0/0:5432, namespace kube-system/k8s-app=kube-dns:53
      `,
    ],
  ] as const)('of %s allow exactly these edges', (name, table) => {
    const each = environments[name];
    const { egress, ingress } = edges(each);
    const all = new Set([...egress, ...ingress]);
    expect([...all].sort()).toEqual(edgesOfTable(table));
  });
});

/** The tables' one edge a line may name several targets. */
function edgesOfTable(table: string): string[] {
  return table
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const [source = '', targets = ''] = line.split('->').map((side) => side.trim());
      return targets.split(', ').map((target) => `${source} -> ${target}`);
    })
    .sort();
}

/** dev and test run the same on kind. */
function EDGES_OF_KIND(): string {
  return `
  0.0.0.0/0           -> traefik:8000, traefik:8443, traefik:8847, traefik:8923, traefik:8906
  traefik             -> zakpos-api:3000, zakpos-web:3000, zakpos-mobile:19006
  zakpos-api          -> zakpos-postgres:5432, zakpos-redis:6379, zakpos-kafka:9092
  zakpos-reports      -> zakpos-postgres:5432, zakpos-kafka:9092
  zakpos-kafka        -> zakpos-zookeeper:2181, zakpos-kafka:9093
  zakpos-kafka-topics -> zakpos-kafka:9093
  zakpos-api          -> namespace kube-system/k8s-app=kube-dns:53
  zakpos-reports      -> namespace kube-system/k8s-app=kube-dns:53
  zakpos-kafka        -> namespace kube-system/k8s-app=kube-dns:53
  zakpos-kafka-topics -> namespace kube-system/k8s-app=kube-dns:53
  zakpos-task         -> zakpos-postgres:5432, namespace kube-system/k8s-app=kube-dns:53
  traefik             -> 0.0.0.0/0:443, 0.0.0.0/0:6443
  metrics-server      -> 0.0.0.0/0:443, 0.0.0.0/0:6443, 0.0.0.0/0:10250
  0.0.0.0/0           -> metrics-server:10250
  `;
}

/** Apps and debuggers on the machine of the cluster are no pods of it. */
function EDGES_OF_A_LAPTOP(): string {
  return `
  0.0.0.0/0 but 10.244.0.0/16 -> zakpos-postgres:5432, zakpos-redis:6379, zakpos-kafka:9094
  0.0.0.0/0 but 10.244.0.0/16 -> zakpos-api:9229, zakpos-web:9230
  `;
}

describe('secrets', () => {
  const values = Object.entries(devInput.secrets?.values ?? {}).map(([name, value]) => ({
    name,
    value: defined(value, name),
  }));

  test('of dev are in no other object of dev', () => {
    expect(values).toHaveLength(10);
    const others = environments.dev.objects.filter(({ kind }) => kind !== 'Secret');
    const text = JSON.stringify(others.map(({ raw }) => raw));
    expect(values.filter(({ value }) => text.includes(value)).map(({ name }) => name)).toEqual([]);
  });

  test('of dev are nowhere else, in clear or in base64', () => {
    everywhere(function* (each) {
      if (each.config.environment === 'dev') return;
      for (const { name, value } of values) {
        const encoded = Buffer.from(value).toString('base64');
        if ([value, encoded].some((text) => jsonOf(each).includes(text))) yield `has ${name}`;
      }
    });
  });
});

test('there is a way in', () => {
  everywhere((each) => (routes(each).length === 0 ? ['no route leads anywhere'] : []));
});

describe('an end', () => {
  test('of Traefik waits, too, before it refuses connections', () => {
    const { args } = only(workload(environments.dev, 'traefik').pod.containers, 'container');
    for (const listener of ['http', 'https', 'api', 'web', 'mobile']) {
      expect(args).toContain(`--entrypoints.${listener}.transport.lifecycle.requestacceptgracetimeout=5s`);
    }
  });

  test('of the API leaves 20 s for the requests in hand after it has drained', () => {
    for (const each of rendered) {
      const { pod } = workload(each, 'zakpos-api');
      const [container] = pod.containers;
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(
        20 + drainSeconds(defined(container, 'container')),
      );
    }
  });
});

test('reading a manifest refuses an empty list in a network policy, which the API server would drop', () => {
  const yaml = `
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: { name: x }
    spec: { podSelector: { matchLabels: {} }, policyTypes: [Ingress], ingress: [] }`;
  const each = defined(rendered[0], 'environment');
  expect(() => networkPolicies({ ...each, objects: parseManifests(yaml) })).toThrow();
});
