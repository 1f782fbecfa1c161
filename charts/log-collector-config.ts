/** From the files of containers on a node to lines in Loki that know their pod, severity and request. */
import { restrictedNamespaces } from '../environments/namespaces.ts';
import { toMebibytes } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { NAME_LABEL } from '../lib/labels.ts';
import { LOKI, PORTS } from './names.ts';

export const PODS_LOGS = '/var/log/pods';
/** Variable with the name of the node. */
export const NODE_NAME = 'K8S_NODE_NAME';

/**
 * Names of the id of a request in lines of JSON: the apps' own, and in Traefik's access log the one that a client sent
 * and the one that the answer carries.
 */
const REQUEST_IDS = ['requestId', 'request_X-Request-Id', 'downstream_X-Request-Id'] as const;

/** The configuration of the OpenTelemetry Collector, with components that its distribution contrib has. */
export function collectorConfig(config: Config): object {
  const { collector } = config.monitoring.bundled.logs;
  const memory = toMebibytes(collector.resources.limits.memory);
  // Not the collector's own, whose troubles would feed on themselves.
  const namespaces = restrictedNamespaces(config);
  return {
    receivers: {
      filelog: {
        include: namespaces.map((namespace) => `${PODS_LOGS}/${namespace}_*/*/*.log`),
        // A collector that starts anew reads the files again. Loki takes a line that it has as that line.
        start_at: 'beginning',
        poll_interval: '1s',
        include_file_name: false,
        include_file_path: true,
        // A line that nobody takes now stays in its file.
        retry_on_failure: { enabled: true, max_elapsed_time: '0s' },
        operators: operators(),
      },
    },
    processors: {
      memory_limiter: {
        check_interval: '1s',
        limit_mib: Math.floor(0.75 * memory),
        spike_limit_mib: Math.floor(0.15 * memory),
      },
      // One for each namespace, so that it watches pods of these alone.
      ...Object.fromEntries(
        namespaces.map((namespace) => [`k8sattributes/${namespace}`, podLabels(namespace)]),
      ),
      batch: { timeout: '1s', send_batch_size: 500, send_batch_max_size: 1000 },
    },
    exporters: {
      'otlphttp/loki': {
        endpoint: `http://${LOKI}.${config.namespace}:${PORTS.loki}/otlp`,
        sending_queue: { queue_size: 20, block_on_overflow: true },
        retry_on_failure: { max_elapsed_time: '0s' },
      },
    },
    service: {
      telemetry: {
        logs: { level: 'warn', encoding: 'json' },
        metrics: {
          readers: [
            { pull: { exporter: { prometheus: { host: '0.0.0.0', port: PORTS.collectorMetrics } } } },
          ],
        },
      },
      pipelines: {
        logs: {
          receivers: ['filelog'],
          processors: [
            'memory_limiter',
            ...namespaces.map((namespace) => `k8sattributes/${namespace}`),
            'batch',
          ],
          exporters: ['otlphttp/loki'],
        },
      },
    },
  };
}

/** The line stays as it was written; what is found in it is kept beside it. */
function operators(): object[] {
  const has = (field: string): string => `"json" in attributes and "${field}" in attributes.json`;
  return [
    // Time, and of the path: namespace, pod and container.
    { type: 'container' },
    {
      type: 'json_parser',
      if: 'body startsWith "{"',
      parse_to: 'attributes.json',
      on_error: 'send_quiet',
    },
    {
      type: 'severity_parser',
      if: has('level'),
      parse_from: 'attributes.json.level',
      on_error: 'send_quiet',
    },
    ...REQUEST_IDS.map((field) => ({
      type: 'move',
      if: has(field),
      from: `attributes.json["${field}"]`,
      to: 'attributes.request_id',
    })),
    ...['attributes.json', 'attributes.logtag', 'attributes["log.file.path"]'].map((field) => ({
      type: 'remove',
      field,
      on_error: 'send_quiet',
    })),
  ];
}

/** What the path doesn't tell: the workload, by its name label, as the name of the service. */
const podLabels = (namespace: string): object => ({
  filter: { namespace, node_from_env_var: NODE_NAME },
  pod_association: [{ sources: [{ from: 'resource_attribute', name: 'k8s.pod.uid' }] }],
  extract: {
    metadata: ['k8s.node.name'],
    labels: [{ tag_name: 'service.name', key: NAME_LABEL, from: 'pod' }],
  },
  // A line without its labels would be another one to Loki than the same line with them.
  wait_for_metadata: true,
  wait_for_metadata_timeout: '30s',
});
