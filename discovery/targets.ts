/** What the Kubernetes API says of pods and nodes, as targets under the labels of Prometheus' own discovery. */
import { at, listAt, numberAt, textAt } from './fields.ts';

/** One element of what `http_sd_configs` reads. */
export interface Targets {
  /** `<address>:<port>`. */
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Each port of each container of pods that have an address, from a PodList. */
export const podTargets = (pods: unknown): Targets[] =>
  listAt(pods, 'items').flatMap((pod) => {
    const address = textAt(pod, 'status', 'podIP');
    if (address === '') return [];
    const ofPod = {
      __meta_kubernetes_namespace: textAt(pod, 'metadata', 'namespace'),
      __meta_kubernetes_pod_name: textAt(pod, 'metadata', 'name'),
      __meta_kubernetes_pod_phase: textAt(pod, 'status', 'phase'),
      __meta_kubernetes_pod_label_app_kubernetes_io_name: textAt(
        pod,
        'metadata',
        'labels',
        'app.kubernetes.io/name',
      ),
    };
    return listAt(pod, 'spec', 'containers').flatMap((container) =>
      listAt(container, 'ports').map((port) => ({
        targets: [hostPort(address, numberAt(port, 'containerPort') ?? 80)],
        labels: {
          ...ofPod,
          __meta_kubernetes_pod_container_name: textAt(container, 'name'),
          __meta_kubernetes_pod_container_port_name: textAt(port, 'name'),
        },
      })),
    );
  });

/** The kubelet of each node that has an address, from a NodeList. */
export const nodeTargets = (nodes: unknown): Targets[] =>
  listAt(nodes, 'items').flatMap((node) => {
    const internal = listAt(node, 'status', 'addresses').find((each) => at(each, 'type') === 'InternalIP');
    const address = textAt(internal, 'address');
    if (address === '') return [];
    const port = numberAt(node, 'status', 'daemonEndpoints', 'kubeletEndpoint', 'Port') ?? 10_250;
    return [
      {
        targets: [hostPort(address, port)],
        labels: { __meta_kubernetes_node_name: textAt(node, 'metadata', 'name') },
      },
    ];
  });

const hostPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
