/** What the tests read: an environment rendered in memory, as objects of just the fields that are looked at. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Yaml, type App } from 'cdk8s';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { RestoreRequest } from '../charts/restore.ts';
import { foreignSecrets, watchedCertificates } from '../environments/certificates.ts';
import { loadConfig } from '../environments/load.ts';
import type { Config, EnvironmentName } from '../environments/schema.ts';
import { neededSecrets } from '../environments/secrets.ts';
import { compose, composeRestore, composeTask } from '../main.ts';

export const ROOT = join(import.meta.dirname, '..');

/** An object of the output: what all kinds have, and the rest as it was read. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly raw: unknown;
}

export interface Rendered {
  /** Which environment it is, and with what values, for messages. */
  readonly title: string;
  readonly config: Config;
  readonly charts: readonly { readonly id: string; readonly objects: Manifest[] }[];
  readonly objects: readonly Manifest[];
}

const text = z.record(z.string(), z.string());
const labelSelector = z.object({ matchLabels: text.default({}) });

const manifest = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string().optional(),
    labels: text.default({}),
    annotations: text.default({}),
  }),
});

const intOrString = z.union([z.int(), z.string()]);

const probe = z.object({
  httpGet: z
    .object({
      path: z.string(),
      port: intOrString,
      host: z.string().optional(),
      scheme: z.string().optional(),
    })
    .optional(),
  tcpSocket: z.object({ port: intOrString, host: z.string().optional() }).optional(),
  exec: z.object({ command: z.array(z.string()) }).optional(),
  periodSeconds: z.int(),
  timeoutSeconds: z.int(),
  failureThreshold: z.int(),
});
export type Probe = z.output<typeof probe>;

const container = z.object({
  name: z.string(),
  image: z.string(),
  imagePullPolicy: z.string().optional(),
  command: z.array(z.string()).default([]),
  args: z.array(z.string()).default([]),
  env: z
    .array(
      z.object({
        name: z.string(),
        value: z.string().optional(),
        valueFrom: z
          .strictObject({
            secretKeyRef: z.strictObject({ name: z.string(), key: z.string() }).optional(),
            fieldRef: z.strictObject({ fieldPath: z.string() }).optional(),
          })
          .optional(),
      }),
    )
    .default([]),
  envFrom: z.array(z.unknown()).default([]),
  ports: z.array(z.object({ name: z.string(), containerPort: z.int() })).default([]),
  resources: z.object({ requests: text.default({}), limits: text.default({}) }).prefault({}),
  securityContext: z.object({ readOnlyRootFilesystem: z.boolean().optional() }).prefault({}),
  startupProbe: probe.optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
  lifecycle: z.object({ preStop: z.object({ exec: z.object({ command: z.array(z.string()) }) }) }).optional(),
  volumeMounts: z
    .array(
      z.object({
        name: z.string(),
        mountPath: z.string(),
        subPath: z.string().optional(),
        readOnly: z.boolean().default(false),
      }),
    )
    .default([]),
});
export type Container = z.output<typeof container>;

const claimSpec = z.object({
  accessModes: z.array(z.string()),
  storageClassName: z.string().optional(),
  resources: z.object({ requests: z.object({ storage: z.string() }) }),
});
const claimTemplate = z.object({ metadata: z.object({ name: z.string() }), spec: claimSpec });

const volume = z.object({
  name: z.string(),
  configMap: z.object({ name: z.string(), optional: z.boolean().optional() }).optional(),
  projected: z
    .strictObject({
      defaultMode: z.int(),
      sources: z.array(z.strictObject({ configMap: z.strictObject({ name: z.string() }) })),
    })
    .optional(),
  hostPath: z.strictObject({ path: z.string(), type: z.string() }).optional(),
  secret: z
    .object({
      secretName: z.string(),
      optional: z.boolean().optional(),
      items: z.array(z.strictObject({ key: z.string(), path: z.string() })).optional(),
    })
    .optional(),
  emptyDir: z.object({ medium: z.string().optional(), sizeLimit: z.string().optional() }).optional(),
  ephemeral: z.object({ volumeClaimTemplate: z.object({ spec: claimSpec }) }).optional(),
  persistentVolumeClaim: z.object({ claimName: z.string() }).optional(),
});
export type Volume = z.output<typeof volume>;

