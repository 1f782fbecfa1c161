/** The stores that keep data: their StatefulSets, their claims, and the volumes behind them. */
import { z } from 'zod';
import { APPLY } from './apply.ts';
import type { Manifest } from './environment.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';

const text = z.record(z.string(), z.string());
const listOf = <T>(item: z.ZodType<T>) => z.object({ items: z.array(item) });
const requests = z.looseObject({ storage: z.string() });

export const claimTemplateSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    accessModes: z.array(z.string()).default(['ReadWriteOnce']),
    storageClassName: z.string().optional(),
    resources: z.looseObject({ requests }),
  }),
});
export type ClaimTemplate = z.output<typeof claimTemplateSchema>;

/** All of it is kept as it was read, so that it can be made again. */
export const statefulSetSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.literal('StatefulSet'),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    labels: text.default({}),
    annotations: text.default({}),
  }),
  spec: z.looseObject({
    replicas: z.number().default(1),
    selector: z.looseObject({ matchLabels: text }),
    template: z.looseObject({}),
    volumeClaimTemplates: z.array(claimTemplateSchema).default([]),
  }),
});
export type StatefulSet = z.output<typeof statefulSetSchema>;

export const claimSchema = z.object({
  kind: z.literal('PersistentVolumeClaim'),
  metadata: z.object({ name: z.string(), namespace: z.string(), creationTimestamp: z.string() }),
  spec: z.object({
    storageClassName: z.string().optional(),
    volumeName: z.string().optional(),
    resources: z.object({ requests }),
  }),
  status: z
    .object({
      phase: z.string().default(''),
      capacity: requests.optional(),
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() }))
        .default([]),
    })
    .prefault({}),
});
export type Claim = z.output<typeof claimSchema>;

const volumeSchema = z.object({
  metadata: z.object({ name: z.string(), annotations: text.default({}) }),
  spec: z.object({
    capacity: requests,
    storageClassName: z.string().optional(),
    persistentVolumeReclaimPolicy: z.string(),
    claimRef: z.object({ namespace: z.string(), name: z.string() }).optional(),
    csi: z.object({ driver: z.string() }).optional(),
    nodeAffinity: z
      .object({
        required: z.object({
          nodeSelectorTerms: z.array(
            z.object({
              matchExpressions: z
                .array(z.object({ key: z.string(), values: z.array(z.string()).default([]) }))
                .default([]),
            }),
          ),
        }),
      })
      .optional(),
  }),
  status: z.object({ phase: z.string().default('') }).prefault({}),
});
export type Volume = z.output<typeof volumeSchema>;

const storageClassSchema = z.object({
  metadata: z.object({ name: z.string(), annotations: text.default({}) }),
  provisioner: z.string(),
  allowVolumeExpansion: z.boolean().default(false),
});
export type StorageClass = z.output<typeof storageClassSchema>;

const renderedSchema = z.object({
  kind: z.literal('StatefulSet'),
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({ volumeClaimTemplates: z.array(claimTemplateSchema).min(1) }),
});

/** A store as the configuration wants it. */
export interface Store {
  readonly name: string;
  readonly namespace: string;
  /** What each of its pods has a claim for. */
  readonly templates: readonly ClaimTemplate[];
}

/** The stores of the manifests. */
export const storesOf = (objects: readonly Manifest[]): Store[] =>
  objects.flatMap((object) => {
    const parsed = renderedSchema.safeParse(object);
    return parsed.success
      ? [{ ...parsed.data.metadata, templates: parsed.data.spec.volumeClaimTemplates }]
      : [];
  });

/**
 * The store that a name stands for: `postgres` or `zakpos-postgres`.
 * @throws {CliError} when the manifests have none of that name
 */
export function storeOf(objects: readonly Manifest[], name: string): Store {
  const stores = storesOf(objects);
  const found = stores.find((store) => [store.name, shortName(store.name)].includes(name));
  if (found !== undefined) return found;
  throw new CliError(
    `"${name}" is no store with claims in this environment.`,
    stores.length === 0
      ? 'Its stores are external or an operator looks after them: do it there.'
      : `Name one of ${stores.map((store) => shortName(store.name)).join(', ')}.`,
  );
}

/** As people say it: `postgres` of `zakpos-postgres`. */
export const shortName = (store: string): string => store.replace(/^zakpos-/, '');

/**
 * The store's StatefulSet as it is in the cluster.
 * @throws {CliError} when there is none
 */
export async function liveSet(kubectl: Kubectl, { name, namespace }: Store): Promise<StatefulSet> {
  const live = await kubectl.json(statefulSetSchema, [
    ...['-n', namespace, 'get', 'statefulset', name, '--ignore-not-found'],
  ]);
  if (live !== undefined) return live;
  throw new CliError(
    `There is no StatefulSet ${name} in the namespace ${namespace}.`,
    '`npm run up` makes it, around pods and claims that are there.',
  );
}

/** A StatefulSet as it was, to be applied again, with other templates of its claims. */
export const withTemplates = (
  { apiVersion, kind, metadata, spec }: StatefulSet,
  volumeClaimTemplates: readonly ClaimTemplate[],
): object => ({
  apiVersion,
  kind,
  metadata: {
    name: metadata.name,
    namespace: metadata.namespace,
    labels: metadata.labels,
    annotations: metadata.annotations,
  },
  spec: { ...spec, volumeClaimTemplates },
});

