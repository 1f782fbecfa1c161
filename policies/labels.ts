/** Labels from one place, by which objects are found and pruned. */
import type { Finding, Policy } from './policy.ts';
import { everyPod } from './policy.ts';
import { hasLabels } from './rendered.ts';
import { isJob, selected, workloadName, workloads } from './workloads.ts';

const NAMED = [
  'CronJob',
  'DaemonSet',
  'Deployment',
  'HorizontalPodAutoscaler',
  'Job',
  'PodDisruptionBudget',
  'Service',
  'ServiceAccount',
  'StatefulSet',
];

export const labels: Policy = {
  name: 'labels',
  rules: {
    'on-everything': {
      fix: 'make the object in a ZakposChart, which labels all that is in it',
      *findings({ objects, config }): Generator<Finding> {
        const wanted = {
          'app.kubernetes.io/part-of': 'zakpos',
          'app.kubernetes.io/managed-by': 'zakpos',
          'zakpos.io/environment': config.environment,
        };
        for (const object of objects)
          if (!hasLabels(object.labels, wanted))
            yield { object, fact: `has the labels ${JSON.stringify(object.labels)}` };
      },
    },
    'name-a-workload': {
      fix: 'set app.kubernetes.io/name to the name of the workload that the object is of',
      *findings(rendered): Generator<Finding> {
        const names = new Set(workloads(rendered).map(workloadName));
        for (const object of rendered.objects) {
          const label = object.labels['app.kubernetes.io/name'] ?? '';
          if (NAMED.includes(object.kind) && !names.has(label))
            yield { object, fact: `is named "${label}", as no workload is` };
        }
      },
    },
    'pods-as-their-workload': {
      fix: 'put the same labels on the workload and on its pods',
      findings: everyPod(function* (pod) {
        if (JSON.stringify(pod.podLabels) !== JSON.stringify(pod.labels))
          yield `and its pods have different labels`;
      }),
    },
    'own-pods': {
      fix: 'select by app.kubernetes.io/name, which no other workload has',
      findings: everyPod(function* (pod, rendered) {
        if (isJob(pod)) return;
        const pods = selected(rendered, pod.namespace, pod.selector ?? {});
        if (pods.length !== 1 || pods[0]?.name !== pod.name)
          yield `selects the pods of ${pods.map(({ name }) => name).join(', ') || 'nobody'}`;
      }),
    },
  },
};
