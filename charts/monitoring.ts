import type { Construct } from 'constructs';
import { alertGroups } from '../alerts/groups.ts';
import { toFileGroup } from '../alerts/rule.ts';
import {
  PodMonitor,
  PrometheusRule,
  PrometheusRuleSpecGroupsRulesExpr,
} from '../imports/monitoring.coreos.com.ts';
import { selectorLabels } from '../lib/labels.ts';
import { scrapeTargets } from './scrape-targets.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** What to ask for metrics and when to alert, for a Prometheus operator that the cluster has. */
export class MonitoringChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { labels } = props.config.monitoring;

    for (const { workload, namespace, port, path, interval } of scrapeTargets(props.config)) {
      new PodMonitor(this, workload, {
        // It looks for pods in its own namespace, and its name becomes the label `job`.
        metadata: { name: workload, namespace, labels },
        spec: {
          selector: { matchLabels: selectorLabels(workload) },
          podMetricsEndpoints: [{ port: port.name, path, ...(interval === undefined ? {} : { interval }) }],
        },
      });
    }
    new PrometheusRule(this, 'alerts', {
      metadata: { name: 'zakpos', labels },
      spec: {
        groups: alertGroups(props.config)
          .map(toFileGroup)
          .map(({ name, rules }) => ({
            name,
            rules: rules.map(({ expr, keep_firing_for: keepFiringFor, ...rule }) => ({
              ...rule,
              expr: PrometheusRuleSpecGroupsRulesExpr.fromString(expr),
              ...(keepFiringFor === undefined ? {} : { keepFiringFor }),
            })),
          })),
      },
    });
  }
}
