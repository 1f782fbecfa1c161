/** What the product takes of a cluster, what of it goes first, and how it is spread: of what is rendered. */
import { z } from 'zod';
import { hasBackups } from '../environments/backups.ts';
import { demandOf } from '../environments/demand.ts';
import { cpuToMillicores, toBytes } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import {
  autoscalers,
  called,
  defined,
  disruptionBudgets,
  hasLabels,
  objectsOf,
  only,
  priorityClasses,
  quotas,
  render,
  renderRestore,
  renderTask,
  renderUpgrade,
  services,
  workload,
  workloads,
  type Container,
  type Rendered,
  type Workload,
} from './manifests.ts';
import { environments, everyPod, everywhere, variants, workloadName } from './variants.ts';

const STORES = [
  'zakpos-backup',
  'zakpos-kafka',
  'zakpos-pgbouncer',
  'zakpos-postgres',
  'zakpos-redis',
  'zakpos-zookeeper',
];
const isOurs = ({ namespace }: Workload, { config }: Rendered): boolean => namespace === config.namespace;

/** What a Cluster of CloudNativePG says of the pods that its operator makes. */
const clusterSpec = z.object({
  instances: z.int(),
  priorityClassName: z.string(),
  resources: z.object({
    requests: z.record(z.string(), z.string()),
    limits: z.record(z.string(), z.string()),
  }),
  storage: z.object({ size: z.string() }),
});
const clusters = (each: Rendered) =>
  objectsOf(each, 'Cluster').map(({ raw }) => z.object({ spec: clusterSpec }).parse(raw).spec);

describe('priorities', () => {
  test('are one for stores and a lower one for apps, between any pod and the cluster itself', () => {
    everywhere(function* (each) {
      const [stores, apps] = ['zakpos-stores', 'zakpos-apps'].map((name) =>
        only(
          priorityClasses(each).filter((priority) => priority.name === name),
          name,
        ),
      );
      if (stores === undefined || apps === undefined || priorityClasses(each).length !== 2)
        yield 'there are others';
      else if (!(1e9 > stores.value && stores.value > apps.value && apps.value > 0))
        yield `${stores.value} for stores, ${apps.value} for apps`;
      if (priorityClasses(each).some(({ globalDefault }) => globalDefault))
        yield 'one is for all pods of the cluster';
    });
  });

  test('are those of what a pod is: store or app', () => {
    everyPod(function* (pod, each) {
      if (!isOurs(pod, each)) return;
      const wanted = STORES.includes(workloadName(pod)) ? 'zakpos-stores' : 'zakpos-apps';
      if (pod.pod.priorityClassName !== wanted) yield `has the priority ${String(pod.pod.priorityClassName)}`;
    });
    everywhere(function* (each) {
      for (const { priorityClassName } of clusters(each))
        if (priorityClassName !== 'zakpos-stores') yield `the database has the priority ${priorityClassName}`;
    });
  });
});

