/** What holds for every object of every environment, checked on what is rendered and not on how. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cpuToMillicores, toBytes } from '../environments/quantities.ts';
import { SECRET_AGES } from '../environments/monitoring.ts';
import { ENVIRONMENTS } from '../environments/schema.ts';
import { neededSecrets } from '../environments/secrets.ts';
import { dev as devInput } from '../environments/dev.ts';
import {
  allContainers,
  apiServices,
  called,
  configMaps,
  defined,
  disruptionBudgets,
  hasLabels,
  ingresses,
  knownSecrets,
  objectsOf,
  only,
  parseManifests,
  policies,
  remembered,
  render,
  roleBindings,
  ROOT,
  routes,
  secrets,
  selected,
  services,
  shownKeys,
  workload,
  workloads,
  yamlOf,
  type Container,
  type PolicyPeer,
  type Probe,
  type Rendered,
  type Workload,
} from './manifests.ts';
import { filesOf } from '../lib/scripts.ts';
import { restrictedViolations } from './pod-security.ts';
import {
  environments,
  everyContainer,
  everyPod,
  everywhere,
  isJob,
  rendered,
  variants,
  workloadName,
} from './variants.ts';

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

describe('Pod Security restricted', () => {
  /** What reads a folder of its node, in a namespace of its own, and is restricted in everything else. */
  const COLLECTOR = 'zakpos-log-collector';

  test('would admit every pod, but for the folder of its node that the log collector reads', () => {
    everyPod(function* (pod) {
      const violations = [...restrictedViolations(pod.template)];
      if (pod.name !== COLLECTOR) yield* violations;
      else if (violations.join() !== 'volume logs is of type hostPath') yield violations.join();
    });
  });

  test('is enforced, audited and warned of in every namespace but that where the log collector is alone', () => {
    everywhere(function* (each) {
      for (const { name, labels } of objectsOf(each, 'Namespace')) {
        const inIt = workloads(each).filter(({ namespace }) => namespace === name);
        const expected = inIt.some((pod) => pod.name === COLLECTOR) ? 'privileged' : 'restricted';
        if (expected === 'privileged' && inIt.length !== 1) yield `Namespace ${name}: others are in it`;
        for (const mode of ['enforce', 'audit', 'warn']) {
          const level = labels[`pod-security.kubernetes.io/${mode}`];
          if (level !== expected) yield `Namespace ${name}: ${mode} is ${String(level)}`;
        }
      }
    });
  });

  test('is missed by nothing but the logs of pods, which are there to be read', () => {
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

  test.each([
    ['a pod on the network of its node', { hostNetwork: true }, {}, 'hostNetwork is true'],
    ['a folder of the node', { volumes: [{ name: 'x', hostPath: {} }] }, {}, 'volume x is of type hostPath'],
    ['no seccomp profile', { securityContext: { runAsNonRoot: true } }, {}, 'c has no seccomp profile'],
    ['an unconfined container', {}, { seccompProfile: { type: 'Unconfined' } }, 'seccomp profile Unconfined'],
    ['a container that may be root', {}, { runAsNonRoot: false }, "c isn't bound to run as non-root"],
    ['uid 0', {}, { runAsUser: 0 }, 'c runs as uid 0'],
    ['escalation left open', {}, { allowPrivilegeEscalation: undefined }, 'c may escalate its privileges'],
    ['a privileged container', {}, { privileged: true }, 'c is privileged'],
    ['capabilities kept', {}, { capabilities: {} }, "c doesn't drop ALL capabilities"],
    [
      'a capability added',
      {},
      { capabilities: { drop: ['ALL'], add: ['NET_RAW'] } },
      'adds the capability NET_RAW',
    ],
    ['an unsafe sysctl', { securityContext: { sysctls: [{ name: 'kernel.sem' }] } }, {}, 'sysctl kernel.sem'],
    [
      'a port of the node',
      { containers: [{ name: 'c', ports: [{ hostPort: 80 }] }] },
      {},
      'c has hostPort 80',
    ],
  ])('as these tests know it refuses %s', (_, pod, container, violation) => {
    const hardened = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
    const template = {
      spec: {
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [{ name: 'c', securityContext: { ...hardened, ...container } }],
        ...pod,
      },
    };
    expect([...restrictedViolations(template)].join('\n')).toContain(violation);
  });
});

