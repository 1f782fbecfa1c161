/** Pairs objects as they are with objects as they would be, without what is nobody's wish and what nobody may see. */
import { isDeepStrictEqual } from 'node:util';
import { liveObject, type LiveObject } from '../apply.ts';
import type { Manifest } from '../environment.ts';
import { isRecord } from './fields.ts';

/** An object that would be another one afterwards, or isn't on both sides. */
export interface Change {
  readonly kind: string;
  readonly name: string;
  /** Absent of what is created. */
  readonly before?: LiveObject;
  /** Absent of what is no longer wanted. */
  readonly after?: LiveObject;
}

/** What differs between two sets of objects, in the order in which they are applied. */
export function changesBetween(before: readonly Manifest[], after: readonly Manifest[]): Change[] {
  const [old, wanted] = [byIdentity(before), byIdentity(after)];
  return [...new Set([...wanted.keys(), ...old.keys()])].flatMap((identity): Change[] => {
    const [is, becomes] = hideValues(old.get(identity), wanted.get(identity));
    const either = becomes ?? is;
    if (either === undefined || isDeepStrictEqual(is, becomes)) return [];
    return [
      {
        kind: either.kind,
        name: either.metadata.name,
        ...(is === undefined ? {} : { before: is }),
        ...(becomes === undefined ? {} : { after: becomes }),
      },
    ];
  });
}

/** What an object is called in its cluster, whichever version of its kind it is written in. */
export const identityOf = ({ apiVersion, kind, metadata }: LiveObject): string =>
  [apiVersion.replace(/\/?[^/]*$/, ''), kind, metadata.namespace ?? '', metadata.name].join(' ');

const byIdentity = (objects: readonly Manifest[]): Map<string, LiveObject> =>
  new Map(
    objects.map((object) => {
      const written = withoutBookkeeping(liveObject.parse(object));
      return [identityOf(written), written];
    }),
  );

/** What the API server and controllers write into an object. */
const BOOKKEEPING = [
  'creationTimestamp',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
] as const;
const CONTROLLERS =
  /^(deployment\.kubernetes\.io\/|deprecated\.|kubectl\.kubernetes\.io\/last-applied-configuration$)/;

function withoutBookkeeping({ metadata, ...object }: LiveObject): LiveObject {
  const kept = Object.entries(metadata).filter(([name]) => !BOOKKEEPING.some((field) => field === name));
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => !CONTROLLERS.test(name));
  return liveObject.parse({
    ...Object.fromEntries(Object.entries(object).filter(([name]) => name !== 'status')),
    metadata: {
      ...Object.fromEntries(kept),
      annotations: annotations.length === 0 ? undefined : Object.fromEntries(annotations),
    },
  });
}

/** Stands for the value of a key of a Secret. */
export const HIDDEN = '(hidden)';
const CHANGED = '(changed)';

/** Of a Secret, only its keys go on from here, and whether their values are other ones. */
function hideValues(
  before: LiveObject | undefined,
  after: LiveObject | undefined,
): [LiveObject | undefined, LiveObject | undefined] {
  if ((after ?? before)?.kind !== 'Secret') return [before, after];
  const hidden = (object: LiveObject | undefined, other: LiveObject | undefined): LiveObject | undefined => {
    if (object === undefined) return undefined;
    const fields = Object.entries(object).map(([field, value]): [string, unknown] => {
      if (!['data', 'stringData'].includes(field) || !isRecord(value)) return [field, value];
      const there = other?.[field];
      const keys = Object.keys(value).map((key) => {
        const differs = isRecord(there) && key in there && there[key] !== value[key];
        return [key, differs && object === after ? CHANGED : HIDDEN];
      });
      return [field, Object.fromEntries(keys)];
    });
    return liveObject.parse(Object.fromEntries(fields));
  };
  return [hidden(before, after), hidden(after, before)];
}