const affinityTerm = z.strictObject({ topologyKey: z.string(), labelSelector });

const podTemplate = z.object({
  metadata: z.object({ labels: text.default({}), annotations: text.default({}) }).prefault({}),
  spec: z.object({
    serviceAccountName: z.string().optional(),
    automountServiceAccountToken: z.boolean().optional(),
    enableServiceLinks: z.boolean().optional(),
    terminationGracePeriodSeconds: z.int().default(30),
    securityContext: z.object({ runAsUser: z.int().optional(), fsGroup: z.int().optional() }).prefault({}),
    priorityClassName: z.string().optional(),
    nodeSelector: text.default({}),
    tolerations: z.array(z.record(z.string(), z.string())).default([]),
    affinity: z
      .strictObject({
        podAntiAffinity: z.strictObject({
          requiredDuringSchedulingIgnoredDuringExecution: z.array(affinityTerm).optional(),
          preferredDuringSchedulingIgnoredDuringExecution: z
            .array(z.strictObject({ weight: z.int(), podAffinityTerm: affinityTerm }))
            .optional(),
        }),
      })
      .optional(),
    topologySpreadConstraints: z
      .array(
        z.strictObject({
          maxSkew: z.int(),
          topologyKey: z.string(),
          whenUnsatisfiable: z.enum(['ScheduleAnyway', 'DoNotSchedule']),
          labelSelector,
          nodeTaintsPolicy: z.string(),
        }),
      )
      .default([]),
    initContainers: z.array(container).default([]),
    containers: z.array(container).min(1),
    volumes: z.array(volume).default([]),
  }),
});

const workloadSpec = z.object({
  replicas: z.int().optional(),
  strategy: z
    .object({ type: z.string(), rollingUpdate: z.object({ maxSurge: z.int() }).optional() })
    .optional(),
  selector: labelSelector.optional(),
  serviceName: z.string().optional(),
  template: podTemplate,
  volumeClaimTemplates: z.array(claimTemplate).default([]),
});

/** A controller and the pods that it makes. */
export interface Workload extends Manifest {
  /** Pods that are there at least: those of the configuration, or the minimum of an autoscaler. */
  readonly replicas: number;
  /** Pods that are there at the most, but for those of a rollout. */
  readonly mostReplicas: number;
  /** Pods more that a rollout starts. */
  readonly surge: number;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly serviceName: string | undefined;
  readonly claims: z.output<typeof claimTemplate>[];
  readonly podLabels: Readonly<Record<string, string>>;
  readonly podAnnotations: Readonly<Record<string, string>>;
  readonly pod: z.output<typeof podTemplate>['spec'];
  /** The whole template, for comparison. */
  readonly template: unknown;
}

/** Kinds that make pods, all of one form but the last, which makes Jobs. */
export const WORKLOAD_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];
const cronJob = z.object({ spec: z.object({ jobTemplate: z.unknown() }) });

const withTemplate = z.object({ spec: z.object({ template: z.unknown() }) });

/** The answer for each environment is worked out once, since every test asks for it many times. */
export function remembered<T>(of: (rendered: Rendered) => T): (rendered: Rendered) => T {
  const answers = new WeakMap<Rendered, { readonly answer: T }>();
  return (rendered) => {
    const known = answers.get(rendered) ?? { answer: of(rendered) };
    answers.set(rendered, known);
    return known.answer;
  };
}

export const workloads = remembered((rendered): Workload[] =>
  rendered.objects
    .filter(({ kind }) => WORKLOAD_KINDS.includes(kind))
    .map((object) => {
      const maker = object.kind === 'CronJob' ? cronJob.parse(object.raw).spec.jobTemplate : object.raw;
      const { spec } = z.object({ spec: workloadSpec }).parse(maker);
      const autoscaler = autoscalers(rendered).find(
        ({ namespace, spec: { scaleTargetRef } }) =>
          namespace === object.namespace &&
          scaleTargetRef.kind === object.kind &&
          scaleTargetRef.name === object.name,
      )?.spec;
      return {
        ...object,
        replicas: autoscaler?.minReplicas ?? spec.replicas ?? 1,
        mostReplicas: autoscaler?.maxReplicas ?? spec.replicas ?? 1,
        surge: spec.strategy?.rollingUpdate?.maxSurge ?? 0,
        selector: spec.selector?.matchLabels,
        serviceName: spec.serviceName,
        claims: spec.volumeClaimTemplates,
        podLabels: spec.template.metadata.labels,
        podAnnotations: spec.template.metadata.annotations,
        pod: spec.template.spec,
        template: withTemplate.parse(maker).spec.template,
      };
    }),
);

