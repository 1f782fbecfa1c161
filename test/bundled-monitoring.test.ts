/** The monitoring that this project brings itself: what it asks, keeps, tells and shows, of what is rendered. */
import { parse } from 'yaml';
import { z } from 'zod';
import { alertGroups } from '../alerts/groups.ts';
import { inhibitions } from '../alerts/inhibitions.ts';
import { scrapeTargets } from '../charts/scrape-targets.ts';
import { ownNamespaces } from '../environments/namespaces.ts';
import { toBytes } from '../environments/quantities.ts';
import { ENVIRONMENTS } from '../environments/schema.ts';
import {
  allContainers,
  configFile,
  configMaps,
  configWith,
  defined,
  envOf,
  mainContainer,
  objectsOf,
  only,
  render,
  selected,
  services,
  workload,
  workloads,
  type Rendered,
} from './manifests.ts';
import { relabel, relabelRule } from './relabel.ts';
import { environments, variants, workloadName } from './variants.ts';

const dev = variants['dev with bundled monitoring'];
const prod = variants['prod with bundled monitoring'];
const alone = variants['prod on kind with bundled monitoring alone'];
const bundled = [dev, prod, alone];

const WORKLOADS = [
  'zakpos-prometheus',
  'zakpos-alertmanager',
  'zakpos-grafana',
  'zakpos-loki',
  'zakpos-log-collector',
];

const scrape = z.strictObject({
  job_name: z.string(),
  metrics_path: z.string(),
  scrape_interval: z.string().optional(),
  sample_limit: z.int().optional(),
  scheme: z.string().optional(),
  authorization: z.strictObject({ credentials_file: z.string() }).optional(),
  tls_config: z.strictObject({ insecure_skip_verify: z.boolean() }).optional(),
  honor_labels: z.boolean().optional(),
  honor_timestamps: z.boolean().optional(),
  http_sd_configs: z.tuple([
    z.strictObject({
      url: z.string().startsWith('http://localhost:9098/'),
      refresh_interval: z.string(),
    }),
  ]),
  relabel_configs: z.array(relabelRule),
  metric_relabel_configs: z.array(relabelRule).optional(),
});
/** The server, beside what finds its targets. */
const prometheusOf = (each: Rendered) =>
  defined(
    allContainers(workload(each, 'zakpos-prometheus')).find(({ name }) => name === 'prometheus'),
    'prometheus',
  );
/** What its targets are asked for, of the program beside Prometheus. */
const foundBy = ({ http_sd_configs: [{ url }] }: z.output<typeof scrape>): string =>
  url.replace('http://localhost:9098/', '');
/** What is told of containers, by who finds them. */
const CONTAINERS = {
  job_name: 'kube-state-metrics',
  honor_labels: true,
  sample_limit: 10_000,
  static_configs: [{ targets: ['localhost:9098'] }],
};
const isOfContainers = z.object({ job_name: z.literal(CONTAINERS.job_name) });
const allScrapes = (each: Rendered) =>
  z
    .object({ scrape_configs: z.array(z.unknown()) })
    .parse(parse(configFile(each, 'zakpos-prometheus', 'prometheus.yaml'))).scrape_configs;
const scrapes = (each: Rendered) =>
  allScrapes(each)
    .filter((job) => !isOfContainers.safeParse(job).success)
    .map((job) => scrape.parse(job));

describe('the bundled monitoring', () => {
  test('is nowhere by default, and all of it with one switch', () => {
    for (const name of ENVIRONMENTS) {
      const names = workloads(environments[name]).map(workloadName);
      expect(names.filter((each) => WORKLOADS.includes(each))).toEqual([]);
    }
    expect(
      workloads(dev)
        .map(workloadName)
        .filter((name) => WORKLOADS.includes(name))
        .sort(),
    ).toEqual([...WORKLOADS].sort());
  });

  test('takes less than 1.5 GiB on dev', () => {
    const limits = workloads(dev)
      .filter((pod) => [...WORKLOADS, 'zakpos-postgres-exporter', 'zakpos-redis-exporter'].includes(pod.name))
      .flatMap(allContainers)
      .map(({ resources }) => resources.limits.memory ?? '');
    expect(limits.reduce((sum, limit) => sum + toBytes(limit), 0)).toBeLessThan(1.5 * 2 ** 30);
  });

  test('makes each program in Go collect its garbage below its limit', () => {
    for (const each of bundled) {
      for (const pod of workloads(each)) {
        if (!WORKLOADS.includes(pod.name)) continue;
        // What finds its targets is in JavaScript.
        for (const container of allContainers(pod).filter(({ name }) => name !== 'discovery')) {
          const [, mebibytes] = /^(\d+)MiB$/.exec(envOf(container, 'GOMEMLIMIT') ?? '') ?? [];
          const share = (Number(mebibytes) * 2 ** 20) / toBytes(container.resources.limits.memory ?? '');
          // Grafana holds next to nothing itself.
          if (pod.name !== 'zakpos-grafana')
            expect([pod.name, share > 0.7 && share <= 0.75]).toEqual([pod.name, true]);
        }
      }
    }
  });
});

