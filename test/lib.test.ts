/** The constructs that charts share, by themselves. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chart, Testing, type ChartProps } from 'cdk8s';
import { z } from 'zod';
import { checksum } from '../lib/checksum.ts';
import { clusterScoped } from '../lib/cluster-scoped.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { k8s } from '../lib/k8s.ts';
import { NetworkPolicies, type Edge, type Peer } from '../lib/network-policies.ts';
import { CHECKSUM_ANNOTATION, type ContainerProps } from '../lib/pod.ts';
import { Check, probes } from '../lib/probes.ts';
import { secretKey, type SecretRef } from '../lib/secret-ref.ts';
import { Volume } from '../lib/volume.ts';
import { whenFileChanges } from '../lib/watch.ts';
import {
  HardenedDeployment,
  HardenedJob,
  HardenedStatefulSet,
  type DeploymentProps,
} from '../lib/workloads.ts';
import { defined, only } from './manifests.ts';

const chart = (props: ChartProps = { namespace: 'shop', disableResourceNameHashes: true }): Chart =>
  new Chart(Testing.app(), 'chart', props);
/** Objects of a chart as text, in which a test looks for a part. */
const textOf = (of: Chart): string => JSON.stringify(of.toJson());

/** The one object of a kind in a chart. */
function objectOf(scope: Chart, kind: string): unknown {
  const objects = z.array(z.looseObject({ kind: z.string() })).parse(scope.toJson());
  return only(
    objects.filter((object) => object.kind === kind),
    kind,
  );
}
const specOf = (scope: Chart, kind: string): unknown =>
  z.object({ spec: z.unknown() }).parse(objectOf(scope, kind)).spec;

const container: ContainerProps = {
  name: 'main',
  image: 'example.com/app:1',
  resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: null, memory: '32Mi' } },
};
const pod: DeploymentProps = {
  name: 'till',
  replicas: 1,
  uid: 1000,
  gid: 1000,
  imagePullPolicy: 'IfNotPresent',
  containers: [container],
};

/** The pod template's checksum of what the pod's container mounts and reads. */
function annotationOf(parts: (scope: Chart) => Partial<ContainerProps>): string | undefined {
  const scope = chart();
  new HardenedDeployment(scope, 'till', { ...pod, containers: [{ ...container, ...parts(scope) }] });
  return new RegExp(`"${CHECKSUM_ANNOTATION}":"([0-9a-f]+)"`).exec(textOf(scope))?.[1];
}

