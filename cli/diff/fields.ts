/** Which fields of two values differ. */
import { isDeepStrictEqual } from 'node:util';

/** A field that is different, as far down as both sides have one. */
export interface Field {
  readonly path: readonly string[];
  /** `undefined` where it is added. */
  readonly before: unknown;
  /** `undefined` where it is taken away. */
  readonly after: unknown;
}

/** Objects in a list are told apart by their names, as Kubernetes does, wherever each has one of its own. */
export function differingFields(before: unknown, after: unknown, path: readonly string[] = []): Field[] {
  if (isDeepStrictEqual(before, after)) return [];
  const [left, right] = [partsOf(before), partsOf(after)];
  if (left === undefined || right === undefined) return [{ path, before, after }];
  const found = [...new Set([...left.keys(), ...right.keys()])].flatMap((key) =>
    differingFields(left.get(key), right.get(key), [...path, key]),
  );
  // Only the order differs.
  return found.length === 0 ? [{ path, before, after }] : found;
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function partsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (isRecord(value)) return new Map(Object.entries(value));
  if (!Array.isArray(value)) return undefined;
  const named = value.flatMap((item: unknown): [string, unknown][] =>
    isRecord(item) && typeof item.name === 'string' ? [[item.name, item]] : [],
  );
  const parts = new Map(named);
  return parts.size === value.length ? parts : undefined;
}

/** A path as people read it, such as `containers.api.resources`. */
export const dotted = (path: readonly string[]): string => path.join('.');
