/** Controllers around the hardened pod: each brings a ServiceAccount of its own. */
import { ApiObject, JsonPatch } from 'cdk8s';
import { k8s } from './k8s.ts';
import { Construct } from 'constructs';
import { checksum } from './checksum.ts';
import { selectorLabels, workloadLabels } from './labels.ts';
import { hardenedPod, type PodProps } from './pod.ts';
import type { ClaimProps } from './volume.ts';

/** What a workload says of its pods; the construct adds the ServiceAccount. */
export interface WorkloadPodProps extends Omit<PodProps, 'serviceAccountName'> {
  /**
   * Annotations of the workload itself, as for tools that look at it.
   * @default - none
   */
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Autoscaling {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Percent of the requested CPU above which pods are added. */
  readonly targetCpu: number;
}

export interface DeploymentProps extends WorkloadPodProps {
  readonly replicas: number;
  /**
   * What sets the number of pods in place of `replicas`.
   * @default - nothing does
   */
  readonly autoscaling?: Autoscaling;
  /**
   * Pods that a drain must leave.
   * @default - all but one
   */
  readonly minAvailable?: number;
  /**
   * Whether a new pod may run beside the old one; else the old one ends first.
   * @default true
   */
  readonly surge?: boolean;
}

/** A Deployment whose rollout starts a new pod before it ends an old one, and a PodDisruptionBudget from two replicas on. */
export class HardenedDeployment extends Construct {
  constructor(scope: Construct, id: string, props: DeploymentProps) {
    super(scope, id);
    const serviceAccountName = serviceAccount(this, props.name);
    new k8s.KubeDeployment(this, 'deployment', {
      metadata: metadataOf(this, props),
      spec: {
        // An autoscaler's number isn't ours to apply.
        ...(props.autoscaling === undefined ? { replicas: props.replicas } : {}),
        revisionHistoryLimit: 5,
        progressDeadlineSeconds: 300,
        selector: { matchLabels: selectorLabels(props.name) },
        strategy:
          props.surge === false
            ? { type: 'Recreate' }
            : {
                type: 'RollingUpdate',
                rollingUpdate: {
                  maxSurge: k8s.IntOrString.fromNumber(1),
                  maxUnavailable: k8s.IntOrString.fromNumber(0),
                },
              },
        template: hardenedPod(this, { ...props, serviceAccountName }),
      },
    });
    if (props.autoscaling !== undefined) horizontalPodAutoscaler(this, props.name, props.autoscaling);
    disruptionBudget(this, props.name, props.autoscaling?.minReplicas ?? props.replicas, props.minAvailable);
  }
}

export interface StatefulSetProps extends WorkloadPodProps {
  readonly replicas: number;
  /** Ports of the headless Service by name. */
  readonly servicePorts: Readonly<Record<string, number>>;
  /** Claims that each pod gets. */
  readonly claims: readonly ClaimProps[];
}

/** A StatefulSet with its headless Service; its claims outlive it. */
export class HardenedStatefulSet extends Construct {
  /** Name of the headless Service, below which each pod has a DNS name. */
  readonly headlessService: string;

  constructor(scope: Construct, id: string, props: StatefulSetProps) {
    super(scope, id);
    const serviceAccountName = serviceAccount(this, props.name);
    this.headlessService = headlessServiceName(props.name);
    new ServiceOf(this, 'headless', {
      name: this.headlessService,
      workload: props.name,
      ports: props.servicePorts,
      headless: true,
    });
    new k8s.KubeStatefulSet(this, 'stateful-set', {
      metadata: metadataOf(this, props),
      spec: {
        replicas: props.replicas,
        revisionHistoryLimit: 5,
        serviceName: this.headlessService,
        selector: { matchLabels: selectorLabels(props.name) },
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'RollingUpdate' },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        template: hardenedPod(this, { ...props, serviceAccountName }),
        volumeClaimTemplates: props.claims.map((claim) => ({
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name: claim.name },
          spec: {
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: k8s.Quantity.fromString(claim.size) } },
            ...(claim.storageClass === undefined ? {} : { storageClassName: claim.storageClass }),
          },
        })),
      },
    });
    disruptionBudget(this, props.name, props.replicas);
  }
}

/** A pod on each node, of which a rollout takes one away at a time. */
export class HardenedDaemonSet extends Construct {
  constructor(scope: Construct, id: string, props: WorkloadPodProps) {
    super(scope, id);
    const serviceAccountName = serviceAccount(this, props.name);
    new k8s.KubeDaemonSet(this, 'daemon-set', {
      metadata: metadataOf(this, props),
      spec: {
        revisionHistoryLimit: 5,
        selector: { matchLabels: selectorLabels(props.name) },
        updateStrategy: { type: 'RollingUpdate' },
        template: hardenedPod(this, { ...props, serviceAccountName }),
      },
    });
  }
}

/** Name of the headless Service of the StatefulSet `name`. */
export const headlessServiceName = (name: string): string => `${name}-headless`;

export interface JobProps extends WorkloadPodProps {
  /** Times that a failed pod is replaced. */
  readonly backoffLimit: number;
  /** Seconds after which the Job is given up. */
  readonly activeDeadlineSeconds: number;
  /**
   * Exit code of a container after which no other pod is tried.
   * @default - none: every failure is tried again
   */
  readonly finalExitCode?: number;
}

/**
 * Lets an exit code of a container end the tries of a Job. As a patch, since the type of Kubernetes 1.27 asks for a list
 * of conditions beside it.
 */
function endTries(job: ApiObject, spec: string, { finalExitCode }: JobProps): void {
  if (finalExitCode === undefined) return;
  const rule = { action: 'FailJob', onExitCodes: { operator: 'In', values: [finalExitCode] } };
  job.addJsonPatch(JsonPatch.add(`${spec}/podFailurePolicy`, { rules: [rule] }));
}

