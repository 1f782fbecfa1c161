/** What alerts are made of; whether they fire when they should is asked of promtool by the suites on a cluster. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { alertGroups } from '../alerts/groups.ts';
import { durationOf, type AlertRule } from '../alerts/rule.ts';
import { ConfigError } from '../environments/load.ts';
import { isDuration } from '../environments/quantities.ts';
import { ENVIRONMENTS, type EnvironmentName } from '../environments/schema.ts';
import { configWith, objectsOf, only, render, ROOT } from './manifests.ts';

const OPERATOR = { monitoring: { mode: 'operator' } };
const BACKUPS = { backups: { s3: { bucket: 'till', endpoint: 'https://s3.example.com' } } };
const prod = render('prod', { ...OPERATOR, ...BACKUPS });

const alertsOf = (environment: EnvironmentName, own: object): AlertRule[] =>
  alertGroups(configWith(environment, own)).flatMap(({ rules }) => rules);
const namesOf = (environment: EnvironmentName, own: object = {}): string[] =>
  alertsOf(environment, own).map(({ name }) => name);
const alert = (name: string, own: object = {}): AlertRule =>
  only(
    alertsOf('prod', { ...BACKUPS, ...own }).filter((rule) => rule.name === name),
    name,
  );

/** Headings of a page, as links name them. */
const headingsOf = (page: string): string[] =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );

