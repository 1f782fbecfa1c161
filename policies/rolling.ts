/** Rollouts and drains lose nothing: a change rolls who uses it, and a pod ends when nobody asks it any more. */
import { disruptionBudgets, routes } from './objects.ts';
import { everyObject, everyPod, type Finding, type Policy } from './policy.ts';
import { hasLabels } from './rendered.ts';
import { isLiteral } from './secrets.ts';
import { allContainers, isJob, selected, workloads, type Container } from './workloads.ts';

const CHECKSUM = 'zakpos.io/config-checksum';
/** What a proxy takes to learn that a pod is going, and what remains after it. */
const LEAST_DRAIN_SECONDS = 5;
const LEAST_SECONDS_AFTER_DRAIN = 10;

/** Seconds for which a container goes on serving after it was told to end. */
export const drainSeconds = ({ lifecycle }: Container): number => {
  const [program, seconds] = lifecycle?.preStop.exec.command ?? [];
  return program === 'sleep' ? Number(seconds) : 0;
};

export const rolling: Policy = {
  name: 'rolling',
  rules: {
    'new-before-old': {
      fix: 'make it a HardenedDeployment, which starts a pod before it ends one',
      findings: everyObject(['Deployment'], function* ({ raw }) {
        if (!JSON.stringify(raw).includes('"rollingUpdate":{"maxSurge":1,"maxUnavailable":0}'))
          yield 'ends pods first';
      }),
    },
    'drains-what-people-ask': {
      fix: `give the container drainSeconds of ${LEAST_DRAIN_SECONDS} at least, until no proxy sends it requests`,
      findings: everyPod(function* (pod, rendered) {
        if (!routes(rendered).some(({ service }) => service === pod.name)) return;
        for (const container of pod.pod.containers)
          if (drainSeconds(container) < LEAST_DRAIN_SECONDS)
            yield `container ${container.name} drains for ${drainSeconds(container)} s`;
      }),
    },
    'time-to-end': {
      fix: `set terminationGracePeriodSeconds to the drain and ${LEAST_SECONDS_AFTER_DRAIN} s more`,
      findings: everyPod(function* ({ pod }) {
        const drain = Math.max(...pod.containers.map(drainSeconds));
        if (pod.terminationGracePeriodSeconds < drain + LEAST_SECONDS_AFTER_DRAIN)
          yield `is killed after ${pod.terminationGracePeriodSeconds} s, of which it drains ${drain}`;
      }),
    },
    budgets: {
      fix: 'have one budget from two replicas on, and none for a single pod, which no node could be drained of',
      *findings(rendered): Generator<Finding> {
        for (const object of workloads(rendered)) {
          const own = disruptionBudgets(rendered).filter(
            ({ namespace, spec }) =>
              namespace === object.namespace && hasLabels(object.podLabels, spec.selector.matchLabels),
          );
          const wanted = !isJob(object) && object.replicas > 1 ? 1 : 0;
          if (own.length !== wanted)
            yield { object, fact: `has ${object.replicas} replicas and ${own.length} budgets` };
        }
        for (const object of disruptionBudgets(rendered)) {
          const { spec } = object;
          const [pod, ...others] = selected(rendered, object.namespace, spec.selector.matchLabels);
          if (pod === undefined || others.length > 0) {
            yield { object, fact: 'is of no one workload' };
            continue;
          }
          if (spec.unhealthyPodEvictionPolicy !== 'AlwaysAllow')
            yield { object, fact: 'holds pods that are broken' };
          const mayGo = spec.maxUnavailable ?? pod.replicas - (spec.minAvailable ?? 0);
          if (mayGo < 1) yield { object, fact: `lets none of ${pod.replicas} pods go` };
        }
      },
    },
    'rolls-with-its-config': {
      fix: 'make the pod with lib/pod.ts and its files with lib/config-files.ts, which know their checksum',
      findings: everyPod(function* (pod, rendered) {
        const isKnown = (secret: string | undefined): boolean =>
          secret !== undefined && isLiteral(rendered, secret);
        const content =
          pod.pod.volumes.some(
            ({ configMap, projected, secret }) =>
              projected !== undefined ||
              (configMap !== undefined && configMap.optional !== true) ||
              isKnown(secret?.secretName),
          ) ||
          allContainers(pod).some(({ env }) =>
            env.some(({ valueFrom }) => isKnown(valueFrom?.secretKeyRef?.name)),
          );
        const checksum = pod.podAnnotations[CHECKSUM];
        if (content && checksum === undefined) yield 'stays as it is when its ConfigMaps or Secrets change';
        if (!content && checksum !== undefined) yield `has the checksum ${checksum} of nothing`;
      }),
    },
  },
};
