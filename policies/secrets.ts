/** Secrets are named, and read by those that the catalogue lists; values are in dev's manifests alone. */
import { neededSecrets } from '../environments/secrets.ts';
import { knownSecrets } from './known-secrets.ts';
import { secrets } from './objects.ts';
import { everyPod, type Finding, type Policy } from './policy.ts';
import type { Rendered } from './rendered.ts';
import { allContainers, workloadName, type Workload } from './workloads.ts';

export const secretsPolicy: Policy = {
  name: 'secrets',
  rules: {
    'in-no-manifest': {
      fix: 'name the Secret, and let `npm run secrets` or External Secrets make it',
      *findings(rendered): Generator<Finding> {
        const { environment, secrets: configured } = rendered.config;
        const expected =
          environment === 'dev' && configured.source === 'literal' ? neededSecrets(rendered.config) : [];
        for (const object of secrets(rendered)) {
          const spec = expected.find(({ name }) => name === object.name);
          if (spec === undefined) yield { object, fact: `is written into the manifests of ${environment}` };
          else if (Object.keys(object.data).sort().join() !== Object.keys(spec.keys).sort().join())
            yield {
              object,
              fact: `has the keys ${Object.keys(object.data).join(', ')}, unlike the catalogue`,
            };
        }
      },
    },
    'used-as-catalogued': {
      fix: 'list the workload among `usedBy` of the Secret in environments/secrets.ts, so that a rotation rolls it',
      findings: everyPod(function* (pod, rendered) {
        const name = workloadName(pod);
        for (const secret of knownSecrets(rendered)) {
          if (secret.usedBy === undefined) continue;
          const uses = readsSecret(pod, secret.name);
          // The Job knows the authority by a Secret of its own.
          const isListed =
            secret.usedBy.includes(name) &&
            !(secret.name === 'zakpos-kafka-tls' && name === 'zakpos-kafka-topics');
          if (uses && !isListed) yield `uses ${secret.name}, and isn't listed among its users`;
          if (!uses && isListed) yield `is listed among the users of ${secret.name}, and doesn't use it`;
        }
      }),
    },
  },
};

const readsSecret = (pod: Workload, secret: string): boolean =>
  pod.pod.volumes.some((volume) => volume.secret?.secretName === secret) ||
  allContainers(pod).some(({ env }) => env.some(({ valueFrom }) => valueFrom?.secretKeyRef?.name === secret));

/** Whether the values of a Secret are known when the manifests are made; those of a certificate never are. */
export const isLiteral = ({ config }: Rendered, name: string): boolean =>
  config.secrets.source === 'literal' && neededSecrets(config).some((secret) => secret.name === name);