describe('the quota', () => {
  /** What the pods of a workload take when there are as many as there may be, and a rollout is under way. */
  function demandOfPods(pod: Workload) {
    const pods = pod.mostReplicas + pod.surge;
    // Init containers run before the others, and so count only by what is more.
    const most = (of: (container: Container) => number): number => {
      const sum = pod.pod.containers.reduce((total, container) => total + of(container), 0);
      return pods * Math.max(sum, ...pod.pod.initContainers.map(of));
    };
    const mebibytes = (quantity: string | undefined): number =>
      toBytes(defined(quantity, 'memory')) / 2 ** 20;
    return {
      cpu: most(({ resources }) => cpuToMillicores(defined(resources.requests.cpu, 'cpu'))),
      memory: most(({ resources }) => mebibytes(resources.requests.memory)),
      memoryLimit: most(({ resources }) => mebibytes(resources.limits.memory)),
      pods,
      storage: pods * claimsOf(pod).reduce((total, size) => total + mebibytes(size), 0),
    };
  }
  /** Sizes of the claims of a pod, those that end with it among them. */
  const claimsOf = ({ claims, pod }: Workload): string[] => [
    ...claims.map(({ spec }) => spec.resources.requests.storage),
    ...pod.volumes.flatMap(
      ({ ephemeral }) => ephemeral?.volumeClaimTemplate.spec.resources.requests.storage ?? [],
    ),
  ];

  function demandOfCluster({ instances, resources, storage }: z.output<typeof clusterSpec>) {
    const { requests, limits } = resources;
    const mebibytes = (quantity: string | undefined): number =>
      toBytes(defined(quantity, 'memory')) / 2 ** 20;
    return {
      cpu: instances * cpuToMillicores(defined(requests.cpu, 'cpu')),
      memory: instances * mebibytes(requests.memory),
      memoryLimit: instances * mebibytes(limits.memory),
      pods: instances,
      storage: instances * mebibytes(storage.size),
    };
  }

  /** What the pods that each of the commands starts take together, with their claims. */
  function demandsOfCommands(each: Rendered) {
    const task = demandOfPods(workload(renderTask(each.config, ['migrate']), 'zakpos-task'));
    const restore = hasBackups(each.config) ? [jobOfRestore(each.config, '10-plan')].map(demandOfPods) : [];
    const copies = workloads(each)
      .filter((pod) => isOurs(pod, each) && pod.kind === 'StatefulSet')
      .map((store) => ({
        cpu: 2 * 50,
        memory: 2 * 64,
        memoryLimit: 2 * 256,
        pods: 2,
        storage: claimsOf(store).reduce((total, size) => total + toBytes(size) / 2 ** 20, 0),
      }));
    return [task, ...restore, ...copies, ...demandOfUpgrade(each)];
  }
  /** What an upgrade takes more than the database that it stops. */
  function demandOfUpgrade({ config }: Rendered) {
    if (config.postgres.mode !== 'statefulset') return [];
    const upgrade = renderUpgrade(config, { id: 'x', from: 'postgres:16-alpine' });
    const [job, database] = ['zakpos-upgrade', 'zakpos-postgres'].map((name) =>
      demandOfPods(workload(upgrade, name)),
    );
    return [
      {
        cpu: defined(job, 'Job').cpu - defined(database, 'database').cpu,
        memory: defined(job, 'Job').memory - defined(database, 'database').memory,
        memoryLimit: defined(job, 'Job').memoryLimit - defined(database, 'database').memoryLimit,
        pods: 0,
        storage: 0,
      },
    ];
  }
  const jobOfRestore = (config: Config, id: string): Workload => {
    const restore = renderRestore(config, { id: 'x' });
    const { objects } = only(
      restore.charts.filter((chart) => chart.id === id),
      `chart ${id}`,
    );
    return workload({ ...restore, objects }, 'zakpos-restore');
  };

  const LARGE = { requests: { cpu: '2', memory: '1Gi' }, limits: { cpu: '2', memory: '2Gi' } };
  const SMALL = { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '64Mi' } };
  const FIELDS = ['cpu', 'memory', 'memoryLimit', 'pods', 'storage'] as const;

  function* misreckoned(each: Rendered): Generator<string> {
    const demands = [
      ...workloads(each)
        .filter((pod) => isOurs(pod, each))
        .map(demandOfPods),
      ...clusters(each).map(demandOfCluster),
    ];
    const ofCommands = demandsOfCommands(each);
    const reckoned = demandOf(each.config);
    for (const field of FIELDS) {
      const sum =
        demands.reduce((total, demand) => total + demand[field], 0) +
        Math.max(...ofCommands.map((demand) => demand[field]));
      if (Math.abs(sum - reckoned[field]) > 1e-6)
        yield `${field}: ${reckoned[field]} reckoned, ${sum} rendered`;
    }
  }

  test('is reckoned by what is rendered: all pods at once, at the most that there may be, and one command', () => {
    everywhere(misreckoned);
  });

  test.each([
    ['the plan of a restore', { backups: { s3: { bucket: 'till' }, resources: LARGE } }],
    ['a task', { api: { resources: LARGE } }],
    ['an upgrade', { reports: { resources: SMALL } }],
    ['the move of a store with two claims', { zookeeper: { dataStorage: { size: '50Gi' } } }],
  ])('counts of all commands the largest: %s', (_, own) => {
    expect([...misreckoned(render('prod', { ...own, quota: { enabled: false } }))]).toEqual([]);
  });

  test('has room for a restore, since the database ends before it', () => {
    everywhere(function* (each) {
      if (!hasBackups(each.config)) return;
      const [database, restore] = [
        workload(each, 'zakpos-postgres'),
        jobOfRestore(each.config, '40-restore'),
      ].map(demandOfPods);
      for (const field of FIELDS)
        if ((restore?.[field] ?? Infinity) > (database?.[field] ?? 0)) yield `${field} of a restore is more`;
    });
  });

  test('holds all of that', () => {
    everywhere(function* (each) {
      const demand = demandOf(each.config);
      for (const { spec } of quotas(each)) {
        const limit = (name: string): string => String(defined(spec.hard[name], name));
        const mebibytes = (name: string): number => toBytes(limit(name)) / 2 ** 20;
        if (demand.cpu > cpuToMillicores(limit('requests.cpu'))) yield `has no room for ${demand.cpu}m`;
        if (demand.memory > mebibytes('requests.memory')) yield `has no room for ${demand.memory} Mi`;
        if (demand.memoryLimit > mebibytes('limits.memory')) yield `has no room to ${demand.memoryLimit} Mi`;
        if (demand.storage > mebibytes('requests.storage')) yield `has no room for claims`;
        if (demand.pods > Number(limit('pods'))) yield `has no room for ${demand.pods} pods`;
      }
    });
  });

  test('and the range of limits are there where the configuration says so, of its sizes', () => {
    everywhere(function* (each) {
      const { quota, namespace } = each.config;
      for (const kind of ['ResourceQuota', 'LimitRange']) {
        const there = objectsOf(each, kind).map((object) => object.namespace);
        if (there.join() !== (quota.enabled ? namespace : ''))
          yield `${kind} in ${there.join() || 'nothing'}`;
      }
    });
    const own = { cpu: '10', memory: '18Gi', memoryLimit: '31Gi', pods: 50, storage: '150Gi' };
    const { spec } = only(quotas(render('prod', { quota: own })), 'quota');
    expect(spec.hard).toEqual({
      'requests.cpu': '10',
      'requests.memory': '18Gi',
      'limits.memory': '31Gi',
      'requests.storage': '150Gi',
      pods: 50,
      'services.loadbalancers': 0,
      'services.nodeports': 0,
    });
  });

  test('allows no way in but the ingress, and none is rendered, but to stores and inspectors on a laptop', () => {
    everywhere(function* (each) {
      const { localStores, environment } = each.config;
      const local = [
        ...(localStores ? ['zakpos-postgres', 'zakpos-redis', 'zakpos-kafka'] : []),
        ...(environment === 'dev' ? ['zakpos-api-debug', 'zakpos-web-debug'] : []),
      ];
      for (const { name, namespace, spec } of services(each)) {
        if (namespace === each.config.namespace && spec.type !== 'ClusterIP' && !local.includes(name))
          yield `${name} is a ${spec.type}`;
      }
    });
  });

  test('takes pods of people who name no sizes, since they get small ones', () => {
    const { raw } = only(objectsOf(environments.prod, 'LimitRange'), 'range');
    expect(raw).toMatchObject({
      spec: {
        limits: [
          {
            type: 'Container',
            defaultRequest: { cpu: '50m', memory: '64Mi' },
            default: { memory: '256Mi' },
          },
        ],
      },
    });
  });
});

