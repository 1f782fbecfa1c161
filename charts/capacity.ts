import { k8s } from '../lib/k8s.ts';
import type { Construct } from 'constructs';
import { clusterScoped } from '../lib/cluster-scoped.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Priorities of the product's pods: when a node runs short, the apps go before the stores. */
export const PRIORITY = { stores: 'zakpos-stores', apps: 'zakpos-apps' } as const;

/** What the product may take of the cluster, and what of it goes first. */
export class CapacityChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { quota } = props.config;

    const priority = (name: string, value: number, description: string): void => {
      clusterScoped(new k8s.KubePriorityClass(this, name, { metadata: { name }, value, description }));
    };
    // Between 0, what pods without a class have, and 10^9, where the cluster's own begin.
    priority(PRIORITY.stores, 1_000_000, 'Stores of ZakPOS: they outlive its apps.');
    priority(PRIORITY.apps, 100_000, 'Apps of ZakPOS.');

    if (!quota.enabled) return;
    new k8s.KubeResourceQuota(this, 'quota', {
      metadata: { name: 'zakpos' },
      spec: {
        hard: {
          'requests.cpu': k8s.Quantity.fromString(quota.cpu),
          'requests.memory': k8s.Quantity.fromString(quota.memory),
          'limits.memory': k8s.Quantity.fromString(quota.memoryLimit),
          'requests.storage': k8s.Quantity.fromString(quota.storage),
          pods: k8s.Quantity.fromNumber(quota.pods),
          // The way in is the ingress.
          'services.loadbalancers': k8s.Quantity.fromNumber(0),
          'services.nodeports': k8s.Quantity.fromNumber(0),
        },
      },
    });
    // For pods that somebody starts by hand: what the quota asks for and a small share of it.
    new k8s.KubeLimitRange(this, 'limits', {
      metadata: { name: 'zakpos' },
      spec: {
        limits: [
          {
            type: 'Container',
            defaultRequest: {
              cpu: k8s.Quantity.fromString('50m'),
              memory: k8s.Quantity.fromString('64Mi'),
            },
            default: { memory: k8s.Quantity.fromString('256Mi') },
          },
        ],
      },
    });
  }
}
