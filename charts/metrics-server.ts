import { k8s } from '../lib/k8s.ts';
import type { Construct } from 'constructs';
import { clusterScoped } from '../lib/cluster-scoped.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { METRICS_SERVER, PORTS } from './names.ts';
import { ON_CONTROL_PLANE, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Where the API server's aggregator expects an extension to answer. */
const SERVICE_PORT = 443;

/** CPU and memory of pods and nodes, which kind lacks: for `npm run status`, `kubectl top` and autoscaling. */
export class MetricsServerChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props, props.config.systemNamespace);
    const { config } = props;
    const { metricsServer } = config.addons;
    const subjects = [{ kind: 'ServiceAccount', name: METRICS_SERVER, namespace: config.systemNamespace }];
    const bind = (id: string, name: string, role: string) =>
      clusterScoped(
        new k8s.KubeClusterRoleBinding(this, id, {
          metadata: { name },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
          subjects,
        }),
      );

    clusterScoped(
      new k8s.KubeClusterRole(this, 'role', {
        metadata: { name: 'zakpos-metrics-server' },
        rules: [
          { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
          { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] },
        ],
      }),
    );
    bind('role-binding', 'zakpos-metrics-server', 'zakpos-metrics-server');
    bind('delegator-binding', 'zakpos-metrics-server-auth', 'system:auth-delegator');
    new k8s.KubeRoleBinding(this, 'reader-binding', {
      metadata: { name: 'zakpos-metrics-server', namespace: 'kube-system' },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'Role',
        name: 'extension-apiserver-authentication-reader',
      },
      subjects,
    });

    new HardenedDeployment(this, 'metrics-server', {
      name: METRICS_SERVER,
      replicas: 1,
      uid: 1000,
      gid: 1000,
      imagePullPolicy: config.imagePullPolicy,
      kubernetesApi: true,
      ...ON_CONTROL_PLANE,
      containers: [
        {
          name: 'metrics-server',
          image: metricsServer.image,
          args: [
            `--secure-port=${PORTS.metricsServer}`,
            '--cert-dir=/tmp',
            '--kubelet-preferred-address-types=InternalIP',
            '--kubelet-use-node-status-port',
            // kind's kubelets have certificates that nobody signed.
            '--kubelet-insecure-tls',
            '--metric-resolution=15s',
          ],
          ports: { https: PORTS.metricsServer },
          resources: metricsServer.resources,
          mounts: [{ volume: Volume.emptyDir('tmp'), path: '/tmp' }],
          probes: {
            startup: Check.https('/livez', 'https'),
            readiness: Check.https('/readyz', 'https'),
            liveness: Check.https('/livez', 'https'),
          },
        },
      ],
    });
    new ServiceOf(this, 'service', {
      name: METRICS_SERVER,
      workload: METRICS_SERVER,
      ports: { https: SERVICE_PORT },
    });
  }
}

/**
 * Makes metrics-server a part of the Kubernetes API. Applied last: the API server dials the Service at once and keeps
 * the connection, so the nodes have to route the Service's address by then.
 */
export class MetricsApiChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    clusterScoped(
      new k8s.KubeApiService(this, 'api-service', {
        metadata: { name: 'v1beta1.metrics.k8s.io' },
        spec: {
          group: 'metrics.k8s.io',
          version: 'v1beta1',
          service: { name: METRICS_SERVER, namespace: props.config.systemNamespace, port: SERVICE_PORT },
          insecureSkipTlsVerify: true,
          groupPriorityMinimum: 100,
          versionPriority: 100,
        },
      }),
    );
  }
}
