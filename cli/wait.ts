/** Waits for components side by side, each on a line with its time and the reason while it isn't ready. */
import { clock } from './clock.ts';
import { componentsOf, look, progressOf, type Component, type Pod, type Snapshot } from './components.ts';
import type { Manifest } from './environment.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';
import { reasonOf, type Reason } from './reasons.ts';
import { together, type Line } from './steps.ts';

const INTERVAL_MS = 1000;

export interface Patience {
  /** Seconds until a component that isn't ready is given up. */
  readonly seconds: number;
  /**
   * Seconds that a pod may be without a node.
   * @default 15
   */
  readonly schedulingSeconds?: number;
}

/**
 * Ends when all workloads of the manifests are ready.
 * @throws {CliError} for the first that will not become ready by waiting, or isn't within the time
 */
export async function waitForReady(
  kubectl: Kubectl,
  objects: readonly Manifest[],
  patience: Patience,
): Promise<void> {
  const components = componentsOf(objects);
  const namespaces = [...new Set(components.map(({ namespace }) => namespace))];
  const watch = new Watch(() => look(kubectl, namespaces));
  await together(
    'Waiting until everything is ready',
    components.map((component) => ({
      title: component.name,
      work: (line) => waitForOne(kubectl, component, watch, line, patience),
    })),
  );
}

async function waitForOne(
  kubectl: Kubectl,
  component: Component,
  watch: Watch,
  line: Line,
  { seconds, schedulingSeconds }: Patience,
): Promise<void> {
  const deadline = clock.now() + seconds * 1000;
  for (;;) {
    const { ready, failed, replicas, pods } = progressOf(component, await watch.next());
    if (ready) {
      line.rename(`${component.name} ${replicas}`);
      return;
    }
    const { pod, reason } = worst(pods, schedulingSeconds);
    const lastWords =
      pod === undefined || reason?.log === undefined ? '' : await lastLine(kubectl, pod, reason.log);
    const fact = `${reason?.fact ?? 'no pod yet'}${lastWords === '' ? '' : `; it says: ${lastWords}`}`;
    line.note(`${component.name} ${replicas}: ${fact}`);
    if (failed !== undefined) {
      throw new CliError(
        `${component.name} has failed: ${failed}${lastWords === '' ? '' : `; it says: ${lastWords}`}`,
        `\`${kubectl.command(`-n ${component.namespace} logs job/${component.name}`)}\` tells why; then \`${kubectl.command(`-n ${component.namespace} delete job/${component.name}`)}\` and the same command again.`,
      );
    }
    const refused = /refused the password of role/.test(lastWords);
    const fix = refused
      ? 'Put the old password back, or set the new one in the database as it says.'
      : reason?.fix;
    if (fix !== undefined) throw new CliError(`${component.name} does not get ready: ${fact}`, fix);
    if (clock.now() > deadline) {
      throw new CliError(
        `${component.name} is not ready in time: ${fact}`,
        `\`${kubectl.command(`-n ${component.namespace} describe pod -l app.kubernetes.io/name=${component.name}`)}\` tells more; \`npm run up\` goes on waiting.`,
      );
    }
  }
}

/** The pod that keeps a component from being ready; one that waiting can't help comes first. */
function worst(pods: readonly Pod[], schedulingSeconds?: number): { pod?: Pod; reason?: Reason } {
  const found = pods.flatMap((pod) => {
    const reason = reasonOf(pod, clock.now(), schedulingSeconds);
    return reason === undefined ? [] : [{ pod, reason }];
  });
  return found.find(({ reason }) => reason.fix !== undefined) ?? found[0] ?? {};
}

/** The last line that a container wrote; `msg` of a JSON line. */
export async function lastLine(
  kubectl: Kubectl,
  { metadata }: Pod,
  { container, previous }: NonNullable<Reason['log']>,
): Promise<string> {
  const logs = await kubectl.attempt([
    ...['-n', metadata.namespace, 'logs', metadata.name, '-c', container, '--tail=3'],
    ...(previous ? ['--previous'] : []),
  ]);
  const line = logs.stdout.trim().split('\n').at(-1) ?? '';
  const message = /"msg":("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  return (message === undefined ? line : String(JSON.parse(message))).slice(0, 400);
}

/** One look a second at the cluster, shared by all who wait. */
class Watch {
  private readonly takeLook: () => Promise<Snapshot>;
  private pending: Promise<Snapshot> | undefined;
  private first = true;

  constructor(takeLook: () => Promise<Snapshot>) {
    this.takeLook = takeLook;
  }

  /** What the next look sees; those who ask meanwhile get the same. */
  next(): Promise<Snapshot> {
    this.pending ??= this.lookLater().finally(() => {
      this.pending = undefined;
    });
    return this.pending;
  }

  private async lookLater(): Promise<Snapshot> {
    if (!this.first) await clock.sleep(INTERVAL_MS);
    this.first = false;
    return this.takeLook();
  }
}