describe('the alerts of prod', () => {
  const rules = alertsOf('prod', BACKUPS);

  test('are these', () => {
    expect(rules.map(({ name, severity, for: lasting }) => `${name} ${severity} ${lasting}`))
      .toMatchInlineSnapshot(`
     [
       "BackupMetricsMissing page 15m",
       "BackupStorageDown page 5m",
       "WalNotArchived page 2m",
       "WalGap page 5m",
       "BackupTooOld ticket 5m",
       "BackupNone page 26h",
       "RestoreDrillFailed ticket 5m",
       "RestoreDrillMissing ticket 1h",
       "RestoreDrillNone ticket 8d",
       "VolumeFilling ticket 15m",
       "VolumeAlmostFull page 5m",
       "VolumeFullSoon ticket 1h",
     ]
    `);
  });

  test('have names of their own, in groups with names of their own', () => {
    const groups = alertGroups(prod.config).map(({ name }) => name);
    for (const names of [groups, rules.map(({ name }) => name)])
      expect(new Set(names).size).toBe(names.length);
  });

  test.each(rules.map((rule) => [rule.name, rule] as const))(
    '%s says how much, and what to do below a heading that is there',
    (_, { summary, runbook, for: lasting }) => {
      expect(summary).toMatch(/\$value|\d/);
      expect(summary).toContain('{{ $labels.namespace }}');
      expect(isDuration(lasting)).toBe(true);
      const [page = '', heading] = runbook.split('#');
      expect(page).toMatch(/^docs\/how-to\//);
      expect(headingsOf(page)).toContain(heading);
    },
  );

  test('are all that the page has runbooks of', () => {
    const runbooks = readFileSync(join(ROOT, 'docs/how-to/alerts.md'), 'utf8').matchAll(/^### (.*)$/gm);
    expect([...runbooks].map(([, name]) => name)).toEqual(rules.map(({ name }) => name));
  });

  test('look at the namespace of the installation alone', () => {
    for (const { name, expr } of alertsOf('prod', { ...BACKUPS, namespace: 'shop-7' })) {
      const selectors = [...expr.matchAll(/\b[a-z]+_\w+(\{[^}]*\})?/g)].filter(
        ([text]) => !/^(?:max_over_time|predict_linear)$/.test(text),
      );
      expect(selectors.length).toBeGreaterThan(0);
      for (const [text] of selectors) expect(`${name}: ${text}`).toContain('{namespace="shop-7"');
    }
  });

  test('ask for metrics that the backups tell', () => {
    const told = readFileSync(join(ROOT, 'backup/metrics.sh'), 'utf8');
    const asked = rules.flatMap(({ expr }) => expr.match(/\bzakpos_\w+/g) ?? []);
    expect(new Set(asked).size).toBeGreaterThan(5);
    for (const metric of asked) expect(told).toContain(`gauge ${metric} `);
  });
});

describe('thresholds come from the configuration:', () => {
  test.each<[string, object, string, string]>([
    ['a daily backup', {}, 'BackupTooOld', '> 93600'],
    ['a backup on Sundays', { schedule: '0 3 * * 0' }, 'BackupTooOld', '> 612000'],
    ['a weekly drill', {}, 'RestoreDrillMissing', '> 691200'],
    ['a daily drill', { drillSchedule: '0 5 * * *' }, 'RestoreDrillMissing', '> 172800'],
  ])('%s', (_, own, name, expected) => {
    expect(alert(name, { backups: { ...BACKUPS.backups, ...own } }).expr).toContain(expected);
  });

  test.each([
    [{ backupGrace: '30m' }, 'BackupTooOld', '> 88200'],
    [{ drillGrace: '12h' }, 'RestoreDrillMissing', '> 648000'],
    [{ walAge: '90s' }, 'WalNotArchived', '> 90 '],
    [{ volumePercent: 70 }, 'VolumeFilling', '> 0.7 <= 0.85'],
    [{ volumePercent: 70 }, 'VolumeAlmostFull', '> 0.85'],
  ])('%j', (alerts, name, expected) => {
    expect(alert(name, { monitoring: { alerts } }).expr).toContain(expected);
  });

  test('what has never been is waited for as long as what is late, and said with it', () => {
    const hourly = { backups: { ...BACKUPS.backups, schedule: '0 * * * *', drillSchedule: '0 5 1 * *' } };
    expect([alert('BackupNone', hourly).for, alert('RestoreDrillNone', hourly).for]).toEqual(['3h', '32d']);
    expect(alert('BackupTooOld', hourly).summary).toContain('its schedule allows 3h.');
  });
});

test.each([
  [93_600, '26h'],
  [691_200, '8d'],
  [5400, '90m'],
  [61, '61s'],
])('%i seconds are written as %s', (seconds, text) => {
  expect(durationOf(seconds)).toBe(text);
});

describe('without backups of this project', () => {
  const volumes = ['VolumeFilling', 'VolumeAlmostFull', 'VolumeFullSoon'];
  test.each<[string, EnvironmentName, object]>([
    ['dev', 'dev', {}],
    ['prod without a bucket', 'prod', {}],
    ['CloudNativePG, which makes its own', 'prod', { postgres: { mode: 'cloudnativepg' }, ...BACKUPS }],
    ['cloud, whose server is external', 'cloud', BACKUPS],
  ])('there are alerts of volumes alone: %s', (_, environment, own) => {
    expect(namesOf(environment, own)).toEqual(volumes);
    const each = render(environment, { ...own, ...OPERATOR });
    expect(objectsOf(each, 'PodMonitor').map(({ name }) => name)).not.toContain('zakpos-backup');
    expect(objectsOf(each, 'PrometheusRule')).toHaveLength(1);
  });
});

describe('an operator of Prometheus', () => {
  test('gets nothing that nobody has asked for', () => {
    for (const name of ENVIRONMENTS) {
      const each = render(name, BACKUPS);
      expect([...objectsOf(each, 'PrometheusRule'), ...objectsOf(each, 'PodMonitor')]).toEqual([]);
    }
  });

  test('gets every rule as it is', () => {
    const object = only(objectsOf(prod, 'PrometheusRule'), 'PrometheusRule');
    expect(object.namespace).toBe('zakpos');
    expect(z.object({ spec: z.unknown() }).parse(object.raw).spec).toEqual({
      groups: alertGroups(prod.config).map(({ name, rules }) => ({
        name,
        rules: rules.map(({ name: alert, expr, for: lasting, severity, summary, runbook }) => ({
          alert,
          expr,
          for: lasting,
          labels: { severity },
          annotations: { summary, runbook },
        })),
      })),
    });
  });

  test('finds rules and monitors by the labels of its choice', () => {
    const all = (own: object) => {
      const each = render('prod', { ...BACKUPS, monitoring: { mode: 'operator', ...own } });
      return [...objectsOf(each, 'PrometheusRule'), ...objectsOf(each, 'PodMonitor')].map(
        ({ labels }) => labels,
      );
    };
    expect(all({}).length).toBeGreaterThan(2);
    for (const labels of all({})) expect(labels).toMatchObject({ release: 'kube-prometheus-stack' });
    for (const labels of all({ labels: { 'example.com/team': 'tills' } })) {
      expect(labels).toMatchObject({ 'example.com/team': 'tills', 'app.kubernetes.io/part-of': 'zakpos' });
      expect(labels).not.toHaveProperty('release');
    }
  });

  test.each([
    [
      { labels: { 'team!': 'a' } },
      'monitoring.labels.team!: is "team!", expected the name of a label, such as',
    ],
    [{ labels: { team: 'a b' } }, 'monitoring.labels.team: is "a b", expected the value of a label'],
    [
      { alerts: { walAge: '5' } },
      'monitoring.alerts.walAge: is "5", expected a whole number with s, m, h or d',
    ],
    [{ alerts: { volumePercent: 99 } }, 'monitoring.alerts.volumePercent: is 99, expected at most 95'],
    [{ mode: 'helm' }, 'monitoring.mode: is "helm", expected one of none, operator, bundled'],
  ])('is given no %j', (own, problem) => {
    expect(() => configWith('prod', { monitoring: own })).toThrow(ConfigError);
    expect(() => configWith('prod', { monitoring: own })).toThrow(problem);
  });
});