describe('a pod', () => {
  const mounting = (scope: Chart, ...volumes: Volume[]) =>
    new HardenedDeployment(scope, 'till', {
      ...pod,
      containers: volumes.map((volume, i) => ({
        ...container,
        name: `c${i}`,
        mounts: [{ volume, path: '/x' }],
      })),
    });

  test.each([
    ['of another size', Volume.emptyDir('x'), Volume.emptyDir('x', { mebibytes: 65 })],
    [
      'of another Secret',
      Volume.secret('x', { name: 'a', keys: [] }),
      Volume.secret('x', { name: 'b', keys: [] }),
    ],
    [
      'of other keys of one Secret',
      Volume.secret('x', { name: 'a', keys: ['ca.crt'] }),
      Volume.secret('x', { name: 'a', keys: ['ca.crt'] }, ['ca.crt']),
    ],
    ['of another kind', Volume.emptyDir('x'), Volume.claim('x')],
  ])('refuses a second volume of one name that is %s', (_, first, second) => {
    expect(() => mounting(chart(), first, second)).toThrow(
      new Error('Two volumes of one pod are named "x"; mount the same one or name them apart'),
    );
  });

  test('takes two equal volumes of one name for one', () => {
    const scope = chart();
    const secret = (): Volume => Volume.secret('x', { name: 'a', keys: ['k', 'l'] }, ['k']);
    mounting(scope, secret(), secret());
    expect(textOf(scope).match(/"secretName"/g)).toHaveLength(1);
    expect(textOf(scope).match(/"mountPath":"\/x"/g)).toHaveLength(2);
  });

  test('has a volume once that several containers mount', () => {
    const scope = chart();
    const mounts = [{ volume: Volume.emptyDir('shared'), path: '/shared' }];
    const containers = [
      { ...container, mounts },
      { ...container, name: 'other', mounts },
    ];
    new HardenedDeployment(scope, 'till', { ...pod, containers });
    expect(textOf(scope).match(/"emptyDir"/g)).toHaveLength(1);
    expect(textOf(scope).match(/"mountPath":"\/shared"/g)).toHaveLength(2);
  });

  test('leaves the limit of CPU out where there is none', () => {
    const scope = chart();
    new HardenedDeployment(scope, 'till', pod);
    expect(textOf(scope)).toContain(
      '"resources":{"limits":{"ephemeral-storage":"64Mi","memory":"32Mi"},"requests":{"cpu":"10m","ephemeral-storage":"64Mi","memory":"16Mi"}}',
    );
  });

  test.each<[string, Volume[], string]>([
    ['its logs alone without scratch space', [], '64Mi'],
    [
      'its logs and the scratch space that it mounts',
      [Volume.emptyDir('a'), Volume.emptyDir('b', { mebibytes: 256 })],
      '384Mi',
    ],
    ['nothing for scratch space in memory', [Volume.emptyDir('a', { memory: true, mebibytes: 512 })], '64Mi'],
    [
      'nothing for a claim and files of a Secret',
      [Volume.claim('data'), Volume.secret('s', { name: 's', keys: [] })],
      '64Mi',
    ],
  ])('may fill of the disk of its node %s', (_, volumes, limit) => {
    const scope = chart();
    const mounts = volumes.map((volume) => ({ volume, path: `/${volume.name}` }));
    new HardenedDeployment(scope, 'till', { ...pod, containers: [{ ...container, mounts }] });
    expect(textOf(scope)).toContain(`"limits":{"ephemeral-storage":"${limit}",`);
    expect(textOf(scope)).toContain('"requests":{"cpu":"10m","ephemeral-storage":"64Mi",');
  });

  test('knows a field of its own where a variable asks for it', () => {
    const scope = chart();
    const env = { NODE: { fieldPath: 'spec.nodeName' }, PLAIN: 'text' };
    new HardenedDeployment(scope, 'till', { ...pod, containers: [{ ...container, env }] });
    expect(textOf(scope)).toContain(
      '"env":[{"name":"NODE","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}},{"name":"PLAIN","value":"text"}]',
    );
  });

  test('has the annotations of its workload on the workload alone', () => {
    const scope = chart();
    new HardenedDeployment(scope, 'till', { ...pod, annotations: { 'kube-score/ignore': 'x' } });
    expect(textOf(scope).match(/"kube-score\/ignore"/g)).toHaveLength(1);
    expect(textOf(scope)).toContain(
      '"kind":"Deployment","metadata":{"annotations":{"kube-score/ignore":"x"},"labels"',
    );
  });

  test('carries the labels of its chart and its name, by which it is selected', () => {
    const scope = chart({ namespace: 'shop', labels: { 'app.kubernetes.io/part-of': 'pos' } });
    new HardenedDeployment(scope, 'till', pod);
    expect(textOf(scope)).toContain(
      '"labels":{"app.kubernetes.io/name":"till","app.kubernetes.io/part-of":"pos"}},"spec":{"automount',
    );
    expect(textOf(scope)).toContain('"selector":{"matchLabels":{"app.kubernetes.io/name":"till"}}');
  });
});

/** What the one pod template of a chart says of a field. */
function podField(field: string, props: Partial<DeploymentProps>): unknown {
  const scope = chart();
  new HardenedDeployment(scope, 'till', { ...pod, ...props });
  const template = z.object({
    spec: z.object({ template: z.object({ spec: z.record(z.string(), z.unknown()) }) }),
  });
  return template.parse(objectOf(scope, 'Deployment')).spec.template.spec[field];
}

describe('where a pod may run', () => {
  const here = {
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'till' } },
  };

  test('is never a node that has another of its workload, when its spread is strict', () => {
    expect(podField('affinity', { spread: 'strict' })).toEqual({
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [here] },
    });
    expect(podField('topologySpreadConstraints', { spread: 'strict' })).toBeUndefined();
  });

  test('is rather another node, and evenly spread over those that take pods, when apart is preferred', () => {
    expect(podField('affinity', { spread: 'preferred' })).toEqual({
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: here }],
      },
    });
    expect(podField('topologySpreadConstraints', { spread: 'preferred' })).toEqual([
      { maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway', nodeTaintsPolicy: 'Honor', ...here },
    ]);
  });

  test('is the nodes that are named, whatever their taints', () => {
    const tolerations = [{ key: 'disk', operator: 'Exists', effect: 'NoSchedule' }];
    expect(podField('nodeSelector', { nodeSelector: { disk: 'fast' } })).toEqual({ disk: 'fast' });
    expect(podField('tolerations', { tolerations })).toEqual(tolerations);
  });

  test('is anywhere when nothing is said, with the priority of anything', () => {
    for (const field of [
      'affinity',
      'topologySpreadConstraints',
      'nodeSelector',
      'tolerations',
      'priorityClassName',
    ])
      expect(podField(field, {})).toBeUndefined();
  });

  test('depends on its priority, where it has one', () => {
    expect(podField('priorityClassName', { priorityClassName: 'stores' })).toBe('stores');
  });
});

