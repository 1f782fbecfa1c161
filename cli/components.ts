/** The workloads of an environment in the cluster: how far each is, and why it isn't ready. */
import { z } from 'zod';
import type { Manifest } from './environment.ts';
import type { Kubectl } from './kubectl.ts';

const containerState = z.object({
  running: z.object({}).optional(),
  waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).optional(),
  terminated: z
    .object({ reason: z.string().optional(), exitCode: z.number(), finishedAt: z.string().optional() })
    .optional(),
});
const containerStatus = z.object({
  name: z.string(),
  ready: z.boolean(),
  restartCount: z.number(),
  image: z.string(),
  imageID: z.string().optional(),
  state: containerState.default({}),
  lastState: containerState.default({}),
});
export type ContainerStatus = z.output<typeof containerStatus>;

const podSchema = z.object({
  kind: z.literal('Pod'),
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
  }),
  spec: z.object({
    containers: z.array(
      z.object({
        name: z.string(),
        image: z.string(),
        resources: z.object({ limits: z.record(z.string(), z.string()).default({}) }).default({ limits: {} }),
      }),
    ),
  }),
  status: z.object({
    phase: z.string(),
    conditions: z
      .array(
        z.object({
          type: z.string(),
          status: z.string(),
          reason: z.string().optional(),
          message: z.string().optional(),
          lastTransitionTime: z.string().optional(),
        }),
      )
      .default([]),
    initContainerStatuses: z.array(containerStatus).default([]),
    containerStatuses: z.array(containerStatus).default([]),
  }),
});
export type Pod = z.output<typeof podSchema>;

const counts = {
  observedGeneration: z.number().default(0),
  replicas: z.number().default(0),
  updatedReplicas: z.number().default(0),
  readyReplicas: z.number().default(0),
};
const controllerMetadata = z.object({
  name: z.string(),
  namespace: z.string(),
  generation: z.number().default(0),
});
const deploymentSchema = z.object({
  kind: z.literal('Deployment'),
  metadata: controllerMetadata.extend({ annotations: z.record(z.string(), z.string()).default({}) }),
  spec: z.object({ replicas: z.number().default(1) }),
  status: z.object({ ...counts, availableReplicas: z.number().default(0) }),
});
const statefulSetSchema = z.object({
  kind: z.literal('StatefulSet'),
  metadata: controllerMetadata,
  spec: z.object({ replicas: z.number().default(1) }),
  status: z.object({
    ...counts,
    currentRevision: z.string().default(''),
    updateRevision: z.string().default(''),
  }),
});
const daemonSetSchema = z
  .object({
    kind: z.literal('DaemonSet'),
    metadata: controllerMetadata,
    status: z.object({
      observedGeneration: z.number().default(0),
      desiredNumberScheduled: z.number().default(0),
      updatedNumberScheduled: z.number().default(0),
      numberReady: z.number().default(0),
    }),
  })
  // One pod a node is as many replicas as there are nodes for it.
  .transform(({ status: { desiredNumberScheduled: replicas, ...status }, ...daemonSet }) => ({
    ...daemonSet,
    spec: { replicas },
    status: {
      observedGeneration: status.observedGeneration,
      replicas,
      updatedReplicas: status.updatedNumberScheduled,
      readyReplicas: status.numberReady,
    },
  }));
const jobSchema = z.object({
  kind: z.literal('Job'),
  metadata: controllerMetadata,
  status: z.object({
    succeeded: z.number().default(0),
    conditions: z
      .array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() }))
      .default([]),
  }),
});
const replicaSetSchema = z.object({
  kind: z.literal('ReplicaSet'),
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    annotations: z.record(z.string(), z.string()).default({}),
    ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
  }),
});
const anyObject = z.discriminatedUnion('kind', [
  podSchema,
  deploymentSchema,
  statefulSetSchema,
  daemonSetSchema,
  jobSchema,
  replicaSetSchema,
]);
const objectList = z.object({ items: z.array(anyObject) });
type Controller = z.output<
  typeof deploymentSchema | typeof statefulSetSchema | typeof daemonSetSchema | typeof jobSchema
