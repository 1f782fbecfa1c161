/** docs/reference/names.md: ports, workloads, Services, Secrets, claims and labels, read off what is rendered. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { NODE_PORTS } from '../charts/names.ts';
import { CA_SECRET, cliCertificates, foreignSecrets } from '../environments/certificates.ts';
import { loadConfig } from '../environments/load.ts';
import { configSchema, valueAt, type Config } from '../environments/schema.ts';
import { prod } from '../environments/prod.ts';
import { neededSecrets } from '../environments/secrets.ts';
import { compose } from '../main.ts';

const text = z.record(z.string(), z.string());
const podTemplate = z.object({ spec: z.object({ priorityClassName: z.string().optional() }) });
const objectSchema = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().default(''), labels: text.default({}) }),
  value: z.number().optional(),
  description: z.string().optional(),
  spec: z
    .object({
      ports: z.array(z.object({ name: z.string(), port: z.number() })).default([]),
      template: podTemplate.optional(),
      jobTemplate: z.object({ spec: z.object({ template: podTemplate }) }).optional(),
      volumeClaimTemplates: z
        .array(
          z.object({
            metadata: z.object({ name: z.string() }),
            spec: z.object({ resources: z.object({ requests: z.object({ storage: z.string() }) }) }),
          }),
        )
        .default([]),
    })
    .optional()
    .catch(undefined),
});
type RenderedObject = z.output<typeof objectSchema>;

interface Column {
  readonly title: string;
  readonly config: Config;
  readonly objects: readonly RenderedObject[];
}

const WORKLOADS = ['StatefulSet', 'Deployment', 'DaemonSet', 'Job', 'CronJob'];

export function namesReference(): string {
  const columns = [
    column('dev', loadConfig('dev')),
    column('prod', loadConfig('prod')),
    column('prod with all options', withAllOptions()),
  ];
  const titles = columns.map(({ title }) => title);
  return [
    '# Names and ports',
    '',
    '<!-- Made by `npm run docs` from the configuration and what is rendered: change it there. -->',
    '',
    'What things are called, so that other tools can rely on it. "prod with all options" has this project\'s Traefik and',
    'metrics-server, backups, PgBouncer and bundled monitoring, too. `zakpos` stands for the namespace of the',
    'configuration.',
    '',
    '## Ports of the machine',
    '',
    'What a kind cluster of dev has on 127.0.0.1. `localPorts` of the configuration chooses others before the cluster is',
    'made; each leads to the node port of the kind node with the ports.',
    '',
    ...table(['field', 'meaning', 'port', 'node port'], localPortRows(columns[0]?.config)),
    '',
    '## Workloads',
    '',
    'Kind and PriorityClass; the same name is in the label `app.kubernetes.io/name` of their pods.',
    '',
    ...table(
      ['workload', 'namespace', ...titles, 'priority'],
      rowsOf(
        columns,
        WORKLOADS,
        plainName,
        ({ kind }) => kind,
        (each) => [priorityOf(each)],
      ),
    ),
    '',
    '## Services',
    '',
    'A name in the cluster, such as `zakpos-postgres.zakpos.svc`, and its ports.',
    '',
    ...table(['Service', 'namespace', ...titles], rowsOf(columns, ['Service'], plainName, portsOf)),
    '',
    '## Claims',
    '',
    'Of the first pod; the others count on from 0. The size is `storage.size` of the component.',
    '',
    ...table(['claim', 'namespace', ...titles], claimRows(columns)),
    '',
    '## Secrets',
    '',
    'Keys, and who mounts them. Passwords may be known in dev alone; elsewhere `npm run secrets` or an operator makes them.',
    '',
    ...table(['Secret', 'keys', 'used by', 'when'], secretRows(columns)),
    '',
    '## Labels',
    '',
    '| label | value | on |',
    '| --- | --- | --- |',
    '| `app.kubernetes.io/name` | the workload; what Services, policies and controllers select by | objects of a workload, and its pods |',
    ...chartLabels(columns).map(([name, value]) => `| \`${name}\` | \`${value}\` | everything |`),
    '',
    '## PriorityClasses',
    '',
    ...table(
      ['PriorityClass', 'value', 'meaning'],
      distinct(columns, ({ kind }) => kind === 'PriorityClass').map(({ metadata, value, description }) => [
        code(metadata.name),
        String(value),
        description ?? '',
      ]),
    ),
    '',
  ].join('\n');
}

function withAllOptions(): Config {
  const webhook = { type: 'webhook', secret: { name: 'alert-webhook', key: 'url' } };
  return configSchema.parse({
    ...prod,
    addons: { traefik: { enabled: true }, metricsServer: { enabled: true } },
    ingress: { controllerNamespace: 'zakpos-system' },
    backups: { s3: { bucket: 'backups' } },
    postgres: { pooler: { enabled: true } },
    monitoring: {
      mode: 'bundled',
      bundled: { alertmanager: { receivers: { page: webhook, ticket: webhook } } },
    },
  });
}

const TAGS = {
  api: 'tag',
  web: 'tag',
  mobile: 'tag',
  'api-dev': 'tag',
  'web-dev': 'tag',
  'mobile-dev': 'tag',
  'jmx-agent': 'tag',
};

/** What an environment renders; tags of images are no matter here. */
function column(title: string, config: Config): Column {
  const outdir = mkdtempSync(join(tmpdir(), 'zakpos-names-'));
  try {
    const { charts } = compose(config, TAGS, outdir);
    return { title, config, objects: charts.flatMap((chart) => z.array(objectSchema).parse(chart.toJson())) };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

const localPort = z.object({
  properties: z.object({
    localPorts: z.object({ properties: z.record(z.string(), z.object({ description: z.string() })) }),
  }),
});

function localPortRows(config: Config | undefined): string[][] {
  const { properties } = localPort.parse(
    z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }),
  );
  return Object.entries(NODE_PORTS).map(([field, nodePort]) => [
    code(`localPorts.${field}`),
    properties.localPorts.properties[field]?.description ?? '',
    String(valueAt(config, ['localPorts', field])),
    String(nodePort),
  ]);
}