describe('autoscalers', () => {
  test('are those of the configuration', () => {
    everywhere(function* (each) {
      const { api, web } = each.config;
      const wanted = Object.entries({ 'zakpos-api': { enabled: true, ...api }, 'zakpos-web': web })
        .filter(([, { enabled, autoscaling }]) => enabled && autoscaling.enabled)
        .map(
          ([name, { autoscaling }]) =>
            `${name} ${autoscaling.minReplicas}..${autoscaling.maxReplicas} at ${autoscaling.targetCpu} %`,
        );
      const metric = z.object({
        type: z.literal('Resource'),
        resource: z.object({
          name: z.literal('cpu'),
          target: z.object({ type: z.literal('Utilization'), averageUtilization: z.int() }),
        }),
      });
      const there = autoscalers(each).map(({ name, spec }) => {
        const { resource } = metric.parse(only(spec.metrics, 'metric'));
        return `${name} ${spec.minReplicas}..${spec.maxReplicas} at ${resource.target.averageUtilization} %`;
      });
      if (there.sort().join('; ') !== wanted.sort().join('; '))
        yield `${there.join('; ') || 'none'} are there`;
    });
    expect(autoscalers(environments.prod).map(({ name }) => name)).toEqual(['zakpos-api', 'zakpos-web']);
    expect(autoscalers(environments.dev)).toEqual([]);
  });

  test('each are of a Deployment that is there and leaves its number out; every other has its number', () => {
    const spec = z.object({ spec: z.object({ replicas: z.int().optional() }) });
    everywhere(function* (each) {
      for (const { name, namespace, spec } of autoscalers(each)) {
        const targets = objectsOf(each, 'Deployment').filter(
          (deployment) => deployment.namespace === namespace && deployment.name === spec.scaleTargetRef.name,
        );
        if (targets.length !== 1 || spec.scaleTargetRef.kind !== 'Deployment') yield `${name} scales nothing`;
        if (spec.scaleTargetRef.apiVersion !== 'apps/v1') yield `${name} scales another kind`;
      }
      const scaled = autoscalers(each).map(({ spec }) => spec.scaleTargetRef.name);
      for (const deployment of objectsOf(each, 'Deployment')) {
        const { replicas } = spec.parse(deployment.raw).spec;
        if ((replicas === undefined) !== scaled.includes(deployment.name))
          yield `${called(deployment)} has ${String(replicas)} replicas`;
      }
    });
  });

  test('leave a budget that is of their least', () => {
    const { spec } = only(
      disruptionBudgets(variants['prod over zones, without a till']).filter(
        ({ name }) => name === 'zakpos-api',
      ),
      'budget',
    );
    expect(spec).toMatchObject({ minAvailable: 2 });
    expect(
      disruptionBudgets(render('prod', { api: { autoscaling: { minReplicas: 1 } } })).map(({ name }) => name),
    ).not.toContain('zakpos-api');
  });
});

