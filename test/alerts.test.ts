/** What alerts are made of; whether they fire when they should is asked of promtool by the suites on a cluster. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { alertGroups } from '../alerts/groups.ts';
import { inhibitions } from '../alerts/inhibitions.ts';
import { durationOf, type AlertRule } from '../alerts/rule.ts';
import { ConfigError } from '../environments/load.ts';
import { isDuration, toBytes, toSeconds } from '../environments/quantities.ts';
import { ENVIRONMENTS, type EnvironmentName } from '../environments/schema.ts';
import { SALE_SECONDS } from '../environments/schema/monitoring.ts';
import { configWith, objectsOf, only, render, ROOT, workloads } from './manifests.ts';
import { everywhere } from './variants.ts';

const OPERATOR = { monitoring: { mode: 'operator' } };
const BACKUPS = { backups: { s3: { bucket: 'till', endpoint: 'https://s3.example.com' } } };
const TRAEFIK = { addons: { traefik: { enabled: true } } };
const prod = render('prod', { ...OPERATOR, ...BACKUPS });

const alertsOf = (environment: EnvironmentName, own: object): AlertRule[] =>
  alertGroups(configWith(environment, own)).flatMap(({ rules }) => rules);
const namesOf = (environment: EnvironmentName, own: object = {}): string[] =>
  alertsOf(environment, { ...OPERATOR, ...own }).map(({ name }) => name);
/** An alert of prod, with values of its own of `monitoring`. */
const alert = (name: string, monitoring: object = {}, own: object = {}): AlertRule =>
  only(
    alertsOf('prod', { ...BACKUPS, ...own, monitoring: { mode: 'operator', ...monitoring } }).filter(
      (rule) => rule.name === name,
    ),
    name,
  );
/** Selectors of a query: the name of each series, and what it is narrowed to. */
const selectorsOf = (expr: string): { name: string; labels: string }[] =>
  [...expr.matchAll(/([a-zA-Z_:][\w:]*)\{([^}]*)\}/g)].map(([, name = '', labels = '']) => ({
    name,
    labels,
  }));

/** Headings of a page, as links name them. */
const headingsOf = (page: string): string[] =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );

