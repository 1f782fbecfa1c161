/** `npm run status`: every component, how it is, and where to find it. */
import { z } from 'zod';
import { describeClaims } from '../claims.ts';
import { componentsOf, look, progressOf, type Component, type Pod, type Progress } from '../components.ts';
import { readConfig, synthesize } from '../environment.ts';
import type { Kubectl } from '../kubectl.ts';
import { partIn } from '../part.ts';
import { reasonOf } from '../reasons.ts';
import { storesOf } from '../stores.ts';
import { age, table } from '../table.ts';
import { targetOf, type TargetOptions } from '../target.ts';
import { storesOnLocalhost, urlsOf } from '../urls.ts';
import { lastLine } from '../wait.ts';
import { showLoad } from './load.ts';

export interface StatusOptions extends TargetOptions {
  /**
   * Whether claims are listed instead of components.
   * @default false
   */
  readonly claims?: boolean;
  /**
   * Whether it is shown what goes on now instead.
   * @default false
   */
  readonly load?: boolean;
  /**
   * Whether one reading of that is enough.
   * @default - where there is no terminal
   */
  readonly once?: boolean;
}

const usageList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      containers: z.array(z.object({ usage: z.object({ memory: z.string() }) })),
    }),
  ),
});
/** Memory in use of each pod, in MiB. */
type Usage = ReadonlyMap<string, number>;

/** Prints a table and answers whether everything is ready. */
export async function status(options: StatusOptions): Promise<boolean> {
  const config = readConfig(options);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  if (options.load === true) {
    await showLoad(kubectl, config, { once: options.once ?? !process.stdout.isTTY });
    return true;
  }
  const part = await partIn(kubectl, config);
  const { objects } = await synthesize(config, { ...options, ...part });
  if (options.claims === true) {
    const namespaces = [config.namespace, config.systemNamespace];
    const almostFull = config.monitoring.alerts.volumePercent;
    console.log(await describeClaims(kubectl, namespaces, { wanted: storesOf(objects), almostFull }));
    return true;
  }
  const components = componentsOf(objects);
  const namespaces = [...new Set(components.map(({ namespace }) => namespace))];
  const [snapshot, usages] = await Promise.all([
    look(kubectl, namespaces),
    Promise.all(namespaces.map((namespace) => usageOf(kubectl, namespace))),
  ]);
  const usage = new Map(usages.flatMap((each) => [...each]));
  const found = components.map((component) => ({ component, progress: progressOf(component, snapshot) }));

  const rows = await Promise.all(
    found.map(async ({ component, progress }) => rowOf(kubectl, component, progress, usage)),
  );
  console.log(table([['component', 'ready', 'version', 'restarts', 'memory', 'age', ''], ...rows]));
  const pods = found.flatMap(({ progress }) => progress.pods);
  console.log(
    `\nmemory: ${sum(pods.map(({ metadata }) => usage.get(metadata.name) ?? 0))} MiB in use of ${sum(pods.map(limitOf))} MiB`,
  );
  console.log(['', ...(part.only === undefined ? urlsOf(config) : storesOnLocalhost(config))].join('\n'));
  return found.every(({ progress }) => progress.ready);
}

async function rowOf(
  kubectl: Kubectl,
  { name }: Component,
  { ready, replicas, pods }: Progress,
  usage: Usage,
): Promise<string[]> {
  const [pod] = pods;
  const running = pods.filter(({ metadata }) => usage.has(metadata.name));
  return [
    name,
    replicas,
    pod?.spec.containers[0]?.image.split(':').at(-1) ?? '-',
    String(
      sum(pods.flatMap(({ status }) => status.containerStatuses.map(({ restartCount }) => restartCount))),
    ),
    running.length === 0
      ? '-'
      : `${sum(running.map(({ metadata }) => usage.get(metadata.name) ?? 0))} of ${sum(running.map(limitOf))} Mi`,
    pod === undefined ? '-' : age(pod.metadata.creationTimestamp),
    ready ? '' : await whyNot(kubectl, replicas, pods),
  ];
}

async function whyNot(kubectl: Kubectl, replicas: string, pods: readonly Pod[]): Promise<string> {
  if (replicas.endsWith('/0')) return 'stopped; `npm run up` starts it, or says what it waits for';
  for (const pod of pods) {
    const reason = reasonOf(pod, Date.now());
    if (reason === undefined) continue;
    const words = reason.log === undefined ? '' : await lastLine(kubectl, pod, reason.log);
    return words === '' ? reason.fact : `${reason.fact}; it says: ${words}`;
  }
  return pods.length === 0 ? 'has no pod yet' : 'rolling out';
}

/** Empty where there is no metrics API, or it knows nothing yet. */
async function usageOf(kubectl: Kubectl, namespace: string): Promise<Usage> {
  const answer = await kubectl.attempt([
    'get',
    '--raw',
    `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`,
  ]);
  if (!answer.ok) return new Map();
  return new Map(
    usageList
      .parse(JSON.parse(answer.stdout))
      .items.map(({ metadata, containers }) => [
        metadata.name,
        sum(containers.map((each) => mebibytes(each.usage.memory))),
      ]),
  );
}

const limitOf = ({ spec }: Pod): number =>
  sum(spec.containers.map(({ resources }) => mebibytes(resources.limits.memory ?? '0')));

/** Kubernetes prints usage in Ki and limits as they were written. */
function mebibytes(quantity: string): number {
  const [, amount, unit] = /^(\d+)(Ki|Mi|Gi)?$/.exec(quantity) ?? [];
  const factor = { Ki: 1 / 1024, Mi: 1, Gi: 1024 }[z.enum(['Ki', 'Mi', 'Gi']).catch('Mi').parse(unit)];
  return Math.round(Number(amount ?? 0) * factor);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
