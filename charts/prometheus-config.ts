/** What Prometheus asks, and under which labels it keeps the answers. */
import { METRICS } from '../alerts/metrics.ts';
import { ownNamespaces } from '../environments/namespaces.ts';
import type { Config } from '../environments/schema.ts';
import { ALERTMANAGER, PORTS } from './names.ts';
import { scrapeTargets, type ScrapeTarget } from './scrape-targets.ts';

/** Where the token for the Kubernetes API is, which kubelets know, too. */
export const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Series that one pod may tell at once; one that tells more is refused whole, so that memory holds for the others. */
const MOST_SERIES = 10_000;

/** The main file of Prometheus; its rules are in `rulesFile`. */
export function prometheusConfig(config: Config, rulesFile: string): object {
  const { interval } = config.monitoring.bundled.prometheus;
  return {
    global: {
      scrape_interval: interval,
      evaluation_interval: interval,
      // For receivers that are told by several installations.
      external_labels: { environment: config.environment },
    },
    rule_files: [rulesFile],
    alerting: {
      alertmanagers: [{ static_configs: [{ targets: [`${ALERTMANAGER}:${PORTS.alertmanager}`] }] }],
    },
    scrape_configs: [
      ...scrapeTargets(config).map(podScrape),
      containerScrape,
      kubeletScrape(config, 'kubelet', '/metrics'),
      kubeletScrape(config, 'kubelet-cadvisor', '/metrics/cadvisor'),
    ],
  };
}

/** Pods or nodes, as `discovery/` beside Prometheus finds them. */
const found = (path: string): object[] => [
  { url: `http://localhost:${PORTS.discovery}/${path}`, refresh_interval: '15s' },
];

/** Each pod of a workload, by the port that tells metrics. */
const podScrape = ({ workload, namespace, port, path, interval }: ScrapeTarget): object => ({
  job_name: `${namespace}/${workload}`,
  metrics_path: path,
  ...(interval === undefined ? {} : { scrape_interval: interval }),
  sample_limit: MOST_SERIES,
  http_sd_configs: found(`pods/${namespace}`),
  relabel_configs: [
    {
      source_labels: [
        '__meta_kubernetes_pod_label_app_kubernetes_io_name',
        '__meta_kubernetes_pod_container_port_name',
      ],
      regex: `${workload};${port.name}`,
      action: 'keep',
    },
    { source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Succeeded|Failed', action: 'drop' },
    { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
    { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
    { source_labels: ['__meta_kubernetes_pod_container_name'], target_label: 'container' },
  ],
});

/** What `discovery/` tells of containers, as kube-state-metrics does where there is one. */
const containerScrape: object = {
  job_name: 'kube-state-metrics',
  // Namespace, pod and container are those of what is told of.
  honor_labels: true,
  sample_limit: MOST_SERIES,
  static_configs: [{ targets: [`localhost:${PORTS.discovery}`] }],
};

/**
 * A kubelet's own metrics, or those of its cAdvisor, under the labels that kube-prometheus-stack gives them. Its
 * certificate is one that no authority of the cluster has signed, unless the cluster was set up for that.
 */
const kubeletScrape = (config: Config, job: string, path: string): object => ({
  job_name: job,
  metrics_path: path,
  scheme: 'https',
  authorization: { credentials_file: TOKEN },
  tls_config: { insecure_skip_verify: true },
  // Namespace, pod and container are those of what is measured.
  honor_labels: true,
  // The time of asking: what has gone is gone at once.
  honor_timestamps: false,
  http_sd_configs: found('nodes'),
  relabel_configs: [
    { source_labels: ['__meta_kubernetes_node_name'], target_label: 'node' },
    { source_labels: ['__metrics_path__'], target_label: 'metrics_path' },
    { target_label: 'job', replacement: 'kubelet' },
  ],
  metric_relabel_configs: [
    // Of the thousands of series that it tells, what alerts and dashboards look at.
    { source_labels: ['__name__'], regex: METRICS.kubelet.join('|'), action: 'keep' },
    // Of ours, or of the node.
    { source_labels: ['namespace'], regex: ['', ...ownNamespaces(config)].join('|'), action: 'keep' },
    // The sums and the sandbox of a pod, and groups of pods: what is left adds up.
    { source_labels: ['pod', 'container'], regex: '.+;', action: 'drop' },
    { source_labels: ['namespace', 'id'], regex: ';/.+', action: 'drop' },
  ],
});
