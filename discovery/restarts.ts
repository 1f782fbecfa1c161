/** How often containers were started anew, and why: what of a pod's state a metric is needed of, by kube-state-metrics' names. */
import { listAt, numberAt, textAt } from './fields.ts';

/** Prometheus' text of the containers of PodLists, those that prepare a pod among them. */
export function restartMetrics(lists: readonly unknown[]): string {
  const containers = lists
    .flatMap((list) => listAt(list, 'items'))
    .flatMap((pod) =>
      ['containerStatuses', 'initContainerStatuses'].flatMap((field) =>
        listAt(pod, 'status', field).map((status) => ({
          labels: {
            namespace: textAt(pod, 'metadata', 'namespace'),
            pod: textAt(pod, 'metadata', 'name'),
            container: textAt(status, 'name'),
          },
          restarts: numberAt(status, 'restartCount') ?? 0,
          reason: textAt(status, 'lastState', 'terminated', 'reason'),
        })),
      ),
    );
  return [
    '# TYPE kube_pod_container_status_restarts_total counter',
    ...containers.map(({ labels, restarts }) =>
      sample('kube_pod_container_status_restarts_total', labels, restarts),
    ),
    '# TYPE kube_pod_container_status_last_terminated_reason gauge',
    ...containers
      .filter(({ reason }) => reason !== '')
      .map(({ labels, reason }) =>
        sample('kube_pod_container_status_last_terminated_reason', { ...labels, reason }, 1),
      ),
    '',
  ].join('\n');
}

/** Names of Kubernetes' objects and reasons have nothing in them that needs to be escaped but what JSON escapes, too. */
function sample(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`);
  return `${name}{${pairs.join(',')}} ${value}`;
}
