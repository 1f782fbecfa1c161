/** kind-config.yaml maps each port that the product may use, once and for good: a cluster can't be given more later. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { NODE_PORTS } from '../charts/names.ts';
import { configWith, only, render, ROOT, services } from './manifests.ts';

const file = readFileSync(join(ROOT, 'kind-config.yaml'), 'utf8');
const config = z
  .strictObject({
    kind: z.literal('Cluster'),
    apiVersion: z.literal('kind.x-k8s.io/v1alpha4'),
    nodes: z.array(
      z.strictObject({
        role: z.string(),
        labels: z.record(z.string(), z.string()),
        extraMounts: z.array(
          z.strictObject({
            hostPath: z.string(),
            containerPath: z.string(),
          }),
        ),
        extraPortMappings: z.array(
          z.strictObject({ containerPort: z.int(), hostPort: z.int(), listenAddress: z.string() }),
        ),
      }),
    ),
  })
  .safeParse(parse(file));

test('it is a configuration of kind, with no field that kind knows nothing of', () => {
  expect(config.error?.issues ?? []).toEqual([]);
});

const node = () => only(config.data?.nodes ?? [], 'node');
const byNodePort = (ports: Readonly<Record<string, number>>): Record<number, string> =>
  Object.fromEntries(Object.entries(ports).map(([name, port]) => [port, name]));

test('each port of the laptop leads to the port of the node that stands for it', () => {
  const { localPorts } = configWith('dev');
  const names = byNodePort(NODE_PORTS);
  const mapped = node().extraPortMappings.map(({ containerPort, hostPort }) => [
    names[containerPort],
    hostPort,
  ]);
  expect(Object.fromEntries(mapped)).toEqual(localPorts);
  expect(mapped).toHaveLength(Object.keys(localPorts).length);
});

test('the comment beside each mapping names it', () => {
  const names = byNodePort(NODE_PORTS);
  for (const [, port = '', comment] of file.matchAll(/containerPort: (\d+),.*# (\w+)$/gm)) {
    expect(`${port} ${String(comment)}`).toBe(`${port} ${String(names[Number(port)])}`);
  }
  expect(file.match(/containerPort: \d+,.*# \w+$/gm)).toHaveLength(Object.keys(NODE_PORTS).length);
});

test('the ports that people know from Docker are the defaults', () => {
  expect(configWith('dev').localPorts).toMatchObject({ api: 39847, web: 41923, mobile: 19006 });
});

test('nothing listens beyond the laptop', () => {
  expect(new Set(node().extraPortMappings.map(({ listenAddress }) => listenAddress))).toEqual(
    new Set(['127.0.0.1']),
  );
});

test('the node carries the label by which the cluster is known to be ours', () => {
  expect(node().labels).toEqual({ 'zakpos.io/cluster': 'zakpos' });
});

test('the sources of the apps are there for dev servers', () => {
  expect(node().extraMounts).toEqual([{ hostPath: './apps', containerPath: '/zakpos/apps' }]);
});

test('each port of a node that a Service takes is mapped, and free in Kubernetes', () => {
  const taken = services(render('dev')).flatMap(({ spec }) =>
    spec.ports.flatMap(({ nodePort }) => nodePort ?? []),
  );
  expect(taken).toHaveLength(5);
  for (const port of taken)
    expect(node().extraPortMappings.map(({ containerPort }) => containerPort)).toContain(port);
  for (const port of Object.values(NODE_PORTS)) expect(port >= 30_000 && port <= 32_767).toBe(true);
  expect(new Set(Object.values(NODE_PORTS)).size).toBe(Object.keys(NODE_PORTS).length);
});
