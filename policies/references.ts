/** Every reference of an object to another one leads somewhere. */
import { apiServices, ingresses, roleBindings, routes, services } from './objects.ts';
import { everyPod, type Finding, type Policy } from './policy.ts';
import { hasLabels, objectsOf } from './rendered.ts';
import { selected, workloads } from './workloads.ts';

/** Roles that come with Kubernetes. */
const ROLES_OF_KUBERNETES = ['extension-apiserver-authentication-reader', 'system:auth-delegator'];

export const references: Policy = {
  name: 'references',
  rules: {
    'service-to-pods': {
      fix: 'select the pods of one workload, and name its ports',
      *findings(rendered): Generator<Finding> {
        for (const object of services(rendered)) {
          const [pod, ...others] = selected(rendered, object.namespace, object.spec.selector);
          if (pod === undefined) yield { object, fact: 'selects nothing' };
          else if (others.length > 0)
            yield { object, fact: `selects ${[pod, ...others].map(({ name }) => name).join(', ')}` };
          else {
            const names = pod.pod.containers.flatMap(({ ports }) => ports.map(({ name }) => name));
            for (const { targetPort } of object.spec.ports)
              if (!names.some((name) => name === targetPort))
                yield { object, fact: `leads to the port ${targetPort}, which ${pod.name} doesn't name` };
          }
        }
      },
    },
    'ingress-to-service': {
      fix: 'name a class, and a port of a Service in the same namespace, once for each path',
      *findings(rendered): Generator<Finding> {
        const classes = objectsOf(rendered, 'IngressClass').map(({ name }) => name);
        for (const object of ingresses(rendered)) {
          const { ingressClassName, rules } = object.spec;
          if (classes.length > 0 && !classes.includes(ingressClassName))
            yield { object, fact: `is of the class ${ingressClassName}, which isn't there` };
          for (const { host, http } of rules)
            if (new Set(http.paths.map(({ path }) => path)).size < http.paths.length)
              yield { object, fact: `has a path of ${host ?? 'any host'} twice` };
        }
        for (const { from, path, service, port } of routes(rendered)) {
          const ports = services(rendered)
            .filter(({ name, namespace }) => name === service && namespace === from.namespace)
            .flatMap(({ spec }) => spec.ports);
          if (!ports.some((candidate) => candidate.name === port || candidate.port === port))
            yield { object: from, fact: `leads ${path} to ${service}:${String(port)}, which isn't there` };
        }
      },
    },
    'stateful-set-to-service': {
      fix: 'name the headless Service of its pods, with publishNotReadyAddresses',
      findings: everyPod(function* ({ kind, namespace, podLabels, serviceName }, rendered) {
        if (kind !== 'StatefulSet') return;
        const service = services(rendered).find(
          (candidate) => candidate.name === serviceName && candidate.namespace === namespace,
        );
        if (service === undefined) {
          yield `names the Service ${String(serviceName)}, which isn't there`;
          return;
        }
        const { clusterIP, publishNotReadyAddresses, selector } = service.spec;
        if (clusterIP !== 'None') yield `names ${service.name}, which has an address of its own`;
        if (!publishNotReadyAddresses) yield `names ${service.name}, which hides pods that aren't ready`;
        if (!hasLabels(podLabels, selector)) yield `names ${service.name}, which selects other pods`;
      }),
    },
    'own-service-account': {
      fix: 'make the workload with lib/workloads.ts, which brings a ServiceAccount of its own',
      *findings(rendered): Generator<Finding> {
        const accounts = objectsOf(rendered, 'ServiceAccount');
        const users = (name: string | undefined, namespace: string | undefined) =>
          workloads(rendered).filter(
            (each) => each.pod.serviceAccountName === name && each.namespace === namespace,
          );
        for (const object of workloads(rendered)) {
          const { namespace, pod } = object;
          const name = String(pod.serviceAccountName);
          if (!accounts.some((account) => account.name === name && account.namespace === namespace))
            yield { object, fact: `runs as the ServiceAccount ${name}, which isn't there` };
          if (users(pod.serviceAccountName, namespace).length > 1)
            yield { object, fact: `shares the ServiceAccount ${name}` };
        }
        for (const object of accounts)
          if (users(object.name, object.namespace).length === 0) yield { object, fact: 'is of no pod' };
      },
    },
    'role-binding': {
      fix: 'bind a role that is there to a ServiceAccount that is there',
      *findings(rendered): Generator<Finding> {
        for (const object of roleBindings(rendered)) {
          const { namespace, roleRef, subjects } = object;
          const isThere = objectsOf(rendered, roleRef.kind).some(
            (role) =>
              role.name === roleRef.name && (roleRef.kind === 'ClusterRole' || role.namespace === namespace),
          );
          if (!isThere && !ROLES_OF_KUBERNETES.includes(roleRef.name))
            yield { object, fact: `binds ${roleRef.kind} ${roleRef.name}, which isn't there` };
          for (const subject of subjects) {
            const account = objectsOf(rendered, 'ServiceAccount').some(
              (candidate) => candidate.name === subject.name && candidate.namespace === subject.namespace,
            );
            if (!account)
              yield { object, fact: `binds to ${subject.namespace}/${subject.name}, which isn't there` };
          }
        }
      },
    },
    'api-service': {
      fix: 'name a port of a Service',
      *findings(rendered): Generator<Finding> {
        for (const object of apiServices(rendered)) {
          const { name, namespace, port } = object.spec.service;
          const target = services(rendered).find(
            (service) => service.name === name && service.namespace === namespace,
          );
          if (!target?.spec.ports.some((candidate) => candidate.port === port))
            yield { object, fact: `leads to ${namespace}/${name}:${port}, which isn't there` };
        }
      },
    },
  },
};
