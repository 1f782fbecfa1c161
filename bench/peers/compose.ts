/** Our rendered pods as a Compose file: the same images, commands, files, limits and probes, behind nginx on one host. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { RenderedFile } from './rendered.ts';

/** Port of 127.0.0.1 at which nginx answers. */
export const COMPOSE_PORT = 22180;
const PROXY = 'nginx:1.27-alpine';

const probeSchema = z.looseObject({
  exec: z.looseObject({ command: z.array(z.string()) }).optional(),
  httpGet: z.looseObject({ path: z.string(), port: z.string() }).optional(),
  tcpSocket: z.looseObject({ port: z.string() }).optional(),
  periodSeconds: z.number(),
  timeoutSeconds: z.number(),
  failureThreshold: z.number(),
});
const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).optional(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().default('') })).default([]),
  ports: z.array(z.looseObject({ name: z.string(), containerPort: z.number() })).default([]),
  resources: z.looseObject({ limits: z.looseObject({ memory: z.string() }) }),
  startupProbe: probeSchema.optional(),
  readinessProbe: probeSchema.optional(),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).default([]),
});
const named = z.looseObject({ name: z.string() });
const workloadSchema = z.looseObject({
  kind: z.enum(['Deployment', 'StatefulSet', 'Job']),
  metadata: z.looseObject({ namespace: z.string() }),
  spec: z.looseObject({
    serviceName: z.string().optional(),
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.looseObject({ 'app.kubernetes.io/name': z.string() }) }),
      spec: z.looseObject({
        securityContext: z.looseObject({ runAsUser: z.number(), runAsGroup: z.number() }),
        initContainers: z.array(containerSchema).default([]),
        containers: z.tuple([containerSchema], containerSchema),
        volumes: z
          .array(
            z.looseObject({
              name: z.string(),
              configMap: named.optional(),
              secret: z.looseObject({ secretName: z.string() }).optional(),
            }),
          )
          .default([]),
      }),
    }),
  }),
});
const filesSchema = z.looseObject({
  kind: z.enum(['ConfigMap', 'Secret']),
  metadata: named,
  data: z.record(z.string(), z.string()).default({}),
  stringData: z.record(z.string(), z.string()).default({}),
});
type Workload = z.output<typeof workloadSchema>;
type Container = z.output<typeof containerSchema>;

const HEALTHY = { condition: 'service_healthy' };
const DONE = { condition: 'service_completed_successfully' };

/** What each service waits for: a start by dependencies, as Compose has it. */
const WAITS: Readonly<Record<string, Readonly<Record<string, { readonly condition: string }>>>> = {
  'zakpos-kafka': { 'zakpos-zookeeper': HEALTHY },
  'zakpos-kafka-topics': { 'zakpos-kafka': HEALTHY },
  'zakpos-api-migrate': { 'zakpos-postgres': HEALTHY },
  'zakpos-api': { 'zakpos-api-migrate': DONE, 'zakpos-redis': HEALTHY, 'zakpos-kafka': HEALTHY },
  'zakpos-reports': { 'zakpos-api-migrate': DONE, 'zakpos-kafka-topics': DONE },
  'zakpos-web': { 'zakpos-api': HEALTHY },
  'zakpos-mobile': { 'zakpos-api': HEALTHY },
  proxy: { 'zakpos-api': HEALTHY, 'zakpos-web': HEALTHY, 'zakpos-mobile': HEALTHY },
};

/** Writes the Compose file of a namespace, with what its services mount, and answers its path. */
export function writeCompose(files: readonly RenderedFile[], namespace: string, folder: string): string {
  const objects = files.flatMap((file) => file.objects);
  for (const object of objects) {
    const holder = filesSchema.safeParse(object);
    if (holder.success) writeFiles(holder.data, folder);
  }
  const workloads = objects
    .flatMap((object) => workloadSchema.safeParse(object).data ?? [])
    .filter(({ metadata }) => metadata.namespace === namespace);
  mkdirSync(join(folder, 'proxy'), { recursive: true });
  writeFileSync(join(folder, 'proxy/default.conf'), PROXY_CONFIG);
  const services = {
    ...Object.fromEntries(workloads.flatMap((workload) => Object.entries(servicesOf(workload, folder)))),
    proxy: {
      image: PROXY,
      ports: [`127.0.0.1:${COMPOSE_PORT}:80`],
      volumes: [`${join(folder, 'proxy')}:/etc/nginx/conf.d:ro`],
      depends_on: WAITS.proxy,
    },
  };
  const volumes = Object.fromEntries(workloads.flatMap(claimsOf).map(({ volume }) => [volume, {}]));
  const path = join(folder, 'compose.yaml');
  // Compose reads a dollar as the name of a variable.
  writeFileSync(path, stringify({ services, volumes }, { lineWidth: 0 }).replaceAll('$', '$$$$'));
  return path;
}