/** Deletes a StatefulSet and nothing else: its pods and claims stay, and the next one of its name takes them over. */
export async function orphan(kubectl: Kubectl, { name, namespace }: Store): Promise<void> {
  await kubectl.run([
    '-n',
    namespace,
    'delete',
    'statefulset',
    name,
    '--cascade=orphan',
    '--ignore-not-found',
  ]);
}

/** The longest that a pod of a store may take to end, and some. */
const END_SECONDS = 300;

/** Deletes pods and waits until they have ended, and mount nothing any more. */
export async function deletePods(
  kubectl: Kubectl,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  await kubectl.run(['-n', namespace, 'delete', 'pods', ...names, '--ignore-not-found'], {
    timeoutSeconds: END_SECONDS,
  });
}

/** Server-side apply of one object. */
export async function applyObject(kubectl: Kubectl, object: object): Promise<void> {
  await kubectl.run([...APPLY, '-f', '-'], {
    input: JSON.stringify(object),
  });
}

/** All claims of a namespace. */
export async function claimsIn(kubectl: Kubectl, namespace: string): Promise<readonly Claim[]> {
  const list = await kubectl.json(listOf(claimSchema), ['-n', namespace, 'get', 'persistentvolumeclaims']);
  return list?.items ?? [];
}

const mountingPod = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    nodeName: z.string().optional(),
    volumes: z
      .array(z.object({ persistentVolumeClaim: z.object({ claimName: z.string() }).optional() }))
      .default([]),
  }),
  status: z.object({ phase: z.string().default('') }).prefault({}),
});

/** A pod that mounts a claim, or is about to. */
export interface Mount {
  readonly claim: string;
  readonly pod: string;
  /** @default - it has none yet */
  readonly node?: string;
}

/** Who mounts which claim of a namespace; pods that are at their end mount nothing. */
export async function mountsIn(kubectl: Kubectl, namespace: string): Promise<readonly Mount[]> {
  const list = await kubectl.json(listOf(mountingPod), ['-n', namespace, 'get', 'pods']);
  return (list?.items ?? [])
    .filter(({ status }) => status.phase !== 'Succeeded' && status.phase !== 'Failed')
    .flatMap(({ metadata, spec: { nodeName, volumes } }) =>
      volumes.flatMap(({ persistentVolumeClaim: claim }) =>
        claim === undefined
          ? []
          : [
              {
                claim: claim.claimName,
                pod: metadata.name,
                ...(nodeName === undefined ? {} : { node: nodeName }),
              },
            ],
      ),
    );
}

/** Volumes by name; `undefined` where the user may not see them, since they belong to no namespace. */
export async function volumesIn(kubectl: Kubectl): Promise<ReadonlyMap<string, Volume> | undefined> {
  const answer = await kubectl.attempt(['get', 'persistentvolumes', '-o', 'json']);
  if (!answer.ok) {
    if (/forbidden/i.test(answer.stderr)) return undefined;
    throw kubectl.explain(answer.stderr);
  }
  const { items } = listOf(volumeSchema).parse(JSON.parse(answer.stdout));
  return new Map(items.map((volume) => [volume.metadata.name, volume]));
}

/** Storage classes by name. */
export async function storageClassesIn(kubectl: Kubectl): Promise<ReadonlyMap<string, StorageClass>> {
  const list = await kubectl.json(listOf(storageClassSchema), ['get', 'storageclasses']);
  return new Map((list?.items ?? []).map((each) => [each.metadata.name, each]));
}

export const HOST_NAME = 'kubernetes.io/hostname';

/** Where a volume can be reached from: a node, or a zone; empty for everywhere. */
export function placeOf({ spec }: Volume): string {
  const terms = spec.nodeAffinity?.required.nodeSelectorTerms ?? [];
  const values = terms.flatMap(({ matchExpressions }) => matchExpressions.flatMap((each) => each.values));
  return [...new Set(values)].join(', ');
}

/** The one node that a volume is on; `undefined` where it isn't bound to one. */
export function hostOf({ spec }: Volume): string | undefined {
  const terms = spec.nodeAffinity?.required.nodeSelectorTerms ?? [];
  return terms.flatMap(({ matchExpressions }) =>
    matchExpressions.flatMap(({ key, values }) => (key === HOST_NAME ? values : [])),
  )[0];
}

/** Which pod of a store a claim is of; `undefined` when it is of none. */
export function ordinalOf(
  claim: string,
  store: string,
  templates: readonly { readonly metadata: { readonly name: string } }[],
): number | undefined {
  const prefix = templates
    .map(({ metadata }) => `${metadata.name}-${store}-`)
    .find((candidate) => claim.startsWith(candidate));
  const [ordinal] = /^(?:0|[1-9]\d*)$/.exec(prefix === undefined ? '' : claim.slice(prefix.length)) ?? [];
  return ordinal === undefined ? undefined : Number(ordinal);
}

/** The line that gives a volume back together with its data, as far as Kubernetes can. */
export function removalOf(kubectl: Kubectl, { metadata }: Volume): string {
  return kubectl.command(
    'pv.kubernetes.io/provisioned-by' in metadata.annotations
      ? `patch pv ${metadata.name} -p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'`
      : `delete pv ${metadata.name}`,
  );
}

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Bytes of a size in any form that the API server prints. */
export function bytesOf(size: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(size) ?? [];
  if (amount === undefined) throw new Error(`"${size}" is no size that is known`);
  return Number(amount) * (FACTORS[unit] ?? 1);
}
