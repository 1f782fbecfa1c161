import { k8s } from '../lib/k8s.ts';
import type { Construct } from 'constructs';
import { clusterScoped } from '../lib/cluster-scoped.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { NODE_PORTS, PORTS, TRAEFIK } from './names.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Listeners of Traefik: name to container port. */
const LISTENERS = {
  http: PORTS.traefikHttp,
  https: PORTS.traefikHttps,
  api: PORTS.traefikApi,
  web: PORTS.traefikWeb,
  mobile: PORTS.traefikMobile,
} as const;

/** The ingress controller that kind lacks, on the node ports that kind-config.yaml maps to the laptop. */
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
          {
            apiGroups: ['networking.k8s.io'],
            resources: ['ingressclasses'],
            verbs: ['get', 'list', 'watch'],
          },
          { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
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
        { apiGroups: [''], resources: ['services', 'secrets'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['update'] },
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
      containers: [
        {
          name: 'traefik',
          image: addons.traefik.image,
          args: [
            ...Object.entries(LISTENERS).map(([name, port]) => `--entrypoints.${name}.address=:${port}`),
            // Not ready at once when it is told to end, but serving until the node's proxy knows.
            ...Object.keys(LISTENERS).map(
              (name) => `--entrypoints.${name}.transport.lifecycle.requestacceptgracetimeout=5s`,
            ),
            '--entrypoints.https.http.tls=true',
            `--entrypoints.health.address=:${PORTS.traefikHealth}`,
            '--ping.entrypoint=health',
            '--providers.kubernetesingress=true',
            `--providers.kubernetesingress.namespaces=${namespace}`,
            `--providers.kubernetesingress.ingressclass=${ingress.className}`,
            '--global.checknewversion=false',
            '--global.sendanonymoususage=false',
            '--log.format=json',
            '--log.level=WARN',
          ],
          ports: { ...LISTENERS, health: PORTS.traefikHealth },
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
    });
  }
}
