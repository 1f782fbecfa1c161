/** Deletes what an earlier `up` applied and the manifests no longer hold. */
import { z } from 'zod';
import type { Manifest } from './environment.ts';
import type { Kubectl } from './kubectl.ts';

/**
 * Kinds that are pruned: every kind that a chart makes but those in {@link NEVER_PRUNED}. What controllers make of
 * them (ReplicaSets, Pods, EndpointSlices) goes with its owner.
 */
export const PRUNED = {
  namespaced: [
    'ConfigMap',
    'Deployment',
    'HorizontalPodAutoscaler',
    'Ingress',
    'Job',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'Role',
    'RoleBinding',
    'Service',
    'ServiceAccount',
    'StatefulSet',
  ],
  clusterScoped: ['APIService', 'ClusterRole', 'ClusterRoleBinding', 'IngressClass'],
} as const;

/** Kinds that hold what can't be made again. */
export const NEVER_PRUNED = [
  'CustomResourceDefinition',
  'Namespace',
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

/**
 * Deletes what isn't wanted any more and answers its names. Only the namespaces that the manifests themselves hold
 * are looked into; what has no namespace, or lies in one of the system's, is only deleted from `wholeCluster`s, since
 * another installation in the same cluster may share it.
 */
export async function prune(
  kubectl: Kubectl,
  wanted: readonly Manifest[],
  { wholeCluster, namespaces }: { readonly wholeCluster: boolean; readonly namespaces: readonly string[] },
): Promise<string[]> {
  const list = async (kinds: readonly string[], scope: readonly string[]): Promise<LabelledObject[]> =>
    (await kubectl.json(liveList, ['get', kinds.join(','), ...scope, '-l', SELECTOR]))?.items ?? [];
  const found = wholeCluster
    ? await list([...PRUNED.namespaced, ...PRUNED.clusterScoped], ['--all-namespaces'])
    : (
        await Promise.all(namespaces.map((namespace) => list(PRUNED.namespaced, ['--namespace', namespace])))
      ).flat();
  const unwanted = selectUnwanted(found, wanted);
  for (const [namespace, names] of byNamespace(unwanted)) {
    const scope = namespace === '' ? [] : ['--namespace', namespace];
    await kubectl.run(['delete', ...scope, '--ignore-not-found', '--wait=false', ...names]);
  }
  return unwanted.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}

/** What was found but isn't wanted: made by `up`, owned by nobody else, and not already on its way out. */
export function selectUnwanted(
  found: readonly LabelledObject[],
  wanted: readonly Manifest[],
): LabelledObject[] {
  const keep = new Set(wanted.map(key));
  return found.filter(
    (object) =>
      object.metadata.ownerReferences === undefined &&
      object.metadata.deletionTimestamp === undefined &&
      !keep.has(key(object)),
  );
}

const key = ({ kind, metadata }: Manifest): string =>
  [kind, metadata.namespace ?? '', metadata.name].join(' ');

/** Arguments for `kubectl delete` by namespace; without one under ''. */
function byNamespace(objects: readonly LabelledObject[]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { kind, metadata } of objects) {
    const namespace = metadata.namespace ?? '';
    names.set(namespace, [...(names.get(namespace) ?? []), `${kind.toLowerCase()}/${metadata.name}`]);
  }
  return names;
}
