/** Who tells metrics, who may ask for them, and that nobody outside can. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { scrapeTargets, type ScrapeTarget } from '../charts/scrape-targets.ts';
import { isMonitored } from '../environments/monitoring.ts';
import { ENVIRONMENTS } from '../environments/schema.ts';
import {
  called,
  configWith,
  hasLabels,
  objectsOf,
  networkPolicies,
  ROOT,
  routes,
  selected,
  services,
  workloads,
  type Manifest,
  type Rendered,
  type Workload,
} from './manifests.ts';
import { environments, everywhere, rendered, workloadName } from './variants.ts';

const titleOf = ({ workload, port, path }: ScrapeTarget): string => `${workload}:${port.name}${path}`;

/** The workload of a target. */
const workloadOf = (each: Rendered, target: ScrapeTarget): Workload | undefined =>
  workloads(each).find((pod) => workloadName(pod) === target.workload && pod.namespace === target.namespace);

describe('what is asked for metrics', () => {
  test('is nobody where nobody asks', () => {
    for (const name of ENVIRONMENTS) {
      expect(scrapeTargets(configWith(name))).toEqual([]);
      expect(JSON.stringify(environments[name].objects)).not.toContain('prometheus');
    }
  });

  test('is a port that the pods of the workload have, under the same name and number', () => {
    everywhere(function* (each) {
      for (const target of scrapeTargets(each.config)) {
        const { name, number } = target.port;
        const ports = workloadOf(each, target)?.pod.containers.flatMap((container) => container.ports) ?? [];
        if (ports.filter((port) => port.name === name && port.containerPort === number).length !== 1)
          yield `${titleOf(target)} is no port of one container`;
      }
    });
  });

  test('is asked once, and in less time than Prometheus forgets', () => {
    everywhere(function* (each) {
      const titles = scrapeTargets(each.config).map(titleOf);
      if (new Set(titles).size < titles.length) yield `${titles.join(', ')}: one twice`;
      for (const { interval = '1m' } of scrapeTargets(each.config))
        if (!/^([1-9]\d?s|[1-4]m)$/.test(interval)) yield `asked every ${interval}`;
    });
  });

  test('is every port of that name, so that no exporter runs unasked', () => {
    everywhere(function* (each) {
      if (!isMonitored(each.config)) return;
      const asked = scrapeTargets(each.config);
      for (const pod of workloads(each)) {
        const tells = pod.pod.containers.some(({ ports }) => ports.some(({ name }) => name === 'metrics'));
        const { namespace } = pod;
        if (
          tells &&
          !asked.some((target) => target.workload === workloadName(pod) && target.namespace === namespace)
        )
          yield `nobody asks ${called(pod)}`;
      }
    });
  });

  test('is in a PodMonitor of its namespace with the name of the workload, which becomes its job', () => {
    const spec = z.strictObject({
      selector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }),
      podMetricsEndpoints: z.tuple([
        z.strictObject({ port: z.string(), path: z.string(), interval: z.string().optional() }),
      ]),
    });
    everywhere(function* (each) {
      if (each.config.monitoring.mode !== 'operator') return;
      const monitors = objectsOf(each, 'PodMonitor').map((object) => ({
        ...object,
        ...z.object({ spec }).parse(object.raw),
      }));
      const targets = scrapeTargets(each.config);
      if (monitors.length !== targets.length) yield `${monitors.length} PodMonitors of ${targets.length}`;
      for (const target of targets) {
        const monitor = monitors.find(
          ({ name, namespace }) => name === target.workload && namespace === target.namespace,
        );
        const pods = selected(each, target.namespace, monitor?.spec.selector.matchLabels ?? {});
        if (pods.map(workloadName).join() !== target.workload) yield `${titleOf(target)} selects others`;
        const { path, port, interval } = monitor?.spec.podMetricsEndpoints[0] ?? {};
        if (path !== target.path || port !== target.port.name || interval !== target.interval)
          yield `${titleOf(target)} is asked as ${String(port)}${String(path)}`;
      }
    });
  });
});

