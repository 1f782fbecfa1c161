/** Running something inside a pod, with the terminal of whoever asks for it. */
import { z } from 'zod';
import { CliError } from './errors.ts';
import { untilInterrupted } from './interrupt.ts';
import type { Kubectl } from './kubectl.ts';

/** Where something runs. */
export interface Place {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly image: string;
}

/** Pods that are alike, such as those of a component. */
export interface Pods {
  /** What they are called in messages. */
  readonly name: string;
  readonly namespace: string;
  /** @default - the label of a component of that name */
  readonly selector?: string;
}

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), deletionTimestamp: z.string().optional() }),
      spec: z.object({
        containers: z.tuple([z.object({ name: z.string(), image: z.string() })], z.unknown()),
      }),
      status: z.object({
        phase: z.string(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
});

/**
 * The first container of the pod that is named, or else of a ready one, or of any that runs.
 * @throws {CliError} when there is none
 */
export async function placeIn(
  kubectl: Kubectl,
  { name, namespace, selector = `app.kubernetes.io/name=${name}` }: Pods,
  pod?: string,
): Promise<Place> {
  const pods = (await kubectl.json(podList, ['-n', namespace, 'get', 'pods', '-l', selector]))?.items ?? [];
  const running = pods.filter(
    ({ metadata, status }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined,
  );
  const isReady = ({ status }: (typeof running)[number]): boolean =>
    status.conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  const chosen =
    pod === undefined
      ? (running.find(isReady) ?? running[0])
      : running.find(({ metadata }) => metadata.name === pod);
  if (chosen === undefined) {
    throw new CliError(
      `No pod of ${name}${pod === undefined ? '' : ` named ${pod}`} runs in the namespace ${namespace}.`,
      pod === undefined || running.length === 0
        ? '`npm run status` tells why.'
        : `Name one of ${running.map(({ metadata }) => metadata.name).join(', ')}.`,
    );
  }
  const [container] = chosen.spec.containers;
  return { namespace, pod: chosen.metadata.name, container: container.name, image: container.image };
}

/** Arguments of kubectl before what is to run. */
const exec = ({ namespace, pod, container }: Place, flag: string): string[] => [
  ...['-n', namespace, 'exec', flag, pod, '-c', container, '--'],
];

/** Runs it with this terminal, or with what stdin brings, and answers its exit code. */
export function runIn(kubectl: Kubectl, place: Place, command: readonly string[]): Promise<number> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  // What runs there gets the Ctrl-C of a terminal as a key; without one, kubectl ends, and this with it.
  untilInterrupted();
  return kubectl.attach([...exec(place, isTerminal ? '-it' : '-i'), ...command]);
}

/**
 * Runs a script of bash that goes on until Ctrl-C, which is its end and no failure. What the script starts learns of it
 * by the end of its stdin: without a terminal, nobody there gets a signal.
 */
export async function followIn(
  kubectl: Kubectl,
  place: Place,
  script: string,
  args: readonly string[],
): Promise<number> {
  const interrupted = untilInterrupted();
  const code = await kubectl.attach([...exec(place, '-i'), 'bash', '-c', script, 'bash', ...args], 'open');
  return interrupted.aborted ? 0 : code;
}

/**
 * The shell of a container: bash, or sh where there is none.
 * @throws {CliError} when its image has neither
 */
export async function shellOf(kubectl: Kubectl, place: Place): Promise<string> {
  const args = [...exec(place, '-i'), 'sh', '-c', 'command -v bash || command -v sh'];
  const { ok, stdout, stderr } = await kubectl.attempt(args);
  if (ok) return stdout.trim();
  if (!/executable file not found|no such file or directory/i.test(stderr)) throw kubectl.explain(stderr);
  const { namespace, pod, container, image } = place;
  throw new CliError(
    `The image ${image} of ${pod} has no shell.`,
    `\`${kubectl.command(`-n ${namespace} debug -it ${pod} --target=${container} --profile=restricted --image=busybox:1.36`)}\` puts one beside it; or name a program of the image: \`npm run shell -- … -- <program>\`.`,
  );
}
