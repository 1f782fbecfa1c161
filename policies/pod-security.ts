/** Pods that a namespace of Pod Security `restricted` admits, and more than that: a uid of their own, nothing to write to. */
import { everyContainer, everyObject, everyPod, type Policy } from './policy.ts';
import { roleBindings } from './objects.ts';
import { read } from './rendered.ts';
import { restrictedTemplate, restrictedViolations } from './restricted-profile.ts';

/** Kinds with pods that nothing here looks at. */
const UNJUDGED_KINDS = ['Pod', 'ReplicaSet', 'ReplicationController'];

const MODES = ['enforce', 'audit', 'warn'];

export const podSecurity: Policy = {
  name: 'pod-security',
  rules: {
    'judged-kinds': {
      fix: 'let a Deployment, StatefulSet, DaemonSet, Job or CronJob make its pods',
      findings: everyObject(UNJUDGED_KINDS, function* () {
        yield 'is of no kind whose pods the policies judge';
      }),
    },
    restricted: {
      fix: 'make the pod with lib/pod.ts, which keeps to the profile',
      findings: everyPod((pod) => restrictedViolations(read(pod, restrictedTemplate, pod.template))),
    },
    namespaces: {
      fix: 'add the namespace in charts/namespace.ts, with the labels of the profile',
      findings: everyObject(['Namespace'], function* ({ labels }) {
        for (const mode of MODES) {
          const level = labels[`pod-security.kubernetes.io/${mode}`];
          if (level !== 'restricted') yield `pod-security.kubernetes.io/${mode} is ${String(level)}`;
        }
      }),
    },
    'own-user': {
      fix: 'give lib/pod.ts the uid and the gid that the files of the image belong to',
      findings: everyPod(function* ({ pod: { securityContext } }) {
        if (!((securityContext.runAsUser ?? 0) > 0)) yield 'has no uid';
        if (!((securityContext.fsGroup ?? 0) > 0)) yield 'has no fsGroup';
      }),
    },
    'read-only-root': {
      fix: 'mount a volume where the container writes',
      findings: everyContainer(function* ({ securityContext }) {
        if (securityContext.readOnlyRootFilesystem !== true) yield 'may write to its root file system';
      }),
    },
    'no-service-links': {
      fix: 'set enableServiceLinks: false; variables of other Services crash some images',
      findings: everyPod(function* ({ pod }) {
        if (pod.enableServiceLinks !== false) yield 'gets variables of other Services';
      }),
    },
    tokens: {
      fix: 'mount a token exactly where a role is bound to the ServiceAccount of the pod',
      findings: everyPod(function* ({ pod, namespace }, rendered) {
        const asks = roleBindings(rendered).some(({ subjects }) =>
          subjects.some(
            (subject) => subject.name === pod.serviceAccountName && subject.namespace === namespace,
          ),
        );
        if (pod.automountServiceAccountToken !== asks)
          yield `automountServiceAccountToken is ${String(pod.automountServiceAccountToken)}, and a role is ${asks ? '' : 'not '}bound`;
      }),
    },
    'accounts-without-token': {
      fix: 'set automountServiceAccountToken: false; pods that ask the API say so themselves',
      findings: everyObject(['ServiceAccount'], function* ({ raw }) {
        if (!JSON.stringify(raw).includes('"automountServiceAccountToken":false')) yield 'hands out tokens';
      }),
    },
  },
};
