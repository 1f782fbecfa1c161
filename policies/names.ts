/** Names that stay the same from one synthesis to the next, in namespaces that exist. */
import { everyObject, type Finding, type Policy } from './policy.ts';
import { objectsOf, type Manifest } from './rendered.ts';

/** Kinds of this project that have no namespace. */
export const CLUSTER_SCOPED = [
  'APIService',
  'ClusterRole',
  'ClusterRoleBinding',
  'IngressClass',
  'Namespace',
  'PersistentVolume',
  'PriorityClass',
];

/** Whether its kind comes with Kubernetes; of other kinds, nobody here knows whether they have a namespace. */
const isOfKubernetes = ({ apiVersion }: Manifest): boolean => {
  const [group = '', version] = apiVersion.split('/');
  return version === undefined || !group.includes('.') || group.endsWith('.k8s.io');
};

export const names: Policy = {
  name: 'names',
  rules: {
    unique: {
      fix: 'name them apart',
      *findings({ objects }): Generator<Finding> {
        const seen = new Set<string>();
        for (const object of objects) {
          const id = `${object.kind} ${object.namespace ?? ''}/${object.name}`;
          if (seen.has(id)) yield { object, fact: 'is there twice' };
          seen.add(id);
        }
      },
    },
    valid: {
      fix: 'use lower case letters, digits and hyphens, at most 63',
      *findings({ objects }): Generator<Finding> {
        for (const object of objects)
          if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(object.name) || object.name.length > 63)
            yield { object, fact: `has the name "${object.name}"` };
      },
    },
    'job-of-its-content': {
      fix: 'end its name in a checksum of its pod, since a Job cannot be changed',
      findings: everyObject(['Job'], function* ({ name }) {
        if (!/-[0-9a-f]{8}$/.test(name)) yield 'keeps its name when its pod changes';
      }),
    },
    'without-hash': {
      fix: 'give it the one name that it keeps; disableResourceNameHashes is on in a ZakposChart',
      *findings({ objects }): Generator<Finding> {
        for (const object of objects)
          if (object.kind !== 'Job' && /-c8[0-9a-f]{6}$/.test(object.name))
            yield { object, fact: 'ends in a hash of its construct' };
      },
    },
    namespaces: {
      fix: 'make it in the chart of its namespace, or with clusterScoped() where its kind has none',
      *findings(rendered): Generator<Finding> {
        const known = objectsOf(rendered, 'Namespace').map(({ name }) => name);
        for (const object of rendered.objects) {
          const { kind, namespace } = object;
          if (CLUSTER_SCOPED.includes(kind)) {
            if (namespace !== undefined) yield { object, fact: `is in ${namespace}, and its kind in none` };
            // What a Service needs to be asked as a part of the Kubernetes API.
          } else if (kind === 'RoleBinding' && namespace === 'kube-system') {
            continue;
          } else if (namespace === undefined) {
            if (isOfKubernetes(object)) yield { object, fact: 'is in no namespace' };
          } else if (!known.includes(namespace)) {
            yield { object, fact: `is in the namespace ${namespace}, which isn't there` };
          }
        }
      },
    },
  },
};
