/** The constructs that charts share, by themselves. */
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
import {
  HardenedDeployment,
  HardenedJob,
  HardenedStatefulSet,
  type DeploymentProps,
} from '../lib/workloads.ts';
import { only } from './manifests.ts';

const chart = (props: ChartProps = { namespace: 'shop', disableResourceNameHashes: true }): Chart =>
  new Chart(Testing.app(), 'chart', props);
/** Objects of a chart as text, in which a test looks for a part. */
const textOf = (of: Chart): string => JSON.stringify(of.toJson());

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
  test('refuses two volumes of one name', () => {
    const mounts = [
      { volume: Volume.emptyDir('tmp'), path: '/tmp' },
      { volume: Volume.emptyDir('tmp'), path: '/var/tmp' },
    ];
    expect(
      () => new HardenedDeployment(chart(), 'till', { ...pod, containers: [{ ...container, mounts }] }),
    ).toThrow(new Error('Two volumes of one pod are named "tmp"; mount the same one or name them apart'));
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
      '"resources":{"limits":{"memory":"32Mi"},"requests":{"cpu":"10m","memory":"16Mi"}}',
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
  test.each([
    [1, false],
    [2, true],
  ])('with %i replicas is there: %s', (replicas, there) => {
    const scope = chart();
    new HardenedDeployment(scope, 'till', { ...pod, replicas });
    expect(textOf(scope).includes('"PodDisruptionBudget"')).toBe(there);
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
