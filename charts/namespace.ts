import { k8s } from '../lib/k8s.ts';
import type { Construct } from 'constructs';
import { clusterScoped } from '../lib/cluster-scoped.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** The namespaces of the product, with Pod Security `restricted` enforced, audited and warned of. */
export class NamespaceChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { namespace, systemNamespace, addons } = props.config;
    const ownsAddons = addons.traefik.enabled || addons.metricsServer.enabled;
    for (const name of ownsAddons ? [namespace, systemNamespace] : [namespace]) {
      clusterScoped(
        new k8s.KubeNamespace(this, name, {
          metadata: {
            name,
            labels: {
              'pod-security.kubernetes.io/enforce': 'restricted',
              'pod-security.kubernetes.io/audit': 'restricted',
              'pod-security.kubernetes.io/warn': 'restricted',
            },
          },
        }),
      );
    }
  }
}
