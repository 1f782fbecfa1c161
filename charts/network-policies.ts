import type { Construct } from 'constructs';
import { NetworkPolicies } from '../lib/network-policies.ts';
import { architecture } from './architecture.ts';
import { RESTORE, TASK } from './names.ts';
import { POLICY_WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Default deny in both directions, and exactly the connections of the architecture. */
export class NetworkPolicyChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps, namespace: string) {
    super(scope, id, props, namespace);
    const { components, connections } = architecture(props.config);
    const workloads = components
      .filter(({ ours, peer }) => ours && peer.kind === 'pods' && peer.namespace === namespace)
      .map(({ name }) => name);
    new NetworkPolicies(this, 'policies', {
      namespace,
      workloads,
      annotations: { [TASK]: POLICY_WAIVERS, [RESTORE]: POLICY_WAIVERS },
      edges: connections,
    });
  }
}
