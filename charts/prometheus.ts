import { dirname } from 'node:path/posix';
import type { Construct } from 'constructs';
import { alertGroups } from '../alerts/groups.ts';
import { toFileGroup } from '../alerts/rule.ts';
import { ownNamespaces } from '../environments/namespaces.ts';
import { toBytes } from '../environments/quantities.ts';
import { clusterScoped } from '../lib/cluster-scoped.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { k8s } from '../lib/k8s.ts';
import { Check } from '../lib/probes.ts';
import { filesOf } from '../lib/scripts.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedStatefulSet, ServiceOf } from '../lib/workloads.ts';
import { yaml } from '../lib/yaml.ts';
import { PRIORITY } from './capacity.ts';
import { PORTS, PROMETHEUS } from './names.ts';
import { goMemoryLimit } from './go-memory.ts';
import { prometheusConfig, TOKEN } from './prometheus-config.ts';
import { WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/etc/prometheus';
const DATA = '/prometheus';
const DISCOVERY = '/opt/zakpos';
const READ = ['get', 'list', 'watch'];

/**
 * Prometheus on one pod. Other rules or targets roll it: one that can't read them doesn't become ready, which `up`
 * tells, while a reload that fails leaves the rules of before without a word. It knows what was pending or firing.
 */
export class PrometheusChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { prometheus } = config.monitoring.bundled;

    const files = new ConfigFiles(this, 'config', {
      name: PROMETHEUS,
      files: {
        'prometheus.yaml': yaml(prometheusConfig(config, `${CONFIG}/rules.yaml`)),
        'rules.yaml': yaml({ groups: alertGroups(config).map(toFileGroup) }),
      },
    });
    const discovery = new ConfigFiles(this, 'discovery', {
      name: `${PROMETHEUS}-discovery`,
      files: {
        ...filesOf('discovery', 'server.ts', 'targets.ts', 'restarts.ts', 'fields.ts'),
        // They are modules, as everywhere in this project.
        'package.json': JSON.stringify({ type: 'module' }),
      },
    });
    const data = Volume.claim('data');
    this.grant(config.namespace, ownNamespaces(config));

    new HardenedStatefulSet(this, 'prometheus', {
      name: PROMETHEUS,
      replicas: 1,
      // nobody, as in the image.
      uid: 65534,
      gid: 65534,
      // Not worth a till that has to make room for it.
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      kubernetesApi: true,
      terminationGracePeriodSeconds: 60,
      servicePorts: { http: PORTS.prometheus },
      claims: [{ name: data.name, ...prometheus.storage }],
      containers: [
        {
          name: 'prometheus',
          image: prometheus.image,
          env: goMemoryLimit(prometheus.resources),
          args: [
            `--config.file=${CONFIG}/prometheus.yaml`,
            `--storage.tsdb.path=${DATA}`,
            `--storage.tsdb.retention.time=${prometheus.retention.time}`,
            `--storage.tsdb.retention.size=${toBytes(prometheus.retention.size)}B`,
            // A restart makes nobody wait again for what was about to fire, nor says that it is over.
            '--rules.alert.for-grace-period=1m',
            // What one query may take of the memory: 16 bytes a sample.
            '--query.max-samples=4000000',
            '--query.max-concurrency=4',
            '--query.timeout=30s',
            // Links in alerts lead to where a port is forwarded.
            `--web.external-url=http://localhost:${PORTS.prometheus}/`,
            '--log.format=json',
          ],
          ports: { http: PORTS.prometheus },
          resources: prometheus.resources,
          mounts: [
            { volume: data, path: DATA },
            { volume: Volume.configFiles('config', files), path: CONFIG },
          ],
          probes: {
            startup: Check.http('/-/ready', 'http'),
            readiness: Check.http('/-/ready', 'http'),
            liveness: Check.http('/-/healthy', 'http'),
            // It replays the log of the last hours first.
            startupSeconds: 600,
          },
        },
        {
          name: 'discovery',
          image: prometheus.discovery.image,
          // The files are TypeScript, which Node.js runs without its types.
          command: [
            ...['node', '--experimental-strip-types', '--disable-warning=ExperimentalWarning'],
            `${DISCOVERY}/server.ts`,
          ],
          env: {
            PORT: String(PORTS.discovery),
            NAMESPACES: ownNamespaces(config).join(','),
            KUBERNETES_API: 'https://kubernetes.default.svc',
            TOKEN_FILE: TOKEN,
            NODE_EXTRA_CA_CERTS: `${dirname(TOKEN)}/ca.crt`,
            // A list of pods is small, and nothing of it is kept.
            NODE_OPTIONS: '--max-old-space-size=32',
          },
          ports: { discovery: PORTS.discovery },
          resources: prometheus.discovery.resources,
          mounts: [{ volume: Volume.configFiles('discovery', discovery), path: DISCOVERY }],
          probes: {
            startup: Check.http('/health', 'discovery'),
            readiness: Check.http('/health', 'discovery'),
            liveness: Check.tcp('discovery'),
          },
        },
      ],
    });
    new ServiceOf(this, 'service', {
      name: PROMETHEUS,
      workload: PROMETHEUS,
      ports: { http: PORTS.prometheus },
    });
  }

  /** It finds pods in this project's namespaces, and may ask nodes for metrics, but not act through them. */
  private grant(own: string, namespaces: readonly string[]): void {
    const subjects = [{ kind: 'ServiceAccount', name: PROMETHEUS, namespace: own }];
    const apiGroup = 'rbac.authorization.k8s.io';
    for (const namespace of namespaces) {
      const metadata = { name: PROMETHEUS, namespace };
      new k8s.KubeRole(this, `role-${namespace}`, {
        metadata,
        rules: [{ apiGroups: [''], resources: ['pods'], verbs: READ }],
      });
      new k8s.KubeRoleBinding(this, `role-binding-${namespace}`, {
        metadata,
        roleRef: { apiGroup, kind: 'Role', name: PROMETHEUS },
        subjects,
      });
    }
    // Several installations may share a cluster.
    const name = `${own}-prometheus`;
    clusterScoped(
      new k8s.KubeClusterRole(this, 'cluster-role', {
        metadata: { name },
        rules: [
          { apiGroups: [''], resources: ['nodes'], verbs: READ },
          { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
        ],
      }),
    );
    clusterScoped(
      new k8s.KubeClusterRoleBinding(this, 'cluster-role-binding', {
        metadata: { name },
        roleRef: { apiGroup, kind: 'ClusterRole', name },
        subjects,
      }),
    );
  }
}
