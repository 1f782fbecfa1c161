/** What a policy is: rules over all objects of an environment, each with the fact that breaks it and the fix. */
import { objectsOf, type Manifest, type Rendered } from './rendered.ts';
import { allContainers, workloads, type Container, type Workload } from './workloads.ts';

/** What breaks a rule: an object, and the fact about it. */
export interface Finding {
  readonly object: Manifest;
  readonly fact: string;
}

export interface Rule {
  /** What to do about a finding. */
  readonly fix: string;
  readonly findings: (rendered: Rendered) => Iterable<Finding>;
}

export interface Policy {
  readonly name: string;
  /** By names that say what holds; a waiver names a rule as `<policy>.<rule>`. */
  readonly rules: Readonly<Record<string, Rule>>;
}

/** Facts about each object of some kinds. */
export const everyObject = (
  kinds: readonly string[],
  facts: (object: Manifest, rendered: Rendered) => Iterable<string>,
): Rule['findings'] =>
  function* (rendered) {
    for (const object of kinds.flatMap((kind) => objectsOf(rendered, kind))) {
      for (const fact of facts(object, rendered)) yield { object, fact };
    }
  };

/** Facts about each workload and its pods. */
export const everyPod = (facts: (pod: Workload, rendered: Rendered) => Iterable<string>): Rule['findings'] =>
  function* (rendered) {
    for (const object of workloads(rendered)) {
      for (const fact of facts(object, rendered)) yield { object, fact };
    }
  };

/** Facts about each container, init containers among them. */
export const everyContainer = (
  facts: (container: Container, pod: Workload, rendered: Rendered) => Iterable<string>,
): Rule['findings'] =>
  everyPod(function* (pod, rendered) {
    for (const container of allContainers(pod)) {
      for (const fact of facts(container, pod, rendered)) yield `container ${container.name} ${fact}`;
    }
  });
