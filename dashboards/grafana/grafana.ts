/** A dashboard in Grafana's words. */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  ReduceDataOptionsBuilder,
  VizLegendOptionsBuilder,
  BigValueGraphMode,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard as GrafanaDashboard,
  type GridPos,
  type Panel as GrafanaPanel,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import * as units from '@grafana/grafana-foundation-sdk/units';
import type { Dashboard, Panel, Unit } from '../panel.ts';

const TAG = 'zakpos';
/** Columns of Grafana's grid. */
const COLUMNS = 24;
const SIZES: Readonly<Record<Panel['kind'], { readonly w: number; readonly h: number }>> = {
  number: { w: 6, h: 4 },
  lines: { w: 12, h: 8 },
};
const UNITS: Readonly<Record<Unit, string>> = {
  count: units.Short,
  'per second': units.CountsPerSecond,
  'per minute': units.CountsPerMinute,
  seconds: units.Seconds,
  share: units.PercentUnit,
  bytes: units.BytesIEC,
  'bytes per second': units.BytesPerSecondIEC,
  money: units.LocaleFormat,
  'yes or no': units.NoUnit,
};
const YES_OR_NO: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: { '1': { text: 'yes', index: 0 }, '0': { text: 'no', index: 1 } },
  },
];
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/* eslint-disable @typescript-eslint/no-deprecated -- files and sidecars of Grafana read this form, not the newer one */
export function grafanaDashboard({ uid, title, description, from, rows }: Dashboard): GrafanaDashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from, to: 'now' })
    .timezone('browser')
    .refresh('30s')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .withVariable(
      new QueryVariableBuilder('namespace')
        .label('Installation')
        .datasource(DATASOURCE)
        .query({
          query: 'label_values(up{job=~".+/zakpos-postgres-exporter"}, namespace)',
          refId: 'namespace',
        })
        .refresh(VariableRefresh.OnDashboardLoad)
        .sort(VariableSort.AlphabeticalAsc)
        .current({ selected: true, text: 'zakpos', value: 'zakpos' }),
    )
    .link(
      new DashboardLinkBuilder('ZakPOS')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .keepTime(true)
        .includeVars(true),
    );
  let id = 0;
  let y = 0;
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title).id(++id).gridPos({ x: 0, y, w: COLUMNS, h: 1 }));
    const places = placed(row.panels, y + 1);
    for (const [i, panel] of row.panels.entries()) {
      builder.withPanel(grafanaPanel(panel, ++id, places[i] ?? { x: 0, y, w: COLUMNS, h: 1 }));
    }
    y = Math.max(...places.map((place) => place.y + place.h));
  }
  return builder.build();
}
/* eslint-enable @typescript-eslint/no-deprecated */

/** Places from left to right, and below where there is no room. */
function placed(panels: readonly Panel[], top: number): GridPos[] {
  const places: GridPos[] = [];
  let [x, y, lowest] = [0, top, top];
  for (const { kind } of panels) {
    const { w, h } = SIZES[kind];
    if (x + w > COLUMNS) [x, y] = [0, lowest];
    places.push({ x, y, w, h });
    x += w;
    lowest = Math.max(lowest, y + h);
  }
  return places;
}

function grafanaPanel(panel: Panel, id: number, place: GridPos): Builder<GrafanaPanel> {
  const { title, description, unit, kind, signed } = panel;
  const builder =
    kind === 'number'
      ? new StatBuilder()
          .graphMode(BigValueGraphMode.None)
          .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
      : new TimeseriesBuilder().legend(new VizLegendOptionsBuilder().showLegend(true).calcs(['lastNotNull']));
  builder
    .id(id)
    .title(title)
    .description(description)
    .gridPos(place)
    .datasource(DATASOURCE)
    .unit(UNITS[unit])
    .noValue('–')
    .targets(panel.queries.map(({ expr, legend }, i) => query(expr, legend, kind, i)));
  if (kind === 'lines' && signed !== true) builder.min(0);
  if (unit === 'money') builder.decimals(2);
  if (unit === 'yes or no') builder.mappings(YES_OR_NO);
  return builder;
}

function query(expr: string, legend: string, kind: Panel['kind'], i: number): Builder<Dataquery> {
  const builder = new DataqueryBuilder()
    .expr(expr)
    .legendFormat(legend)
    .refId(String.fromCharCode(65 + i));
  return kind === 'number' ? builder.instant() : builder.range();
}
