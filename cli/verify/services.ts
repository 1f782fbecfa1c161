/** Whether every workload is ready, every Job has done its work, and nothing keeps ending. */
import { z } from 'zod';
import { componentsOf, progressOf, type Pod } from '../components.ts';
import type { Kubectl } from '../kubectl.ts';
import { reasonOf } from '../reasons.ts';
import { lastLine } from '../wait.ts';
import { count, judge, putBack, type Check, type Context, type Finding } from './check.ts';

/** Restarts from which on a container that was restarted within the hour counts as one that keeps ending. */
const MANY_RESTARTS = 5;
const HOUR_MS = 3_600_000;
const RECENT_MS = 600_000;

const jobList = z.object({
  items: z.array(
    z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('CronJob'),
        metadata: z.object({ name: z.string() }),
        spec: z.object({ suspend: z.boolean().default(false) }),
      }),
      z.object({
        kind: z.literal('Job'),
        metadata: z.object({ name: z.string(), creationTimestamp: z.string() }),
        status: z.object({
          conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
        }),
      }),
    ]),
  ),
});
const eventList = z.object({
  items: z.array(
    z.object({
      involvedObject: z.object({ kind: z.string(), name: z.string() }),
      reason: z.string().default(''),
      message: z.string().default(''),
      lastTimestamp: z.string().nullish(),
      eventTime: z.string().nullish(),
    }),
  ),
});

export const services: Check = {
  title: 'Every service is up and healthy',
  run: async (context) => {
    const { rendered, snapshot, kubectl, config } = context;
    const components = componentsOf(rendered.objects).map((component) => ({
      component,
      progress: progressOf(component, snapshot),
    }));
    const pods = components.flatMap(({ progress }) => progress.pods);
    const [unready, scheduled, warnings] = await Promise.all([
      Promise.all(
        components
          .filter(({ progress }) => !progress.ready)
          .map(async ({ component: { kind, name }, progress }): Promise<Finding> => {
            const why = await whyNot(kubectl, progress.pods);
            return {
              thing: `${kind} ${name}`,
              fact: `is not ready (${progress.failed ?? progress.replicas}): ${why.fact}`,
              fix: why.fix ?? putBack(context),
            };
          }),
      ),
      scheduledFindings(kubectl, config.namespace, rendered.objects),
      warningFindings(kubectl, config.namespace, pods),
    ]);
    const restarts = pods.flatMap((pod) => restartFindings(context, pod));
    return judge(
      `${count(components.length, 'workload')}, ${count(pods.length, 'pod')}`,
      [...unready, ...scheduled, ...restarts.filter(({ many }) => many)],
      [...restarts.filter(({ many }) => !many), ...warnings],
    );
  },
};

async function whyNot(
  kubectl: Kubectl,
  pods: readonly Pod[],
): Promise<{ readonly fact: string; readonly fix?: string }> {
  for (const pod of pods) {
    const reason = reasonOf(pod, Date.now());
    if (reason === undefined) continue;
    const said = reason.log === undefined ? '' : await lastLine(kubectl, pod, reason.log);
    return { ...reason, fact: said === '' ? reason.fact : `${reason.fact}; it says: ${said}` };
  }
  return { fact: pods.length === 0 ? 'it has no pod' : 'it is rolling out' };
}

function restartFindings({ kubectl }: Context, pod: Pod): (Finding & { readonly many: boolean })[] {
  const { name, namespace } = pod.metadata;
  return pod.status.containerStatuses.flatMap((container) => {
    const ended = container.lastState.terminated;
    if (ended === undefined || Date.now() - Date.parse(ended.finishedAt ?? '') > HOUR_MS) return [];
    const how = ended.reason === 'OOMKilled' ? 'for want of memory' : `with exit code ${ended.exitCode}`;
    return [
      {
        thing: `Pod ${name}`,
        fact: `has had ${count(container.restartCount, 'restart')} of ${container.name}, the last within the hour, ${how}`,
        fix: `\`${kubectl.command(`-n ${namespace} logs ${name} -c ${container.name} --previous`)}\` tells what it said at its end.`,
        many: container.restartCount >= MANY_RESTARTS,
      },
    ];
  });
}

/** What the clock starts: none of it stopped, and the last run of each good. */
async function scheduledFindings(
  kubectl: Kubectl,
  namespace: string,
  objects: Context['rendered']['objects'],
): Promise<Finding[]> {
  const wanted = objects.filter(({ kind }) => kind === 'CronJob').map(({ metadata }) => metadata.name);
  const items = (await kubectl.json(jobList, ['-n', namespace, 'get', 'cronjobs,jobs']))?.items ?? [];
  return wanted.flatMap((name): Finding[] => {
    const thing = `CronJob ${name}`;
    const found = items.find(({ kind, metadata }) => kind === 'CronJob' && metadata.name === name);
    if (found === undefined) return [{ thing, fact: 'is missing', fix: '`npm run up` makes it.' }];
    const runs = items.flatMap((item) =>
      item.kind === 'Job' && item.metadata.name.startsWith(`${name}-`) ? [item] : [],
    );
    const last = runs
      .sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp))
      .at(-1);
    const failed = last?.status.conditions.some(({ type, status }) => type === 'Failed' && status === 'True');
    return [
      ...(found.kind === 'CronJob' && found.spec.suspend
        ? [{ thing, fact: 'is suspended: it never runs', fix: '`npm run up` resumes it.' }]
        : []),
      ...(last !== undefined && failed === true
        ? [
            {
              thing,
              fact: `failed when it last ran, as Job ${last.metadata.name}`,
              fix: `\`${kubectl.command(`-n ${namespace} logs job/${last.metadata.name}`)}\` tells why.`,
            },
          ]
        : []),
    ];
  });
}

/** Warnings of the last minutes about what is there; a probe that has failed before a pod became ready is none. */
async function warningFindings(
  kubectl: Kubectl,
  namespace: string,
  pods: readonly Pod[],
): Promise<Finding[]> {
  const events = await kubectl.json(eventList, [
    ...['-n', namespace, 'get', 'events', '--field-selector=type=Warning'],
  ]);
  const names = new Set(pods.map(({ metadata }) => metadata.name));
  const told = new Map<string, Finding>();
  for (const { involvedObject, reason, message, lastTimestamp, eventTime } of events?.items ?? []) {
    const at = Date.parse(lastTimestamp ?? eventTime ?? '');
    const isGone = involvedObject.kind === 'Pod' && !names.has(involvedObject.name);
    if (!(Date.now() - at < RECENT_MS) || isGone || STARTING.includes(reason)) continue;
    const thing = `${involvedObject.kind} ${involvedObject.name}`;
    told.set(`${thing} ${reason}`, {
      thing,
      fact: `was warned of within 10 minutes: ${reason}: ${message.split('\n')[0]?.slice(0, 200) ?? ''}`,
      fix: `\`${kubectl.command(`-n ${namespace} describe ${involvedObject.kind.toLowerCase()} ${involvedObject.name}`)}\` shows all its events.`,
    });
  }
  return [...told.values()];
}

/** What is said of pods that start, and no more when they are ready. */
const STARTING = ['Unhealthy', 'FailedScheduling', 'BackOff', 'FailedMount'];
