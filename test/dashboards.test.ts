/** What dashboards show; whether a live Prometheus answers their queries is asked by the suites on a cluster. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { METRICS } from '../alerts/metrics.ts';
import { alertGroups } from '../alerts/groups.ts';
import { dashboards, dashboardsOf } from '../dashboards/list.ts';
import { queriesOf, type Dashboard } from '../dashboards/panel.ts';
import { configMaps, configWith, defined, objectsOf, render, ROOT } from './manifests.ts';

const JSON_FOLDER = join(ROOT, 'dashboards/json');
const GRAFANA = join(ROOT, 'dashboards/grafana');
const VALUES = { namespace: 'zakpos', rateInterval: '1m', range: '1d' };

const textOf = ({ uid }: Dashboard): string => readFileSync(join(JSON_FOLDER, `${uid}.json`), 'utf8');
const panelsOf = ({ rows }: Dashboard) => rows.flatMap(({ panels }) => panels);

/** What Grafana is given, of just the fields that are looked at. */
const written = z.object({
  uid: z.string(),
  title: z.string(),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  panels: z.array(
    z.object({
      id: z.int(),
      type: z.string(),
      title: z.string(),
      description: z.string().default(''),
      gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      datasource: z.object({ type: z.string(), uid: z.string() }).optional(),
      fieldConfig: z.object({ defaults: z.object({ unit: z.string().default('') }) }).optional(),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).default([]),
    }),
  ),
});

test('these are the dashboards, under names that stay', () => {
  expect(dashboards.map((each) => `${each.uid}: ${each.title}, ${panelsOf(each).length} panels`))
    .toMatchInlineSnapshot(`
   [
     "zakpos-overview: ZakPOS: the shop, 12 panels",
     "zakpos-api: ZakPOS: API, 19 panels",
     "zakpos-web: ZakPOS: till and ingress, 13 panels",
     "zakpos-postgres: ZakPOS: PostgreSQL, 14 panels",
     "zakpos-redis: ZakPOS: Redis, 9 panels",
     "zakpos-kafka: ZakPOS: Kafka and ZooKeeper, 16 panels",
     "zakpos-backups: ZakPOS: backups, 10 panels",
     "zakpos-nodes: ZakPOS: nodes and volumes, 12 panels",
   ]
  `);
});

describe.each(dashboards.map((each) => [each.uid, each] as const))('%s', (uid, dashboard) => {
  const { panels, ...grafana } = written.parse(JSON.parse(textOf(dashboard)));
  const shown = panels.filter(({ type }) => type !== 'row');

  test('is written as it is described: every panel with its unit, its description and its queries', () => {
    expect([grafana.uid, grafana.title]).toEqual([uid, dashboard.title]);
    expect(
      shown.map(({ title, description, targets }) => ({
        title,
        description,
        queries: targets.map(({ expr, legendFormat }) => ({ expr, legend: legendFormat })),
      })),
    ).toEqual(
      panelsOf(dashboard).map(({ title, description, queries }) => ({ title, description, queries })),
    );
    for (const { title, description, fieldConfig, targets } of shown) {
      expect(`${title}: ${description}`).toMatch(/: \S.*\.$/);
      expect(fieldConfig?.defaults.unit).toMatch(/^\S+$/);
      expect(targets.length).toBeGreaterThan(0);
    }
  });

  test('asks the Prometheus and the installation that are chosen', () => {
    expect(grafana.templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'datasource datasource',
      'namespace query',
    ]);
    for (const { datasource, targets } of shown) {
      expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
      for (const { expr } of targets) expect(expr).toMatch(/\$namespace|job=/);
    }
  });

  test('has its panels beside each other, each with a number of its own', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  test('asks for series that somebody tells', () => {
    for (const { panel, expr } of queriesOf(dashboard, VALUES)) {
      const named = [...expr.matchAll(/([a-zA-Z_:][\w:]*)\{/g)].map(([, name = '']) => name);
      expect(`${panel}: ${named.filter((name) => !known.has(name)).join()}`).toBe(`${panel}: `);
      expect(`${panel}: ${expr}`).not.toContain('$');
    }
  });
});

/** Every series that is told, and every one that a rule works out. */
const known = new Set<string>([
  ...Object.values(METRICS).flat(),
  ...alertGroups(configWith('prod', { monitoring: { mode: 'operator' } })).flatMap(({ records }) =>
    records.map(({ record }) => record),
  ),
]);

test('alerts ask for series that somebody tells', () => {
  const config = configWith('prod', {
    monitoring: { mode: 'operator' },
    backups: { s3: { bucket: 'till' } },
    addons: { traefik: { enabled: true } },
  });
  const asked = alertGroups(config)
    .flatMap(({ records, rules }) => [...records, ...rules])
    .flatMap(({ expr }) => [...expr.matchAll(/([a-zA-Z_:][\w:]*)\{/g)].map(([, name = '']) => name));
  expect([...new Set(asked)].filter((name) => !known.has(name))).toEqual([]);
});

test('there is no file of a dashboard that is no more', () => {
  expect(readdirSync(JSON_FOLDER).sort()).toEqual(dashboards.map(({ uid }) => `${uid}.json`).sort());
});

/** The library is a package of its own; what runs in CI installs it. */
const whereInstalled = existsSync(join(GRAFANA, 'node_modules')) ? test : test.skip;
whereInstalled('npm run dashboards would change nothing', () => {
  execFileSync(process.execPath, ['--import', 'tsx', join(GRAFANA, 'main.ts'), '--check'], {
    cwd: ROOT,
    stdio: 'pipe',
  });
});

describe('an environment', () => {
  const namesOf = (own: object, environment: 'prod' | 'dev' = 'prod') =>
    objectsOf(render(environment, own), 'ConfigMap')
      .filter(({ labels }) => labels.grafana_dashboard === '1')
      .map(({ name }) => name);

  test.each(['operator', 'bundled'])('with monitoring.mode %s has a ConfigMap of each', (mode) => {
    const backups = { s3: { bucket: 'till' } };
    expect(namesOf({ monitoring: { mode }, backups }, 'dev')).toEqual(
      dashboards.map(({ uid }) => `${uid}-dashboard`),
    );
  });

  test('has none where nobody shows them', () => {
    expect(namesOf({})).toEqual([]);
    expect(
      namesOf({ monitoring: { mode: 'bundled', bundled: { grafana: { enabled: false } } } }, 'dev'),
    ).toEqual([]);
  });

  test('has none of what it has not', () => {
    const uids = (own: object) => dashboardsOf(configWith('prod', own)).map(({ uid }) => uid);
    expect(uids({})).not.toContain('zakpos-backups');
    const kafka = { mode: 'external', external: { brokers: ['kafka.example.com:9096'] } };
    expect(uids({ kafka })).not.toContain('zakpos-kafka');
    expect(uids({ web: { enabled: false } })).not.toContain('zakpos-web');
  });

  test('has them as they are written, each small enough for the API server', () => {
    const each = render('dev', { monitoring: { mode: 'operator' } });
    for (const dashboard of dashboardsOf(each.config)) {
      const { data } = defined(
        configMaps(each).find(({ name }) => name === `${dashboard.uid}-dashboard`),
        dashboard.uid,
      );
      expect(data).toEqual({ [`${dashboard.uid}.json`]: textOf(dashboard) });
      expect(textOf(dashboard).length).toBeLessThan(2 ** 20);
    }
  });
});