describe('a volume', () => {
  const source = (volume: Volume): unknown => defined(volume.source, 'source');

  test('of a Secret shows all its keys, or those alone that are named', () => {
    const secret: SecretRef = { name: 'store-tls', keys: ['tls.crt', 'tls.key', 'ca.crt'] };
    expect(source(Volume.secret('tls', secret))).toEqual({
      secret: { secretName: 'store-tls', defaultMode: 0o440 },
    });
    expect(source(Volume.secret('ca', secret, ['ca.crt']))).toEqual({
      secret: {
        secretName: 'store-tls',
        defaultMode: 0o440,
        items: [{ key: 'ca.crt', path: 'ca.crt' }],
      },
    });
  });

  test('in memory is counted against memory, and any other against the disk', () => {
    expect(Volume.emptyDir('a', { memory: true }).diskMebibytes).toBeUndefined();
    expect(Volume.emptyDir('a', { mebibytes: 5 }).diskMebibytes).toBe(5);
  });
});

describe('the checksum of a pod', () => {
  const files = (scope: Chart, id: string, text: string) =>
    Volume.configFiles(id, new ConfigFiles(scope, id, { name: id, files: { 'a.conf': text } }));
  const secret = (value: string): SecretRef => ({ name: 'key', keys: ['key'], checksum: checksum(value) });

  test('is not there when nothing has content that is known', () => {
    expect(annotationOf(() => ({}))).toBeUndefined();
    expect(
      annotationOf(() => ({
        mounts: [{ volume: Volume.secret('key', { name: 'key', keys: ['key'] }), path: '/key' }],
      })),
    ).toBeUndefined();
  });

  test('changes with a file of a ConfigMap', () => {
    const of = (text: string) =>
      annotationOf((scope) => ({ mounts: [{ volume: files(scope, 'conf', text), path: '/etc/conf' }] }));
    expect(of('a')).toBe(of('a'));
    expect(of('a')).not.toBe(of('b'));
  });

  test('changes with a Secret that is mounted', () => {
    const of = (value: string) =>
      annotationOf(() => ({ mounts: [{ volume: Volume.secret('key', secret(value)), path: '/key' }] }));
    expect(of('a')).not.toBe(of('b'));
  });

  test('changes with a Secret that a variable reads', () => {
    const of = (value: string) => annotationOf(() => ({ env: { KEY: secretKey(secret(value), 'key') } }));
    expect(of('a')).not.toBe(of('b'));
  });

  test('does not depend on the order of mounts', () => {
    const of = (ids: string[]) =>
      annotationOf((scope) => ({
        mounts: ids.map((id) => ({ volume: files(scope, id, id), path: `/${id}` })),
      }));
    expect(of(['a', 'b'])).toBe(of(['b', 'a']));
  });
});

describe('a key of a Secret', () => {
  const secret: SecretRef = { name: 'zakpos-redis', keys: ['password', 'username'] };

  test('that the Secret does not hold is refused, with those that it holds', () => {
    expect(() => secretKey(secret, 'pasword')).toThrow(
      new Error('Secret zakpos-redis has no key "pasword"; it holds password, username'),
    );
  });

  test('becomes a reference, never a value', () => {
    const scope = chart();
    const env = { PASSWORD: secretKey(secret, 'password') };
    new HardenedDeployment(scope, 'till', { ...pod, containers: [{ ...container, env }] });
    expect(textOf(scope)).toContain(
      '"env":[{"name":"PASSWORD","valueFrom":{"secretKeyRef":{"key":"password","name":"zakpos-redis"}}}]',
    );
  });
});

describe('a cluster-scoped object', () => {
  test('loses the namespace of its chart, and only it does', () => {
    const scope = chart();
    clusterScoped(new k8s.KubeClusterRole(scope, 'role', { metadata: { name: 'reader' } }));
    new k8s.KubeRole(scope, 'own', { metadata: { name: 'own' } });
    expect(textOf(scope)).toContain('"kind":"ClusterRole","metadata":{"name":"reader"}');
    expect(textOf(scope)).toContain('"kind":"Role","metadata":{"name":"own","namespace":"shop"}');
  });
});

