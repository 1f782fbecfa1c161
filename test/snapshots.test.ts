/** What each chart makes in each environment, a line an object: to read in a review, not to be approved unread. */
import { ENVIRONMENTS } from '../environments/schema.ts';
import {
  allContainers,
  configMaps,
  disruptionBudgets,
  ingresses,
  networkPolicies,
  priorityClasses,
  quotas,
  render,
  roleBindings,
  secrets,
  services,
  workloads,
  type Manifest,
  type Rendered,
} from './manifests.ts';

describe.each(ENVIRONMENTS)('%s', (name) => {
  const rendered = render(name);
  const details = new Map(detailsOf(rendered));

  test.each(rendered.charts.map(({ id, objects }) => [id, objects] as const))('%s', (_, objects) => {
    const lines = objects.flatMap((object) => [
      `${object.kind} ${object.kind === 'Job' ? object.name.replace(/[0-9a-f]{8}$/, 'HASH') : object.name}`,
      ...(details.get(idOf(object)) ?? []).map((detail) => `  ${detail}`),
    ]);
    expect(`\n${lines.join('\n')}\n`).toMatchSnapshot();
  });
});

function idOf({ kind, namespace, name }: Pick<Manifest, 'kind' | 'namespace' | 'name'>): string {
  return `${kind} ${namespace ?? ''}/${name}`;
}

function* detailsOf(rendered: Rendered): Generator<[string, string[]]> {
  for (const each of workloads(rendered)) {
    const { pod, replicas, mostReplicas, claims, kind } = each;
    const number = replicas === mostReplicas ? `×${replicas}` : `×${replicas}..${mostReplicas}`;
    const priority = pod.priorityClassName === undefined ? '' : `, priority ${pod.priorityClassName}`;
    const seen = pod.volumes.flatMap(({ secret }) =>
      secret === undefined
        ? []
        : [[secret.secretName, ...(secret.items ?? []).map(({ key }) => `(${key})`)].join(' ')],
    );
    const containers = allContainers(each).map(({ name, image, ports, resources: { requests, limits } }) => {
      const listens = ports.map((port) => `${port.name}:${port.containerPort}`).join(' ');
      const cpu = `cpu ${String(requests.cpu)}..${limits.cpu ?? ''}`;
      const memory = `memory ${String(requests.memory)}..${String(limits.memory)}`;
      return [`${name}: ${image}`, listens, cpu, memory].filter(Boolean).join(', ');
    });
    yield [
      idOf(each),
      [
        `${kind === 'Job' ? 'once' : number} as ${String(pod.securityContext.runAsUser)}, ends within ${pod.terminationGracePeriodSeconds} s${priority}`,
        ...containers,
        ...(seen.length === 0 ? [] : [`secrets: ${seen.join(', ')}`]),
        ...claims.map(({ metadata, spec }) => `claim ${metadata.name}: ${spec.resources.requests.storage}`),
      ],
    ];
  }
  for (const each of services(rendered)) {
    const ports = each.spec.ports.map(({ name, port, nodePort }) =>
      [name, port, ...(nodePort === undefined ? [] : [nodePort])].join(':'),
    );
    yield [
      idOf(each),
      [`${each.spec.clusterIP === 'None' ? 'headless' : each.spec.type} ${ports.join(' ')}`],
    ];
  }
  for (const each of ingresses(rendered)) {
    yield [
      idOf(each),
      each.spec.rules.flatMap(({ host, http }) =>
        http.paths.map(({ path, backend }) => `${host ?? '*'} ${path} -> ${backend.service.name}`),
      ),
    ];
  }
  for (const each of networkPolicies(rendered)) {
    const { ingress, egress } = each.spec;
    yield [idOf(each), [`rules in: ${ingress?.length ?? 0}, out: ${egress?.length ?? 0}`]];
  }
  for (const each of [...configMaps(rendered), ...secrets(rendered)]) {
    yield [idOf(each), [Object.keys(each.data).join(', ')]];
  }
  for (const each of disruptionBudgets(rendered)) {
    const { maxUnavailable, minAvailable } = each.spec;
    yield [
      idOf(each),
      [
        maxUnavailable === undefined
          ? `at least ${String(minAvailable)} there`
          : `at most ${maxUnavailable} away`,
      ],
    ];
  }
  for (const each of quotas(rendered)) {
    yield [idOf(each), Object.entries(each.spec.hard).map(([name, limit]) => `${name} ${limit}`)];
  }
  for (const each of priorityClasses(rendered)) yield [idOf(each), [String(each.value)]];
  for (const each of roleBindings(rendered)) {
    yield [
      idOf(each),
      each.subjects.map(({ name }) => `${name} -> ${each.roleRef.kind} ${each.roleRef.name}`),
    ];
  }
}