export const workload = (rendered: Rendered, name: string): Workload =>
  only(
    workloads(rendered).filter((each) => each.podLabels['app.kubernetes.io/name'] === name),
    `workload ${name}`,
  );

export const allContainers = ({ pod }: Workload): Container[] => [...pod.initContainers, ...pod.containers];

/** The one container of a workload that goes on running. */
export const mainContainer = (rendered: Rendered, name: string): Container =>
  only(workload(rendered, name).pod.containers, `container of ${name}`);

const serviceSpec = z.object({
  type: z.string().default('ClusterIP'),
  clusterIP: z.string().optional(),
  publishNotReadyAddresses: z.boolean().default(false),
  selector: text.default({}),
  ports: z.array(
    z.object({ name: z.string(), port: z.int(), targetPort: intOrString, nodePort: z.int().optional() }),
  ),
});
const ingressPath = z.object({
  path: z.string(),
  backend: z.object({
    service: z.object({
      name: z.string(),
      port: z.object({ name: z.string().optional(), number: z.int().optional() }),
    }),
  }),
});
const ingressSpec = z.object({
  ingressClassName: z.string(),
  tls: z.array(z.object({ hosts: z.array(z.string()), secretName: z.string() })).default([]),
  rules: z.array(z.object({ host: z.string().optional(), http: z.object({ paths: z.array(ingressPath) }) })),
});
const routeSpec = z.object({
  rules: z.array(
    z.object({
      matches: z.array(z.object({ path: z.object({ value: z.string() }) })).default([]),
      backendRefs: z.array(z.object({ name: z.string(), port: z.int() })).default([]),
    }),
  ),
});
const policyPeer = z.strictObject({
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).optional() }).optional(),
  namespaceSelector: labelSelector.strict().optional(),
  podSelector: labelSelector.strict().optional(),
});
export type PolicyPeer = z.output<typeof policyPeer>;
const policyPort = z.strictObject({ port: z.int(), protocol: z.enum(['TCP', 'UDP']) });
const policySpec = z.strictObject({
  podSelector: labelSelector.strict(),
  policyTypes: z.array(z.string()),
  ingress: z
    .array(z.strictObject({ from: z.array(policyPeer).min(1), ports: z.array(policyPort).min(1) }))
    .min(1)
    .optional(),
  egress: z
    .array(z.strictObject({ to: z.array(policyPeer).min(1), ports: z.array(policyPort).min(1) }))
    .min(1)
    .optional(),
});

const specOf = <Spec>(
  rendered: Rendered,
  kind: string,
  schema: z.ZodType<Spec>,
): (Manifest & { spec: Spec })[] =>
  objectsOf(rendered, kind).map((object) => ({
    ...object,
    spec: z.object({ spec: schema }).parse(object.raw).spec,
  }));

export const objectsOf = (rendered: Rendered, kind: string): Manifest[] =>
  rendered.objects.filter((object) => object.kind === kind);

export const services = remembered((rendered) => specOf(rendered, 'Service', serviceSpec));
export const ingresses = remembered((rendered) => specOf(rendered, 'Ingress', ingressSpec));
const httpRoutes = remembered((rendered) => specOf(rendered, 'HTTPRoute', routeSpec));