describe('a budget of disruptions', () => {
  const selector = { matchLabels: { 'app.kubernetes.io/name': 'till' } };
  const unhealthyPodEvictionPolicy = 'AlwaysAllow';
  const autoscaling = (minReplicas: number) => ({ minReplicas, maxReplicas: 5, targetCpu: 70 });

  test.each<[string, Partial<DeploymentProps>, boolean]>([
    ['one pod', { replicas: 1 }, false],
    ['two pods', { replicas: 2 }, true],
    ['one pod at least by an autoscaler', { replicas: 3, autoscaling: autoscaling(1) }, false],
    ['two pods at least by an autoscaler', { replicas: 1, autoscaling: autoscaling(2) }, true],
    ['one pod, whatever it should leave', { replicas: 1, minAvailable: 1 }, false],
  ])('over %s is there: %s', (_, props, there) => {
    const scope = chart();
    new HardenedDeployment(scope, 'till', { ...pod, ...props });
    expect(textOf(scope).includes('"PodDisruptionBudget"')).toBe(there);
  });

  test('lets one pod go at a time, or as many as leave the number that is named', () => {
    const [one, several] = [chart(), chart()];
    new HardenedDeployment(one, 'till', { ...pod, replicas: 5 });
    new HardenedDeployment(several, 'till', { ...pod, replicas: 5, minAvailable: 3 });
    expect(specOf(one, 'PodDisruptionBudget')).toEqual({
      maxUnavailable: 1,
      selector,
      unhealthyPodEvictionPolicy,
    });
    expect(specOf(several, 'PodDisruptionBudget')).toEqual({
      minAvailable: 3,
      selector,
      unhealthyPodEvictionPolicy,
    });
  });
});

describe('an autoscaler', () => {
  const autoscaling = { minReplicas: 2, maxReplicas: 6, targetCpu: 70 };

  test('sets the number of pods, which the Deployment then leaves out', () => {
    const scope = chart();
    new HardenedDeployment(scope, 'till', { ...pod, replicas: 3, autoscaling });
    expect(specOf(scope, 'Deployment')).not.toHaveProperty('replicas');
    expect(specOf(scope, 'HorizontalPodAutoscaler')).toMatchObject({
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'till' },
      minReplicas: 2,
      maxReplicas: 6,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
        },
      ],
    });
  });

  test('adds pods at once, and takes one a minute after five quiet minutes', () => {
    const scope = chart();
    new HardenedDeployment(scope, 'till', { ...pod, autoscaling });
    expect(specOf(scope, 'HorizontalPodAutoscaler')).toMatchObject({
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 0 },
        scaleDown: {
          stabilizationWindowSeconds: 300,
          policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
        },
      },
    });
  });

  test('is not there where a Deployment has its number', () => {
    const scope = chart();
    new HardenedDeployment(scope, 'till', { ...pod, replicas: 3 });
    expect(specOf(scope, 'Deployment')).toMatchObject({ replicas: 3 });
    expect(textOf(scope)).not.toContain('HorizontalPodAutoscaler');
  });
});

describe('a rollout', () => {
  test('that may not surge ends the old pod first', () => {
    const scope = chart();
    new HardenedDeployment(scope, 'till', { ...pod, surge: false });
    expect(textOf(scope)).toContain('"strategy":{"type":"Recreate"}');
  });
});

describe('a StatefulSet', () => {
  test('takes its claims by the names of their volumes, of the class that is named', () => {
    const scope = chart();
    const data = Volume.claim('data');
    new HardenedStatefulSet(scope, 'store', {
      ...pod,
      name: 'store',
      servicePorts: { client: 5432 },
      claims: [{ name: data.name, size: '2Gi', storageClass: 'fast' }],
      containers: [
        { ...container, ports: { client: 5432 }, mounts: [{ volume: data, path: '/data', subPath: 'a' }] },
      ],
    });
    const text = textOf(scope);
    expect(text).toContain('"volumeMounts":[{"mountPath":"/data","name":"data","subPath":"a"}]');
    expect(text).toContain('"resources":{"requests":{"storage":"2Gi"}},"storageClassName":"fast"}');
    expect(text).toContain('"serviceName":"store-headless"');
    expect(text).not.toContain('"volumes"');
  });
});

describe('a Job', () => {
  const nameOf = (command: string[]): string => {
    const scope = chart();
    new HardenedJob(scope, 'job', {
      ...pod,
      restartPolicy: 'OnFailure',
      backoffLimit: 1,
      activeDeadlineSeconds: 60,
      containers: [{ ...container, command }],
    });
    const [, name = ''] =
      /"kind":"Job","metadata":\{"labels":\{[^}]*\},"name":"([^"]+)"/.exec(textOf(scope)) ?? [];
    return name;
  };

  test('is named by what it does: the same twice, another for another', () => {
    expect(nameOf(['a'])).toMatch(/^till-[0-9a-f]{8}$/);
    expect(nameOf(['a'])).toBe(nameOf(['a']));
    expect(nameOf(['a'])).not.toBe(nameOf(['b']));
  });
});

