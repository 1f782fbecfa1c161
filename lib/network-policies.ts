/** NetworkPolicies from a list of edges: default deny both ways, then one policy a workload. */
import { k8s } from './k8s.ts';
import { Construct } from 'constructs';
import { NAME_LABEL, selectorLabels } from './labels.ts';

/** Pods of a namespace that carry all of `labels`; without labels, all its pods. */
export interface PodsPeer {
  readonly kind: 'pods';
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Addresses outside the pod network. */
export interface AddressPeer {
  readonly kind: 'address';
  readonly cidr: string;
  /**
   * Parts of `cidr` that are left out.
   * @default - none
   */
  readonly except?: readonly string[];
}

export type Peer = PodsPeer | AddressPeer;

/** One allowed direction of connections over TCP (and UDP where it says so). */
export interface Edge {
  readonly from: Peer;
  readonly to: Peer;
  readonly ports: readonly number[];
  /**
   * Whether UDP is meant as well as TCP.
   * @default false
   */
  readonly udp?: boolean;
}

export interface NetworkPoliciesProps {
  /** Namespace whose pods are isolated. */
  readonly namespace: string;
  /** Name labels of the workloads in it; each gets a policy, so that one without edges is visibly closed. */
  readonly workloads: readonly string[];
  /**
   * Annotations of a workload's policy, by its name.
   * @default - none
   */
  readonly annotations?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** All edges; those that touch none of `workloads` are ignored. */
  readonly edges: readonly Edge[];
}

export class NetworkPolicies extends Construct {
  constructor(scope: Construct, id: string, props: NetworkPoliciesProps) {
    super(scope, id);
    new k8s.KubeNetworkPolicy(this, 'default-deny', {
      metadata: { name: 'default-deny' },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    });
    for (const name of props.workloads) {
      const isOurs = (peer: Peer) =>
        peer.kind === 'pods' && peer.namespace === props.namespace && peer.labels[NAME_LABEL] === name;
      const peerSelector = (peer: Peer) => networkPolicyPeer(peer, props.namespace);
      const ingress = props.edges
        .filter((edge) => isOurs(edge.to))
        .map((edge) => ({ from: [peerSelector(edge.from)], ports: networkPolicyPorts(edge) }));
      const egress = props.edges
        .filter((edge) => isOurs(edge.from))
        .map((edge) => ({ to: [peerSelector(edge.to)], ports: networkPolicyPorts(edge) }));
      const annotations = props.annotations?.[name];
      new k8s.KubeNetworkPolicy(this, name, {
        metadata: { name, ...(annotations === undefined ? {} : { annotations }) },
        spec: {
          podSelector: { matchLabels: selectorLabels(name) },
          policyTypes: ['Ingress', 'Egress'],
          // The API server drops empty lists, and every apply would then seem to change something.
          ...(ingress.length > 0 ? { ingress } : {}),
          ...(egress.length > 0 ? { egress } : {}),
        },
      });
    }
  }
}

function networkPolicyPeer(peer: Peer, here: string): k8s.NetworkPolicyPeer {
  if (peer.kind === 'address') {
    return {
      ipBlock: { cidr: peer.cidr, ...(peer.except === undefined ? {} : { except: [...peer.except] }) },
    };
  }
  return {
    ...(peer.namespace === here
      ? {}
      : { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': peer.namespace } } }),
    podSelector: { matchLabels: { ...peer.labels } },
  };
}

function networkPolicyPorts(edge: Edge): k8s.NetworkPolicyPort[] {
  const protocols = edge.udp === true ? ['TCP', 'UDP'] : ['TCP'];
  return protocols.flatMap((protocol) =>
    edge.ports.map((port) => ({ port: k8s.IntOrString.fromNumber(port), protocol })),
  );
}
