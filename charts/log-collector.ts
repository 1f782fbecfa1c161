import type { Construct } from 'constructs';
import { agentsNamespace, restrictedNamespaces } from '../environments/namespaces.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { k8s } from '../lib/k8s.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDaemonSet } from '../lib/workloads.ts';
import { yaml } from '../lib/yaml.ts';
import { PRIORITY } from './capacity.ts';
import { goMemoryLimit } from './go-memory.ts';
import { collectorConfig, NODE_NAME, PODS_LOGS } from './log-collector-config.ts';
import { LOG_COLLECTOR, PORTS } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/etc/otelcol';

/**
 * The OpenTelemetry Collector on each node. It reads the folder of the node where the kubelet has the logs of pods,
 * which takes a namespace that lets it; in everything else it is as restricted as any pod. It is not root: containerd
 * lets the group 0 read these files, and nobody else.
 */
export class LogCollectorChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    const { config } = props;
    const { collector } = config.monitoring.bundled.logs;
    const namespace = agentsNamespace(config);
    super(scope, id, props, namespace);

    const files = new ConfigFiles(this, 'config', {
      name: LOG_COLLECTOR,
      files: { 'collector.yaml': yaml(collectorConfig(config)) },
    });
    this.grant(namespace, restrictedNamespaces(config));

    new HardenedDaemonSet(this, 'collector', {
      name: LOG_COLLECTOR,
      // That of the image.
      uid: 10001,
      gid: 10001,
      supplementalGroups: [0],
      priorityClassName: PRIORITY.apps,
      annotations: {
        ...WAIVERS,
        'waiver.zakpos.io/pod-security.restricted':
          "it reads the logs of its node's pods, and may not write there",
      },
      imagePullPolicy: config.imagePullPolicy,
      kubernetesApi: true,
      // Wherever there are pods of ours.
      tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }],
      containers: [
        {
          name: 'collector',
          image: collector.image,
          env: { ...goMemoryLimit(collector.resources), [NODE_NAME]: { fieldPath: 'spec.nodeName' } },
          args: [`--config=${CONFIG}/collector.yaml`],
          ports: { metrics: PORTS.collectorMetrics },
          resources: collector.resources,
          mounts: [
            { volume: Volume.nodeFolder('logs', PODS_LOGS), path: PODS_LOGS },
            { volume: Volume.configFiles('config', files), path: CONFIG },
          ],
          probes: {
            startup: Check.http('/metrics', 'metrics'),
            readiness: Check.http('/metrics', 'metrics'),
            liveness: Check.tcp('metrics'),
          },
        },
      ],
    });
  }

  /** It looks up the labels of pods. */
  private grant(own: string, namespaces: readonly string[]): void {
    for (const namespace of namespaces) {
      const metadata = { name: LOG_COLLECTOR, namespace };
      new k8s.KubeRole(this, `role-${namespace}`, {
        metadata,
        rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
      });
      new k8s.KubeRoleBinding(this, `role-binding-${namespace}`, {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: LOG_COLLECTOR },
        subjects: [{ kind: 'ServiceAccount', name: LOG_COLLECTOR, namespace: own }],
      });
    }
  }
}