describe('a pod', () => {
  test('has a token of the Kubernetes API only where it asks that API', () => {
    const asks = ['traefik', 'metrics-server', 'zakpos-prometheus', 'zakpos-log-collector'];
    everyPod(function* (pod) {
      if (pod.pod.automountServiceAccountToken !== asks.includes(workloadName(pod)))
        yield `automountServiceAccountToken is ${String(pod.pod.automountServiceAccountToken)}`;
    });
    everywhere(function* (each) {
      for (const account of objectsOf(each, 'ServiceAccount')) {
        const { raw } = account;
        if (JSON.stringify(raw).includes('"automountServiceAccountToken":false')) continue;
        yield `${called(account)} hands out tokens`;
      }
    });
  });

  test('gets no environment variables of other Services', () => {
    everyPod(function* ({ pod }) {
      if (pod.enableServiceLinks !== false) yield 'enableServiceLinks is on';
    });
  });

  test('runs under a uid that is set and not 0', () => {
    everyPod(function* ({ pod }) {
      if (!((pod.securityContext.runAsUser ?? 0) > 0)) yield 'has no uid';
      if (!((pod.securityContext.fsGroup ?? 0) > 0)) yield 'has no fsGroup';
    });
  });

  test('has a ServiceAccount of its own', () => {
    everywhere(function* (each) {
      const accounts = objectsOf(each, 'ServiceAccount').map(
        ({ name, namespace }) => `${namespace ?? ''}/${name}`,
      );
      const used = workloads(each).map(
        (pod) => `${pod.namespace ?? ''}/${String(pod.pod.serviceAccountName)}`,
      );
      for (const account of used) {
        if (!accounts.includes(account)) yield `ServiceAccount ${account} isn't there`;
        if (used.indexOf(account) !== used.lastIndexOf(account)) yield `ServiceAccount ${account} is shared`;
      }
      for (const account of accounts)
        if (!used.includes(account)) yield `ServiceAccount ${account} is unused`;
    });
  });

  test('is selected by its own controller alone', () => {
    everywhere(function* (each) {
      for (const pod of workloads(each)) {
        if (isJob(pod)) continue;
        const { kind, name, namespace, selector } = pod;
        const pods = selected(each, namespace, defined(selector, `selector of ${name}`));
        if (pods.length !== 1 || pods[0]?.name !== name)
          yield `${kind} ${name} selects the pods of ${pods.map((pod) => pod.name).join(', ') || 'nobody'}`;
      }
    });
  });
});

describe('a container', () => {
  test('has a root file system that is read-only', () => {
    everyContainer(function* ({ securityContext }) {
      if (securityContext.readOnlyRootFilesystem !== true) yield 'may write to its root';
    });
  });

  test('requests CPU and memory, and has a limit of memory not below its request', () => {
    everyContainer(function* ({ resources: { requests, limits } }) {
      if (requests.cpu === undefined) yield 'requests no CPU';
      if (requests.memory === undefined) yield 'requests no memory';
      if (limits.memory === undefined) yield 'has no limit of memory';
      if (requests.memory && limits.memory && toBytes(requests.memory) > toBytes(limits.memory))
        yield `requests ${requests.memory} above its limit of ${limits.memory}`;
      if (requests.cpu && limits.cpu && cpuToMillicores(requests.cpu) > cpuToMillicores(limits.cpu))
        yield `requests ${requests.cpu} cores above its limit of ${limits.cpu}`;
    });
  });

  test('has a limit of CPU in prod where it goes on running', () => {
    for (const pod of workloads(environments.prod).filter((each) => !isJob(each))) {
      for (const { name, resources } of pod.pod.containers)
        expect(resources.limits.cpu === undefined ? `${name} has none` : 'limited').toBe('limited');
    }
  });

  test('names the heap of its JVM, and leaves it a quarter of the memory at least', () => {
    everyContainer(function* ({ image, env, resources }) {
      if (!/\bcp-(kafka|zookeeper)\b/.test(image)) return;
      const options = env.find(({ name }) => name === 'KAFKA_HEAP_OPTS')?.value ?? '';
      const heap = /-Xmx(\d+)m\b/.exec(options)?.[1];
      if (heap === undefined) yield `has no -Xmx in "${options}"`;
      else if (Number(heap) * 2 ** 20 > 0.75 * toBytes(resources.limits.memory ?? '1k'))
        yield `has a heap of ${heap}m in ${String(resources.limits.memory)}`;
    });
  });

  test('runs an image with a tag that is not latest, and pulls it only when it is missing', () => {
    everyContainer(function* ({ image, imagePullPolicy }) {
      const tag = /:([\w][\w.-]*)(@sha256:[0-9a-f]{64})?$/.exec(image)?.[1];
      if (tag === undefined || tag === 'latest') yield `runs ${image}`;
      if (imagePullPolicy !== 'IfNotPresent') yield `is pulled ${String(imagePullPolicy)}`;
    });
  });
});

/** Containers that answer nobody and try again by themselves: what they don't do is told by metrics, and alerted. */
const ASKED_BY_METRICS = ['receive', 'upload', 'measure'];

/** What a probe asks, without how often. */
const question = ({ httpGet, tcpSocket, exec }: Probe): string =>
  JSON.stringify({ httpGet, tcpSocket, exec });
const secondsUntilFailed = ({ periodSeconds, failureThreshold }: Probe): number =>
  periodSeconds * failureThreshold;

