/** Where lines of logs come from: the nodes, by kubectl, or Loki. */
import { z } from 'zod';
import { clock } from './clock.ts';
import { CliError } from './errors.ts';
import type { Running } from './exec.ts';
import type { Kubectl } from './kubectl.ts';
import { inOrder, readLine, timeOfNanoseconds, type LogLine } from './log-lines.ts';

const NAME_LABEL = 'app.kubernetes.io/name';
/** Most lines that Loki answers at once, by its own default. */
const PAGE = 5000;
/** While several pods write at once, their lines are put in order within as long as this. */
const TOGETHER_MS = 300;
const NEW_PODS_MS = 3000;

/** A workload whose pods write logs. */
export interface LogComponent {
  readonly name: string;
  readonly namespace: string;
}

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
      status: z.object({ phase: z.string() }),
    }),
  ),
});

/** Pods of the product by their component. */
export async function podsOf(
  kubectl: Kubectl,
  namespace: string,
): Promise<{ readonly name: string; readonly component: string; readonly phase: string }[]> {
  const pods = await kubectl.json(podList, [
    ...['-n', namespace, 'get', 'pods', '-l', 'app.kubernetes.io/part-of=zakpos'],
  ]);
  return (pods?.items ?? []).map(({ metadata, status }) => ({
    name: metadata.name,
    component: metadata.labels[NAME_LABEL] ?? metadata.name,
    phase: status.phase,
  }));
}

/** The components that have pods. */
export async function componentsIn(kubectl: Kubectl, namespaces: readonly string[]): Promise<LogComponent[]> {
  const found = await Promise.all(
    namespaces.map(async (namespace) => {
      const components = (await podsOf(kubectl, namespace)).map(({ component }) => component);
      return [...new Set(components)].map((name) => ({ name, namespace }));
    }),
  );
  return found.flat();
}

/**
 * The component that a name stands for, with or without zakpos-.
 * @throws {CliError} for a name that no pod has
 */
export function componentNamed(known: readonly LogComponent[], name: string): LogComponent {
  const full = [name, `zakpos-${name}`, ...(name === 'ingress' ? ['traefik'] : [])];
  const component = known.find((each) => full.includes(each.name));
  if (component !== undefined) return component;
  const others = known.map((each) => each.name.replace(/^zakpos-/, '')).sort();
  throw new CliError(
    `No pod of "${name}" is in the cluster.`,
    others.length === 0
      ? 'There is none of anything: `npm run up` brings them.'
      : `There are those of ${others.join(', ')}.`,
  );
}

const KUBECTL_LOGS = ['--all-containers', '--prefix', '--timestamps', '--ignore-errors'];

/** What the pods that are there have written since a while, as far as their nodes still have it. */
export async function linesOfNodes(
  kubectl: Kubectl,
  components: readonly LogComponent[],
  since: string,
): Promise<LogLine[]> {
  const outputs = await Promise.all(
    components.map(({ name, namespace }) =>
      kubectl.run([
        ...['-n', namespace, 'logs', '-l', `${NAME_LABEL}=${name}`, ...KUBECTL_LOGS],
        ...[`--since=${since}`, '--tail=-1'],
      ]),
    ),
  );
  return inOrder(outputs.flatMap((output) => output.split('\n').flatMap((line) => readLine(line) ?? [])));
}

