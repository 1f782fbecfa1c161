/**
 * What somebody has applied of an object: the server keeps a record of each manager's fields (server-side apply), so that
 * the configuration of before can be had back exactly, without what controllers, autoscalers and defaults have added.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Manifest } from './environment.ts';

/** What `kubectl apply --server-side` calls itself; its other commands, such as `kubectl-rollout`, begin with it. */
const MANAGER = 'kubectl';

const tree = z.record(z.string(), z.unknown());
type Tree = z.output<typeof tree>;

const liveObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    managedFields: z
      .array(
        z.object({
          manager: z.string().optional(),
          operation: z.string().optional(),
          subresource: z.string().optional(),
          fieldsV1: tree.optional(),
        }),
      )
      .default([]),
  }),
});
export type LiveObject = z.output<typeof liveObject>;

/** What `kubectl get -o json --show-managed-fields` prints of several objects, or of one. */
export const liveObjects = z.union([
  z.object({ kind: z.literal('List'), items: z.array(liveObject) }).transform(({ items }) => items),
  liveObject.transform((object) => [object]),
]);

/**
 * The object as it was applied, with what other commands of kubectl have set since: a rollout that was undone has taken
 * the image over, and without it the object would be none. `undefined` when kubectl has never applied it on the server's
 * side.
 */
export function appliedPart(object: LiveObject): Manifest | undefined {
  const { apiVersion, kind, metadata } = object;
  const own = metadata.managedFields.filter(
    ({ manager = '', operation, subresource }) =>
      subresource !== 'status' &&
      (operation === 'Apply' ? manager === MANAGER : manager.startsWith(`${MANAGER}-`)),
  );
  if (own.every(({ operation }) => operation !== 'Apply')) return undefined;
  const owned = own.reduce<Tree>((all, { fieldsV1 = {} }) => union(all, fieldsV1), {});
  const part = tree.parse(extract(object, owned));
  const { name, namespace } = metadata;
  return {
    ...part,
    apiVersion,
    kind,
    metadata: {
      ...tree.default({}).parse(part.metadata),
      name,
      ...(namespace === undefined ? {} : { namespace }),
    },
  };
}

/** Fields of two sets. A field without fields below it is owned whole. */
const union = (one: Tree, other: Tree): Tree => ({
  ...one,
  ...Object.fromEntries(
    Object.entries(other).map(([name, fields]) => {
      const both = [one[name] ?? fields, fields].map((each) => tree.parse(each));
      const isWhole = both.some((each) => Object.keys(each).length === 0);
      return [name, isWhole ? {} : union(both[0] ?? {}, both[1] ?? {})];
    }),
  ),
});

/** The part of a value that a set of fields names: `f:name` of a mapping, `k:{keys}` and `v:value` of a list. */
function extract(value: unknown, fields: Tree): unknown {
  const names = Object.keys(fields).filter((name) => name !== '.');
  // A field without fields below it is owned whole.
  if (names.length === 0) return value;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    // In the list's own order: of init containers, it is the order in which they run.
    return items.flatMap((item) => {
      const name = names.find((candidate) => isItem(item, candidate));
      return name === undefined ? [] : [extract(item, below(fields, name))];
    });
  }
  const mapping = tree.safeParse(value);
  if (!mapping.success) return value;
  return Object.fromEntries(
    names.flatMap((name) => {
      const key = name.slice('f:'.length);
      return key in mapping.data ? [[key, extract(mapping.data[key], below(fields, name))]] : [];
    }),
  );
}

const below = (fields: Tree, name: string): Tree => tree.parse(fields[name]);

function isItem(item: unknown, name: string): boolean {
  const wanted: unknown = JSON.parse(name.slice(2));
  if (name.startsWith('v:')) return isDeepStrictEqual(item, wanted);
  const [mapping, keys] = [tree.safeParse(item), tree.parse(wanted)];
  return (
    mapping.success &&
    Object.entries(keys).every(([key, expected]) => isDeepStrictEqual(mapping.data[key], expected))
  );
}
