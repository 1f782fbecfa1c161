/** Every query of every dashboard, asked of the Prometheus that runs. */
import { dashboardsOf } from '../../dashboards/list.ts';
import { queriesOf } from '../../dashboards/panel.ts';
import type { Config } from '../../environments/schema.ts';
import { NAMESPACE } from './harness.ts';
import { query } from './prometheus.ts';

export interface Panels {
  readonly queries: number;
  /** `<dashboard>: <panel>` of those that answer with no number at all, and of those that answer with 0 alone. */
  readonly empty: readonly string[];
  readonly zero: readonly string[];
}

/** Asks for the last minutes, so that a value which a load has moved shows. */
export async function askPanels(config: Config): Promise<Panels> {
  const values = { namespace: NAMESPACE, rateInterval: '2m', range: '1h' };
  const queries = dashboardsOf(config).flatMap((dashboard) =>
    queriesOf(dashboard, values).map((each) => ({ ...each, name: `${dashboard.uid}: ${each.panel}` })),
  );
  const [empty, zero]: [string[], string[]] = [[], []];
  for (const { name, expr } of queries) {
    const values = (await query(expr)).map(({ value }) => value).filter(Number.isFinite);
    if (values.length === 0) empty.push(name);
    else if (values.every((value) => value === 0)) zero.push(name);
  }
  return { queries: queries.length, empty, zero: [...new Set(zero)] };
}
