/** Who may connect to whom, as the network policies say it. */
import { networkPolicies, type PolicyPeer } from './objects.ts';
import { hasLabels, objectsOf, remembered, type Rendered } from './rendered.ts';
import { selected, workloadName, workloads } from './workloads.ts';

/** Pods that CloudNativePG makes of a Cluster, by the labels that it puts on them. */
const POSTGRES_INSTANCES = { name: 'zakpos-postgres', labels: { 'cnpg.io/cluster': 'zakpos-postgres' } };
const POSTGRES_INSTANCE_PORTS = [5432, 8000];

/** Workloads of which there are pods only while a command runs. */
const OF_COMMANDS = ['zakpos-restore', 'zakpos-task'];

/** The DNS of the cluster, as an edge names it. */
export const DNS = 'namespace kube-system/k8s-app=kube-dns:53';

export const peerNamespace = (peer: PolicyPeer, here: string | undefined): string | undefined =>
  peer.namespaceSelector === undefined
    ? here
    : peer.namespaceSelector.matchLabels['kubernetes.io/metadata.name'];

/** Names of the workloads whose pods a selector selects, those of operators and commands among them. */
export const podsNamed = (
  rendered: Rendered,
  namespace: string | undefined,
  selector: Readonly<Record<string, string>>,
): string[] => [
  ...selected(rendered, namespace, selector).map(workloadName),
  ...objectsOf(rendered, 'Cluster').flatMap((cluster) =>
    cluster.namespace === namespace && hasLabels(POSTGRES_INSTANCES.labels, selector)
      ? [POSTGRES_INSTANCES.name]
      : [],
  ),
  ...OF_COMMANDS.filter((name) => selector['app.kubernetes.io/name'] === name),
];

/** Ports on which the pods of a workload listen. */
export const portsOf = (rendered: Rendered, name: string): readonly number[] =>
  name === POSTGRES_INSTANCES.name && objectsOf(rendered, 'Cluster').length > 0
    ? POSTGRES_INSTANCE_PORTS
    : workloads(rendered)
        .filter((pod) => workloadName(pod) === name)
        .flatMap(({ pod }) => pod.containers)
        .flatMap(({ ports }) => ports.map(({ containerPort }) => containerPort));

/** Who a peer of a policy is: workloads of this project, pods of another namespace, or addresses. */
function peerNames(rendered: Rendered, peer: PolicyPeer, here: string | undefined): string[] {
  if (peer.ipBlock !== undefined) return [[peer.ipBlock.cidr, ...(peer.ipBlock.except ?? [])].join(' but ')];
  const namespace = peerNamespace(peer, here);
  const labels = peer.podSelector?.matchLabels ?? {};
  const ours = podsNamed(rendered, namespace, labels);
  if (ours.length > 0) return ours;
  const pods = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return [`namespace ${namespace ?? 'any'}/${pods.join() || 'any pod'}`];
}

export interface Edges {
  /** `source -> target:port`, as the policies of the sources say it. */
  readonly egress: readonly string[];
  /** The same, as the policies of the targets say it. */
  readonly ingress: readonly string[];
}

/** What the policies allow. */
export const edges = remembered((rendered): Edges => {
  const found = networkPolicies(rendered).flatMap(({ namespace, spec }) =>
    podsNamed(rendered, namespace, spec.podSelector.matchLabels).map((own) => {
      const names = (peers: readonly PolicyPeer[]) =>
        peers.flatMap((peer) => peerNames(rendered, peer, namespace));
      return {
        egress: (spec.egress ?? []).flatMap(({ to, ports }) =>
          names(to).flatMap((target) => ports.map(({ port }) => `${own} -> ${target}:${port}`)),
        ),
        ingress: (spec.ingress ?? []).flatMap(({ from, ports }) =>
          names(from).flatMap((source) => ports.map(({ port }) => `${source} -> ${own}:${port}`)),
        ),
      };
    }),
  );
  return {
    egress: [...new Set(found.flatMap(({ egress }) => egress))],
    ingress: [...new Set(found.flatMap(({ ingress }) => ingress))],
  };
});
