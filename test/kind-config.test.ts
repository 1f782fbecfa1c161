/** The files for kind map each port that the product may use, once and for good: a cluster can't be given more later. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { NODE_PORTS, POD_NETWORK } from '../charts/names.ts';
import { configWith, defined, only, render, ROOT, services, workload, type Rendered } from './manifests.ts';

const config = z.strictObject({
  kind: z.literal('Cluster'),
  apiVersion: z.literal('kind.x-k8s.io/v1alpha4'),
  networking: z.strictObject({ podSubnet: z.string() }).optional(),
  nodes: z.array(
    z.strictObject({
      role: z.string(),
      labels: z.record(z.string(), z.string()),
      extraMounts: z
        .array(
          z.strictObject({
            hostPath: z.string(),
            containerPath: z.string(),
          }),
        )
        .default([]),
      extraPortMappings: z
        .array(z.strictObject({ containerPort: z.int(), hostPort: z.int(), listenAddress: z.string() }))
        .default([]),
    }),
  ),
});

interface KindConfig {
  readonly text: string;
  readonly networking?: z.output<typeof config>['networking'];
  readonly nodes: z.output<typeof config>['nodes'];
}
function read(file: string): KindConfig {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return { text, ...config.parse(parse(text)) };
}
const laptop = read('kind-config.yaml');
const production = read('kind-config.prod.yaml');
const controlPlane = ({ nodes }: KindConfig) =>
  only(
    nodes.filter(({ role }) => role === 'control-plane'),
    'control plane',
  );
const workers = ({ nodes }: KindConfig) => nodes.filter(({ role }) => role === 'worker');

const byNodePort = (ports: Readonly<Record<string, number>>): Record<number, string> =>
  Object.fromEntries(Object.entries(ports).map(([name, port]) => [port, name]));
/** Fields of localPorts by the ports of this machine that are mapped to their node ports. */
const mapped = (of: KindConfig): Record<string, number> =>
  Object.fromEntries(
    controlPlane(of).extraPortMappings.map(({ containerPort, hostPort }) => [
      defined(byNodePort(NODE_PORTS)[containerPort], `name of ${containerPort}`),
      hostPort,
    ]),
  );
/** Ports of the nodes that Services take, by their names; that of an inspector by its app's. */
const takenBy = (rendered: Rendered): Record<string, number> =>
  Object.fromEntries(
    services(rendered).flatMap((service) =>
      service.spec.ports.flatMap(({ name, nodePort }) =>
        nodePort === undefined
          ? []
          : [[name === 'debug' ? `${service.name.split('-')[1] ?? ''}Debug` : name, nodePort]],
      ),
    ),
  );

describe.each([
  ['kind-config.yaml', laptop, 'zakpos'],
  ['kind-config.prod.yaml', production, 'zakpos-prod'],
])('%s', (_, file, cluster) => {
  test('maps each port of the laptop to the port of the node that stands for it', () => {
    const { localPorts } = configWith('dev');
    expect(localPorts).toMatchObject(mapped(file));
    expect(Object.keys(mapped(file))).toHaveLength(controlPlane(file).extraPortMappings.length);
  });

  test('names each mapping in the comment beside it', () => {
    const names = byNodePort(NODE_PORTS);
    for (const [, port = '', comment] of file.text.matchAll(/containerPort: (\d+),.*# (\w+)$/gm)) {
      expect(`${port} ${String(comment)}`).toBe(`${port} ${String(names[Number(port)])}`);
    }
    expect(file.text.match(/containerPort: \d+,.*# \w+$/gm)).toHaveLength(Object.keys(mapped(file)).length);
  });

  test('lets nothing listen beyond the laptop', () => {
    const addresses = controlPlane(file).extraPortMappings.map(({ listenAddress }) => listenAddress);
    expect(new Set(addresses)).toEqual(new Set(['127.0.0.1']));
  });

  test('labels every node, by which the cluster is known to be ours', () => {
    for (const { labels } of file.nodes) expect(labels).toEqual({ 'zakpos.io/cluster': cluster });
  });

  test('maps each port of a node that a Service takes', () => {
    const taken = takenBy(file === laptop ? render('dev') : render('prod', {}, true));
    expect(Object.keys(taken)).toEqual([
      ...(file === laptop ? ['postgres', 'redis', 'kafka'] : []),
      ...['http', 'https', 'api', 'web', 'mobile'],
      ...(file === laptop ? ['apiDebug', 'webDebug'] : []),
    ]);
    for (const [name, port] of Object.entries(taken)) {
      expect(NODE_PORTS).toMatchObject({ [name]: port });
      expect(Object.keys(mapped(file))).toContain(name);
    }
  });
});

describe('the laptop', () => {
  test('is one node with a mapping for every port that there is', () => {
    expect(laptop.nodes).toHaveLength(1);
    expect(mapped(laptop)).toEqual(configWith('dev').localPorts);
  });

  test('has the ports that people know from Docker by default', () => {
    expect(configWith('dev').localPorts).toMatchObject({ api: 39847, web: 41923, mobile: 19006 });
  });

  test('has the pods in the network that policies tell from this machine', () => {
    expect(laptop.networking).toEqual({ podSubnet: POD_NETWORK });
  });

  test('has the sources of the apps for dev servers', () => {
    expect(controlPlane(laptop).extraMounts).toEqual([{ hostPath: './apps', containerPath: '/zakpos/apps' }]);
  });
});

describe('production on a laptop', () => {
  const onKind = render('prod', {}, true);

  test('has a worker for each broker and each ZooKeeper, which are never on one node', () => {
    const { kafka, zookeeper } = onKind.config;
    expect(production.nodes).toHaveLength(1 + workers(production).length);
    expect(workers(production).length).toBeGreaterThanOrEqual(Math.max(kafka.replicas, zookeeper.replicas));
  });

  test('has the ports of Traefik alone, all on the control plane', () => {
    expect(Object.keys(mapped(production))).toEqual(Object.keys(takenBy(onKind)));
    for (const { extraPortMappings } of workers(production)) expect(extraPortMappings).toEqual([]);
  });

  test('has Traefik where its ports are, though that node takes no other pods', () => {
    const { pod } = workload(onKind, 'traefik');
    const label = 'node-role.kubernetes.io/control-plane';
    expect(pod.nodeSelector).toEqual({ [label]: '' });
    const toleration = defined(pod.tolerations[0], 'toleration');
    expect(toleration).toMatchObject({ key: label, operator: 'Exists', effect: 'NoSchedule' });
  });

  test('mounts nothing of the laptop', () => {
    for (const { extraMounts } of production.nodes) expect(extraMounts).toEqual([]);
  });
});

test('ports of nodes are of those that Kubernetes leaves free, each for one thing', () => {
  for (const port of Object.values(NODE_PORTS)) expect(port >= 30_000 && port <= 32_767).toBe(true);
  expect(new Set(Object.values(NODE_PORTS)).size).toBe(Object.keys(NODE_PORTS).length);
});