/** A way in: what sends requests below a path to a port of a Service. */
export interface Route {
  readonly from: Manifest;
  readonly path: string;
  readonly service: string;
  readonly port: string | number | undefined;
}
export const routes = remembered((rendered): readonly Route[] => [
  ...ingresses(rendered).flatMap((from) =>
    from.spec.rules.flatMap(({ http }) =>
      http.paths.map(({ path, backend: { service } }) => ({
        from,
        path,
        service: service.name,
        port: service.port.name ?? service.port.number,
      })),
    ),
  ),
  ...httpRoutes(rendered).flatMap((from) =>
    from.spec.rules.flatMap(({ matches, backendRefs }) =>
      matches.flatMap(({ path }) =>
        backendRefs.map(({ name, port }) => ({ from, path: path.value, service: name, port })),
      ),
    ),
  ),
]);
/** Parsed strictly: a selector or rule that the tests don't know can't pass unseen, nor can an empty list. */
export const policies = remembered((rendered) => specOf(rendered, 'NetworkPolicy', policySpec));
export const disruptionBudgets = remembered((rendered) =>
  specOf(
    rendered,
    'PodDisruptionBudget',
    z.object({
      maxUnavailable: z.int().optional(),
      minAvailable: z.int().optional(),
      selector: labelSelector,
      unhealthyPodEvictionPolicy: z.string().optional(),
    }),
  ),
);
/** Parsed strictly, since what an autoscaler does is in few fields. */
export const autoscalers = remembered((rendered) =>
  specOf(
    rendered,
    'HorizontalPodAutoscaler',
    z.strictObject({
      scaleTargetRef: z.strictObject({ apiVersion: z.string(), kind: z.string(), name: z.string() }),
      minReplicas: z.int(),
      maxReplicas: z.int(),
      metrics: z.array(z.looseObject({ type: z.string() })).min(1),
      behavior: z.looseObject({}),
    }),
  ),
);
export const quotas = remembered((rendered) =>
  specOf(
    rendered,
    'ResourceQuota',
    z.strictObject({ hard: z.record(z.string(), z.union([z.string(), z.int()])) }),
  ),
);
export const priorityClasses = remembered((rendered) =>
  objectsOf(rendered, 'PriorityClass').map((object) => ({
    ...object,
    ...z.object({ value: z.int(), globalDefault: z.boolean().default(false) }).parse(object.raw),
  })),
);
export const apiServices = remembered((rendered) =>
  specOf(
    rendered,
    'APIService',
    z.object({ service: z.object({ name: z.string(), namespace: z.string(), port: z.int() }) }),
  ),
);

/** Files of a ConfigMap, or keys of a Secret, by name. */
const dataOf = (rendered: Rendered, kind: string, field: 'data' | 'stringData') =>
  objectsOf(rendered, kind).map((object) => {
    const fields = z.object({ data: text.optional(), stringData: text.optional() }).parse(object.raw);
    return { ...object, data: fields[field] ?? {} };
  });

export const configMaps = remembered((rendered) => dataOf(rendered, 'ConfigMap', 'data'));
export const secrets = remembered((rendered) => dataOf(rendered, 'Secret', 'stringData'));

/** The text of a file of a ConfigMap. */
export function configFile(rendered: Rendered, configMap: string, file: string): string {
  const { data } = only(
    configMaps(rendered).filter(({ name }) => name === configMap),
    `ConfigMap ${configMap}`,
  );
  return defined(data[file], `file ${file} of ConfigMap ${configMap}`);
}

/** The value of a container's environment variable, as text. */
export const envOf = (of: Container, name: string): string | undefined =>
  of.env.find((variable) => variable.name === name)?.value;

/** A Secret that pods may name. */
export interface KnownSecret {
  readonly name: string;
  readonly keys: readonly string[];
  /** Workloads that name it, where it is in a catalogue. */
  readonly usedBy: readonly string[] | undefined;
}

/** Keys that a Secret has only while a rotation is under way; who reads them does without them as well. */
const ROTATING: Readonly<Record<string, readonly string[]>> = {
  'zakpos-redis': ['previous'],
  'zakpos-jwt': ['previous'],
};

/** All Secrets that there will be: passwords, certificates, and those that an operator makes. */
export const knownSecrets = remembered(({ config }): readonly KnownSecret[] => [
  ...neededSecrets(config).map(({ name, keys, usedBy }) => ({
    name,
    keys: [...Object.keys(keys), ...(ROTATING[name] ?? [])],
    usedBy,
  })),
  ...watchedCertificates(config)
    .filter(({ secret }) => !foreignSecrets(config).some(({ name }) => name === secret))
    .map(({ secret, usedBy }) => ({ name: secret, keys: ['tls.crt', 'tls.key', 'ca.crt'], usedBy })),
  ...foreignSecrets(config),
  ...(config.postgres.mode === 'cloudnativepg'
    ? [{ name: 'zakpos-postgres-ca', keys: ['ca.crt'], usedBy: undefined }]
    : []),
]);