/** The same as it is written, of pods that come as well, until the signal. */
export async function followNodes(
  kubectl: Kubectl,
  components: readonly LogComponent[],
  since: string,
  signal: AbortSignal,
  onLines: (lines: readonly LogLine[]) => void,
  warn: (text: string) => void = console.error,
): Promise<void> {
  const followed = new Map<string, Running>();
  /** The last line of each pod. */
  const lasts = new Map<string, LogLine>();
  let waiting: LogLine[] = [];
  const flush = setInterval(() => {
    const lines = inOrder(waiting);
    waiting = [];
    onLines(lines);
  }, TOGETHER_MS);
  try {
    let from = since;
    while (!signal.aborted) {
      for (const { name, namespace } of components) {
        for (const pod of await podsOf(kubectl, namespace)) {
          const key = `${namespace}/${pod.name}`;
          if (pod.component !== name || pod.phase === 'Pending' || followed.has(key)) continue;
          const last = lasts.get(key);
          // What has come to its end says nothing more.
          if (last !== undefined && pod.phase !== 'Running') continue;
          const begin = last === undefined ? `--since=${from}` : `--since-time=${last.at}`;
          const args = ['-n', namespace, 'logs', pod.name, '--follow', ...KUBECTL_LOGS, begin];
          const running = kubectl.start(args, (line) => {
            const read = readLine(line);
            // What comes from a time on comes from that time on.
            if (read === undefined || (last !== undefined && read.at <= last.at)) return;
            waiting.push(read);
            if (read.at > (lasts.get(key)?.at ?? '')) lasts.set(key, read);
          });
          followed.set(key, running);
          // A container that is started anew is followed anew, from where the one before it ended.
          void running.ended.then(({ ok, stderr }) => {
            if (!ok && !signal.aborted) warn(`The logs of ${pod.name} can't be followed: ${stderr.trim()}`);
            followed.delete(key);
          });
        }
      }
      // A pod that comes later has written all it has since it came.
      from = '1h';
      await clock.sleep(NEW_PODS_MS, signal);
    }
  } finally {
    clearInterval(flush);
    for (const { stop } of followed.values()) stop();
    onLines(inOrder(waiting));
  }
}

const answer = z.object({
  data: z.object({
    resultType: z.literal('streams'),
    result: z.array(
      z.object({
        stream: z.looseObject({ k8s_pod_name: z.string(), k8s_container_name: z.string() }),
        values: z.array(z.tuple([z.string(), z.string()])),
      }),
    ),
  }),
});

/** What Loki has of them, those of pods that are gone as well. */
export async function linesOfLoki(
  url: string,
  components: readonly LogComponent[],
  { since, containing }: { readonly since: number; readonly containing: string | undefined },
): Promise<LogLine[]> {
  const names = components.map(({ name }) => name).join('|');
  const namespaces = [...new Set(components.map(({ namespace }) => namespace))].join('|');
  const selector = `{service_name=~"${names}",k8s_namespace_name=~"${namespaces}"}`;
  const query = containing === undefined ? selector : `${selector} |= ${JSON.stringify(containing)}`;
  const end = `${Date.now()}000000`;
  const found = new Map<string, LogLine>();
  for (let start = `${since}000000`; ;) {
    const page = await ask(url, { query, start, end, limit: String(PAGE), direction: 'forward' });
    for (const { nanoseconds, ...line } of page)
      found.set(`${nanoseconds} ${line.pod} ${line.container} ${line.text}`, line);
    const last = page.map(({ nanoseconds }) => nanoseconds).reduce((a, b) => (a > b ? a : b), '');
    // The next page begins with what was of the same nanosecond.
    if (page.length < PAGE || last === start) return inOrder([...found.values()]);
    start = last;
  }
}

async function ask(
  url: string,
  parameters: Readonly<Record<string, string>>,
): Promise<(LogLine & { readonly nanoseconds: string })[]> {
  const query = new URLSearchParams(parameters).toString();
  const response = await fetch(`${url}/loki/api/v1/query_range?${query}`);
  const body = await response.text();
  if (!response.ok) {
    throw new CliError(
      `Loki answered ${response.status}: ${body.trim().slice(0, 300)}`,
      'Ask for less with --since, or leave Loki out with --nodes.',
    );
  }
  return answer.parse(JSON.parse(body)).data.result.flatMap(({ stream, values }) =>
    values.map(([nanoseconds, text]) => ({
      nanoseconds,
      at: timeOfNanoseconds(nanoseconds),
      pod: stream.k8s_pod_name,
      container: stream.k8s_container_name,
      text,
    })),
  );
}