test('probes keep their own limits of time', () => {
  const ask = {
    startup: Check.tcp('http'),
    readiness: Check.http('/ready', 'http'),
    liveness: Check.exec('true'),
  };
  const { startupProbe, readinessProbe } = probes({ ...ask, startupSeconds: 600, timeoutSeconds: 2 });
  expect([
    startupProbe?.failureThreshold,
    startupProbe?.periodSeconds,
    readinessProbe?.timeoutSeconds,
  ]).toEqual([600, 1, 2]);
  expect(probes(ask).startupProbe?.failureThreshold).toBe(120);
});

describe('network policies', () => {
  const pods = (name: string, namespace = 'shop'): Peer => ({
    kind: 'pods',
    namespace,
    labels: { 'app.kubernetes.io/name': name },
  });
  const policyOf = (name: string, edges: readonly Edge[]): unknown => {
    const scope = chart();
    new NetworkPolicies(scope, 'policies', { namespace: 'shop', workloads: ['till', 'store'], edges });
    const objects = z
      .array(z.object({ metadata: z.object({ name: z.string() }), spec: z.unknown() }))
      .parse(scope.toJson());
    return only(
      objects.filter(({ metadata }) => metadata.name === name),
      name,
    ).spec;
  };

  test('of a workload without edges are closed, with no empty list', () => {
    expect(policyOf('till', [])).toEqual({
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'till' } },
      policyTypes: ['Ingress', 'Egress'],
    });
  });

  test('open an edge at both its ends', () => {
    const edges = [{ from: pods('till'), to: pods('store'), ports: [5432] }];
    const ports = [{ port: 5432, protocol: 'TCP' }];
    const peer = (name: string) => [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': name } } }];
    expect(policyOf('till', edges)).toMatchObject({ egress: [{ to: peer('store'), ports }] });
    expect(policyOf('store', edges)).toMatchObject({ ingress: [{ from: peer('till'), ports }] });
    expect(policyOf('store', edges)).not.toHaveProperty('egress');
  });

  test('name the namespace of a peer elsewhere, the addresses of one outside, and UDP where it is meant', () => {
    const dns: Edge = { from: pods('till'), to: pods('dns', 'kube-system'), ports: [53], udp: true };
    const outside: Edge = {
      from: pods('till'),
      to: { kind: 'address', cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] },
      ports: [443],
    };
    expect(policyOf('till', [dns, outside])).toMatchObject({
      egress: [
        {
          to: [
            {
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
              podSelector: { matchLabels: { 'app.kubernetes.io/name': 'dns' } },
            },
          ],
          ports: [
            { port: 53, protocol: 'TCP' },
            { port: 53, protocol: 'UDP' },
          ],
        },
        {
          to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }],
          ports: [{ port: 443, protocol: 'TCP' }],
        },
      ],
    });
  });
});

describe('watching a file', () => {
  /** Runs a script that watches for a moment, with a `sleep` that changes the file between two looks. */
  function watch(changes: readonly string[], command: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'zakpos-watch-'));
    try {
      const [file, log, bin] = [join(folder, 'file'), join(folder, 'log'), join(folder, 'bin')];
      writeFileSync(file, 'first');
      writeFileSync(log, '');
      mkdirSync(bin);
      // The n-th look sees the n-th text; after the last one, it ends.
      writeFileSync(
        join(bin, 'sleep'),
        `#!/bin/sh\n[ "$(ls ${folder} | grep -c '^change-')" -gt 0 ] || exit 1\nfirst=$(ls ${folder}/change-* | head -n 1)\nmv "$first" ${file}\n`,
        { mode: 0o755 },
      );
      for (const [i, text] of changes.entries()) writeFileSync(join(folder, `change-${i}`), text);
      execFileSync('sh', ['-euc', `${whenFileChanges(file, command.replaceAll('LOG', log))}wait`], {
        env: { PATH: `${bin}:${process.env.PATH ?? ''}` },
      });
      return readFileSync(log, 'utf8');
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test('runs its command once for each content that is new', () => {
    expect(watch(['first', 'second', 'second', 'third', 'third'], 'echo x >> LOG')).toBe('x\nx\n');
  });

  test('runs its command again until it succeeds', () => {
    expect(watch(['second', 'second', 'second', 'second'], 'echo x >> LOG && [ $(wc -l < LOG) -ge 3 ]')).toBe(
      'x\nx\nx\n',
    );
  });
});
