/** Network policies: everything is denied, and each edge is let through at both of its ends. */
import { DNS, edges, peerNamespace, podsNamed, portsOf } from './edges.ts';
import { chartEnv } from './files.ts';
import { configMaps, networkPolicies, routes, services, type Route } from './objects.ts';
import { everyPod, type Finding, type Policy } from './policy.ts';
import { hasLabels, objectsOf, type Rendered } from './rendered.ts';
import { allContainers, selected, workloadName, type Workload } from './workloads.ts';

const BOTH = 'Ingress,Egress';
const DRAW = 'draw the arrow in charts/architecture.ts, of which the policies are made';

export const networkPolicy: Policy = {
  name: 'network-policies',
  rules: {
    'deny-by-default': {
      fix: 'make a NetworkPolicyChart for the namespace in main.ts',
      *findings(rendered): Generator<Finding> {
        for (const object of objectsOf(rendered, 'Namespace')) {
          const all = networkPolicies(rendered).filter(
            ({ namespace, spec }) =>
              namespace === object.name && Object.keys(spec.podSelector.matchLabels).length === 0,
          );
          if (all.length !== 1) yield { object, fact: `has ${all.length} policies of all its pods` };
          for (const { name, spec } of all) {
            if (spec.ingress ?? spec.egress)
              yield { object, fact: `lets something through to every pod by ${name}` };
            if (spec.policyTypes.join() !== BOTH)
              yield { object, fact: `denies only ${spec.policyTypes.join()}` };
          }
        }
      },
    },
    'one-of-each-pod': {
      fix: DRAW,
      findings: everyPod(function* (pod, rendered) {
        const own = networkPolicies(rendered).filter(
          ({ namespace, spec }) =>
            namespace === pod.namespace &&
            Object.keys(spec.podSelector.matchLabels).length > 0 &&
            hasLabels(pod.podLabels, spec.podSelector.matchLabels),
        );
        if (own.length !== 1) yield `has ${own.length} policies of its own`;
        for (const { name, spec } of own)
          if (spec.policyTypes.join() !== BOTH) yield `has ${name} for ${spec.policyTypes.join()} alone`;
      }),
    },
    'of-pods-that-exist': {
      fix: 'draw the arrow only where both of its ends are there',
      *findings(rendered): Generator<Finding> {
        const known = objectsOf(rendered, 'Namespace').map(({ name }) => name);
        for (const object of networkPolicies(rendered)) {
          const { namespace, spec } = object;
          if (podsNamed(rendered, namespace, spec.podSelector.matchLabels).length === 0)
            yield { object, fact: 'selects no pods' };
          const peers = [
            ...(spec.ingress ?? []).flatMap(({ from }) => from),
            ...(spec.egress ?? []).flatMap(({ to }) => to),
          ];
          for (const peer of peers) {
            const there = peerNamespace(peer, namespace);
            if (peer.ipBlock !== undefined || there === undefined || !known.includes(there)) continue;
            if (podsNamed(rendered, there, peer.podSelector?.matchLabels ?? {}).length === 0)
              yield { object, fact: `names pods that don't exist: ${JSON.stringify(peer)}` };
          }
        }
      },
    },
    'both-ends-agree': {
      fix: DRAW,
      *findings(rendered): Generator<Finding> {
        const { egress, ingress } = edges(rendered);
        for (const object of networkPolicies(rendered)) {
          for (const own of podsNamed(rendered, object.namespace, object.spec.podSelector.matchLabels)) {
            for (const edge of egress)
              if (isBetweenPods(edge) && edge.startsWith(`${own} -> `) && !ingress.includes(edge))
                yield { object, fact: `lets ${edge} leave, which may not enter` };
            for (const edge of ingress)
              if (isBetweenPods(edge) && edge.includes(` -> ${own}:`) && !egress.includes(edge))
                yield { object, fact: `lets ${edge} enter, which may not leave` };
          }
        }
      },
    },
    'to-ports-that-listen': {
      fix: 'name the port among those of the container, or the right one in charts/names.ts',
      *findings(rendered): Generator<Finding> {
        for (const object of networkPolicies(rendered)) {
          for (const own of podsNamed(rendered, object.namespace, object.spec.podSelector.matchLabels)) {
            const ports = portsOf(rendered, own);
            // What a command starts isn't there to look at.
            if (
              ports.length === 0 &&
              selected(rendered, object.namespace, object.spec.podSelector.matchLabels).length === 0
            )
              continue;
            for (const { port } of (object.spec.ingress ?? []).flatMap((rule) => rule.ports))
              if (!ports.includes(port))
                yield {
                  object,
                  fact: `lets in to ${port} of ${own}, which listens on ${ports.join(', ') || 'nothing'}`,
                };
          }
        }
      },
    },
    'udp-for-dns-alone': {
      fix: 'use TCP; only the DNS is asked by UDP, and by TCP as well',
      *findings(rendered): Generator<Finding> {
        for (const object of networkPolicies(rendered)) {
          const rules = [
            ...(object.spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports })),
            ...(object.spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports })),
          ];
          for (const { peers, ports } of rules) {
            const udp = ports.some(({ protocol }) => protocol === 'UDP');
            const dns = peers.every(({ podSelector }) => podSelector?.matchLabels['k8s-app'] === 'kube-dns');
            if (udp !== dns)
              yield { object, fact: `${udp ? 'allows' : 'lacks'} UDP to ${JSON.stringify(peers)}` };
          }
        }
      },
    },
    'to-what-pods-are-told': {
      fix: DRAW,
      findings: everyPod(function* (pod, rendered) {
        const { egress } = edges(rendered);
        for (const [service, port] of addressesOf(pod, rendered)) {
          const target = services(rendered).find(({ name }) => name === service);
          if (target === undefined) continue;
          const targetPort = target.spec.ports.find((candidate) => candidate.port === port)?.targetPort;
          if (targetPort === undefined) {
            yield `is told ${service}:${port}, and the Service has no such port`;
            continue;
          }
          for (const end of selected(rendered, target.namespace, target.spec.selector)) {
            const number = end.pod.containers
              .flatMap(({ ports }) => ports)
              .find(({ name }) => name === targetPort)?.containerPort;
            const edge = `${workloadName(pod)} -> ${workloadName(end)}:${String(number)}`;
            if (!egress.includes(edge)) yield `is told ${service}:${port}, and may not ${edge}`;
          }
          if (!egress.includes(`${workloadName(pod)} -> ${DNS}`))
            yield `is told ${service}, and may not ask the DNS for it`;
        }
      }),
    },
    'to-what-the-ingress-names': {
      fix: DRAW,
      *findings(rendered): Generator<Finding> {
        const { addons, ingress } = rendered.config;
        const controller = addons.traefik.enabled
          ? 'traefik'
          : `namespace ${ingress.controllerNamespace}/any pod`;
        for (const route of routes(rendered)) {
          const edge = `${controller} -> ${route.service}:${String(containerPortOf(route, rendered))}`;
          if (!edges(rendered).ingress.includes(edge))
            yield { object: route.from, fact: `leads to ${route.service}, and ${edge} may not enter` };
        }
      },
    },
  },
};

