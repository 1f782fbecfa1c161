/** The architecture as a Mermaid flowchart, from the connections that the network policies are made from. */
import { architecture, type Component } from '../charts/architecture.ts';
import type { Config } from '../environments/schema.ts';

const GROUPS: readonly (readonly [Component['group'], string])[] = [
  ['edge', 'Edge'],
  ['apps', 'Apps'],
  ['stores', 'Stores'],
  ['cluster', 'Cluster'],
];

export function diagram(config: Config): string {
  const { components, connections } = architecture(config);
  const node = ({ name, title, group }: Component) =>
    group === 'stores'
      ? `${name}[("${title}")]`
      : group === 'outside'
        ? `${name}(["${title}"])`
        : `${name}["${title}"]`;

  return [
    'flowchart LR',
    ...components.filter(({ group }) => group === 'outside').map((component) => `  ${node(component)}`),
    ...GROUPS.flatMap(([group, title]) => {
      const members = components.filter((component) => component.group === group);
      return members.length === 0
        ? []
        : [`  subgraph ${group}[${title}]`, ...members.map((component) => `    ${node(component)}`), '  end'];
    }),
    ...connections.map(({ source, target, carries, ports }) =>
      target.name === 'dns'
        ? `  ${source.name} -.-> ${target.name}`
        : `  ${source.name} -- "${carries} :${ports.join(', :')}" --> ${target.name}`,
    ),
  ].join('\n');
}
