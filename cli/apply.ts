/** Applies the rendered manifests and tells what that changed. */
import { z } from 'zod';
import type { Rendered } from './environment.ts';
import type { Kubectl } from './kubectl.ts';

/** An object as kubectl prints it. */
export const liveObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});
export type LiveObject = z.output<typeof liveObject>;

/** What kubectl prints of several objects, or of one. */
export const liveObjects = z.union([
  z.object({ kind: z.literal('List'), items: z.array(liveObject) }).transform(({ items }) => items),
  liveObject.transform((object) => [object]),
]);

/** What an apply came to; objects are named `Kind/name`. */
export interface Changes {
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly unchanged: number;
}

export interface Applied extends Changes {
  /** Warnings of the API server, as from Pod Security. */
  readonly warnings: readonly string[];
}

/**
 * Server-side apply of files, in their order, after the CRDs that they need. The field manager is kubectl's own, so that `up` and
 * `kubectl apply --server-side` by hand take turns without a conflict. What other managers had set is taken over.
 */
export async function apply(
  kubectl: Kubectl,
  files: readonly string[],
  crds?: Rendered['crds'],
): Promise<Applied> {
  const named = files.flatMap((file) => ['-f', file]);
  const find = async () => (await kubectl.json(liveObjects, ['get', ...named, '--ignore-not-found'])) ?? [];
  let before: LiveObject[];
  if (crds === undefined) before = await find();
  else {
    const [found] = await Promise.all([find().catch(() => undefined), kubectl.run([...APPLY, '-f', crds])]);
    // A server that can look for all of them knows their kinds.
    if (found === undefined) await untilEstablished(kubectl, crds);
    before = found ?? (await find());
  }
  const result = await kubectl.attempt([...APPLY, ...named, '-o', 'json']);
  if (!result.ok) throw kubectl.explain(result.stderr);
  const after = liveObjects.parse(JSON.parse(result.stdout));
  return {
    ...compare(before, after),
    warnings: result.stderr.split('\n').filter((text) => text.startsWith('Warning:')),
  };
}

/** Applies a folder of CRDs and waits until the server knows their kinds. */
export async function applyCrds(kubectl: Kubectl, folder: string): Promise<void> {
  await kubectl.run([...APPLY, '-f', folder]);
  await untilEstablished(kubectl, folder);
}

async function untilEstablished(kubectl: Kubectl, folder: string): Promise<void> {
  await kubectl.run(['wait', '--for=condition=Established', '--timeout=60s', '-f', folder]);
}

/**
 * The server refuses fields that no schema has of whatever is applied by it; kubectl, asked to validate, reads the schemas
 * of all kinds first, which takes seconds.
 */
export const APPLY = ['apply', '--server-side', '--force-conflicts', '--validate=false'];

/** What is new or different among objects, by what people wrote: status and bookkeeping don't count. */
export function compare(before: readonly LiveObject[], after: readonly LiveObject[]): Changes {
  const known = new Map(before.map((object) => [identity(object), fingerprint(object)]));
  const created = after.filter((object) => !known.has(identity(object)));
  const changed = after.filter((object) => {
    const old = known.get(identity(object));
    return old !== undefined && old !== fingerprint(object);
  });
  return {
    created: created.map(title),
    changed: changed.map(title),
    unchanged: after.length - created.length - changed.length,
  };
}

const title = ({ kind, metadata }: LiveObject): string => `${kind}/${metadata.name}`;

const identity = ({ apiVersion, kind, metadata }: LiveObject): string =>
  [apiVersion, kind, metadata.namespace ?? '', metadata.name].join(' ');

function fingerprint({ metadata, ...object }: LiveObject): string {
  const written = Object.entries(object).filter(([name]) => name !== 'status');
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    // The Deployment controller counts its rollouts there.
    ([name]) => !name.startsWith('deployment.kubernetes.io/'),
  );
  return JSON.stringify([written, metadata.labels, annotations]);
}