/**
 * A Job that has run once for each content: its name ends in the checksum of its pod, since a Job can't be changed,
 * and it has no TTL, so that what was applied stays what is there.
 */
export class HardenedJob extends Construct {
  constructor(scope: Construct, id: string, props: JobProps) {
    super(scope, id);
    const serviceAccountName = serviceAccount(this, props.name);
    const template = hardenedPod(this, { ...props, serviceAccountName });
    const job = new k8s.KubeJob(this, 'job', {
      metadata: {
        ...metadataOf(this, props),
        name: `${props.name}-${checksum(JSON.stringify(template)).slice(0, 8)}`,
      },
      spec: {
        backoffLimit: props.backoffLimit,
        activeDeadlineSeconds: props.activeDeadlineSeconds,
        template,
      },
    });
    endTries(job, '/spec', props);
  }
}

export interface CronJobProps extends JobProps {
  /** Five fields of cron. */
  readonly schedule: string;
  /** Time zone of the schedule. */
  readonly timeZone: string;
}

/** A Job by the clock, never twice at a time; the last three good and bad ones stay to be looked at. */
export class HardenedCronJob extends Construct {
  constructor(scope: Construct, id: string, props: CronJobProps) {
    super(scope, id);
    const serviceAccountName = serviceAccount(this, props.name);
    const cronJob = new k8s.KubeCronJob(this, 'cron-job', {
      metadata: metadataOf(this, props),
      spec: {
        schedule: props.schedule,
        timeZone: props.timeZone,
        concurrencyPolicy: 'Forbid',
        // A cluster that was down at the time makes up for it.
        startingDeadlineSeconds: 6 * 3600,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 3,
        jobTemplate: {
          metadata: { labels: workloadLabels(this, props.name) },
          spec: {
            backoffLimit: props.backoffLimit,
            activeDeadlineSeconds: props.activeDeadlineSeconds,
            template: hardenedPod(this, { ...props, serviceAccountName }),
          },
        },
      },
    });
    endTries(cronJob, '/spec/jobTemplate/spec', props);
  }
}

export interface ServiceProps {
  readonly name: string;
  /** Name label of the pods behind it. */
  readonly workload: string;
  /** Port numbers by name; a number of the pod may differ, its port's name may not. */
  readonly ports: Readonly<Record<string, number>>;
  /**
   * Whether it has no address of its own and names each pod, ready or not.
   * @default false
   */
  readonly headless?: boolean;
  /**
   * Port of every node for each named port; the Service is then of type NodePort.
   * @default - the Service is reachable in the cluster only
   */
  readonly nodePorts?: Readonly<Record<string, number>>;
  /**
   * Whether a node port leads to pods of that node alone, which then see the client's own address.
   * @default false
   */
  readonly onlyOwnNode?: boolean;
}

/** A Service in front of one workload. */
export class ServiceOf extends Construct {
  constructor(scope: Construct, id: string, props: ServiceProps) {
    super(scope, id);
    new k8s.KubeService(this, 'service', {
      metadata: { name: props.name, labels: workloadLabels(this, props.workload) },
      spec: {
        ...(props.headless === true ? { clusterIp: 'None', publishNotReadyAddresses: true } : {}),
        ...(props.nodePorts === undefined ? {} : { type: 'NodePort' }),
        ...(props.onlyOwnNode === true ? { externalTrafficPolicy: 'Local' } : {}),
        selector: selectorLabels(props.workload),
        ports: Object.entries(props.ports).map(([name, port]) => ({
          name,
          port,
          targetPort: k8s.IntOrString.fromString(name),
          ...(props.nodePorts?.[name] === undefined ? {} : { nodePort: props.nodePorts[name] }),
        })),
      },
    });
  }
}

const metadataOf = (scope: Construct, { name, annotations }: WorkloadPodProps): k8s.ObjectMeta => ({
  name,
  labels: workloadLabels(scope, name),
  ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
});

function serviceAccount(scope: Construct, name: string): string {
  new k8s.KubeServiceAccount(scope, 'service-account', {
    metadata: { name, labels: workloadLabels(scope, name) },
    automountServiceAccountToken: false,
  });
  return name;
}

/** Adds pods at once when they are short of CPU, and takes one away a minute after five quiet ones. */
function horizontalPodAutoscaler(scope: Construct, name: string, props: Autoscaling): void {
  new k8s.KubeHorizontalPodAutoscalerV2(scope, 'autoscaler', {
    metadata: { name, labels: workloadLabels(scope, name) },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: props.minReplicas,
      maxReplicas: props.maxReplicas,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: props.targetCpu } },
        },
      ],
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 0,
          selectPolicy: 'Max',
          policies: [
            { type: 'Pods', value: 2, periodSeconds: 30 },
            { type: 'Percent', value: 100, periodSeconds: 30 },
          ],
        },
        scaleDown: {
          stabilizationWindowSeconds: 300,
          selectPolicy: 'Max',
          policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
        },
      },
    },
  });
}

/** Only from two replicas on: a budget over a single pod would block every drain. */
function disruptionBudget(scope: Construct, name: string, replicas: number, minAvailable?: number): void {
  if (replicas < 2) return;
  new k8s.KubePodDisruptionBudget(scope, 'disruption-budget', {
    metadata: { name, labels: workloadLabels(scope, name) },
    spec: {
      ...(minAvailable === undefined
        ? { maxUnavailable: k8s.IntOrString.fromNumber(1) }
        : { minAvailable: k8s.IntOrString.fromNumber(minAvailable) }),
      selector: { matchLabels: selectorLabels(name) },
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  });
}
