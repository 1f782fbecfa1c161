/** What the API server would make of the manifests: it is asked to apply them without doing it. */
import { z } from 'zod';
import { APPLY, liveObject, liveObjects, type LiveObject } from '../apply.ts';
import type { Manifest } from '../environment.ts';
import { lastLines } from '../exec.ts';
import type { Kubectl } from '../kubectl.ts';
import { identityOf } from './changes.ts';

export interface DryRun {
  /** The objects as they are, of those that are there. */
  readonly before: readonly LiveObject[];
  /** The same objects, and those that would be made. */
  readonly after: readonly LiveObject[];
  /** What it would refuse: as it is, as it is wanted, and why. */
  readonly refused: readonly Refusal[];
  /** Objects of kinds that nobody has defined in this cluster. */
  readonly unknown: readonly LiveObject[];
  /** What the API server warns of. */
  readonly warnings: readonly string[];
}

export interface Refusal {
  readonly live: LiveObject | undefined;
  readonly wanted: LiveObject;
  /** What the API server said. */
  readonly said: string;
}

/** Asks about objects, and the CRDs that would come before them. */
export async function dryRun(
  kubectl: Kubectl,
  objects: readonly Manifest[],
  definitions: readonly Manifest[],
): Promise<DryRun> {
  const [kinds, namespaces] = await Promise.all([kindsOf(kubectl), namespacesOf(kubectl)]);
  const brought = new Set(definitions.map((definition) => definedBy.parse(definition)));
  const wanted = [...definitions, ...objects].map((object) => liveObject.parse(object));

  const unknown = wanted.filter((object) => !kinds.has(kindOf(object)) && !brought.has(kindOf(object)));
  const known = wanted.filter((object) => !unknown.includes(object));
  // Into a namespace, or of a kind, that isn't there, not even a dry run makes anything.
  const canAsk = (object: LiveObject): boolean =>
    kinds.has(kindOf(object)) &&
    (object.metadata.namespace === undefined || namespaces.has(object.metadata.namespace));
  const asked = known.filter(canAsk);
  const before = await liveOf(kubectl, asked);
  const live = new Map(before.map((object) => [identityOf(object), object]));
  const { applied, refused, warnings } = await ask(kubectl, asked);
  const refusals = refused.map(({ wanted, said }) => ({ wanted, said, live: live.get(identityOf(wanted)) }));
  const refusedNames = new Set(refused.map(({ wanted }) => identityOf(wanted)));
  return {
    before: before.filter((object) => !refusedNames.has(identityOf(object))),
    after: [...applied, ...known.filter((object) => !canAsk(object))],
    refused: refusals,
    unknown,
    warnings: [...new Set(warnings)],
  };
}

/** Group and kind, whichever version. */
const kindOf = ({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): string =>
  `${apiVersion.includes('/') ? apiVersion.replace(/\/.*$/, '') : ''}/${kind}`;

const definedBy = z
  .object({ spec: z.object({ group: z.string(), names: z.object({ kind: z.string() }) }) })
  .transform(({ spec }) => `${spec.group}/${spec.names.kind}`);

/** The kinds that the cluster knows. */
async function kindsOf(kubectl: Kubectl): Promise<ReadonlySet<string>> {
  const result = await kubectl.attempt(['api-resources', '--no-headers']);
  // It fails when one extension of the API is away, and lists the others.
  if (result.stdout.trim() === '') throw kubectl.explain(result.stderr);
  return new Set(
    result.stdout.split('\n').flatMap((line) => {
      const [apiVersion, , kind] = line.trim().split(/\s+/).slice(-3);
      return apiVersion === undefined || kind === undefined ? [] : [kindOf({ apiVersion, kind })];
    }),
  );
}

async function namespacesOf(kubectl: Kubectl): Promise<ReadonlySet<string>> {
  const names = await kubectl.run(['get', 'namespaces', '-o', 'name']);
  return new Set(names.split('\n').map((name) => name.replace('namespace/', '')));
}

const listOf = (items: readonly LiveObject[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

async function liveOf(kubectl: Kubectl, objects: readonly LiveObject[]): Promise<readonly LiveObject[]> {
  if (objects.length === 0) return [];
  const printed = await kubectl.run(['get', '--ignore-not-found', '-o', 'json', '-f', '-'], {
    input: listOf(objects),
  });
  return printed.trim() === '' ? [] : liveObjects.parse(JSON.parse(printed));
}

interface Asked {
  readonly applied: readonly LiveObject[];
  readonly refused: readonly { readonly wanted: LiveObject; readonly said: string }[];
  readonly warnings: readonly string[];
}

/** A line that begins an error; what is wrong with an object's fields may follow on lines of its own. */
const ERROR = /^(Error from server|error: |Unable to connect|The connection )|is invalid:/;
/** One about the object, by the API server itself or an admission that has looked at it; not that something failed. */
const REFUSAL =
  /is invalid:|^Error from server \((Invalid|BadRequest|Forbidden)\)|denied the request|failed to create typed patch object/;
const UNASKED = /is forbidden: User/;

/** kubectl prints nothing of a list of which one is refused: that one is found by asking about half of them at a time. */
async function ask(kubectl: Kubectl, objects: readonly LiveObject[]): Promise<Asked> {
  const [first, second] = objects;
  if (first === undefined) return { applied: [], refused: [], warnings: [] };
  const { ok, stdout, stderr } = await kubectl.attempt(
    [...APPLY, '--dry-run=server', '-o', 'json', '-f', '-'],
    { input: listOf(objects) },
  );
  const isWarning = (line: string): boolean => line.startsWith('Warning:');
  if (ok) {
    return {
      applied: liveObjects.parse(JSON.parse(stdout)),
      refused: [],
      warnings: stderr.split('\n').filter(isWarning),
    };
  }
  // Who may not ask, or gets no answer, learns nothing of the other objects either.
  const errors = stderr.split('\n').filter((line) => ERROR.test(line));
  if (errors.length === 0 || !errors.every((line) => REFUSAL.test(line)) || UNASKED.test(stderr)) {
    throw kubectl.explain(stderr);
  }
  if (second === undefined) {
    const lines = stderr.split('\n').filter((line) => !isWarning(line));
    return { applied: [], refused: [{ wanted: first, said: lastLines(lines.join('\n'), 3) }], warnings: [] };
  }
  const middle = Math.ceil(objects.length / 2);
  const halves = [
    await ask(kubectl, objects.slice(0, middle)),
    await ask(kubectl, objects.slice(middle)),
  ] as const;
  return {
    applied: halves.flatMap(({ applied }) => applied),
    refused: halves.flatMap(({ refused }) => refused),
    warnings: halves.flatMap(({ warnings }) => warnings),
  };
}