>;

/** All that decides how far the workloads of a namespace are, from one look at the cluster. */
export type Snapshot = z.output<typeof objectList>['items'];

export const WORKLOAD_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'] as const;

/** A workload of the manifests. */
export interface Component {
  readonly kind: (typeof WORKLOAD_KINDS)[number];
  readonly name: string;
  readonly namespace: string;
}

/** How far a component is. */
export interface Progress {
  readonly ready: boolean;
  /**
   * Why a Job is at its end without having done its work.
   * @default - it isn't
   */
  readonly failed?: string;
  /** Such as `1/2`. */
  readonly replicas: string;
  /** Its pods of the newest version. */
  readonly pods: readonly Pod[];
}

/** The workloads among rendered objects, in their order. */
export function componentsOf(objects: readonly Manifest[]): Component[] {
  return objects.flatMap(({ kind, metadata }) => {
    const known = WORKLOAD_KINDS.find((candidate) => candidate === kind);
    return known === undefined || metadata.namespace === undefined
      ? []
      : [{ kind: known, name: metadata.name, namespace: metadata.namespace }];
  });
}

const LOOKED_AT = 'deployments,statefulsets,daemonsets,jobs,replicasets,pods';

/** One look at the workloads of some namespaces and their pods, or at some kinds of them alone. */
export async function look(
  kubectl: Kubectl,
  namespaces: readonly string[],
  kinds = LOOKED_AT,
): Promise<Snapshot> {
  const lists = await Promise.all(
    namespaces.map((namespace) => kubectl.json(objectList, ['-n', namespace, 'get', kinds])),
  );
  return lists.flatMap((list) => list?.items ?? []);
}

/** How far a component is, by what was seen. */
export function progressOf(component: Component, snapshot: Snapshot): Progress {
  const controller = snapshot.find(
    (object): object is Controller =>
      object.kind === component.kind &&
      object.metadata.name === component.name &&
      object.metadata.namespace === component.namespace,
  );
  if (controller === undefined) return { ready: false, replicas: '0/?', pods: [] };
  const pods = podsOf(controller, snapshot);
  if (controller.kind === 'Job') {
    const { succeeded, conditions } = controller.status;
    const failure = conditions.find(({ type, status }) => type === 'Failed' && status === 'True');
    return {
      ready: succeeded > 0,
      ...(failure === undefined ? {} : { failed: failure.message ?? 'it gave up' }),
      replicas: succeeded > 0 ? 'done' : failure === undefined ? 'running' : 'failed',
      pods,
    };
  }
  const { spec, status, metadata } = controller;
  const current = status.observedGeneration >= metadata.generation && status.updatedReplicas >= spec.replicas;
  const settled = controller.kind === 'StatefulSet' || status.replicas <= spec.replicas;
  return {
    // One that somebody has scaled to nothing serves nobody.
    ready: current && settled && spec.replicas > 0 && status.readyReplicas >= spec.replicas,
    replicas: `${status.readyReplicas}/${spec.replicas}`,
    pods,
  };
}

function podsOf(controller: Controller, snapshot: Snapshot): Pod[] {
  const owners = [controller.metadata.name];
  if (controller.kind === 'Deployment') {
    const revision = controller.metadata.annotations['deployment.kubernetes.io/revision'];
    owners.splice(
      0,
      1,
      ...snapshot.flatMap((object) =>
        object.kind === 'ReplicaSet' &&
        object.metadata.ownerReferences.some(({ name }) => name === controller.metadata.name) &&
        object.metadata.annotations['deployment.kubernetes.io/revision'] === revision
          ? [object.metadata.name]
          : [],
      ),
    );
  }
  return snapshot.flatMap((object) =>
    object.kind === 'Pod' &&
    object.metadata.namespace === controller.metadata.namespace &&
    object.metadata.deletionTimestamp === undefined &&
    object.metadata.ownerReferences.some(({ name }) => owners.includes(name))
      ? [object]
      : [],
  );
}
