import type { Construct } from 'constructs';
import { isMonitored } from '../environments/monitoring.ts';
import { TlsOption } from '../imports/traefik.io.ts';
import { k8s } from '../lib/k8s.ts';
import { clusterScoped } from '../lib/cluster-scoped.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { goMemoryLimit } from './go-memory.ts';
import { NODE_PORTS, PORTS, TRAEFIK } from './names.ts';
import { ON_CONTROL_PLANE, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Listeners of Traefik: name to container port. */
const LISTENERS = {
  http: PORTS.traefikHttp,
  https: PORTS.traefikHttps,
  api: PORTS.traefikApi,
  web: PORTS.traefikWeb,
  mobile: PORTS.traefikMobile,
} as const;

/** What its provider for custom resources watches, used or not: it waits for every one of them. */
const CUSTOM_RESOURCES = [
  'ingressroutes',
  'ingressroutetcps',
  'ingressrouteudps',
  'middlewares',
  'middlewaretcps',
  'serverstransports',
  'serverstransporttcps',
  'tlsoptions',
  'tlsstores',
  'traefikservices',
];
const WATCH = ['list', 'watch'];

/** A line for each request: who, what, the answer, and of all headers the request's id alone. */
const ACCESS_LOG = [
  '--accesslog=true',
  '--accesslog.format=json',
  '--accesslog.fields.defaultmode=drop',
  ...[
    'ClientHost',
    'RequestHost',
    'RequestMethod',
    'RequestPath',
    'DownstreamStatus',
    'Duration',
    'ServiceName',
  ].map((field) => `--accesslog.fields.names.${field}=keep`),
  '--accesslog.fields.headers.defaultmode=drop',
  '--accesslog.fields.headers.names.X-Request-Id=keep',
];

/** On an entry point that is in no Service. */
const METRICS = [
  `--entrypoints.metrics.address=:${PORTS.traefikMetrics}`,
  '--metrics.prometheus.entrypoint=metrics',
  // The API's own, from what an answer of the cache takes to what nobody waits for.
  '--metrics.prometheus.buckets=0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10',
];

/**
 * The ingress controller that kind lacks, on the node ports that kind-config.yaml maps to the laptop. It trusts no
 * X-Forwarded-For and names the client itself, so that nobody can pass for another. WebSockets may stay: only reading
 * a request has a limit, Traefik's own of a minute.
 */
export class TraefikChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props, props.config.systemNamespace);
    const { config } = props;
    const { namespace, systemNamespace, ingress, addons } = config;

    clusterScoped(
      new k8s.KubeIngressClass(this, 'class', {
        metadata: { name: ingress.className },
        spec: { controller: 'traefik.io/ingress-controller' },
      }),
    );
    clusterScoped(
      new k8s.KubeClusterRole(this, 'cluster-role', {
        metadata: { name: 'zakpos-traefik' },
        rules: [
          { apiGroups: ['networking.k8s.io'], resources: ['ingressclasses'], verbs: WATCH },
          { apiGroups: [''], resources: ['nodes'], verbs: WATCH },
        ],
      }),
    );
    const subjects = [{ kind: 'ServiceAccount', name: TRAEFIK, namespace: systemNamespace }];
    clusterScoped(
      new k8s.KubeClusterRoleBinding(this, 'cluster-role-binding', {
        metadata: { name: 'zakpos-traefik' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'zakpos-traefik' },
        subjects,
      }),
    );
    // Only the product's namespace: its Ingresses, and the Services and TLS Secrets that they name.
    new k8s.KubeRole(this, 'role', {
      metadata: { name: TRAEFIK, namespace },
      rules: [
        { apiGroups: [''], resources: ['services', 'secrets'], verbs: WATCH },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: WATCH },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: WATCH },
        { apiGroups: ['traefik.io'], resources: CUSTOM_RESOURCES, verbs: WATCH },
      ],
    });
    new k8s.KubeRoleBinding(this, 'role-binding', {
      metadata: { name: TRAEFIK, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: TRAEFIK },
      subjects,
    });

    new HardenedDeployment(this, 'traefik', {
      name: TRAEFIK,
      replicas: 1,
      uid: 65532,
      gid: 65532,
      imagePullPolicy: config.imagePullPolicy,
      kubernetesApi: true,
      // The node whose ports are the laptop's; each other one would have to hide the client behind its own address.
      ...ON_CONTROL_PLANE,
      containers: [
        {
          name: 'traefik',
          image: addons.traefik.image,
          env: goMemoryLimit(addons.traefik.resources),
          args: [
            ...Object.entries(LISTENERS).map(([name, port]) => `--entrypoints.${name}.address=:${port}`),
            // Not ready at once when it is told to end, but serving until the node's proxy knows.
            ...Object.keys(LISTENERS).map(
              (name) => `--entrypoints.${name}.transport.lifecycle.requestacceptgracetimeout=5s`,
            ),
            `--entrypoints.health.address=:${PORTS.traefikHealth}`,
            '--ping.entrypoint=health',
            '--providers.kubernetesingress=true',
            `--providers.kubernetesingress.namespaces=${namespace}`,
            `--providers.kubernetesingress.ingressclass=${ingress.className}`,
            // 503 while no pod is ready, where there would be a 404 as if there were nothing.
            '--providers.kubernetesingress.allowemptyservices=true',
            '--providers.kubernetescrd=true',
            `--providers.kubernetescrd.namespaces=${namespace}`,
            '--providers.kubernetescrd.disableclusterscoperesources=true',
            // A pod of a lost node takes no connection; half a minute, the default, is longer than a till waits.
            '--serverstransport.forwardingtimeouts.dialtimeout=5s',
            '--global.checknewversion=false',
            '--global.sendanonymoususage=false',
            '--log.format=json',
            '--log.level=WARN',
            ...ACCESS_LOG,
            ...(isMonitored(config) ? METRICS : []),
          ],
          ports: {
            ...LISTENERS,
            health: PORTS.traefikHealth,
            ...(isMonitored(config) ? { metrics: PORTS.traefikMetrics } : {}),
          },
          resources: addons.traefik.resources,
          mounts: [{ volume: Volume.emptyDir('tmp'), path: '/tmp' }],
          probes: {
            startup: Check.http('/ping', 'health'),
            readiness: Check.http('/ping', 'health'),
            liveness: Check.tcp('health'),
          },
        },
      ],
    });
    new ServiceOf(this, 'service', {
      name: TRAEFIK,
      workload: TRAEFIK,
      ports: LISTENERS,
      nodePorts: NODE_PORTS,
      // So that Traefik sees the client's address.
      onlyOwnNode: true,
    });
    // By this name it holds for every host.
    new TlsOption(this, 'tls', {
      metadata: { name: 'default', namespace },
      spec: { minVersion: 'VersionTLS12' },
    });
  }
}