/** Whether both ends of an edge are workloads of this project. */
const isBetweenPods = (edge: string): boolean => !edge.includes('/');

/** Where the requests of a route end. */
function containerPortOf({ from, service, port }: Route, rendered: Rendered): number | undefined {
  const targets = services(rendered).filter(
    ({ name, namespace }) => name === service && namespace === from.namespace,
  );
  return targets
    .flatMap(({ spec }) => {
      const target = spec.ports.find((each) => each.name === port || each.port === port)?.targetPort;
      return selected(rendered, from.namespace, spec.selector).flatMap(({ pod }) =>
        pod.containers.flatMap(({ ports }) => ports.filter(({ name }) => name === target)),
      );
    })
    .at(0)?.containerPort;
}

/** Every "service:port" of ours in the variables, commands and mounted files of a pod, but for those that it advertises. */
function addressesOf(pod: Workload, rendered: Rendered): [string, number][] {
  const names = services(rendered).map(({ name }) => name);
  const files = pod.pod.volumes.flatMap(({ configMap }) =>
    configMaps(rendered)
      .filter(({ name, namespace }) => name === configMap?.name && namespace === pod.namespace)
      .flatMap(({ data }) => Object.values(data)),
  );
  const texts = allContainers(pod).flatMap((container) => {
    const env = chartEnv(container, pod, rendered);
    const postgresPort = env.find(({ name }) => name === 'PGPORT')?.value;
    return [
      ...env.flatMap(({ value }) => value ?? []),
      ...env.flatMap(({ name, value = '' }) => (name === 'PGHOST' ? `${value}:${String(postgresPort)}` : [])),
      ...container.command,
      ...container.args,
    ];
  });
  const connects = [...texts, ...files].map((text) => text.replaceAll(/^.*ADVERTISED_LISTENERS=.*$/gm, ''));
  return connects.flatMap((text) =>
    [...text.matchAll(/([a-z][a-z0-9-]*)(?:\.[a-z0-9.-]+)?:(\d{2,5})\b/g)].flatMap(([, name = '', port]) =>
      names.includes(name) ? [[name, Number(port)] satisfies [string, number]] : [],
    ),
  );
}