describe('a metrics endpoint', () => {
  /** Ports into which a policy lets pods of a name; from another namespace where one is named. */
  const letsIn = (each: Rendered, target: Workload, labels: Readonly<Record<string, string>>): number[] =>
    networkPolicies(each)
      .filter(
        ({ namespace, spec }) =>
          namespace === target.namespace && hasLabels(target.podLabels, spec.podSelector.matchLabels),
      )
      .flatMap(({ spec }) => spec.ingress ?? [])
      .filter(({ from }) => from.some(({ podSelector }) => hasLabels(podSelector?.matchLabels ?? {}, labels)))
      .flatMap(({ ports }) => ports.map(({ port }) => port));

  test('lets Prometheus in, and Prometheus gets at nothing else', () => {
    const prometheus = { 'app.kubernetes.io/name': 'prometheus' };
    everywhere(function* (each) {
      if (each.config.monitoring.mode !== 'operator') return;
      const targets = scrapeTargets(each.config);
      for (const pod of workloads(each)) {
        const expected = targets
          .filter(({ workload, namespace }) => workload === workloadName(pod) && namespace === pod.namespace)
          .map(({ port }) => port.number);
        const open = letsIn(each, pod, prometheus);
        if (open.join() !== expected.join()) yield `${called(pod)} lets it in at ${open.join() || 'nothing'}`;
      }
    });
  });

  /** Whether it only answers with a redirect; the Service behind it is there for the form. */
  const redirects = ({ raw }: Manifest): boolean =>
    /"[^"]*router\.middlewares":"[^",]*-to-https@kubernetescrd"/.test(JSON.stringify(raw));

  test('is behind no way in: no route leads to its path, and no port of a node to its port', () => {
    everywhere(function* (each) {
      const targets = scrapeTargets(each.config);
      for (const service of services(each)) {
        const asked = targets.filter(
          (target) =>
            target.namespace === service.namespace &&
            service.spec.selector['app.kubernetes.io/name'] === target.workload,
        );
        for (const target of asked) {
          const ports = service.spec.ports.filter(({ targetPort }) => targetPort === target.port.name);
          if (service.spec.type !== 'ClusterIP' && ports.length > 0)
            yield `${service.name} is ${service.spec.type}`;
          const ways = routes(each).filter(
            ({ from, service: name, port }) =>
              name === service.name &&
              from.namespace === service.namespace &&
              ports.some((candidate) => candidate.name === port || candidate.port === port),
          );
          for (const { from, path } of ways) {
            const below = path.replace(/\/$/, '');
            if ((target.path === below || target.path.startsWith(`${below}/`)) && !redirects(from))
              yield `${called(from)} leads to ${titleOf(target)} by ${path}`;
          }
        }
      }
    });
  });

  test('would be found out: the API is routed, and so is what only redirects to it', () => {
    const ways = rendered.flatMap(routes).filter(({ service }) => service === 'zakpos-api');
    expect(new Set(ways.map(({ path }) => path))).toEqual(new Set(['/api/v1', '/health', '/']));
    expect(ways.filter(({ path }) => path === '/').every(({ from }) => redirects(from))).toBe(true);
    expect(() => configWith('prod', { api: { prefix: 'metrics' } })).toThrow(
      'api.prefix: is "metrics", expected another one',
    );
  });
});

test("an image of one's own that tells no metrics is not asked", () => {
  const targets = (own: object) =>
    scrapeTargets(configWith('prod', { monitoring: { mode: 'operator' }, ...own })).map(
      ({ workload }) => workload,
    );
  expect(targets({})).toEqual(expect.arrayContaining(['zakpos-api', 'zakpos-reports']));
  const without = targets({ api: { metrics: false } });
  for (const name of ['zakpos-api', 'zakpos-reports']) expect(without).not.toContain(name);
});

describe('the page about metrics', () => {
  const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
  const named = (text: string, pattern: RegExp): string[] =>
    [...text.matchAll(pattern)].map(([, name = '']) => name);

  /** Names of series, as the sources of those who tell them have them. */
  const sources = (): string[] => {
    const programs = [
      'apps/api/src/metrics/metrics.ts',
      'apps/api/src/worker/worker-metrics.ts',
      'apps/api/src/expiry/expiry-metrics.ts',
      'apps/web/server/metrics.ts',
    ];
    const queries = z
      .record(
        z.string(),
        z.object({ metrics: z.array(z.record(z.string(), z.object({ usage: z.string() }))) }),
      )
      .parse(parse(read('exporters/postgres-queries.yaml')));
    return [
      ...programs.flatMap((path) => named(read(path), /\bname: '(\w+)'/g)),
      ...['kafka', 'zookeeper'].flatMap((server) =>
        named(read(`exporters/jmx-${server}.yaml`), /^ {4}name: (\w+)$/gm),
      ),
      ...named(read('backup/metrics.sh'), /^ *gauge (\w+) /gm),
      ...Object.entries(queries).flatMap(([name, { metrics }]) =>
        metrics.flatMap((column) =>
          Object.entries(column).flatMap(([as, { usage }]) => (usage === 'LABEL' ? [] : [`${name}_${as}`])),
        ),
      ),
    ];
  };

  test('has a row for each series that this project names, and for no other', () => {
    const rows = named(read('docs/reference/metrics.md'), /^\| `(\w+)` /gm);
    expect(rows.length).toBe(new Set(rows).size);
    expect(rows.toSorted()).toEqual([...new Set(sources())].sort());
  });
});
