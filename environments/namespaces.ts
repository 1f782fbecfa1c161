/** The namespaces that an environment has pods in. */
import { hasLogs } from './monitoring.ts';
import type { Config } from './schema.ts';

/** Whether this project's own add-ons run in the cluster, in a namespace beside the product's. */
const ownsAddons = ({ addons }: Config): boolean => addons.traefik.enabled || addons.metricsServer.enabled;

/** Those with Pod Security `restricted`: the product's, and that of the add-ons where there are any. */
export const restrictedNamespaces = (config: Config): string[] =>
  ownsAddons(config) ? [config.namespace, config.systemNamespace] : [config.namespace];

/** That of the collector of logs, which has one to itself. */
export const agentsNamespace = ({
  namespace,
  monitoring,
}: Pick<Config, 'namespace' | 'monitoring'>): string =>
  monitoring.bundled.logs.namespace ?? `${namespace}-node-agents`;

/** All of them. */
export const ownNamespaces = (config: Config): string[] => [
  ...restrictedNamespaces(config),
  ...(hasLogs(config) ? [agentsNamespace(config)] : []),
];
