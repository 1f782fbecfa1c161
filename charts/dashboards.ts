import type { Construct } from 'constructs';
import { dashboardsOf } from '../dashboards/list.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { filesOf } from '../lib/scripts.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** The label by which the sidecar of kube-prometheus-stack's Grafana finds dashboards. */
const DASHBOARD = { grafana_dashboard: '1' } as const;

/** Dashboards, a ConfigMap each, for whichever Grafana shows them. */
export class DashboardsChart extends ZakposChart {
  readonly configMaps: readonly ConfigFiles[];

  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    this.configMaps = dashboardsOf(props.config).map(
      ({ uid }) =>
        new ConfigFiles(this, uid, {
          name: `${uid}-dashboard`,
          labels: DASHBOARD,
          files: filesOf('dashboards/json', `${uid}.json`),
        }),
    );
  }
}