describe('Prometheus', () => {
  test('asks the program beside it how often containers of this project were started anew', () => {
    for (const each of bundled) {
      expect(allScrapes(each).filter((job) => isOfContainers.safeParse(job).success)).toEqual([CONTAINERS]);
      const discovery = defined(
        allContainers(workload(each, 'zakpos-prometheus')).find(({ name }) => name === 'discovery'),
        'discovery',
      );
      expect(envOf(discovery, 'NAMESPACES')).toBe(ownNamespaces(each.config).join(','));
      expect(discovery.ports).toMatchObject([{ containerPort: 9098 }]);
    }
  });

  test('asks each pod of each target by one job, under the labels that every series has', () => {
    for (const each of bundled) {
      const expected = scrapeTargets(each.config).map(
        ({ namespace, workload: name }) => `${namespace}/${name}`,
      );
      const jobs = scrapes(each).filter((job) => foundBy(job).startsWith('pods/'));
      expect(jobs.map((job) => job.job_name)).toEqual(expected);
      const found = jobs.flatMap((job) =>
        workloads(each).flatMap((pod) =>
          pod.pod.containers.flatMap((container) =>
            container.ports.flatMap((port) => {
              if (foundBy(job) !== `pods/${pod.namespace ?? ''}`) return [];
              const labels = relabel(
                {
                  job: job.job_name,
                  __meta_kubernetes_pod_label_app_kubernetes_io_name: workloadName(pod),
                  __meta_kubernetes_pod_container_port_name: port.name,
                  __meta_kubernetes_pod_container_name: container.name,
                  __meta_kubernetes_pod_phase: 'Running',
                  __meta_kubernetes_namespace: pod.namespace ?? '',
                  __meta_kubernetes_pod_name: `${pod.name}-x`,
                },
                job.relabel_configs,
              );
              return labels === undefined ? [] : [{ labels, port, job, pod, container }];
            }),
          ),
        ),
      );
      expect(found.map(({ labels }) => labels.job)).toEqual(expected);
      for (const { labels, pod, container } of found) {
        expect(labels).toEqual({
          job: `${pod.namespace ?? ''}/${workloadName(pod)}`,
          namespace: pod.namespace,
          pod: `${pod.name}-x`,
          container: container.name,
        });
      }
      for (const { port, job, pod } of found) {
        const target = defined(
          scrapeTargets(each.config).find(({ workload: name }) => name === workloadName(pod)),
          pod.name,
        );
        expect([port.containerPort, job.metrics_path]).toEqual([target.port.number, target.path]);
      }
    }
  });

  test('asks no pod that has ended', () => {
    const [job] = scrapes(dev);
    const running = {
      __meta_kubernetes_pod_label_app_kubernetes_io_name: 'zakpos-api',
      __meta_kubernetes_pod_container_port_name: 'http',
    };
    const rules = defined(job, 'job').relabel_configs;
    for (const [phase, asked] of [
      ['Pending', true],
      ['Running', true],
      ['Succeeded', false],
      ['Failed', false],
    ] as const)
      expect([
        phase,
        relabel({ ...running, __meta_kubernetes_pod_phase: phase }, rules) !== undefined,
      ]).toEqual([phase, asked]);
  });

  describe('asks each kubelet, and keeps', () => {
    const kubelets = scrapes(dev).filter((job) => foundBy(job) === 'nodes');
    const kept = (labels: Record<string, string>): boolean =>
      kubelets.every((job) => relabel(labels, job.metric_relabel_configs ?? []) !== undefined);
    const WORKING_SET = 'container_memory_working_set_bytes';
    const api = { namespace: 'zakpos', pod: 'zakpos-api-x', container: 'api', id: '/kubepods/x/y' };

    test('under the labels that kube-prometheus-stack gives, by its own token, directly', () => {
      expect(
        kubelets.map((job) =>
          relabel(
            { __metrics_path__: job.metrics_path, __meta_kubernetes_node_name: 'n', job: job.job_name },
            job.relabel_configs,
          ),
        ),
      ).toEqual([
        { job: 'kubelet', metrics_path: '/metrics', node: 'n' },
        { job: 'kubelet', metrics_path: '/metrics/cadvisor', node: 'n' },
      ]);
      for (const job of kubelets) {
        expect(job).toMatchObject({ scheme: 'https', honor_labels: true });
        expect(job.authorization?.credentials_file).toMatch(/serviceaccount\/token$/);
      }
    });

    test.each<[string, boolean, Record<string, string>]>([
      ['a container of ours', true, { __name__: WORKING_SET, ...api }],
      ['one of the add-ons', true, { __name__: WORKING_SET, ...api, namespace: 'zakpos-system' }],
      ['the log collector', true, { __name__: WORKING_SET, ...api, namespace: 'zakpos-node-agents' }],
      ['none of somebody else', false, { __name__: WORKING_SET, ...api, namespace: 'other' }],
      ['no sandbox and no sum of a pod', false, { __name__: WORKING_SET, ...api, container: '' }],
      ['the node', true, { __name__: WORKING_SET, id: '/' }],
      ['no group of pods', false, { __name__: WORKING_SET, id: '/kubepods' }],
      ['a volume of ours', true, { __name__: 'kubelet_volume_stats_available_bytes', namespace: 'zakpos' }],
      ['no other volume', false, { __name__: 'kubelet_volume_stats_available_bytes', namespace: 'other' }],
      ['the disk of the node', true, { __name__: 'container_fs_usage_bytes', id: '/' }],
      ['no size of the node', false, { __name__: 'machine_memory_bytes' }],
      ['nothing else', false, { __name__: 'container_memory_failures_total', ...api }],
    ])('%s: %s', (_, expected, labels) => {
      expect(kept(labels)).toBe(expected);
    });

    test('every series of theirs that rules ask for', () => {
      const asked = alertGroups(prod.config).flatMap(({ records, rules }) =>
        [...records, ...rules].flatMap(
          ({ expr }) => expr.match(/\b(?:container|kubelet|machine)_\w+/g) ?? [],
        ),
      );
      expect(new Set(asked).size).toBeGreaterThan(3);
      for (const name of new Set(asked))
        expect([name, kept({ __name__: name, ...api })]).toEqual([name, true]);
    });
  });

  test('may read pods of its namespaces and metrics of nodes, and nothing else', () => {
    const rulesOf = (kind: string, name: string) =>
      objectsOf(dev, kind)
        .filter((role) => role.name === name)
        .map(({ raw, namespace }) => [namespace, z.object({ rules: z.unknown() }).parse(raw).rules]);
    const read = ['get', 'list', 'watch'];
    const pods = [{ apiGroups: [''], resources: ['pods'], verbs: read }];
    const namespaces = new Set(scrapeTargets(dev.config).map(({ namespace }) => namespace));
    expect(rulesOf('Role', 'zakpos-prometheus')).toEqual([...namespaces].map((name) => [name, pods]));
    expect(rulesOf('ClusterRole', 'zakpos-prometheus')).toEqual([
      [
        undefined,
        [
          { apiGroups: [''], resources: ['nodes'], verbs: read },
          { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
        ],
      ],
    ]);
  });

  test('evaluates every group of rules, and tells Alertmanager', () => {
    for (const each of bundled) {
      const file = z
        .object({ groups: z.array(z.object({ name: z.string(), rules: z.array(z.unknown()) })) })
        .parse(parse(configFile(each, 'zakpos-prometheus', 'rules.yaml')));
      expect(file.groups.map(({ name, rules }) => [name, rules.length])).toEqual(
        alertGroups(each.config).map(({ name, records, rules }) => [name, records.length + rules.length]),
      );
      expect(configFile(each, 'zakpos-prometheus', 'prometheus.yaml')).toContain(
        '- zakpos-alertmanager:9093',
      );
      expect(prometheusOf(each).args).toContain('--config.file=/etc/prometheus/prometheus.yaml');
    }
  });

  test('forgets by time and by size, before its volume is full', () => {
    const { args } = prometheusOf(dev);
    expect(args).toContain('--storage.tsdb.retention.time=3d');
    expect(args).toContain(`--storage.tsdb.retention.size=${2 ** 30}B`);
  });
});

describe('Alertmanager', () => {
  const config = (each: Rendered) => {
    const text = configFile(each, 'zakpos-alertmanager', 'alertmanager.yaml');
    return z
      .looseObject({
        route: z.looseObject({ receiver: z.string() }),
        receivers: z.array(z.looseObject({ name: z.string() })),
      })
      .parse(parse(text));
  };
  const withReceiver = (page: object): Rendered =>
    render('dev', { monitoring: { mode: 'bundled', bundled: { alertmanager: { receivers: { page } } } } });

  test('has a receiver for each severity, and pages go to theirs', () => {
    const { route, receivers } = config(prod);
    expect(receivers.map(({ name }) => name)).toEqual(['page', 'ticket']);
    expect(route).toMatchObject({
      receiver: 'ticket',
      group_by: ['namespace'],
      group_wait: '30s',
      repeat_interval: '3d',
      routes: [{ receiver: 'page', matchers: ['severity="page"'], repeat_interval: '4h' }],
    });
  });

  const secret = { name: 'chat', key: 'url' };
  test.each<[string, object, object]>([
    ['nobody', {}, {}],
    [
      'a webhook',
      { type: 'webhook', url: 'https://example.com/hook' },
      { webhook_configs: [{ send_resolved: true, url: 'https://example.com/hook' }] },
    ],
    [
      'a webhook that wants a token',
      { type: 'webhook', url: 'https://example.com/hook', secret },
      {
        webhook_configs: [
          {
            send_resolved: true,
            url: 'https://example.com/hook',
            http_config: { authorization: { credentials_file: '/run/secrets/page/url' } },
          },
        ],
      },
    ],
    [
      'a webhook whose URL is secret',
      { type: 'webhook', secret },
      { webhook_configs: [{ send_resolved: true, url_file: '/run/secrets/page/url' }] },
    ],
    [
      'Slack',
      { type: 'slack', secret, channel: '#till' },
      { slack_configs: [{ api_url_file: '/run/secrets/page/url', channel: '#till' }] },
    ],
    [
      'an e-mail',
      {
        type: 'email',
        to: 'a@example.com',
        from: 'b@example.com',
        smarthost: 'mail.example.com:587',
        username: 'zakpos',
        secret,
      },
      {
        email_configs: [
          {
            to: 'a@example.com',
            from: 'b@example.com',
            smarthost: 'mail.example.com:587',
            require_tls: true,
            auth_username: 'zakpos',
            auth_password_file: '/run/secrets/page/url',
          },
        ],
      },
    ],
  ])('tells %s', (_, receiver, expected) => {
    const each = withReceiver(receiver);
    const [page] = config(each).receivers;
    expect(page).toMatchObject({ name: 'page', ...expected });
    const { volumeMounts } = mainContainer(each, 'zakpos-alertmanager');
    const mounted = workload(each, 'zakpos-alertmanager').pod.volumes.find(({ name }) => name === 'page');
    const named = 'secret' in receiver;
    expect(mounted?.secret).toEqual(
      named ? { secretName: 'chat', items: [{ key: 'url', path: 'url' }] } : undefined,
    );
    expect(volumeMounts.some(({ mountPath }) => mountPath === '/run/secrets/page')).toBe(named);
  });

  test('keeps back what an alert explains, in its namespace', () => {
    const namesOf = (each: Rendered): Set<string> =>
      new Set(alertGroups(each.config).flatMap(({ rules }) => rules.map(({ name }) => name)));
    const all = new Set(bundled.flatMap((each) => [...namesOf(each)]));
    for (const { source, targets } of inhibitions) {
      expect([source, ...targets].filter((name) => !all.has(name))).toEqual([]);
      expect(targets).not.toContain(source);
    }
    const { inhibit_rules: rules } = z
      .object({
        inhibit_rules: z.array(
          z.strictObject({
            source_matchers: z.tuple([z.string()]),
            target_matchers: z.tuple([z.string()], z.string()),
            equal: z.array(z.string()),
          }),
        ),
      })
      .parse(config(prod));
    const kept = inhibitions.filter(({ source }) => namesOf(prod).has(source));
    expect(rules.map((rule) => rule.source_matchers)).toEqual(
      kept.map(({ source }) => [`alertname="${source}"`]),
    );
    for (const [i, { equal, target_matchers: matchers }] of rules.entries()) {
      const [targets, ...narrowed] = matchers;
      expect(narrowed).toEqual(
        Object.entries(kept[i]?.of ?? {}).map(([label, value]) => `${label}=~"${value}"`),
      );
      expect(equal).toContain('namespace');
      const [, names = ''] = /^alertname=~"(.+)"$/.exec(targets) ?? [];
      expect(names.split('|').filter((name) => !namesOf(prod).has(name))).toEqual([]);
    }
  });
});

describe('Loki', () => {
  test('forgets what is older than its retention, and takes nothing that old', () => {
    expect(parse(configFile(dev, 'zakpos-loki', 'loki.yaml'))).toMatchObject({
      limits_config: { retention_period: '72h', reject_old_samples_max_age: '72h' },
      compactor: { retention_enabled: true, delete_request_store: 'filesystem' },
      analytics: { reporting_enabled: false },
    });
  });

  test('writes to its claim alone', () => {
    const text = configFile(prod, 'zakpos-loki', 'loki.yaml');
    const { volumeMounts } = mainContainer(prod, 'zakpos-loki');
    const data = only(
      volumeMounts.filter(({ name }) => name === 'data'),
      'claim',
    ).mountPath;
    const paths = [...text.matchAll(/: (\/\S+)$/gm)].map(([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(2);
    for (const path of paths) expect(`${path}/`).toMatch(new RegExp(`^${data}/`));
  });
});

describe('the log collector', () => {
  const collector = (each: Rendered) =>
    z
      .object({
        receivers: z.object({ filelog: z.looseObject({ include: z.array(z.string()) }) }),
        processors: z.record(z.string(), z.unknown()),
        exporters: z.record(z.string(), z.looseObject({ endpoint: z.string() })),
        service: z.object({
          pipelines: z.strictObject({
            logs: z.strictObject({
              receivers: z.array(z.string()),
              processors: z.array(z.string()),
              exporters: z.array(z.string()),
            }),
          }),
        }),
      })
      .parse(parse(configFile(each, 'zakpos-log-collector', 'collector.yaml')));

  test('reads the logs of our namespaces but its own, and looks up pods of these alone', () => {
    for (const [each, namespaces] of [
      [dev, ['zakpos', 'zakpos-system']],
      [prod, ['zakpos']],
    ] as const) {
      const { receivers, processors } = collector(each);
      expect(receivers.filelog.include).toEqual(namespaces.map((name) => `/var/log/pods/${name}_*/*/*.log`));
      for (const name of namespaces)
        expect(processors[`k8sattributes/${name}`]).toMatchObject({ filter: { namespace: name } });
      const roles = objectsOf(each, 'Role').filter(({ name }) => name === 'zakpos-log-collector');
      expect(roles.map(({ namespace }) => namespace)).toEqual(namespaces);
      expect(objectsOf(each, 'ClusterRole').map(({ name }) => name)).not.toContain('zakpos-log-collector');
    }
  });

  test('sends through everything that is configured, the guard of its memory first, to Loki', () => {
    const { receivers, processors, exporters, service } = collector(dev);
    const { logs } = service.pipelines;
    expect(logs.receivers).toEqual(Object.keys(receivers));
    expect(logs.processors).toEqual(Object.keys(processors));
    expect(logs.exporters).toEqual(Object.keys(exporters));
    expect(logs.processors[0]).toBe('memory_limiter');
    expect(logs.processors.at(-1)).toBe('batch');
    expect(exporters['otlphttp/loki']?.endpoint).toBe('http://zakpos-loki.zakpos:3100/otlp');
  });

  test('is not root, but in the group that may read the files', () => {
    const { pod } = workload(dev, 'zakpos-log-collector');
    expect(pod.securityContext).toMatchObject({ runAsUser: 10001 });
    expect(JSON.stringify(objectsOf(dev, 'DaemonSet'))).toContain('"supplementalGroups":[0]');
    const others = dev.objects.filter(({ kind }) => kind !== 'DaemonSet');
    expect(JSON.stringify(others)).not.toContain('supplementalGroups');
  });
});

describe('Grafana', () => {
  test('asks Services that are there, lets nobody in without a password, and takes that from a file', () => {
    const sources = z
      .object({ datasources: z.array(z.object({ uid: z.string(), url: z.string() })) })
      .parse(parse(configFile(dev, 'zakpos-grafana', 'datasources.yaml'))).datasources;
    expect(sources.map(({ uid }) => uid)).toEqual(['prometheus', 'loki']);
    for (const { url } of sources) {
      const { hostname, port } = new URL(url);
      const service = services(dev).find(({ name }) => name === hostname);
      expect(service?.spec.ports.map((each) => String(each.port))).toContain(port);
      expect(selected(dev, 'zakpos', service?.spec.selector ?? {})).toHaveLength(1);
    }
    const container = mainContainer(dev, 'zakpos-grafana');
    expect(envOf(container, 'GF_AUTH_ANONYMOUS_ENABLED')).toBe('false');
    expect(envOf(container, 'GF_SECURITY_ADMIN_PASSWORD__FILE')).toBe('/run/secrets/grafana/password');
    expect(JSON.stringify(configMaps(dev))).not.toContain('dev-only-grafana-password');
  });

  test('without logs has no Loki to ask', () => {
    const own = { monitoring: { mode: 'bundled', bundled: { logs: { enabled: false } } } };
    expect(configFile(render('dev', own), 'zakpos-grafana', 'datasources.yaml')).not.toContain('loki');
  });
});

describe('the configuration', () => {
  const field = 'monitoring.bundled';
  const page = (receiver: object) => ({ alertmanager: { receivers: { page: receiver } } });
  const at = `${field}.alertmanager.receivers.page`;

  test.each<[object, string]>([
    [{ prometheus: { interval: '1s' } }, `${field}.prometheus.interval: is "1s", expected 5s to 60s`],
    [
      { prometheus: { retention: { time: '6h' } } },
      `${field}.prometheus.retention.time: is "6h", expected a day`,
    ],
    [
      { prometheus: { retention: { size: '2Gi' } } },
      `${field}.prometheus.retention.size: is "2Gi", expected at most four fifths of ${field}.prometheus.storage.size (2Gi)`,
    ],
    [{ logs: { loki: { retention: '36h' } } }, `${field}.logs.loki.retention: is "36h", expected whole days`],
    [
      { logs: { namespace: 'zakpos' } },
      `${field}.logs.namespace: is "zakpos", expected a namespace of its own`,
    ],
    [{ logs: { namespace: 'zakpos-system' } }, `${field}.logs.namespace: is "zakpos-system", expected`],
    [page({ type: 'webhook' }), `${at}.url: is missing, expected the URL of the webhook, or a secret`],
    [page({ type: 'slack' }), `${at}.secret: is missing, expected name and key of the Secret`],
    [
      page({ type: 'slack', url: 'https://example.com' }),
      `${at}.url: is "https://example.com", expected to be left out with type slack`,
    ],
    [
      page({ type: 'webhook', url: 'https://example.com', to: 'a@example.com' }),
      `${at}.to: is "a@example.com", expected to be left out`,
    ],
    [
      page({ url: 'https://example.com' }),
      `${at}.url: is "https://example.com", expected to be left out with type none`,
    ],
    [
      page({ type: 'email', to: 'a@example.com', from: 'b@example.com' }),
      `${at}.smarthost: is missing, expected a value`,
    ],
    [
      page({ type: 'email', to: 'a@b.c', from: 'b@b.c', smarthost: 'mail:25', username: 'zakpos' }),
      `${at}.secret: is missing, expected name and key of the Secret with the password of zakpos`,
    ],
    [
      page({
        type: 'email',
        to: 'a@b.c',
        from: 'b@b.c',
        smarthost: 'mail:25',
        secret: { name: 'a', key: 'b' },
      }),
      `${at}.username: is missing, expected the user whose password the secret holds`,
    ],
    [page({ type: 'email', to: 'me' }), `${at}.to: is "me", expected an e-mail address`],
  ])('%j is refused', (own, problem) => {
    expect(() => configWith('dev', { monitoring: { mode: 'bundled', bundled: own } })).toThrow(problem);
  });

  test('of prod and cloud has somebody to tell', () => {
    for (const name of ['prod', 'cloud'] as const)
      expect(() => configWith(name, { monitoring: { mode: 'bundled' } })).toThrow(
        `${at}.type: is "none", expected webhook, email or slack`,
      );
    for (const name of ['dev', 'test'] as const)
      expect(configWith(name, { monitoring: { mode: 'bundled' } }).monitoring.mode).toBe('bundled');
  });

  test('is asked nothing of what does not run', () => {
    const own = { bundled: { prometheus: { retention: { size: '2Gi' } } } };
    expect(configWith('dev', { monitoring: own }).monitoring.mode).toBe('none');
  });
});