function writeFiles(
  { kind, metadata, data, stringData }: z.output<typeof filesSchema>,
  folder: string,
): void {
  const target = join(folder, kind, metadata.name);
  mkdirSync(target, { recursive: true });
  const decoded = Object.entries(data).map(([key, value]) => [
    key,
    kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value,
  ]);
  for (const [key = '', value = ''] of [...decoded, ...Object.entries(stringData)]) {
    writeFileSync(join(target, key), value);
  }
}

const nameOf = ({ spec }: Workload): string => spec.template.metadata.labels['app.kubernetes.io/name'];

/** What a pod mounts that outlives it: whatever is no volume of the pod's own is a claim. */
function claimsOf(workload: Workload): { readonly mount: string; readonly volume: string }[] {
  const own = new Set(workload.spec.template.spec.volumes.map(({ name }) => name));
  return workload.spec.template.spec.containers
    .flatMap(({ volumeMounts }) => volumeMounts)
    .filter(({ name }) => !own.has(name))
    .map(({ name }) => ({ mount: name, volume: `${nameOf(workload)}-${name}` }));
}

/** A service for the pod's container, and one that ends for each that comes before it. */
function servicesOf(workload: Workload, folder: string): Record<string, unknown> {
  const name = nameOf(workload);
  const { initContainers, containers } = workload.spec.template.spec;
  const before = initContainers.map((container): [string, unknown] => {
    const service = `${name}-${container.name}`;
    return [service, { ...serviceOf(container, workload, folder), depends_on: WAITS[service] }];
  });
  const { kind, metadata, spec } = workload;
  const pod = `${name}-0`;
  const address = `${pod}.${spec.serviceName ?? ''}.${metadata.namespace}.svc`;
  return {
    ...Object.fromEntries(before),
    [name]: {
      ...serviceOf(containers[0], workload, folder),
      ...(kind === 'Job' ? {} : { restart: 'always' }),
      ...(kind === 'StatefulSet'
        ? { hostname: pod, networks: { default: { aliases: [pod, address] } } }
        : {}),
      depends_on: WAITS[name],
    },
  };
}

function serviceOf(container: Container, workload: Workload, folder: string): object {
  const { securityContext, volumes } = workload.spec.template.spec;
  const { runAsUser, runAsGroup } = securityContext;
  const claims = new Map(claimsOf(workload).map(({ mount, volume }) => [mount, volume]));
  const mounts = container.volumeMounts.map(({ name, mountPath }) => {
    const volume = volumes.find((each) => each.name === name);
    const source =
      volume?.configMap === undefined
        ? volume?.secret && join(folder, 'Secret', volume.secret.secretName)
        : join(folder, 'ConfigMap', volume.configMap.name);
    if (source !== undefined) return { bound: `${source}:${mountPath}:ro` };
    const claim = claims.get(name);
    return claim === undefined
      ? // Docker may take the mode of the image's folder.
        { scratch: `${mountPath}:mode=1777,uid=${runAsUser},gid=${runAsGroup},exec` }
      : { bound: `${claim}:${mountPath}` };
  });
  return {
    image: container.image,
    entrypoint: container.command,
    user: `${runAsUser}:${runAsGroup}`,
    environment: Object.fromEntries(container.env.map(({ name, value }) => [name, value])),
    mem_limit: container.resources.limits.memory.replace('Mi', 'm').replace('Gi', 'g'),
    volumes: mounts.flatMap(({ bound }) => bound ?? []),
    tmpfs: mounts.flatMap(({ scratch }) => scratch ?? []),
    healthcheck: healthOf(container),
  };
}

/** The readiness probe, as often as the startup probe: Docker knows an interval of the start alone since version 25. */
function healthOf({ startupProbe, readinessProbe, ports }: Container): object | undefined {
  if (startupProbe === undefined || readinessProbe === undefined) return undefined;
  const { exec, httpGet, tcpSocket, timeoutSeconds, failureThreshold } = readinessProbe;
  const port = ports.find(({ name }) => name === (httpGet ?? tcpSocket)?.port)?.containerPort ?? 0;
  const url = `http://127.0.0.1:${port}${httpGet?.path ?? ''}`;
  return {
    test: [
      'CMD',
      ...(exec?.command ?? (httpGet ? ['wget', '-qO/dev/null', url] : ['nc', '-z', '127.0.0.1', `${port}`])),
    ],
    interval: `${startupProbe.periodSeconds}s`,
    timeout: `${timeoutSeconds}s`,
    retries: failureThreshold,
    start_period: `${startupProbe.failureThreshold * startupProbe.periodSeconds}s`,
  };
}

const PROXY_CONFIG = `server {
  listen 80;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr;
  location /api/ { proxy_pass http://zakpos-api:3000; }
  location / { proxy_pass http://zakpos-web:3000; }
}
`;