describe('pods', () => {
  const affinityOf = ({ pod }: Workload): string => {
    const { requiredDuringSchedulingIgnoredDuringExecution: required } = pod.affinity?.podAntiAffinity ?? {};
    return required === undefined ? (pod.affinity === undefined ? 'none' : 'preferred') : 'required';
  };

  test('of one workload keep apart by their own name, and by the node', () => {
    everyPod(function* ({ pod, podLabels }) {
      const { podAntiAffinity } = pod.affinity ?? {};
      const terms = [
        ...(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
        ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
          ({ podAffinityTerm }) => podAffinityTerm,
        ),
        ...pod.topologySpreadConstraints,
      ];
      for (const { topologyKey, labelSelector } of terms) {
        if (topologyKey !== 'kubernetes.io/hostname') yield `keep apart by ${topologyKey}`;
        if (Object.keys(labelSelector.matchLabels).join() !== 'app.kubernetes.io/name')
          yield 'keep apart from others, too';
        if (!hasLabels(podLabels, labelSelector.matchLabels)) yield 'keep apart from others than themselves';
      }
    });
  });

  test.each([
    ['prod', 'required', 'required'],
    ['cloud', undefined, undefined],
    ['dev', 'preferred', 'preferred'],
    ['test', 'preferred', 'preferred'],
    ['prod on kind', 'required', 'required'],
    ['prod on one server', 'preferred', 'preferred'],
    ['dev with three of each', 'preferred', 'preferred'],
  ] as const)('in %s: of ZooKeeper on other nodes is %s, of Kafka %s', (name, zookeeper, kafka) => {
    const each = { ...environments, ...variants }[name];
    const of = (store: string): string | undefined =>
      workloads(each)
        .filter((pod) => workloadName(pod) === store)
        .map(affinityOf)[0];
    expect([of('zakpos-zookeeper'), of('zakpos-kafka')]).toEqual([zookeeper, kafka]);
  });

  test('of apps and of a pooler are never left without a node for that', () => {
    everyPod(function* (pod, each) {
      const alone = [
        'zakpos-postgres',
        'zakpos-redis',
        'zakpos-kafka-topics',
        'zakpos-backup',
        'zakpos-backup-daily',
        'zakpos-restore-drill',
        'zakpos-prometheus',
        'zakpos-alertmanager',
        'zakpos-loki',
        'zakpos-grafana',
        'zakpos-postgres-exporter',
        'zakpos-redis-exporter',
        'zakpos-expiry',
      ];
      const stores = [...alone, 'zakpos-kafka', 'zakpos-zookeeper'];
      if (!isOurs(pod, each)) return;
      if (alone.includes(workloadName(pod)) && affinityOf(pod) !== 'none')
        yield 'has others to keep apart from';
      if (!stores.includes(workloadName(pod)) && affinityOf(pod) !== 'preferred') yield affinityOf(pod);
      if (
        pod.pod.topologySpreadConstraints.some(
          ({ whenUnsatisfiable }) => whenUnsatisfiable !== 'ScheduleAnyway',
        )
      )
        yield 'may be left without a node';
    });
  });

  test('of the product may be on any node that takes pods', () => {
    everyPod(function* (pod, each) {
      if (!isOurs(pod, each)) return;
      if (Object.keys(pod.pod.nodeSelector).length > 0) yield 'names its nodes';
      if (pod.pod.tolerations.length > 0) yield 'tolerates a taint';
    });
  });

  test('have disk of their node for their logs and for what they mount of it', () => {
    everyPod(function* ({ pod }) {
      for (const { name, resources, volumeMounts } of [...pod.initContainers, ...pod.containers]) {
        const scratch = volumeMounts.reduce((sum, mount) => {
          const { emptyDir } = pod.volumes.find((volume) => volume.name === mount.name) ?? {};
          return sum + (emptyDir && emptyDir.medium === undefined ? toBytes(emptyDir.sizeLimit ?? '') : 0);
        }, 0);
        const limit = toBytes(resources.limits['ephemeral-storage'] ?? '1k');
        if (limit !== 64 * 2 ** 20 + scratch) yield `${name} may fill ${limit} of ${scratch} and its logs`;
      }
    });
    expect(workload(environments.prod, 'zakpos-web').pod.containers[0]?.resources.limits).toMatchObject({
      'ephemeral-storage': '384Mi',
    });
  });
});
