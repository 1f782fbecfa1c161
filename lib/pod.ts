/** The pod that every workload runs: Pod Security `restricted`, read-only, with its own uid and no token. */
import { isDeepStrictEqual } from 'node:util';
import { k8s } from './k8s.ts';
import type { Construct } from 'constructs';
import { checksum } from './checksum.ts';
import { selectorLabels, workloadLabels } from './labels.ts';
import { probes, type ProbesProps } from './probes.ts';
import type { SecretKey } from './secret-ref.ts';
import type { Mount, Volume } from './volume.ts';

/** Annotation that changes with any ConfigMap or known Secret that the pod uses. */
export const CHECKSUM_ANNOTATION = 'zakpos.io/config-checksum';

export type Spread = 'strict' | 'preferred';

/** A field of the pod itself, such as `spec.nodeName`. */
export interface PodField {
  readonly fieldPath: string;
}

/** Value of an environment variable: text, a key of a Secret or a field of the pod. */
export type EnvValue = string | SecretKey | PodField;

export interface Resources {
  readonly requests: { readonly cpu: string; readonly memory: string };
  /** Without a limit of CPU, `null`, a container may use what is idle. */
  readonly limits: { readonly cpu: string | null; readonly memory: string };
}

export interface ContainerProps {
  readonly name: string;
  readonly image: string;
  readonly resources: Resources;
  /**
   * Replaces the image's entrypoint.
   * @default - the image's own
   */
  readonly command?: readonly string[];
  /**
   * Arguments of the command.
   * @default - the image's own
   */
  readonly args?: readonly string[];
  /**
   * Environment variables. A later one may use an earlier one as `$(NAME)`.
   * @default - none
   */
  readonly env?: Readonly<Record<string, EnvValue>>;
  /**
   * Ports by name.
   * @default - none
   */
  readonly ports?: Readonly<Record<string, number>>;
  /**
   * Where it sees which volume.
   * @default - no volumes
   */
  readonly mounts?: readonly Mount[];
  /**
   * Its probes; init containers and Jobs have none.
   * @default - none
   */
  readonly probes?: ProbesProps;
  /**
   * Seconds to go on serving after the pod has been taken out of its Services, so that no request finds it gone.
   * @default 0
   */
  readonly drainSeconds?: number;
}

export interface PodProps {
  /** Value of the name label. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly containers: readonly ContainerProps[];
  /**
   * Containers that run to their end, one after the other, before the others start.
   * @default - none
   */
  readonly initContainers?: readonly ContainerProps[];
  readonly imagePullPolicy: string;
  readonly serviceAccountName: string;
  /**
   * Whether a token for the Kubernetes API is mounted.
   * @default false
   */
  readonly kubernetesApi?: boolean;
  /**
   * Further groups that it is in.
   * @default - none
   */
  readonly supplementalGroups?: readonly number[];
  /**
   * Seconds between SIGTERM and SIGKILL.
   * @default 30
   */
  readonly terminationGracePeriodSeconds?: number;
  /**
   * Whether the pods of this workload must be on different nodes (`strict`), or keep apart where they can.
   * @default - they may be anywhere
   */
  readonly spread?: Spread;
  /**
   * PriorityClass: what goes first when a node runs out of memory, and what is evicted for what.
   * @default - the default class of the cluster
   */
  readonly priorityClassName?: string;
  /**
   * Labels of the nodes that it may run on.
   * @default - any node
   */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /**
   * Taints of nodes that don't keep it away.
   * @default - none
   */
  readonly tolerations?: readonly k8s.Toleration[];
  /**
   * When containers that end are started again.
   * @default - Always, as Kubernetes has it
   */
  readonly restartPolicy?: 'Never' | 'OnFailure';
}