describe('probes', () => {
  test('are on every container that goes on running, and on no other', () => {
    everyPod(function* (pod) {
      const lasting = isJob(pod)
        ? []
        : pod.pod.containers.filter(({ name }) => !ASKED_BY_METRICS.includes(name));
      for (const container of allContainers(pod)) {
        const wanted = lasting.includes(container);
        for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const) {
          if ((container[probe] !== undefined) !== wanted)
            yield `container ${container.name} has ${wanted ? 'no' : 'a'} ${probe}`;
        }
      }
    });
  });

  test('mean different things: readiness is not liveness, and a restart is the last resort', () => {
    everyContainer(function* ({ startupProbe, readinessProbe, livenessProbe }) {
      if (!startupProbe || !readinessProbe || !livenessProbe) return;
      if (question(readinessProbe) === question(livenessProbe))
        yield 'asks the same for readiness and liveness';
      if (secondsUntilFailed(readinessProbe) >= secondsUntilFailed(livenessProbe))
        yield 'is restarted before it is taken out of its Service';
      if (secondsUntilFailed(startupProbe) < 2 * secondsUntilFailed(livenessProbe))
        yield 'has no more time to start than to fail';
      if (startupProbe.periodSeconds > 2) yield 'is noticed late when it has started';
    });
  });

  test('of liveness look at nothing but the pod itself', () => {
    everyContainer(function* (container, pod, each) {
      const probe = container.livenessProbe;
      if (probe === undefined) return;
      if (probe.httpGet?.host !== undefined || probe.tcpSocket?.host !== undefined)
        yield 'looks at another host';
      const script = textsOf(container, pod, each, probe.exec?.command ?? []).join('\n');
      for (const { name } of services(each)) {
        if (new RegExp(`${name}(?![\\w-])`).test(script)) yield `looks at ${name}: ${script}`;
      }
      if (/\b(ready|readyz)\b/.test(probe.httpGet?.path ?? '')) yield 'asks whether it is ready';
    });
  });

  test('ask a port that the container names', () => {
    everyContainer(function* ({ ports, startupProbe, readinessProbe, livenessProbe }) {
      for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
        const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
        if (port !== undefined && !ports.some(({ name }) => name === port)) yield `has no port ${port}`;
      }
    });
  });
});

/** The words of a command, and the text of every mounted file of a ConfigMap that they name. */
function textsOf(container: Container, pod: Workload, each: Rendered, words: readonly string[]): string[] {
  return [...words, ...words.flatMap((word) => mountedFile(container, pod, each, word)?.text ?? [])];
}

interface MountedFile {
  readonly exists: boolean;
  readonly text: string | undefined;
}

/** The file of a ConfigMap or Secret at a path of a container; undefined where neither is mounted. */
function mountedFile(
  container: Container,
  { pod, namespace }: Workload,
  each: Rendered,
  path: string,
): MountedFile | undefined {
  const mount = container.volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
  if (mount === undefined) return undefined;
  const volume = pod.volumes.find(({ name }) => name === mount.name);
  const file = path.slice(mount.mountPath.length + 1);
  if (volume?.configMap !== undefined) {
    const { name } = volume.configMap;
    const map = configMaps(each).find(
      (candidate) => candidate.name === name && candidate.namespace === namespace,
    );
    return { exists: map?.data[file] !== undefined, text: map?.data[file] };
  }
  if (volume?.secret !== undefined)
    return { exists: shownKeys(each, volume).includes(file), text: undefined };
  return undefined;
}

