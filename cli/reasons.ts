/** Why a pod isn't ready, and whether waiting can help. */
import type { ContainerStatus, Pod } from './components.ts';

export interface Reason {
  /** What is the matter, such as "image zakpos-api:1 can't be pulled". */
  readonly fact: string;
  /**
   * What mends it, where waiting doesn't.
   * @default - it may become ready by itself
   */
  readonly fix?: string;
  /** Container whose last words tell more, and whether it has to be asked for those before its restart. */
  readonly log?: { readonly container: string; readonly previous: boolean };
}

/** Restarts after which a container that keeps ending is no longer waited for. */
const HOPELESS_RESTARTS = 3;
/** Seconds that the scheduler may take to find a node. */
const SCHEDULING_SECONDS = 15;
/** Seconds that a claim may take to be bound: in a cluster that has just been made, who does it starts, too. */
const BINDING_SECONDS = 60;

/** Why a pod isn't ready; `undefined` when it is. `now` is in milliseconds. */
export function reasonOf(pod: Pod, now: number, schedulingSeconds = SCHEDULING_SECONDS): Reason | undefined {
  const { conditions, initContainerStatuses, containerStatuses } = pod.status;
  const condition = (type: string) => conditions.find((each) => each.type === type);
  if (condition('Ready')?.status === 'True') return undefined;

  const scheduled = condition('PodScheduled');
  if (scheduled?.status === 'False') {
    const seconds = (now - Date.parse(pod.metadata.creationTimestamp)) / 1000;
    return unscheduled(scheduled.message ?? 'no node is free', seconds, schedulingSeconds);
  }

  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const reason = reasonOfContainer(status, initContainerStatuses.includes(status));
    if (reason !== undefined) return reason;
  }
  return { fact: containerStatuses.length === 0 ? 'starting' : 'not ready yet' };
}

function unscheduled(message: string, seconds: number, schedulingSeconds: number): Reason {
  const fact = `no node takes it: ${message.replace(/ preemption:.*/, '')}`;
  // A claim is made and bound after its pod was first looked at.
  if (seconds < schedulingSeconds || /persistentvolumeclaim "[^"]*" not found/.test(message)) return { fact };
  if (/PersistentVolumeClaim|persistent volume|(?<!ephemeral-)storage/i.test(message)) {
    if (/unbound/.test(message) && seconds < BINDING_SECONDS) return { fact };
    return {
      fact,
      fix: 'Look at the claim with `kubectl describe pvc`: its storageClass has to exist and to make volumes; storage.storageClass of this component names another.',
    };
  }
  return {
    fact,
    fix: 'Give the node (docker, on a laptop) more memory and CPU, or lower resources.requests of this component in a file that ZAKPOS_CONFIG names.',
  };
}

function reasonOfContainer(status: ContainerStatus, isInit: boolean): Reason | undefined {
  const { name, state, lastState, restartCount, image } = status;
  const { waiting, terminated } = state;
  const what = isInit ? `init container ${name}` : `container ${name}`;

  if (waiting?.reason === 'InvalidImageName' || waiting?.reason === 'ErrImageNeverPull') {
    return { fact: `image ${image} can't be used: ${waiting.reason}`, fix: 'Name an image that exists.' };
  }
  if (waiting?.reason === 'ImagePullBackOff' || waiting?.reason === 'ErrImagePull') {
    const fact = `image ${image} can't be pulled: ${firstSentence(waiting.message ?? waiting.reason)}`;
    // The first failure may be the network's; the kubelet has tried again by the second.
    if (waiting.reason === 'ErrImagePull') return { fact };
    return {
      fact,
      fix: 'Check its name and tag; `npm run images` builds and loads the images of apps/, others must be pullable from the node or loaded with `kind load docker-image`.',
    };
  }
  if (waiting?.reason === 'CreateContainerConfigError') {
    return {
      fact: `${what} can't be made: ${waiting.message ?? waiting.reason}`,
      fix: 'Make what it names; `npm run secrets -- --check` lists the Secrets that are missing.',
    };
  }
  const ended = terminated ?? lastState.terminated;
  if (
    ended !== undefined &&
    state.running === undefined &&
    (ended.exitCode !== 0 || waiting?.reason === 'CrashLoopBackOff')
  ) {
    const how =
      ended.reason === 'OOMKilled' ? 'ran out of its memory limit' : `ended with exit code ${ended.exitCode}`;
    const fact = `${what} ${how}${restartCount > 0 ? `, ${restartCount} restarts` : ''}`;
    const log = { container: name, previous: waiting !== undefined && restartCount > 0 };
    if (restartCount < HOPELESS_RESTARTS) return { fact, log };
    return {
      fact,
      log,
      fix:
        ended.reason === 'OOMKilled'
          ? 'Raise resources.limits.memory of this component.'
          : 'Mend what its last line says, then run the same command again.',
    };
  }
  if (isInit && state.running !== undefined) {
    return { fact: `${what} is running`, log: { container: name, previous: false } };
  }
  if (isInit) return undefined;
  if (waiting !== undefined && waiting.reason !== 'PodInitializing') {
    return {
      fact:
        waiting.reason === 'ContainerCreating'
          ? 'its container is being made'
          : (waiting.reason ?? 'waiting'),
    };
  }
  if (state.running !== undefined && !status.ready)
    return { fact: `${what} runs, its probe does not succeed yet` };
  return undefined;
}

const firstSentence = (text: string): string => text.split(/: failed to|\. /)[0]?.slice(0, 200) ?? text;
