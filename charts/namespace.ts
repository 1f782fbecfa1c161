import { k8s } from '../lib/k8s.ts';
import type { Construct } from 'constructs';
import { hasLogs } from '../environments/monitoring.ts';
import { agentsNamespace, restrictedNamespaces } from '../environments/namespaces.ts';
import { clusterScoped } from '../lib/cluster-scoped.ts';
import { KEPT } from '../lib/kept.ts';
import { ONLY_ANNOTATION } from './names.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/**
 * The namespaces of the product, with Pod Security `restricted` enforced, audited and warned of; but for that of the log
 * collector, which is alone there.
 */
export class NamespaceChart extends ZakposChart {
  constructor(
    scope: Construct,
    id: string,
    props: ZakposChartProps,
    { only }: { readonly only?: 'infra' } = {},
  ) {
    super(scope, id, props);
    const { config } = props;
    // Who looks at the cluster then misses no apps.
    const part = only === undefined ? undefined : { [ONLY_ANNOTATION]: only };
    for (const name of restrictedNamespaces(config))
      this.add(name, 'restricted', name === config.namespace ? part : undefined);
    if (hasLogs(config)) {
      // `baseline` already refuses any folder of a node; everything else of `restricted` the collector's pod keeps to.
      this.add(agentsNamespace(config), 'privileged', {
        'waiver.zakpos.io/pod-security.namespaces':
          'the log collector, which is alone here, reads /var/log/pods of its node',
      });
    }
  }

  private add(
    name: string,
    level: 'restricted' | 'privileged',
    annotations?: Readonly<Record<string, string>>,
  ): void {
    clusterScoped(
      new k8s.KubeNamespace(this, name, {
        metadata: {
          name,
          annotations: { ...KEPT, ...annotations },
          labels: {
            'pod-security.kubernetes.io/enforce': level,
            'pod-security.kubernetes.io/audit': level,
            'pod-security.kubernetes.io/warn': level,
          },
        },
      }),
    );
  }
}