describe('network policies', () => {
  test('deny everything both ways in each namespace', () => {
    everywhere(function* (each) {
      for (const { name: namespace } of objectsOf(each, 'Namespace')) {
        const all = policies(each).filter(
          (policy) =>
            policy.namespace === namespace && Object.keys(policy.spec.podSelector.matchLabels).length === 0,
        );
        const { spec } = only(all, `policy of all pods in ${namespace}`);
        if (spec.ingress ?? spec.egress) yield `the policy of all pods in ${namespace} allows something`;
        if (spec.policyTypes.join() !== 'Ingress,Egress')
          yield `${namespace} denies only ${spec.policyTypes.join()}`;
      }
    });
  });

  test('are there for each pod, in both directions', () => {
    everyPod(function* (pod, each) {
      const own = policies(each).filter(
        ({ namespace, spec }) =>
          namespace === pod.namespace &&
          Object.keys(spec.podSelector.matchLabels).length > 0 &&
          hasLabels(pod.podLabels, spec.podSelector.matchLabels),
      );
      if (own.length !== 1) yield `has ${own.length} policies of its own`;
      for (const { spec } of own) {
        if (spec.policyTypes.join() !== 'Ingress,Egress')
          yield `has a policy of ${spec.policyTypes.join()} only`;
      }
    });
  });

  test('select pods that exist', () => {
    everywhere(function* (each) {
      for (const { name, namespace, spec } of policies(each)) {
        if (podsNamed(each, namespace, spec.podSelector.matchLabels).length === 0)
          yield `${name} selects no pods`;
        const peers = [
          ...(spec.ingress ?? []).flatMap(({ from }) => from),
          ...(spec.egress ?? []).flatMap(({ to }) => to),
        ];
        for (const peer of peers) {
          const there = peerNamespace(peer, namespace);
          if (peer.ipBlock !== undefined || !objectsOf(each, 'Namespace').some((each) => each.name === there))
            continue;
          const pods = podsNamed(each, there, peer.podSelector?.matchLabels ?? {});
          if (pods.length === 0) yield `${name} names pods that don't exist: ${JSON.stringify(peer)}`;
        }
      }
    });
  });

  test('of egress and of ingress agree on every edge between two pods', () => {
    everywhere(function* (each) {
      const [out, into] = [edges(each, 'egress'), edges(each, 'ingress')];
      const between = (edge: string) => !edge.includes('/');
      for (const edge of out.filter(between))
        if (!into.includes(edge)) yield `${edge} may leave but not enter`;
      for (const edge of into.filter(between))
        if (!out.includes(edge)) yield `${edge} may enter but not leave`;
    });
  });

  test('lead to ports on which the target listens', () => {
    everywhere(function* (each) {
      for (const edge of edges(each, 'ingress')) {
        const [, name, port] = /-> (\S+):(\d+)$/.exec(edge) ?? [];
        const ports = portsOf(each, defined(name, `target of ${edge}`));
        if (!ports.includes(Number(port))) yield `${edge}, which listens on ${ports.join(', ') || 'nothing'}`;
      }
    });
  });

  test.each([
    ['dev', `${EDGES_OF_KIND()}\n0.0.0.0/0 -> zakpos-api:9229, zakpos-web:9230`],
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
    const all = new Set([...edges(each, 'egress'), ...edges(each, 'ingress')]);
    expect([...all].sort()).toEqual(edgesOfTable(table));
  });

  test('allow UDP to the DNS alone', () => {
    everywhere(function* (each) {
      for (const { name, spec } of policies(each)) {
        const rules = [
          ...(spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports })),
          ...(spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports })),
        ];
        for (const { peers, ports } of rules) {
          const udp = ports.some(({ protocol }) => protocol === 'UDP');
          const dns = peers.every(({ podSelector }) => podSelector?.matchLabels['k8s-app'] === 'kube-dns');
          if (udp !== dns) yield `${name} ${udp ? 'allows' : 'lacks'} UDP to ${JSON.stringify(peers)}`;
        }
      }
    });
  });

  test('let each pod reach the Services that its settings name, and the DNS to find them', () => {
    everyPod(function* (pod, each) {
      const out = edges(each, 'egress');
      for (const [service, port] of addressesOf(pod, each)) {
        const { spec, namespace } = only(
          services(each).filter(({ name }) => name === service),
          `Service ${service}`,
        );
        const targetPort = spec.ports.find((candidate) => candidate.port === port)?.targetPort;
        if (targetPort === undefined) {
          yield `names ${service}:${port}, which has no such port`;
          continue;
        }
        const [target] = selected(each, namespace, spec.selector);
        const number = target?.pod.containers
          .flatMap(({ ports }) => ports)
          .find(({ name }) => name === targetPort)?.containerPort;
        const edge = `${workloadName(pod)} -> ${String(target && workloadName(target))}:${String(number)}`;
        if (!out.includes(edge)) yield `names ${service}:${port}, but the edge ${edge} is missing`;
        if (!out.includes(`${workloadName(pod)} -> namespace kube-system/k8s-app=kube-dns:53`))
          yield `names ${service}, but can't ask the DNS`;
      }
    });
  });

  test('let the ingress controller reach every Service that an Ingress names', () => {
    everywhere(function* (each) {
      const { addons, ingress } = each.config;
      const controller = addons.traefik.enabled
        ? 'traefik'
        : `namespace ${ingress.controllerNamespace}/any pod`;
      for (const { from, service, port } of routes(each)) {
        const targets = services(each).filter(
          ({ name, namespace }) => name === service && namespace === from.namespace,
        );
        const [number] = targets.flatMap(({ spec }) => {
          const target = spec.ports.find((each) => each.name === port || each.port === port)?.targetPort;
          return selected(each, from.namespace, spec.selector).flatMap(({ pod }) =>
            pod.containers.flatMap(({ ports }) =>
              ports.filter(({ name }) => name === target).map(({ containerPort }) => containerPort),
            ),
          );
        });
        const edge = `${controller} -> ${service}:${String(number)}`;
        if (!edges(each, 'ingress').includes(edge)) yield `${called(from)} needs the edge ${edge}`;
      }
    });
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

const peerNamespace = (peer: PolicyPeer, here: string | undefined): string | undefined =>
  peer.namespaceSelector === undefined
    ? here
    : peer.namespaceSelector.matchLabels['kubernetes.io/metadata.name'];

/** Pods that CloudNativePG makes of a Cluster, by the labels that it puts on them. */
const POSTGRES_INSTANCES = { name: 'zakpos-postgres', labels: { 'cnpg.io/cluster': 'zakpos-postgres' } };
const POSTGRES_INSTANCE_PORTS = [5432, 8000];

/** Workloads of which there are pods only while a command runs. */
const OF_COMMANDS = ['zakpos-restore', 'zakpos-task'];

/** Names of the workloads whose pods a selector selects, those of operators and commands among them. */
const podsNamed = (
  each: Rendered,
  namespace: string | undefined,
  selector: Readonly<Record<string, string>>,
): string[] => [
  ...selected(each, namespace, selector).map(workloadName),
  ...objectsOf(each, 'Cluster').flatMap((cluster) =>
    cluster.namespace === namespace && hasLabels(POSTGRES_INSTANCES.labels, selector)
      ? [POSTGRES_INSTANCES.name]
      : [],
  ),
  ...OF_COMMANDS.filter((name) => selector['app.kubernetes.io/name'] === name),
];

/** Ports on which the pods of a workload listen. */
const portsOf = (each: Rendered, name: string): readonly number[] =>
  name === POSTGRES_INSTANCES.name && objectsOf(each, 'Cluster').length > 0
    ? POSTGRES_INSTANCE_PORTS
    : workload(each, name).pod.containers.flatMap(({ ports }) =>
        ports.map(({ containerPort }) => containerPort),
      );

/** Who a peer of a policy is: workloads of this project, pods of another namespace, or addresses. */
function peerNames(each: Rendered, peer: PolicyPeer, here: string | undefined): string[] {
  if (peer.ipBlock !== undefined) return [peer.ipBlock.cidr];
  const namespace = peerNamespace(peer, here);
  const labels = peer.podSelector?.matchLabels ?? {};
  const ours = podsNamed(each, namespace, labels);
  if (ours.length > 0) return ours;
  const pods = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return [`namespace ${namespace ?? 'any'}/${pods.join() || 'any pod'}`];
}

/** What the policies allow, as "source -> target:port", as the sources' and as the targets' say it. */
const allEdges = remembered((each): Readonly<Record<'ingress' | 'egress', string[]>> => {
  const found = policies(each).flatMap(({ namespace, spec }) =>
    podsNamed(each, namespace, spec.podSelector.matchLabels).map((own) => {
      const names = (peers: readonly PolicyPeer[]) =>
        peers.flatMap((peer) => peerNames(each, peer, namespace));
      return {
        egress: (spec.egress ?? []).flatMap(({ to, ports }) =>
          names(to).flatMap((target) => ports.map(({ port }) => `${own} -> ${target}:${port}`)),
        ),
        ingress: (spec.ingress ?? []).flatMap(({ from, ports }) =>
          names(from).flatMap((source) => ports.map(({ port }) => `${source} -> ${own}:${port}`)),
        ),
      };
    }),
  );
  return {
    egress: [...new Set(found.flatMap(({ egress }) => egress))],
    ingress: [...new Set(found.flatMap(({ ingress }) => ingress))],
  };
});
const edges = (each: Rendered, direction: 'ingress' | 'egress'): string[] => allEdges(each)[direction];

/** Every "service:port" of ours in the variables, commands and mounted files of a pod, but for those that it advertises. */
function addressesOf(pod: Workload, each: Rendered): [string, number][] {
  const names = services(each).map(({ name }) => name);
  const files = pod.pod.volumes.flatMap(({ configMap }) =>
    configMaps(each)
      .filter(({ name, namespace }) => name === configMap?.name && namespace === pod.namespace)
      .flatMap(({ data }) => Object.values(data)),
  );
  const texts = allContainers(pod).flatMap(({ env, command, args }) => [
    ...env.flatMap(({ value }) => value ?? []),
    ...env.flatMap(({ name, value = '' }) =>
      name === 'PGHOST' ? `${value}:${String(env.find(({ name }) => name === 'PGPORT')?.value)}` : [],
    ),
    ...command,
    ...args,
  ]);
  const connects = [...texts, ...files].map((text) => text.replaceAll(/^.*ADVERTISED_LISTENERS=.*$/gm, ''));
  return connects.flatMap((text) =>
    [...text.matchAll(/([a-z][a-z0-9-]*)(?:\.[a-z0-9.-]+)?:(\d{2,5})\b/g)].flatMap(([, name = '', port]) =>
      names.includes(name) ? [[name, Number(port)] satisfies [string, number]] : [],
    ),
  );
}

/** Folder of the token and the authority of the Kubernetes API. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/';

describe('references', () => {
  test('of a Service lead to one workload and to ports that it names', () => {
    everywhere(function* (each) {
      for (const service of services(each)) {
        const pods = selected(each, service.namespace, service.spec.selector);
        const [pod] = pods;
        if (pod === undefined || pods.length > 1) {
          yield `Service ${service.name} selects ${pods.map(({ name }) => name).join(', ') || 'nothing'}`;
          continue;
        }
        const names = pod.pod.containers.flatMap(({ ports }) => ports.map(({ name }) => name));
        for (const { targetPort } of service.spec.ports) {
          if (!names.some((name) => name === targetPort))
            yield `Service ${service.name}: no port ${targetPort}`;
        }
      }
    });
  });

  test('of an Ingress or an HTTPRoute lead to a port of a Service, a class, and no path twice', () => {
    everywhere(function* (each) {
      const ours = objectsOf(each, 'IngressClass').map(({ name }) => name);
      for (const { name, spec } of ingresses(each)) {
        if (ours.length > 0 && !ours.includes(spec.ingressClassName))
          yield `${name}: no class ${spec.ingressClassName}`;
        for (const { http } of spec.rules) {
          if (new Set(http.paths.map(({ path }) => path)).size < http.paths.length)
            yield `${name}: a path twice`;
        }
      }
      for (const { from, path, service, port } of routes(each)) {
        const ports = services(each)
          .filter(({ name, namespace }) => name === service && namespace === from.namespace)
          .flatMap(({ spec }) => spec.ports);
        if (!ports.some((candidate) => candidate.name === port || candidate.port === port))
          yield `${called(from)} ${path}: no ${service}:${String(port)}`;
      }
      if (routes(each).length === 0) yield 'there is no way in';
    });
  });

  test('of volumes lead to ConfigMaps that exist, and to Secrets of the catalogues and keys of theirs', () => {
    everyPod(function* ({ pod, namespace }, each) {
      const maps = configMaps(each).filter((map) => map.namespace === namespace);
      for (const { name, configMap, projected, secret } of pod.volumes) {
        const named = [configMap, ...(projected?.sources ?? []).map((source) => source.configMap)];
        const files = named.flatMap((wanted) => {
          const map = maps.find((each) => each.name === wanted?.name);
          return map === undefined ? [] : Object.keys(map.data);
        });
        for (const wanted of named)
          if (wanted && wanted.name !== SECRET_AGES && !maps.some((map) => map.name === wanted.name))
            yield `volume ${name}: no ConfigMap ${wanted.name}`;
        if (new Set(files).size < files.length) yield `volume ${name}: a file twice`;
        if (!secret) continue;
        const known = knownSecrets(each).find((candidate) => candidate.name === secret.secretName);
        if (known === undefined) yield `volume ${name}: no Secret ${secret.secretName}`;
        for (const { key, path } of secret.items ?? []) {
          if (known?.keys.includes(key) === false) yield `volume ${name}: no key ${key}`;
          if (key !== path) yield `volume ${name}: ${key} is named ${path}`;
        }
      }
    });
  });

  test('of environment variables lead to keys of Secrets, fields of the pod, and variables above them', () => {
    everyContainer(function* ({ env, envFrom }, _, each) {
      if (envFrom.length > 0) yield 'takes variables that no test sees (envFrom)';
      for (const [at, { name, value, valueFrom }] of env.entries()) {
        if ((value === undefined) === (valueFrom === undefined)) yield `has no one value of ${name}`;
        for (const [, used = ''] of (value ?? '').matchAll(/\$\((\w+)\)/g)) {
          if (!env.slice(0, at).some((earlier) => earlier.name === used))
            yield `uses ${used} before it is set`;
        }
        const { secretKeyRef, fieldRef } = valueFrom ?? {};
        if (fieldRef && !/^(spec\.nodeName|metadata\.labels\['.+'\])$/.test(fieldRef.fieldPath))
          yield `reads ${fieldRef.fieldPath}, which no test knows`;
        if (!secretKeyRef) continue;
        const known = knownSecrets(each).find((candidate) => candidate.name === secretKeyRef.name);
        if (!known?.keys.includes(secretKeyRef.key))
          yield `reads ${secretKeyRef.name}/${secretKeyRef.key}, which doesn't exist`;
      }
      if (new Set(env.map(({ name }) => name)).size < env.length) yield 'has a variable twice';
    });
  });

  test('of paths lead to files that are mounted there', () => {
    everyContainer(function* (container, pod, each) {
      const { command, args, env, startupProbe, readinessProbe, livenessProbe } = container;
      const probes = [startupProbe, readinessProbe, livenessProbe].flatMap(
        (probe) => probe?.exec?.command ?? [],
      );
      const values = env.flatMap(({ value }) => value ?? []);
      const words = [...command, ...args, ...probes, ...values].flatMap((text) =>
        textsOf(container, pod, each, [text]),
      );
      for (const [path] of words.join('\n').matchAll(/(?<![\w.$}:/])\/[\w.-]+(?:\/[\w.-]+)+/g)) {
        if (mountedFile(container, pod, each, path)?.exists === false)
          yield `names ${path}, which isn't there`;
      }
      for (const { name, value } of env) {
        // Kubernetes mounts this itself.
        if (pod.pod.automountServiceAccountToken && value?.startsWith(SERVICE_ACCOUNT)) continue;
        if (name.endsWith('_FILE') && mountedFile(container, pod, each, value ?? '') === undefined)
          yield `has ${name}=${String(value)}, where nothing is mounted`;
      }
    });
  });

  test('of mounts lead to volumes or claims, and each volume is mounted', () => {
    everyPod(function* (pod, each) {
      const claims = pod.claims.map(({ metadata }) => metadata.name);
      const names = [...pod.pod.volumes.map(({ name }) => name), ...claims];
      const mounts = allContainers(pod).flatMap(({ volumeMounts }) => volumeMounts);
      if (new Set(names).size < names.length) yield `has a volume twice: ${names.join(', ')}`;
      for (const { name } of mounts) if (!names.includes(name)) yield `has no volume ${name}`;
      for (const name of names)
        if (!mounts.some((mount) => mount.name === name)) yield `mounts ${name} nowhere`;
      for (const container of allContainers(pod)) {
        const paths = container.volumeMounts.map(({ mountPath }) => mountPath);
        if (new Set(paths).size < paths.length) yield `container ${container.name} mounts one path twice`;
      }
      for (const {
        name,
        configMap,
        projected,
        hostPath,
        secret,
        emptyDir,
        ephemeral,
        persistentVolumeClaim,
      } of pod.pod.volumes) {
        const claim = persistentVolumeClaim?.claimName;
        if (claim !== undefined && !objectsOf(each, 'PersistentVolumeClaim').some((of) => of.name === claim))
          yield `volume ${name} is of the claim ${claim}, which isn't there`;
        if (
          !configMap &&
          !projected &&
          !hostPath &&
          !secret &&
          !emptyDir &&
          !ephemeral &&
          claim === undefined
        )
          yield `volume ${name} is of a kind that these tests know nothing of`;
        if (emptyDir && emptyDir.sizeLimit === undefined) yield `volume ${name} has no limit`;
        if (
          (configMap ?? projected ?? secret ?? claim) &&
          mounts.some((mount) => mount.name === name && !mount.readOnly)
        )
          yield `volume ${name} is mounted for writing`;
      }
    });
  });

  test('of a StatefulSet lead to a headless Service that names its pods, ready or not', () => {
    everyPod(function* ({ kind, name, namespace, podLabels, serviceName }, each) {
      if (kind !== 'StatefulSet') return;
      const { spec } = only(
        services(each).filter((service) => service.name === serviceName && service.namespace === namespace),
        `Service ${String(serviceName)}`,
      );
      if (spec.clusterIP !== 'None') yield `${String(serviceName)} has an address of its own`;
      if (!spec.publishNotReadyAddresses) yield `${String(serviceName)} hides pods that aren't ready`;
      if (!hasLabels(podLabels, spec.selector)) yield `${String(serviceName)} doesn't select ${name}`;
    });
  });

  test('of role bindings lead to roles and to ServiceAccounts', () => {
    const ofKubernetes = ['extension-apiserver-authentication-reader', 'system:auth-delegator'];
    everywhere(function* (each) {
      for (const { kind, name, namespace, roleRef, subjects } of roleBindings(each)) {
        const roles = objectsOf(each, roleRef.kind).filter((role) => role.name === roleRef.name);
        const reachable = roles.some(
          (role) => roleRef.kind === 'ClusterRole' || role.namespace === namespace,
        );
        if (!reachable && !ofKubernetes.includes(roleRef.name)) yield `${kind} ${name}: no ${roleRef.name}`;
        for (const subject of subjects) {
          const account = objectsOf(each, 'ServiceAccount').some(
            (candidate) => candidate.name === subject.name && candidate.namespace === subject.namespace,
          );
          if (!account) yield `${kind} ${name}: no ServiceAccount ${subject.namespace}/${subject.name}`;
        }
      }
    });
  });

  test('of an APIService lead to a port of a Service', () => {
    everywhere(function* (each) {
      for (const { name, spec } of apiServices(each)) {
        const target = services(each).find(
          (service) => service.name === spec.service.name && service.namespace === spec.service.namespace,
        );
        if (!target?.spec.ports.some(({ port }) => port === spec.service.port)) yield `${name} leads nowhere`;
      }
    });
  });

  test('lead to every ConfigMap', () => {
    everywhere(function* (each) {
      const used = workloads(each).flatMap(({ pod }) =>
        pod.volumes.flatMap(({ configMap, projected }) => [
          configMap?.name,
          ...(projected?.sources ?? []).map((source) => source.configMap.name),
        ]),
      );
      for (const { name, labels } of configMaps(each)) {
        // The cluster's own Grafana finds dashboards by their label.
        const isFound = each.config.monitoring.mode === 'operator' && labels.grafana_dashboard === '1';
        if (!used.includes(name) && !isFound) yield `ConfigMap ${name} is unused`;
      }
    });
  });

  test('to Secrets are those that the catalogue lists as their users', () => {
    everywhere(function* (each) {
      const users = (secret: string) =>
        workloads(each)
          .filter(
            (pod) =>
              pod.pod.volumes.some((volume) => volume.secret?.secretName === secret) ||
              allContainers(pod).some(({ env }) =>
                env.some(({ valueFrom }) => valueFrom?.secretKeyRef?.name === secret),
              ),
          )
          .map(workloadName)
          .sort()
          .join(', ');
      for (const { name, usedBy } of knownSecrets(each)) {
        // What operators and controllers read, no pod of this project mounts; the Job knows the authority by its own.
        const ours = (usedBy ?? []).filter(
          (user) =>
            user.startsWith('zakpos-') && !(name === 'zakpos-kafka-tls' && user === 'zakpos-kafka-topics'),
        );
        const enabled = ours.toSorted().join(', ');
        if (usedBy !== undefined && users(name) !== enabled)
          yield `Secret ${name} is used by ${users(name)}; the catalogue says ${enabled}`;
      }
    });
  });
});

describe('secrets', () => {
  test('are objects in dev alone, where they are those of the catalogue', () => {
    for (const each of rendered) {
      const specs = each.config.environment === 'dev' ? neededSecrets(each.config) : [];
      const expected = specs.map(({ name, keys }) => [name, Object.keys(keys).sort()]);
      expect(secrets(each).map(({ name, data }) => [name, Object.keys(data).sort()])).toEqual(expected);
    }
  });

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

describe('names', () => {
  test('are unique in kind and namespace', () => {
    everywhere(function* ({ objects }) {
      const seen = new Set<string>();
      for (const { kind, namespace, name } of objects) {
        const id = `${kind} ${namespace ?? ''}/${name}`;
        if (seen.has(id)) yield id;
        seen.add(id);
      }
    });
  });

  test('carry no hash but that of a Job, which is of its content', () => {
    everywhere(function* ({ objects }) {
      for (const { kind, name } of objects) {
        if (
          kind === 'Job' ? !/^zakpos-[a-z-]+-[0-9a-f]{8}$/.test(name) : /-[0-9a-f]*\d[0-9a-f]{5,}$/.test(name)
        )
          yield `${kind} ${name}`;
        if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) || name.length > 63)
          yield `${kind} ${name} is no name`;
      }
    });
  });

  test('come with a namespace that exists, except for kinds that have none', () => {
    everywhere(function* (each) {
      const namespaces = objectsOf(each, 'Namespace').map(({ name }) => name);
      for (const object of each.objects) {
        const { kind, name, namespace } = object;
        if (CLUSTER_SCOPED.includes(kind)) {
          if (namespace !== undefined) yield `${called(object)} is in ${namespace}`;
        } else if (kind === 'RoleBinding' && namespace === 'kube-system') {
          if (name !== 'zakpos-metrics-server') yield `${called(object)} is in kube-system`;
        } else if (namespace === undefined || !namespaces.includes(namespace)) {
          yield `${called(object)} is in ${String(namespace)}`;
        }
      }
    });
  });
});

describe('labels', () => {
  test('of every object say what it is part of, who manages it, and of which environment', () => {
    everywhere(function* ({ objects, config }) {
      for (const object of objects) {
        const labels = {
          'app.kubernetes.io/part-of': 'zakpos',
          'app.kubernetes.io/managed-by': 'zakpos',
          'zakpos.io/environment': config.environment,
        };
        if (!hasLabels(object.labels, labels)) yield `${called(object)} has ${JSON.stringify(object.labels)}`;
      }
    });
  });

  test('of a workload, its pods, Services, budget, autoscaler and ServiceAccount name it', () => {
    everywhere(function* (each) {
      const names = workloads(each).map(workloadName);
      for (const object of each.objects) {
        const kinds = [
          'Deployment',
          'StatefulSet',
          'Job',
          'CronJob',
          'Service',
          'ServiceAccount',
          'PodDisruptionBudget',
          'HorizontalPodAutoscaler',
        ];
        const label = object.labels['app.kubernetes.io/name'] ?? '';
        if (kinds.includes(object.kind) && !names.includes(label))
          yield `${called(object)} is named ${label}`;
      }
      for (const pod of workloads(each)) {
        if (JSON.stringify(pod.podLabels) !== JSON.stringify(pod.labels))
          yield `${called(pod)} and its pods have different labels`;
      }
    });
  });
});

describe('an end', () => {
  /** Seconds for which a container goes on serving after it was told to end. */
  const drainSeconds = ({ lifecycle }: Container): number => {
    const [program, seconds] = lifecycle?.preStop.exec.command ?? [];
    return program === 'sleep' ? Number(seconds) : 0;
  };

  test('of a pod that answers people waits until no proxy sends it requests', () => {
    everyPod(function* (pod, each) {
      const answers = routes(each).some(({ service }) => service === pod.name);
      for (const container of pod.pod.containers) {
        if (answers && drainSeconds(container) < 5) yield `drains for ${drainSeconds(container)} s`;
      }
    });
  });

  test('of Traefik waits, too, before it refuses connections', () => {
    const { args } = only(workload(environments.dev, 'traefik').pod.containers, 'container');
    for (const listener of ['http', 'https', 'api', 'web', 'mobile']) {
      expect(args).toContain(`--entrypoints.${listener}.transport.lifecycle.requestacceptgracetimeout=5s`);
    }
  });

  test('of any pod has more time than its containers drain', () => {
    everyPod(function* ({ pod }) {
      const drain = Math.max(...pod.containers.map(drainSeconds));
      if (pod.terminationGracePeriodSeconds < drain + 10)
        yield `is killed after ${pod.terminationGracePeriodSeconds} s, of which it drains ${drain}`;
    });
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

describe('rollouts and drains', () => {
  test('a Deployment starts a new pod before it ends an old one', () => {
    everywhere(function* (each) {
      for (const { name, raw } of objectsOf(each, 'Deployment')) {
        if (!JSON.stringify(raw).includes('"rollingUpdate":{"maxSurge":1,"maxUnavailable":0}'))
          yield `Deployment ${name} ends pods first`;
      }
    });
  });

  test('a budget is there from two replicas on and for no single pod, and never holds a broken one', () => {
    everywhere(function* (each) {
      const budgets = disruptionBudgets(each);
      for (const pod of workloads(each)) {
        const own = budgets.filter(
          ({ namespace, spec }) =>
            namespace === pod.namespace && hasLabels(pod.podLabels, spec.selector.matchLabels),
        );
        const wanted = !isJob(pod) && pod.replicas > 1 ? 1 : 0;
        if (own.length !== wanted)
          yield `${called(pod)} with ${pod.replicas} replicas has ${own.length} budgets`;
      }
      for (const { name, namespace, spec } of budgets) {
        if (selected(each, namespace, spec.selector.matchLabels).length !== 1)
          yield `budget ${name} is of nobody`;
        if (spec.unhealthyPodEvictionPolicy !== 'AlwaysAllow') yield `budget ${name} holds broken pods`;
        const [pod] = selected(each, namespace, spec.selector.matchLabels);
        const mayGo = spec.maxUnavailable ?? (pod?.replicas ?? 0) - (spec.minAvailable ?? 0);
        if (mayGo !== 1) yield `budget ${name} lets ${mayGo} go`;
      }
    });
  });
});

test('a pod whose ConfigMap or known Secret would change is annotated with their checksum', () => {
  everyPod(function* (pod, each) {
    const literal = each.config.secrets.source === 'literal';
    const content = pod.pod.volumes.some(
      ({ configMap, projected, secret }) =>
        (configMap?.optional === true ? undefined : configMap) ?? projected ?? (literal ? secret : undefined),
    );
    const checksum = pod.podAnnotations['zakpos.io/config-checksum'];
    if (content !== (checksum !== undefined)) yield `has the checksum ${String(checksum)}`;
  });
});

test('reading a manifest refuses an empty list in a network policy, which the API server would drop', () => {
  const yaml = `
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: { name: x }
    spec: { podSelector: { matchLabels: {} }, policyTypes: [Ingress], ingress: [] }`;
  const each = defined(rendered[0], 'environment');
  expect(() => policies({ ...each, objects: parseManifests(yaml) })).toThrow();
});
