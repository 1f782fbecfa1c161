/** kind's configuration, made from kind-config.yaml for one cluster: its name, its ports, its folders. */
import { isAbsolute, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { NODE_PORTS, type LocalPort } from '../environments/local-ports.ts';
import type { EnvironmentName } from '../environments/schema.ts';
import { CliError } from './errors.ts';

/** Label on every node of a cluster that is this project's. */
export const CLUSTER_LABEL = 'zakpos.io/cluster';

const kindConfig = z.looseObject({
  nodes: z.array(
    z.looseObject({
      labels: z.record(z.string(), z.string()).default({}),
      extraMounts: z.array(z.looseObject({ hostPath: z.string(), containerPath: z.string() })).default([]),
      extraPortMappings: z
        .array(z.looseObject({ containerPort: z.int(), hostPort: z.int().optional() }))
        .default([]),
    }),
  ),
});

/** kind's configuration of an environment: one node, or what production's stores are spread over. */
export const kindConfigOf = (environment: EnvironmentName): string =>
  environment === 'prod' || environment === 'cloud' ? 'kind-config.prod.yaml' : 'kind-config.yaml';

export interface KindConfigProps {
  /** Name of the cluster. */
  readonly cluster: string;
  /** Folder that relative host paths start from. */
  readonly root: string;
  readonly ports: Readonly<Record<LocalPort, number>>;
  /** Whether phones of the same network reach the mobile app and the API. */
  readonly forPhones: boolean;
}

/** What a phone needs; everything else is for this machine alone. */
const PORTS_FOR_PHONES: readonly number[] = [NODE_PORTS.mobile, NODE_PORTS.api];

/** The text for `kind create cluster --config -`. */
export function generateKindConfig(
  template: string,
  { cluster, root, ports, forPhones }: KindConfigProps,
): string {
  const config = kindConfig.parse(parse(template));
  return stringify({
    ...config,
    nodes: config.nodes.map((node) => ({
      ...node,
      labels: { ...node.labels, [CLUSTER_LABEL]: cluster },
      extraMounts: node.extraMounts.map((mount) => ({
        ...mount,
        hostPath: hostFolder(mount.hostPath, root),
      })),
      extraPortMappings: node.extraPortMappings.map((mapping) => ({
        ...mapping,
        hostPort: hostPortOf(mapping.containerPort, ports),
        ...(forPhones && PORTS_FOR_PHONES.includes(mapping.containerPort)
          ? { listenAddress: '0.0.0.0' }
          : {}),
      })),
    })),
  });
}

/** Folder of every node of such a cluster in which the checkout's apps/ is; none where it has none. */
export const sourcesIn = (template: string): string | undefined =>
  kindConfig
    .parse(parse(template))
    .nodes.flatMap((node) => node.extraMounts)
    .find(({ hostPath }) => hostPath === './apps')?.containerPath;

/** The ports of this machine that a cluster of this configuration takes. */
export function mappedPorts(
  template: string,
  ports: Readonly<Record<LocalPort, number>>,
): Readonly<Record<string, number>> {
  const mapped = new Set(
    kindConfig
      .parse(parse(template))
      .nodes.flatMap((node) => node.extraPortMappings.map(({ containerPort }) => containerPort)),
  );
  const fields = Object.entries(NODE_PORTS).flatMap(([field, port]) => (mapped.has(port) ? [field] : []));
  return Object.fromEntries(Object.entries(ports).filter(([field]) => fields.includes(field)));
}

/** The folders of this machine that a cluster of this configuration mounts, such as `/src/apps:/zakpos/apps`. */
export const mountedFolders = (template: string, root: string): readonly string[] =>
  kindConfig
    .parse(parse(template))
    .nodes.flatMap((node) =>
      node.extraMounts.map(({ hostPath, containerPath }) => `${hostFolder(hostPath, root)}:${containerPath}`),
    );

const hostFolder = (path: string, root: string): string => (isAbsolute(path) ? path : join(root, path));

/** The port of this machine that stands for a port of the node. */
function hostPortOf(nodePort: number, ports: Readonly<Record<string, number>>): number {
  const [field] = Object.entries(NODE_PORTS).find(([, port]) => port === nodePort) ?? [];
  const hostPort = field === undefined ? undefined : ports[field];
  if (hostPort === undefined) {
    throw new CliError(
      `kind's configuration maps containerPort ${nodePort}, which no field of localPorts stands for.`,
      'Name it in environments/local-ports.ts, or take the mapping out.',
    );
  }
  return hostPort;
}
