/** What kind is given: the template with the cluster's name, the ports of the configuration and whole paths. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  CLUSTER_LABEL,
  generateKindConfig,
  kindConfigOf,
  mappedPorts,
  sourcesIn,
} from '../../cli/kind-config.ts';
import { NODE_PORTS } from '../../environments/local-ports.ts';
import { ENVIRONMENTS } from '../../environments/schema.ts';
import { configWith, only, ROOT } from '../manifests.ts';

const template = readFileSync(join(ROOT, 'kind-config.yaml'), 'utf8');
const production = readFileSync(join(ROOT, 'kind-config.prod.yaml'), 'utf8');
const schema = z.looseObject({
  nodes: z.array(
    z.looseObject({
      labels: z.record(z.string(), z.string()),
      extraMounts: z.array(z.looseObject({ hostPath: z.string() })),
      extraPortMappings: z.array(z.looseObject({ containerPort: z.int(), hostPort: z.int() })),
    }),
  ),
});

/** What is made of a template, for a cluster "shop" of a repository in /repo. */
function generated(from = template, ports: object = {}, forPhones = false) {
  const { localPorts } = configWith('dev', { localPorts: ports });
  const props = { cluster: 'shop', root: '/repo', ports: localPorts, forPhones };
  return schema.parse(parse(generateKindConfig(from, props)));
}
const node = (...args: Parameters<typeof generated>) => only(generated(...args).nodes, 'node');

/** A template of one node with some fields. */
const withNode = (fields: object): string => JSON.stringify({ nodes: [{ role: 'worker', ...fields }] });

test('every node carries the name of the cluster as its label, beside the labels that it has', () => {
  expect(CLUSTER_LABEL).toBe('zakpos.io/cluster');
  expect(node().labels).toEqual({ 'zakpos.io/cluster': 'shop' });
  expect(node(withNode({ labels: { disk: 'fast' } })).labels).toEqual({
    disk: 'fast',
    'zakpos.io/cluster': 'shop',
  });
  const two = JSON.stringify({ nodes: [{ role: 'control-plane' }, { role: 'worker' }] });
  expect(generated(two).nodes.map(({ labels }) => labels[CLUSTER_LABEL])).toEqual(['shop', 'shop']);
});

test('each port of this machine is what localPorts says, and only those that it names differ', () => {
  const hostPorts = (ports: object) =>
    Object.fromEntries(
      node(template, ports).extraPortMappings.map(({ containerPort, hostPort }) => [containerPort, hostPort]),
    );
  expect(hostPorts({ http: 8080, kafka: 19092 })).toEqual({
    ...hostPorts({}),
    [NODE_PORTS.http]: 8080,
    [NODE_PORTS.kafka]: 19092,
  });
  expect(hostPorts({})).toMatchObject({ [NODE_PORTS.http]: 80, [NODE_PORTS.kafka]: 9092 });
});

test('a folder of the repository becomes a whole path, and a whole path stays', () => {
  const mounts = [
    { hostPath: './apps', containerPath: '/zakpos/apps', readOnly: true },
    { hostPath: '/var/cache', containerPath: '/cache' },
  ];
  expect(node().extraMounts).toEqual([{ hostPath: '/repo/apps', containerPath: '/zakpos/apps' }]);
  expect(node(withNode({ extraMounts: mounts })).extraMounts).toEqual([
    { hostPath: '/repo/apps', containerPath: '/zakpos/apps', readOnly: true },
    { hostPath: '/var/cache', containerPath: '/cache' },
  ]);
});

test('everything else of the template is as it was', () => {
  expect(generated()).toMatchObject({ kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4' });
  expect(node().role).toBe('control-plane');
  for (const { listenAddress } of node().extraPortMappings) expect(listenAddress).toBe('127.0.0.1');
});

test('phones reach the mobile app and the API, and nothing else, where they are to', () => {
  const open = node(template, {}, true).extraPortMappings.filter(
    ({ listenAddress }) => listenAddress !== '127.0.0.1',
  );
  expect(open).toEqual([
    { containerPort: NODE_PORTS.api, hostPort: 39847, listenAddress: '0.0.0.0' },
    { containerPort: NODE_PORTS.mobile, hostPort: 19006, listenAddress: '0.0.0.0' },
  ]);
});

test('the folder of the sources in the node is known from the template, where there is one', () => {
  expect(sourcesIn(template)).toBe('/zakpos/apps');
  expect(sourcesIn(production)).toBeUndefined();
});

test('a port of the node that no field stands for is named', () => {
  expect(() => generated(withNode({ extraPortMappings: [{ containerPort: 31234, hostPort: 1 }] }))).toThrow(
    "kind's configuration maps containerPort 31234, which no field of localPorts stands for.\n" +
      '  Name it in environments/local-ports.ts, or take the mapping out.',
  );
});

test('prod and cloud have a cluster of several nodes, dev and test of one', () => {
  expect(ENVIRONMENTS.map(kindConfigOf)).toEqual([
    'kind-config.yaml',
    'kind-config.yaml',
    'kind-config.prod.yaml',
    'kind-config.prod.yaml',
  ]);
});

test('of several nodes each carries the name of the cluster, and the ports of the one that has them follow', () => {
  const { nodes } = generated(production, { https: 8443 });
  expect(nodes.map(({ role, labels }) => [role, labels[CLUSTER_LABEL]])).toEqual([
    ['control-plane', 'shop'],
    ['worker', 'shop'],
    ['worker', 'shop'],
    ['worker', 'shop'],
  ]);
  expect(nodes.map(({ extraPortMappings }) => extraPortMappings.length)).toEqual([5, 0, 0, 0]);
  expect(nodes[0]?.extraPortMappings).toContainEqual(
    expect.objectContaining({ containerPort: NODE_PORTS.https, hostPort: 8443 }),
  );
});

describe('the ports that a cluster takes of this machine', () => {
  const { localPorts } = configWith('dev', { localPorts: { http: 8080, kafka: 19092 } });

  test('are those that its configuration maps, with the numbers of localPorts', () => {
    expect(mappedPorts(template, localPorts)).toEqual(localPorts);
    expect(mappedPorts(production, localPorts)).toEqual({
      http: 8080,
      https: 443,
      api: 39847,
      web: 41923,
      mobile: 19006,
    });
  });

  test('are none where nothing is mapped', () => {
    expect(mappedPorts(withNode({}), localPorts)).toEqual({});
  });
});
