import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { writeCompose } from '../../bench/peers/compose.ts';
import { writeHelmChart } from '../../bench/peers/helm.ts';
import { writeKustomization } from '../../bench/peers/kustomize.ts';
import { leaveOnlyPlainStores } from '../../bench/peers/plain-stores.ts';
import type { RenderedFile } from '../../bench/peers/rendered.ts';
import { works } from '../../bench/works.ts';

const FILES: readonly RenderedFile[] = [
  {
    name: '50-api',
    objects: [
      {
        kind: 'Deployment',
        metadata: { name: 'zakpos-api' },
        spec: { replicas: 2, template: { spec: { containers: [{ image: 'acme/api:1', name: 'api' }] } } },
      },
      { kind: 'ConfigMap', metadata: { name: 'rules' }, data: { rule: 'Sales of {{ $labels.pod }}' } },
    ],
  },
];

const PROBE = { tcpSocket: { port: 'client' }, timeoutSeconds: 2 };
/** A store of the shop, and one of somebody else. */
const STORE: readonly RenderedFile[] = ['zakpos', 'zakpos-system'].map((namespace) => ({
  name: namespace,
  objects: [
    { kind: 'ConfigMap', metadata: { name: 'scripts', namespace }, data: { 'start.sh': 'echo $HOSTNAME\n' } },
    {
      kind: 'StatefulSet',
      metadata: { name: 'zakpos-kafka', namespace },
      spec: {
        serviceName: 'kafka-headless',
        template: {
          metadata: {
            labels: { 'app.kubernetes.io/name': namespace === 'zakpos' ? 'zakpos-kafka' : 'other' },
          },
          spec: {
            securityContext: { runAsUser: 1000, runAsGroup: 1000 },
            containers: [
              {
                name: 'kafka',
                image: 'acme/kafka:1',
                command: ['sh', '/scripts/start.sh'],
                env: [{ name: 'LOGS', value: '/data' }],
                ports: [{ name: 'client', containerPort: 9092 }],
                resources: { limits: { memory: '896Mi' } },
                startupProbe: { ...PROBE, periodSeconds: 1, failureThreshold: 120 },
                readinessProbe: { ...PROBE, periodSeconds: 5, failureThreshold: 2 },
                volumeMounts: [
                  { name: 'data', mountPath: '/data' },
                  { name: 'scripts', mountPath: '/scripts' },
                  { name: 'tmp', mountPath: '/tmp' },
                ],
              },
            ],
            volumes: [
              { name: 'scripts', configMap: { name: 'scripts' } },
              { name: 'tmp', emptyDir: {} },
            ],
          },
        },
      },
    },
  ],
}));

describe('what peers render from is our objects', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zakpos-peers-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test("in Helm's templates, with its values put in and its braces read as text", () => {
    writeHelmChart(FILES, folder);
    const values = z
      .record(z.string(), z.union([z.string(), z.number()]))
      .parse(parse(readFileSync(join(folder, 'charts/50-api/values.yaml'), 'utf8')));
    expect(Object.values(values)).toEqual([2, 'acme/api:1']);
    const rendered = readFileSync(join(folder, 'charts/50-api/templates/objects.yaml'), 'utf8')
      .replaceAll(/\{\{ \.Values\.(\w+) \| toJson \}\}/g, (_, key: string) => JSON.stringify(values[key]))
      .replaceAll('{{ "{{" }}', '{{');
    expect(parseAllDocuments(rendered).map((document) => z.unknown().parse(document.toJS()))).toEqual(
      FILES[0]?.objects,
    );
  });

  test("in kustomize's base, with an overlay that sets each image and number of replicas", () => {
    const overlay = writeKustomization(FILES, folder);
    expect(readdirSync(join(folder, 'base')).sort()).toEqual(['50-api.yaml', 'kustomization.yaml']);
    expect(parse(readFileSync(join(overlay, 'kustomization.yaml'), 'utf8'))).toEqual({
      resources: ['../base'],
      images: [{ name: 'acme/api', newTag: '1' }],
      replicas: [{ name: 'zakpos-api', count: 2 }],
    });
  });
});

describe('what Compose runs is our pods', () => {
  const compose = z.object({
    services: z.record(z.string(), z.record(z.string(), z.unknown())),
    volumes: z.record(z.string(), z.unknown()).optional(),
  });
  let folder: string;
  let path: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'zakpos-compose-'));
    path = writeCompose(STORE, 'zakpos', folder);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const read = (): z.output<typeof compose> => compose.parse(parse(readFileSync(path, 'utf8')));

  test('with their images, users, limits, claims, files and probes', () => {
    const { services, volumes } = read();
    expect(services['zakpos-kafka']).toEqual({
      image: 'acme/kafka:1',
      entrypoint: ['sh', '/scripts/start.sh'],
      user: '1000:1000',
      environment: { LOGS: '/data' },
      mem_limit: '896m',
      volumes: ['zakpos-kafka-data:/data', `${folder}/ConfigMap/scripts:/scripts:ro`],
      tmpfs: ['/tmp:mode=1777,uid=1000,gid=1000,exec'],
      healthcheck: {
        test: ['CMD', 'nc', '-z', '127.0.0.1', '9092'],
        interval: '1s',
        timeout: '2s',
        retries: 2,
        start_period: '120s',
      },
      restart: 'always',
      hostname: 'zakpos-kafka-0',
      networks: { default: { aliases: ['zakpos-kafka-0', 'zakpos-kafka-0.kafka-headless.zakpos.svc'] } },
      depends_on: { 'zakpos-zookeeper': { condition: 'service_healthy' } },
    });
    expect(volumes).toEqual({ 'zakpos-kafka-data': {} });
    expect(readFileSync(join(folder, 'ConfigMap/scripts/start.sh'), 'utf8')).toBe('echo $HOSTNAME\n');
  });

  test('but for those of other namespaces, behind a proxy that waits for the apps', () => {
    const { services } = read();
    expect(Object.keys(services).sort()).toEqual(['proxy', 'zakpos-kafka']);
    expect(services.proxy?.depends_on).toHaveProperty('zakpos-api');
  });

  test('and without a line of our configuration, only what images need to start', () => {
    leaveOnlyPlainStores(path, { durable: true });
    const { services } = read();
    expect(services['zakpos-kafka']).toMatchObject({ image: 'acme/kafka:1', mem_limit: '896m' });
    expect(services['zakpos-kafka']).not.toHaveProperty('entrypoint');
    expect(services['zakpos-redis']).toHaveProperty('command', ['redis-server', '--appendonly', 'yes']);
  });
});

test('works and figures have names of their own, and each goal names a side of its work', () => {
  const all = works();
  const ids = [all.map(({ id }) => id), all.flatMap(({ figures }) => figures.map(({ id }) => id))];
  for (const each of ids) expect(new Set(each).size).toBe(each.length);
  for (const { figures, sides } of all) {
    const named = figures.flatMap(({ goals }) => goals.flatMap(({ than }) => than ?? []));
    expect(sides.map(({ name }) => name)).toEqual(expect.arrayContaining(named));
  }
});