/** What a pod sees of a Secret by a volume: the keys that it names, or all. */
export const shownKeys = (rendered: Rendered, { secret }: Volume): readonly string[] =>
  secret?.items?.map(({ path }) => path) ??
  knownSecrets(rendered).find(({ name }) => name === secret?.secretName)?.keys ??
  [];

const roleBinding = z.object({
  roleRef: z.object({ kind: z.string(), name: z.string() }),
  subjects: z.array(z.object({ kind: z.string(), name: z.string(), namespace: z.string() })),
});
export const roleBindings = remembered((rendered) =>
  rendered.objects
    .filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding')
    .map((object) => ({ ...object, ...roleBinding.parse(object.raw) })),
);

export const hasLabels = (
  labels: Readonly<Record<string, string>>,
  selector: Readonly<Record<string, string>>,
): boolean => Object.entries(selector).every(([name, value]) => labels[name] === value);

/** The workloads of a namespace whose pods a selector selects. */
export const selected = (
  rendered: Rendered,
  namespace: string | undefined,
  selector: Readonly<Record<string, string>>,
): Workload[] =>
  workloads(rendered).filter((each) => each.namespace === namespace && hasLabels(each.podLabels, selector));

/** The configuration of an environment with some values of a file of one's own. */
export function configWith(environment: EnvironmentName, overrides: object = {}, onKind = false): Config {
  return withFile('own.json', JSON.stringify(overrides), (configFile) =>
    loadConfig(environment, { configFile, onKind }),
  );
}

/** Runs something with the path of a file that is gone afterwards. */
export function withFile<T>(name: string, content: string, use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-test-'));
  try {
    writeFileSync(join(folder, name), content);
    return use(join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Stands for the hashes of the apps' sources, which are no matter of the charts. */
const HASHES = {
  api: 'HASH',
  web: 'HASH',
  mobile: 'HASH',
  'api-dev': 'HASH',
  'web-dev': 'HASH',
  'mobile-dev': 'HASH',
  'jmx-agent': 'HASH',
};

/** The charts of an environment, composed in memory. */
export function render(environment: EnvironmentName, overrides: object = {}, onKind = false): Rendered {
  const config = configWith(environment, overrides, onKind);
  const own = Object.keys(overrides).length === 0 ? '' : ` with ${JSON.stringify(overrides)}`;
  return renderedOf(
    `${environment}${onKind ? ' on kind' : ''}${own}`,
    config,
    compose(config, HASHES, NEVER_WRITTEN),
  );
}

/** The charts of a restore, composed in memory. */
export const renderRestore = (config: Config, request: RestoreRequest): Rendered =>
  renderedOf('a restore', config, composeRestore(config, HASHES, NEVER_WRITTEN, request));

/** The Job that a command runs in the API's image. */
export const renderTask = (config: Config, command: readonly string[]): Rendered =>
  renderedOf('a task', config, composeTask(config, HASHES, NEVER_WRITTEN, command));

const NEVER_WRITTEN = join(tmpdir(), 'zakpos-never-written');

function renderedOf(title: string, config: Config, app: App): Rendered {
  const charts = app.charts.map((chart) => {
    const objects: unknown[] = chart.toJson();
    return { id: chart.node.id, objects: objects.map(toManifest) };
  });
  return { title, config, charts, objects: charts.flatMap(({ objects }) => objects) };
}

function toManifest(raw: unknown): Manifest {
  const { apiVersion, kind, metadata } = manifest.parse(raw);
  return { apiVersion, kind, ...metadata, namespace: metadata.namespace, raw };
}

/** The text that is written of an environment. */
export const yamlOf = remembered((rendered) => Yaml.stringify(...rendered.objects.map(({ raw }) => raw)));

/** Objects of a text, read as kubectl does it, where an unquoted `no` is false. */
export const parseManifests = (yaml: string): Manifest[] =>
  parseAllDocuments(yaml, { version: '1.1' }).map((document) => toManifest(document.toJS()));

/** The one element of a list, or an error that says of what there is none or several. */
export function only<T>(list: readonly T[], what: string): T {
  const [first] = list;
  if (first === undefined || list.length > 1) throw new Error(`${list.length} instead of one ${what}`);
  return first;
}

export function defined<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no ${what}`);
  return value;
}

/** How messages name an object. */
export const called = ({ kind, name }: Manifest): string => `${kind} ${name}`;
