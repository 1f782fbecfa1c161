/** How verdicts are told: by the program itself, or by cdk8s, which asks the plugin. */
import { join } from 'node:path';
import { called, type Manifest } from './rendered.ts';
import type { Verdict, Violation, Waived } from './verdict.ts';

/** Manifests that break a policy: a line each with path, rule and fact, and one with the fix. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

/** The verdict of an environment. */
export interface Judged {
  readonly name: string;
  readonly verdict: Verdict;
}

/**
 * What is excused, to be said aloud.
 * @throws {PolicyError} when there is anything that isn't
 */
export function excusesOf(judged: readonly Judged[]): string[] {
  const broken = judged.filter(({ verdict }) => verdict.violations.length > 0);
  if (broken.length > 0) {
    const lines = broken.flatMap(({ name, verdict }) => [
      `The manifests of ${name} break a policy; nothing was written:`,
      ...verdict.violations.map((violation) => `  ${describeViolation(violation)}`),
    ]);
    throw new PolicyError(lines.join('\n'));
  }
  return judged.flatMap(({ name, verdict }) =>
    verdict.waived.map((waived) => `${name}: ${describeWaived(waived)}`),
  );
}

const describeViolation = ({ object, rule, fact, fix }: Violation): string =>
  `${object.path} (${called(object)}) breaks ${rule}: ${fact}\n    ${fix}`;

const describeWaived = ({ object, rule, fact, reason }: Waived): string =>
  `${object.path} (${called(object)}) is excused from ${rule}: ${fact}\n  ${reason}`;

/** What cdk8s reads of the constructs, by names that are unique over all environments, and the plugin of the verdict. */
export function constructMetadata(judged: readonly Judged[], outdir: string): string {
  const named = ({ kind, namespace, name }: Manifest, environment: string): string =>
    [kind, name, ...(namespace === undefined ? [] : ['in', namespace]), 'of', environment].join(' ');
  const all = judged.flatMap(({ name, verdict }) =>
    verdict.violations.map(({ object, rule, fact, fix }) => ({
      rule,
      fact,
      fix,
      path: object.path,
      resource: named(object, name),
      manifest: join(outdir, name, `${object.path.split('/')[0] ?? ''}.yaml`),
    })),
  );
  const waived = new Map(
    judged.flatMap(({ name, verdict }) =>
      verdict.waived.map(({ object, rule, reason }) => [`${rule}: ${named(object, name)}`, reason] as const),
    ),
  );
  return JSON.stringify({
    version: '1.0.0',
    resources: Object.fromEntries(all.map(({ resource, path }) => [resource, { path }])),
    verdict: { violations: all, waived: Object.fromEntries(waived) },
  });
}