/** One row for each object of the kinds, by its name, with what each column has of it. */
function rowsOf(
  columns: readonly Column[],
  kinds: readonly string[],
  name: (object: RenderedObject) => string,
  cell: (object: RenderedObject) => string,
  more: (object: RenderedObject) => string[] = () => [],
): string[][] {
  return distinct(columns, ({ kind }) => kinds.includes(kind), name).map((object) => [
    code(name(object)),
    code(object.metadata.namespace),
    ...columns.map(({ objects }) => {
      const same = objects.find((other) => kinds.includes(other.kind) && name(other) === name(object));
      return same === undefined ? '' : cell(same);
    }),
    ...more(object),
  ]);
}

/** Objects of all columns, each name once, in order of names. */
function distinct(
  columns: readonly Column[],
  wanted: (object: RenderedObject) => boolean,
  name: (object: RenderedObject) => string = plainName,
): RenderedObject[] {
  const byName = new Map<string, RenderedObject>();
  for (const object of columns.flatMap(({ objects }) => objects).filter(wanted))
    byName.set(name(object), object);
  return [...byName.values()].sort((one, other) => name(one).localeCompare(name(other), 'en'));
}

/** Jobs carry a hash of what they do in their name, which changes with it. */
const plainName = ({ kind, metadata }: RenderedObject): string =>
  kind === 'Job' ? metadata.name.replace(/-[0-9a-f]{8,}$/, '-…') : metadata.name;

const priorityOf = ({ spec }: RenderedObject): string =>
  code((spec?.jobTemplate?.spec.template ?? spec?.template)?.spec.priorityClassName ?? '');

const portsOf = ({ spec }: RenderedObject): string =>
  (spec?.ports ?? []).map(({ name, port }) => `${port} ${name}`).join(', ');

const claimRows = (columns: readonly Column[]): string[][] =>
  distinct(columns, ({ kind }) => kind === 'StatefulSet').flatMap(({ metadata, spec }) =>
    (spec?.volumeClaimTemplates ?? []).map(({ metadata: template }) => [
      code(`${template.name}-${metadata.name}-0`),
      code(metadata.namespace),
      ...columns.map(({ objects }) => sizeOf(objects, metadata.name, template.name)),
    ]),
  );

const sizeOf = (objects: readonly RenderedObject[], set: string, claim: string): string =>
  objects
    .find(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === set)
    ?.spec?.volumeClaimTemplates.find(({ metadata }) => metadata.name === claim)?.spec.resources.requests
    .storage ?? '';

function secretRows(columns: readonly Column[]): string[][] {
  const rows = new Map<string, { keys: readonly string[]; usedBy: readonly string[]; when: string[] }>();
  for (const { title, config } of columns) {
    const certificates = cliCertificates(config).map(({ secret, usedBy }) => ({
      name: secret,
      keys: ['tls.crt', 'tls.key', 'ca.crt'],
      usedBy,
    }));
    for (const { name, keys, usedBy } of [
      ...neededSecrets(config).map((spec) => ({ ...spec, keys: Object.keys(spec.keys) })),
      ...certificates,
      ...(certificates.length > 0
        ? [{ name: CA_SECRET, keys: ['tls.crt', 'tls.key'], usedBy: ['nobody'] }]
        : []),
      ...foreignSecrets(config),
    ]) {
      rows.set(name, { keys, usedBy, when: [...(rows.get(name)?.when ?? []), title] });
    }
  }
  return [...rows]
    .sort(([one], [other]) => one.localeCompare(other, 'en'))
    .map(([name, { keys, usedBy, when }]) => [
      code(name),
      keys.map(code).join(', '),
      [...new Set(usedBy)].join(', '),
      when.length === columns.length ? 'always' : when.join(', '),
    ]);
}

/** What every object carries, with the values of all environments. */
function chartLabels(columns: readonly Column[]): [string, string][] {
  const names = Object.keys(columns[0]?.objects[0]?.metadata.labels ?? {}).filter((name) =>
    columns.every(({ objects }) => objects.every(({ metadata }) => name in metadata.labels)),
  );
  return names.map((name) => {
    const values = columns.flatMap(({ objects }) =>
      objects.map(({ metadata }) => metadata.labels[name] ?? ''),
    );
    return [name, [...new Set(values)].join(', ')];
  });
}

const table = (header: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${header.join(' | ')} |`,
  `| ${header.map(() => '---').join(' | ')} |`,
  ...rows.map((row) => `| ${row.join(' | ')} |`),
];
const code = (text: string): string => (text === '' ? '' : `\`${text}\``);
