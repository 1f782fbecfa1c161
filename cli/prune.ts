/** Deletes what an earlier `up` applied and the manifests no longer hold. */
import { z } from 'zod';
import { agentsNamespace } from '../environments/namespaces.ts';
import type { Config } from '../environments/schema.ts';
import type { Manifest } from './environment.ts';
import type { Kubectl } from './kubectl.ts';

/**
 * Kinds that are pruned: every kind that a chart makes but those in {@link NEVER_PRUNED}. What controllers make of
 * them (ReplicaSets, Pods, EndpointSlices) goes with its owner.
 */
export const PRUNED = {
  namespaced: [
    'ConfigMap',
    'CronJob',
    'DaemonSet',
    'Deployment',
    'HorizontalPodAutoscaler',
    'Ingress',
    'Job',
    'LimitRange',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'ResourceQuota',
    'Role',
    'RoleBinding',
    'Service',
    'ServiceAccount',
    'StatefulSet',
  ],
  clusterScoped: ['APIService', 'ClusterRole', 'ClusterRoleBinding', 'IngressClass', 'PriorityClass'],
  /** Kinds of others, in namespaces; only where their CRD is there. */
  custom: [
    'certificates.cert-manager.io',
    'issuers.cert-manager.io',
    'httproutes.gateway.networking.k8s.io',
    'middlewares.traefik.io',
    'tlsoptions.traefik.io',
    'scheduledbackups.postgresql.cnpg.io',
    'podmonitors.monitoring.coreos.com',
    'prometheusrules.monitoring.coreos.com',
  ],
} as const;

/** Kinds that hold what can't be made again. */
export const NEVER_PRUNED = [
  // A database, and Secrets that go with what made them.
  'Cluster',
  'ExternalSecret',
  'CustomResourceDefinition',
  'Namespace',
  // That of the mounted sources, to which a claim is bound.
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Secret',
] as const;

const SELECTOR = 'app.kubernetes.io/part-of=zakpos,app.kubernetes.io/managed-by=zakpos';

const liveObject = z.object({
  kind: z.string(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string().optional(),
    ownerReferences: z.array(z.unknown()).optional(),
    deletionTimestamp: z.string().optional(),
  }),
});
export type LabelledObject = z.output<typeof liveObject>;
const liveList = z.object({ items: z.array(liveObject) });

/** Where to look for what isn't wanted any more. */
export interface PruneScope {
  /** Namespaces that are all this environment's. */
  readonly namespaces: readonly string[];
  /**
   * Whether objects without a namespace and those in kube-system are this environment's, too: in a cluster of its
   * own. In any other, another installation may share them.
   */
  readonly wholeCluster: boolean;
}

/** What of a cluster is an environment's. In somebody else's, another installation may share the add-ons. */
export const pruneScopeOf = (config: Config, onKind: boolean): PruneScope => ({
  wholeCluster: onKind,
  namespaces: onKind
    ? [config.namespace, config.systemNamespace, agentsNamespace(config)]
    : [config.namespace, agentsNamespace(config)],
});

/** Deletes what carries the product's labels and isn't in the manifests, and answers its names. */
export async function prune(
  kubectl: Kubectl,
  wanted: readonly Manifest[],
  scope: PruneScope,
): Promise<string[]> {
  const unwanted = await findUnwanted(kubectl, wanted, scope);
  for (const [namespace, names] of byNamespace(unwanted)) {
    const flags = namespace === '' ? [] : ['--namespace', namespace];
    await kubectl.run(['delete', ...flags, '--ignore-not-found', '--wait=false', ...names]);
  }
  return unwanted.map(title);
}

/** What carries the product's labels and isn't in the manifests. */
export async function findUnwanted(
  kubectl: Kubectl,
  wanted: readonly Manifest[],
  scope: PruneScope,
): Promise<LabelledObject[]> {
  const list = async (kinds: readonly string[], flags: readonly string[]): Promise<LabelledObject[]> =>
    (await kubectl.json(liveList, ['get', kinds.join(','), ...flags, '-l', SELECTOR]))?.items ?? [];
  const crds = (await kubectl.run(['get', 'customresourcedefinitions', '-o', 'name'])).split('\n');
  const custom = PRUNED.custom.filter((name) => crds.some((crd) => crd.endsWith(`/${name}`)));
  const namespaced = [...PRUNED.namespaced, ...custom];
  const found = scope.wholeCluster
    ? [list([...namespaced, ...PRUNED.clusterScoped], ['--all-namespaces'])]
    : scope.namespaces.map((namespace) => list(namespaced, ['--namespace', namespace]));
  return selectUnwanted((await Promise.all(found)).flat(), wanted, scope);
}

/** The objects that are in the scope, not wanted, and nobody else's to delete. */
export function selectUnwanted(
  found: readonly LabelledObject[],
  wanted: readonly Manifest[],
  { namespaces, wholeCluster }: PruneScope,
): LabelledObject[] {
  const kept = new Set(wanted.map(identity));
  const isInScope = ({ metadata: { namespace } }: LabelledObject): boolean =>
    namespace === undefined || namespace === 'kube-system' ? wholeCluster : namespaces.includes(namespace);
  return found.filter(
    (object) =>
      isInScope(object) &&
      !kept.has(identity(object)) &&
      !NEVER_PRUNED.some((kind) => kind === object.kind) &&
      object.metadata.ownerReferences === undefined &&
      object.metadata.deletionTimestamp === undefined,
  );
}

const title = ({ kind, metadata }: LabelledObject): string => `${kind}/${metadata.name}`;

const identity = (object: LabelledObject): string => `${object.metadata.namespace ?? ''} ${title(object)}`;

function byNamespace(objects: readonly LabelledObject[]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const object of objects) {
    const namespace = object.metadata.namespace ?? '';
    names.set(namespace, [...(names.get(namespace) ?? []), title(object)]);
  }
  return names;
}
