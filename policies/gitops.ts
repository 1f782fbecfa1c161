/** What Argo CD and Flux need of manifests that they apply as they are, as kubectl does. */
import { z } from 'zod';
import { KEPT } from '../lib/kept.ts';
import { autoscalers } from './objects.ts';
import { everyObject, type Finding, type Policy } from './policy.ts';
import { hasLabels, read } from './rendered.ts';
import { workloads } from './workloads.ts';

/** Kinds that hold what can't be made again, or take it with them. */
export const KEPT_KINDS = [
  'Cluster',
  'ExternalSecret',
  'Namespace',
  'PersistentVolume',
  'PersistentVolumeClaim',
];

/** Fields that only the cluster fills in; what git says of them is different with each apply, or refused. */
const OF_THE_CLUSTER = [
  'creationTimestamp',
  'generateName',
  'generation',
  'managedFields',
  'resourceVersion',
  'uid',
];

const withReplicas = z.object({ spec: z.object({ replicas: z.int().optional() }) });
const withLifetime = z.object({ spec: z.object({ ttlSecondsAfterFinished: z.int().optional() }) });
const withMetadata = z.object({
  metadata: z.record(z.string(), z.unknown()),
  status: z.unknown().optional(),
});

export const gitops: Policy = {
  name: 'gitops',
  rules: {
    'keeps-what-holds-data': {
      fix: 'annotate it with KEPT of lib/kept.ts',
      findings: everyObject(KEPT_KINDS, function* ({ annotations }) {
        if (!hasLabels(annotations, KEPT)) yield 'would be deleted once it is gone from git';
      }),
    },
    'replicas-of-autoscalers': {
      fix: "leave replicas out: the autoscaler's number isn't git's",
      *findings(rendered): Generator<Finding> {
        for (const { name, namespace, spec } of autoscalers(rendered)) {
          const { kind, name: target } = spec.scaleTargetRef;
          for (const object of workloads(rendered)) {
            if (object.kind !== kind || object.name !== target || object.namespace !== namespace) continue;
            const { replicas } = read(object, withReplicas).spec;
            if (replicas !== undefined)
              yield { object, fact: `has ${replicas} replicas, which ${name} would change` };
          }
        }
      },
    },
    'jobs-that-stay': {
      fix: 'leave ttlSecondsAfterFinished out: a Job that is gone is applied and run again',
      findings: everyObject(['Job'], function* (object) {
        const { ttlSecondsAfterFinished: seconds } = read(object, withLifetime).spec;
        if (seconds !== undefined) yield `is deleted ${seconds} s after its end`;
      }),
    },
    'nothing-of-the-cluster': {
      fix: 'leave the field to the cluster',
      *findings({ objects }): Generator<Finding> {
        for (const object of objects) {
          const { metadata, status } = read(object, withMetadata);
          for (const field of OF_THE_CLUSTER)
            if (field in metadata) yield { object, fact: `sets metadata.${field}` };
          if (status !== undefined) yield { object, fact: 'sets a status' };
        }
      },
    },
  },
};
