/** Controllers and the pods that they make, as the policies read them. */
import { z } from 'zod';
import { autoscalers } from './objects.ts';
import {
  hasLabels,
  intOrString,
  labelSelector,
  read,
  remembered,
  text,
  type Manifest,
  type Rendered,
} from './rendered.ts';

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

export const workloads = remembered((rendered): Workload[] =>
  rendered.objects
    .filter(({ kind }) => WORKLOAD_KINDS.includes(kind))
    .map((object) => {
      const maker = object.kind === 'CronJob' ? read(object, cronJob).spec.jobTemplate : object.raw;
      const { spec } = read(object, z.object({ spec: workloadSpec }), maker);
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
        template: read(object, withTemplate, maker).spec.template,
      };
    }),
);

export const allContainers = ({ pod }: Workload): Container[] => [...pod.initContainers, ...pod.containers];

/** Whether its pods run to an end. */
export const isJob = ({ kind }: Manifest): boolean => kind === 'Job' || kind === 'CronJob';

/** The value of the name label of its pods. */
export const workloadName = ({ podLabels, name }: Workload): string =>
  podLabels['app.kubernetes.io/name'] ?? name;

/** The workloads of a namespace whose pods a selector selects. */
export const selected = (
  rendered: Rendered,
  namespace: string | undefined,
  selector: Readonly<Record<string, string>>,
): Workload[] =>
  workloads(rendered).filter((each) => each.namespace === namespace && hasLabels(each.podLabels, selector));