/** A pod template that Pod Security `restricted` admits and that holds every invariant of this project. */
export function hardenedPod(scope: Construct, props: PodProps): k8s.PodTemplateSpec {
  const initContainers = props.initContainers ?? [];
  const all = [...initContainers, ...props.containers];
  const volumes = distinctVolumes(all);
  const sources = volumes.flatMap(({ name, source }) => (source ? [{ name, ...source }] : []));
  const checksums = contentChecksums(all, volumes);

  return {
    metadata: {
      labels: workloadLabels(scope, props.name),
      ...(checksums.length > 0 ? { annotations: { [CHECKSUM_ANNOTATION]: checksum(checksums.join()) } } : {}),
    },
    spec: {
      serviceAccountName: props.serviceAccountName,
      automountServiceAccountToken: props.kubernetesApi ?? false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: props.terminationGracePeriodSeconds ?? 30,
      ...(props.restartPolicy === undefined ? {} : { restartPolicy: props.restartPolicy }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: props.uid,
        runAsGroup: props.gid,
        ...(props.supplementalGroups === undefined
          ? {}
          : { supplementalGroups: [...props.supplementalGroups] }),
        fsGroup: props.gid,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(props.priorityClassName === undefined ? {} : { priorityClassName: props.priorityClassName }),
      ...(props.nodeSelector === undefined ? {} : { nodeSelector: { ...props.nodeSelector } }),
      ...(props.tolerations === undefined ? {} : { tolerations: [...props.tolerations] }),
      ...(props.spread === undefined ? {} : spreadOverNodes(props.name, props.spread)),
      ...(initContainers.length > 0
        ? { initContainers: initContainers.map((c) => container(c, props)) }
        : {}),
      containers: props.containers.map((c) => container(c, props)),
      ...(sources.length > 0 ? { volumes: sources } : {}),
    },
  };
}

function container(props: ContainerProps, pod: PodProps): k8s.Container {
  const { requests, limits } = props.resources;
  return {
    name: props.name,
    image: props.image,
    imagePullPolicy: pod.imagePullPolicy,
    ...(props.command ? { command: [...props.command] } : {}),
    ...(props.args ? { args: [...props.args] } : {}),
    ...(props.env ? { env: Object.entries(props.env).map(([name, value]) => envVar(name, value)) } : {}),
    ...(props.ports
      ? { ports: Object.entries(props.ports).map(([name, containerPort]) => ({ name, containerPort })) }
      : {}),
    resources: {
      requests: quantities({
        cpu: requests.cpu,
        memory: requests.memory,
        'ephemeral-storage': `${LOGS_MIB}Mi`,
      }),
      limits: quantities({
        ...(limits.cpu === null ? {} : { cpu: limits.cpu }),
        memory: limits.memory,
        'ephemeral-storage': diskLimit(props),
      }),
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    ...(props.probes ? probes(props.probes) : {}),
    ...(props.drainSeconds
      ? { lifecycle: { preStop: { exec: { command: ['sleep', String(props.drainSeconds)] } } } }
      : {}),
    ...(props.mounts
      ? {
          volumeMounts: props.mounts.map(({ volume, path, subPath }) => ({
            name: volume.name,
            mountPath: path,
            ...(subPath === undefined ? {} : { subPath }),
            ...(volume.readOnly ? { readOnly: true } : {}),
          })),
        }
      : {}),
  };
}

function envVar(name: string, value: EnvValue): k8s.EnvVar {
  if (typeof value === 'string') return { name, value };
  if ('fieldPath' in value) return { name, valueFrom: { fieldRef: { fieldPath: value.fieldPath } } };
  return { name, valueFrom: { secretKeyRef: { name: value.secret.name, key: value.key } } };
}

function quantities(amounts: Readonly<Record<string, string>>): Record<string, k8s.Quantity> {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, text]) => [name, k8s.Quantity.fromString(text)]),
  );
}

/** Each volume once, however many containers mount it. Throws when two of one name differ. */
function distinctVolumes(containers: readonly ContainerProps[]): Volume[] {
  const byName = new Map<string, Volume>();
  for (const { volume } of containers.flatMap((c) => c.mounts ?? [])) {
    const known = byName.get(volume.name);
    if (known !== undefined && !isDeepStrictEqual(known, volume)) {
      throw new Error(
        `Two volumes of one pod are named "${volume.name}"; mount the same one or name them apart`,
      );
    }
    byName.set(volume.name, volume);
  }
  return [...byName.values()];
}

function contentChecksums(containers: readonly ContainerProps[], volumes: readonly Volume[]): string[] {
  const secrets = containers
    .flatMap((c) => Object.values(c.env ?? {}))
    .flatMap((value) => (typeof value !== 'string' && 'secret' in value ? [value.secret] : []));
  const known = [...volumes, ...secrets].flatMap((source) =>
    source.checksum === undefined ? [] : [source.checksum],
  );
  return [...new Set(known)].sort();
}

/** Strict is never two on one node; preferred is apart where it can be, and even where there are more pods than nodes. */
function spreadOverNodes(
  name: string,
  spread: Spread,
): Pick<k8s.PodSpec, 'affinity' | 'topologySpreadConstraints'> {
  const labelSelector = { matchLabels: selectorLabels(name) };
  const sameNode = { topologyKey: 'kubernetes.io/hostname', labelSelector };
  if (spread === 'strict') {
    return { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [sameNode] } } };
  }
  return {
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: sameNode }],
      },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector,
        // A node that is drained or broken is no place to be even with.
        nodeTaintsPolicy: 'Honor',
      },
    ],
  };
}

/** MiB of a node's disk for a container's logs, which the kubelet rotates at 5 files of 10 MiB each. */
const LOGS_MIB = 64;

/** Disk of the node that a container may fill: its logs and the scratch space that it mounts. */
function diskLimit({ mounts = [] }: ContainerProps): string {
  const scratch = mounts.reduce((sum, { volume }) => sum + (volume.diskMebibytes ?? 0), 0);
  return `${LOGS_MIB + scratch}Mi`;
}
