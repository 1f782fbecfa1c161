/** The profile `restricted` as the policies know it: what it refuses. */
import { restrictedTemplate, restrictedViolations } from '../../policies/restricted-profile.ts';

test.each([
  ['a pod on the network of its node', { hostNetwork: true }, {}, 'hostNetwork is true'],
  ['a folder of the node', { volumes: [{ name: 'x', hostPath: {} }] }, {}, 'volume x is of type hostPath'],
  ['no seccomp profile', { securityContext: { runAsNonRoot: true } }, {}, 'c has no seccomp profile'],
  ['an unconfined container', {}, { seccompProfile: { type: 'Unconfined' } }, 'seccomp profile Unconfined'],
  ['a container that may be root', {}, { runAsNonRoot: false }, "c isn't bound to run as non-root"],
  ['uid 0', {}, { runAsUser: 0 }, 'c runs as uid 0'],
  ['escalation left open', {}, { allowPrivilegeEscalation: undefined }, 'c may escalate its privileges'],
  ['a privileged container', {}, { privileged: true }, 'c is privileged'],
  ['capabilities kept', {}, { capabilities: {} }, "c doesn't drop ALL capabilities"],
  [
    'a capability added',
    {},
    { capabilities: { drop: ['ALL'], add: ['NET_RAW'] } },
    'adds the capability NET_RAW',
  ],
  ['an unsafe sysctl', { securityContext: { sysctls: [{ name: 'kernel.sem' }] } }, {}, 'sysctl kernel.sem'],
  ['a port of the node', { containers: [{ name: 'c', ports: [{ hostPort: 80 }] }] }, {}, 'c has hostPort 80'],
])('restricted refuses %s', (_, pod, container, violation) => {
  const hardened = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  const template = {
    spec: {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ name: 'c', securityContext: { ...hardened, ...container } }],
      ...pod,
    },
  };
  expect([...restrictedViolations(restrictedTemplate.parse(template))].join('\n')).toContain(violation);
});