describe('the alerts of prod', () => {
  const all = { ...OPERATOR, ...BACKUPS, ...TRAEFIK };
  const rules = alertsOf('prod', all);
  const records = alertGroups(configWith('prod', all)).flatMap((group) => group.records);
  const runbooks = readdirSync(join(ROOT, 'docs/runbooks')).map((file) => `docs/runbooks/${file}`);

  test('are these', () => {
    expect(rules.map(({ name, severity, for: lasting }) => `${name} ${severity} ${lasting}`))
      .toMatchInlineSnapshot(`
     [
       "SalesFailing page 2m",
       "SomeSalesFailing ticket 15m",
       "SalesSlow page 2m",
       "SomeSalesSlow ticket 15m",
       "ApiDown page 2m",
       "WebDown page 2m",
       "IngressDown page 2m",
       "EventLoopLag ticket 10m",
       "DatabasePoolSaturated ticket 5m",
       "OutboxStuck ticket 2m",
       "ReportsStopped ticket 13m",
       "ConsumerLag ticket 10m",
       "EventsBuried ticket 1m",
       "PostgresDown page 1m",
       "PostgresConnectionsNearLimit ticket 10m",
       "LongTransaction ticket 5m",
       "SessionsBlocked ticket 3m",
       "RedisDown page 1m",
       "RedisMemoryFull page 5m",
       "BrokerDown ticket 10m",
       "KafkaOfflinePartitions ticket 10m",
       "KafkaNoController ticket 10m",
       "KafkaUnderReplicated ticket 10m",
       "ZookeeperQuorum ticket 10m",
       "CrashLooping ticket 1m",
       "OutOfMemory ticket 1m",
       "NodeDown ticket 5m",
       "NodeDiskFilling ticket 15m",
       "MetricsMissing ticket 15m",
       "CertificateExpiring ticket 1h",
       "CertificateAlmostExpired page 5m",
       "SecretTooOld ticket 1h",
       "SecurityEvents ticket 1m",
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
      expect(summary).toMatch(/\{\{ \$labels\.(?:namespace|job|node) \}\}/);
      expect(isDuration(lasting)).toBe(true);
      const [page = '', heading] = runbook.split('#');
      expect(runbooks).toContain(page);
      expect(headingsOf(page)).toContain(heading);
    },
  );

  test('are all that there are runbooks of, each with what it means, what to do and when it is over', () => {
    const pages = runbooks.map((page) => readFileSync(join(ROOT, page), 'utf8'));
    const sections = pages.flatMap((page) => page.split(/^## /m).slice(1));
    expect(sections.map((section) => section.split('\n')[0]).sort()).toEqual(
      rules.map(({ name }) => name).sort(),
    );
    for (const section of sections) {
      for (const part of ['**For the shop:**', '**Ends**']) expect(section).toContain(part);
      expect(section).toMatch(/\*\*(?:Look|Look and do|Do):\*\*|Look and do as/);
    }
  });

  test('look at the installation alone, whatever it is called', () => {
    const own = alertGroups(configWith('prod', { ...all, namespace: 'shop-7', systemNamespace: 'edge-7' }));
    const queries = own.flatMap((group) => [...group.records, ...group.rules].map(({ expr }) => expr));
    for (const { name, labels } of queries.flatMap(selectorsOf)) {
      if (labels.includes('job="kubelet"')) continue;
      expect(`${name}: ${labels}`).toMatch(/: namespace="(?:shop|edge)-7"/);
    }
    expect(
      JSON.stringify(own.map((group) => [group.records, group.rules.map(({ expr }) => expr)])),
    ).not.toContain('zakpos"');
  });

  test('ask for metrics that the backups tell', () => {
    const told = readFileSync(join(ROOT, 'backup/metrics.sh'), 'utf8');
    const asked = rules.flatMap(({ expr }) => expr.match(/\bzakpos_(?:backup|restore)_\w+/g) ?? []);
    expect(new Set(asked).size).toBeGreaterThan(5);
    for (const metric of asked) expect(told).toContain(`gauge ${metric} `);
  });

  test('ask for what was worked out ahead under the names that it has', () => {
    const known = new Set(records.map(({ record }) => record));
    const asked = rules.flatMap(({ expr }) => selectorsOf(expr)).filter(({ name }) => name.includes(':'));
    expect(asked.length).toBeGreaterThan(10);
    for (const { name } of asked) expect(known).toContain(name);
  });
});

describe('what silences what', () => {
  const rules = alertsOf('prod', { ...OPERATOR, ...BACKUPS, ...TRAEFIK });
  const severityOf = (name: string) =>
    only(
      rules.filter((rule) => rule.name === name),
      name,
    ).severity;

  test('names alerts that there are, each source once for the same of its targets', () => {
    const named = inhibitions.flatMap(({ source, targets }) => [source, ...targets]);
    expect(rules.map(({ name }) => name)).toEqual(expect.arrayContaining([...new Set(named)]));
    const sources = inhibitions.map(({ source, equal = [], of = {} }) => JSON.stringify([source, equal, of]));
    expect(new Set(sources).size).toBe(sources.length);
  });

  test('never lets a ticket silence a page, nor two alerts each other', () => {
    for (const { source, targets } of inhibitions) {
      for (const target of targets) {
        if (severityOf(target) === 'page') expect(`${source} ${severityOf(source)}`).toBe(`${source} page`);
        const back = inhibitions.filter((other) => other.source === target).flatMap((other) => other.targets);
        expect(back).not.toContain(source);
      }
    }
  });

  test('a broker that is gone is told before what follows from it', () => {
    const { for: lasting } = alert('ReportsStopped', { alerts: { rolloutGrace: '30m', outboxAge: '31m' } });
    expect(lasting).toBe('33m');
    const kafka = inhibitions.filter(({ targets }) => targets.includes('ReportsStopped'));
    expect(kafka.map(({ source }) => source)).toEqual(
      expect.arrayContaining([
        'BrokerDown',
        'ZookeeperQuorum',
        'KafkaNoController',
        'KafkaOfflinePartitions',
      ]),
    );
  });

  test('a cause goes on until what follows from it is over', () => {
    const keptOf = (name: string): number => {
      const { keepFiringFor } = only(
        rules.filter((rule) => rule.name === name),
        name,
      );
      return keepFiringFor === undefined ? 0 : toSeconds(keepFiringFor);
    };
    expect(['PostgresDown', 'RedisDown', 'BrokerDown', 'NodeDown'].map(keptOf)).toEqual([180, 180, 180, 600]);
    for (const { source, targets } of inhibitions) {
      for (const target of targets.filter((name) => keptOf(name) > 0))
        expect(keptOf(source)).toBeGreaterThan(keptOf(target));
    }
  });
});

describe('what a sale is held to', () => {
  test.each<[string, object, string, string]>([
    ['99.9 % of sales', {}, 'SalesFailing', '> 0.0144'],
    ['99.9 % of sales in six hours', {}, 'SalesFailing', 'ratio_rate6h{namespace="zakpos"} > 0.006'],
    ['99.5 % of sales', { availability: 99.5 }, 'SalesFailing', '> 0.072'],
    ['99 % within a time', {}, 'SalesSlow', '> 0.144'],
    ['95 % within a time', { latency: 95 }, 'SomeSalesSlow', '> 0.05'],
    ['five failures', {}, 'SalesFailing', 'sales_failed:increase1h{namespace="zakpos"} >= 5'],
    ['two failures', { minimum: 2 }, 'SalesFailing', '>= 2 '],
  ])('%s', (_, slo, name, expected) => {
    expect(alert(name, { slo }).expr).toContain(expected);
  });

  test('is measured in buckets that the API has', () => {
    const told = readFileSync(join(ROOT, 'apps/api/src/metrics/metrics.ts'), 'utf8');
    const buckets = /buckets: \[([^\]]*)\]/.exec(told)?.[1]?.split(', ').map(Number);
    expect(buckets).toEqual(expect.arrayContaining([...SALE_SECONDS]));
  });

  test.each([
    [0.25, 'le="0.25"'],
    [1, 'le=~"1|1.0"'],
  ])('of %d seconds, whichever Prometheus wrote the bound', (seconds, bound) => {
    const config = configWith('prod', { monitoring: { mode: 'operator', slo: { seconds } } });
    const slow = alertGroups(config)
      .flatMap((group) => group.records)
      .filter(({ record }) => record.startsWith('zakpos:sales_slow:'));
    expect(slow.length).toBeGreaterThan(5);
    for (const { expr } of slow) expect(expr).toContain(bound);
  });

  test('is a sale of the route that the API has', () => {
    const own = alertGroups(configWith('prod', { ...OPERATOR, api: { prefix: 'pos/v2' } }));
    expect(own[0]?.records[0]?.expr).toContain('method="POST",route="/pos/v2/sales"');
  });

  test('says what was told of its cause no second time, for as long as the window remembers it', () => {
    const { expr } = alert('SalesFailing');
    expect(expr).toContain('alertname=~"PostgresDown|ApiDown",alertstate="firing"}[5m]');
    expect(expr).toContain('alertname=~"PostgresDown|ApiDown",alertstate="firing"}[30m]');
    expect(alert('SomeSalesFailing').expr).toContain('"PostgresDown|ApiDown|SalesFailing"');
  });
});

test('limits of memory are those of the manifests', () => {
  everywhere(function* (each) {
    const limits = alertGroups(each.config)
      .flatMap((group) => group.records)
      .filter(({ record }) => record === 'zakpos:memory_limit:bytes');
    if (limits.length === 0 && each.config.monitoring.mode !== 'none') yield 'there are none';
    for (const { expr, labels } of limits) {
      const containers = workloads(each)
        .filter(({ kind }) => !/Job/.test(kind))
        .flatMap(({ pod }) => pod.containers)
        .filter(({ name }) => name === labels?.container);
      const found = containers.map(({ resources }) => `vector(${toBytes(resources.limits.memory ?? '')})`);
      if (found.join() !== expr) yield `${String(labels?.container)}: ${expr}, and ${found.join()}`;
    }
  });
});

describe('thresholds come from the configuration:', () => {
  test.each<[string, object, string, string]>([
    ['a daily backup', {}, 'BackupTooOld', '> 93600'],
    ['a backup on Sundays', { schedule: '0 3 * * 0' }, 'BackupTooOld', '> 612000'],
    ['a weekly drill', {}, 'RestoreDrillMissing', '> 691200'],
    ['a daily drill', { drillSchedule: '0 5 * * *' }, 'RestoreDrillMissing', '> 172800'],
  ])('%s', (_, own, name, expected) => {
    expect(alert(name, {}, { backups: { ...BACKUPS.backups, ...own } }).expr).toContain(expected);
  });

  test.each([
    [{ backupGrace: '30m' }, 'BackupTooOld', '> 88200'],
    [{ drillGrace: '12h' }, 'RestoreDrillMissing', '> 648000'],
    [{ walAge: '90s' }, 'WalNotArchived', '> 90 '],
    [{ volumePercent: 70 }, 'VolumeFilling', '> 0.7 <= 0.85'],
    [{ volumePercent: 70 }, 'VolumeAlmostFull', '> 0.85'],
    [{ outboxAge: '20m' }, 'OutboxStuck', '> 1200'],
    [{ secretAge: '90d' }, 'SecretTooOld', '> 7776000'],
    [{ securityEvents: 7 }, 'SecurityEvents', '> 7'],
  ])('%j', (alerts, name, expected) => {
    expect(alert(name, { alerts }).expr).toContain(expected);
  });

  test('a broker may be away for as long as a rollout takes', () => {
    for (const name of ['BrokerDown', 'ZookeeperQuorum', 'KafkaUnderReplicated'])
      expect(alert(name, { alerts: { rolloutGrace: '30m' } }).for).toBe('30m');
  });

  test.each([
    [90, '< 864000 >= 172800'],
    [9, '< 259200 >= 51840'],
  ])('a certificate of %i days', (days, expected) => {
    expect(alert('CertificateExpiring', {}, { certificates: { days } }).expr).toContain(expected);
  });

  test.each([
    ['cluster', '< 3'],
    ['single', '< 1'],
  ])('as many brokers and ZooKeepers as there are: %s', (size, expected) => {
    for (const name of ['BrokerDown', 'ZookeeperQuorum'])
      expect(alert(name, {}, { size }).expr).toMatch(new RegExp(`${expected}$`));
  });

  test('what has never been is waited for as long as what is late, and said with it', () => {
    const hourly = { backups: { ...BACKUPS.backups, schedule: '0 * * * *', drillSchedule: '0 5 1 * *' } };
    expect([alert('BackupNone', {}, hourly).for, alert('RestoreDrillNone', {}, hourly).for]).toEqual([
      '3h',
      '32d',
    ]);
    expect(alert('BackupTooOld', {}, hourly).summary).toContain('its schedule allows 3h.');
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

describe('an alert is there where its metrics are:', () => {
  const OF_BACKUPS = ['BackupMetricsMissing', 'WalGap', 'RestoreDrillNone'];
  const OF_KAFKA = ['BrokerDown', 'KafkaNoController', 'ZookeeperQuorum'];
  const OF_REPORTS = ['ReportsStopped', 'ConsumerLag', 'EventsBuried'];
  const OF_API = ['ApiDown', 'SalesFailing', 'OutboxStuck', 'SecurityEvents'];
  test.each<[string, EnvironmentName, object, string[], string[]]>([
    ['dev', 'dev', {}, [...OF_API, ...OF_KAFKA, 'IngressDown'], [...OF_BACKUPS, 'KafkaUnderReplicated']],
    ['prod', 'prod', {}, [...OF_API, ...OF_KAFKA, 'KafkaUnderReplicated'], [...OF_BACKUPS, 'IngressDown']],
    ['prod with backups', 'prod', BACKUPS, OF_BACKUPS, []],
    [
      'CloudNativePG, which makes its own',
      'prod',
      { postgres: { mode: 'cloudnativepg' }, ...BACKUPS },
      ['PostgresDown'],
      OF_BACKUPS,
    ],
    [
      'cloud, whose stores are external',
      'cloud',
      BACKUPS,
      ['PostgresDown', 'RedisDown', 'OutboxStuck'],
      [...OF_KAFKA, ...OF_BACKUPS],
    ],
    ['an API of others', 'prod', { api: { metrics: false } }, OF_KAFKA, [...OF_API, ...OF_REPORTS]],
    ['no reports', 'prod', { reports: { enabled: false } }, OF_API, OF_REPORTS],
    ['no till', 'prod', { web: { enabled: false } }, OF_API, ['WebDown']],
  ])('%s', (_, environment, own, there, notThere) => {
    const names = namesOf(environment, own);
    expect(names).toEqual(
      expect.arrayContaining([...there, 'VolumeFilling', 'MetricsMissing', 'CrashLooping']),
    );
    for (const name of notThere) expect(names).not.toContain(name);
    const each = render(environment, { ...own, ...OPERATOR });
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

  test('gets every rule as a file of Prometheus would have it', () => {
    const object = only(objectsOf(prod, 'PrometheusRule'), 'PrometheusRule');
    expect(object.namespace).toBe('zakpos');
    const groups = alertGroups(prod.config);
    expect(z.object({ spec: z.unknown() }).parse(object.raw).spec).toEqual({
      groups: groups.map(({ name, records, rules }) => ({
        name,
        rules: [
          ...records,
          ...rules.map(({ name: alert, expr, for: lasting, keepFiringFor, severity, summary, runbook }) => ({
            alert,
            expr,
            for: lasting,
            ...(keepFiringFor === undefined ? {} : { keep_firing_for: keepFiringFor }),
            labels: { severity },
            annotations: { summary, runbook },
          })),
        ],
      })),
    });
    expect(JSON.stringify(object.raw)).toContain('"keep_firing_for":"3m"');
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
