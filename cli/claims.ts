/** What is on which claim: how large, how full, where, who mounts it; and what nothing uses any more. */
import { z } from 'zod';
import type { Kubectl } from './kubectl.ts';
import {
  bytesOf,
  claimsIn,
  mountsIn,
  ordinalOf,
  placeOf,
  removalOf,
  statefulSetSchema,
  volumesIn,
  type Claim,
  type Mount,
  type StatefulSet,
  type Store,
  type Volume,
} from './stores.ts';
import { age, table } from './table.ts';

const setList = z.object({ items: z.array(statefulSetSchema) });
const statsSummary = z.object({
  pods: z
    .array(
      z.object({
        volume: z
          .array(
            z.object({
              availableBytes: z.number().optional(),
              capacityBytes: z.number().optional(),
              pvcRef: z.object({ name: z.string(), namespace: z.string() }).optional(),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});
interface Usage {
  /** Bytes that can't be written to any more: a file system keeps some for root. */
  readonly used: number;
  readonly capacity: number;
}

export interface ClaimsOptions {
  /** Stores of the manifests: their claims are in use, even while a StatefulSet is away. */
  readonly wanted: readonly Store[];
  /** Percent of a volume from which on it is marked. */
  readonly almostFull: number;
}

/** The claims of some namespaces as people read them. Nothing is ever deleted: the lines that would are shown. */
export async function describeClaims(
  kubectl: Kubectl,
  namespaces: readonly string[],
  { wanted, almostFull }: ClaimsOptions,
): Promise<string> {
  const [volumes, ...found] = await Promise.all([
    volumesIn(kubectl),
    ...namespaces.map((namespace) => lookAt(kubectl, namespace)),
  ]);
  const nodes = new Set(found.flatMap(({ mounts }) => mounts.flatMap(({ node }) => node ?? [])));
  const usage = new Map(
    (await Promise.all([...nodes].map((node) => usageOn(kubectl, node)))).flatMap((each) => [...each]),
  );
  const claims = found.flatMap(({ claims: list, sets, mounts }) =>
    list.map((claim) => facts(claim, sets, mounts, wanted)),
  );
  const rows = claims.map((each) => {
    const { metadata, spec, status } = each.claim;
    const volume = volumes?.get(spec.volumeName ?? '');
    const used = usage.get(`${metadata.namespace}/${metadata.name}`);
    return [
      metadata.name,
      spec.resources.requests.storage,
      status.capacity?.storage ?? '-',
      spec.storageClassName ?? '-',
      (volume === undefined ? '' : placeOf(volume)) || '-',
      used === undefined ? '-' : describeUsage(used),
      each.pods.join(', ') || '-',
      [each.note, used !== undefined && percent(used) >= almostFull ? 'ALMOST FULL' : '']
        .filter(Boolean)
        .join('; '),
    ];
  });
  return [
    rows.length === 0
      ? 'There are no claims.'
      : table([['claim', 'asked', 'has', 'class', 'node', 'used', 'pod', ''], ...rows]),
    ...unusedLines(
      kubectl,
      claims.flatMap(({ claim, unused }) => (unused ? [claim] : [])),
    ),
    ...(volumes === undefined
      ? ['', 'Your user may not see PersistentVolumes: nodes, and volumes without a claim, are not listed.']
      : releasedLines(kubectl, [...volumes.values()], namespaces)),
  ].join('\n');
}

async function lookAt(
  kubectl: Kubectl,
  namespace: string,
): Promise<{ claims: readonly Claim[]; sets: readonly StatefulSet[]; mounts: readonly Mount[] }> {
  const [claims, sets, mounts] = await Promise.all([
    claimsIn(kubectl, namespace),
    kubectl.json(setList, ['-n', namespace, 'get', 'statefulsets']),
    mountsIn(kubectl, namespace),
  ]);
  return { claims, sets: sets?.items ?? [], mounts };
}

/** Who uses a claim: pods that mount it, and the StatefulSet that would. */
function facts(
  claim: Claim,
  sets: readonly StatefulSet[],
  mounts: readonly Mount[],
  wanted: readonly Store[],
): { claim: Claim; pods: string[]; note: string; unused: boolean } {
  const { name, creationTimestamp } = claim.metadata;
  const pods = mounts.filter((mount) => mount.claim === name).map(({ pod }) => pod);
  const owner = sets.flatMap(({ metadata, spec }) => {
    const ordinal = ordinalOf(name, metadata.name, spec.volumeClaimTemplates);
    return ordinal === undefined ? [] : [{ set: metadata.name, ordinal, replicas: spec.replicas }];
  })[0];
  const isWanted = wanted.some(
    (store) =>
      store.namespace === claim.metadata.namespace &&
      ordinalOf(name, store.name, store.templates) !== undefined,
  );
  const unused = pods.length === 0 && owner === undefined && !isWanted;
  const spare = owner !== undefined && owner.ordinal >= owner.replicas;
  const note = unused
    ? `unused; made ${creationTimestamp.slice(0, 10)} (${age(creationTimestamp)} ago)`
    : spare
      ? `kept for pod ${owner.ordinal} of ${owner.set}, which has ${owner.replicas} now`
      : '';
  return { claim, pods, note, unused };
}

/** Empty where the kubelet may not be asked, or doesn't measure this kind of volume. */
async function usageOn(kubectl: Kubectl, node: string): Promise<ReadonlyMap<string, Usage>> {
  const answer = await kubectl.attempt(['get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`]);
  if (!answer.ok) return new Map();
  return new Map(
    statsSummary
      .parse(JSON.parse(answer.stdout))
      .pods.flatMap(({ volume }) => volume)
      .flatMap(({ pvcRef, availableBytes, capacityBytes }): [string, Usage][] =>
        pvcRef === undefined || availableBytes === undefined || !capacityBytes
          ? []
          : [
              [
                `${pvcRef.namespace}/${pvcRef.name}`,
                { used: capacityBytes - availableBytes, capacity: capacityBytes },
              ],
            ],
      ),
  );
}

const percent = ({ used, capacity }: Usage): number => Math.round((used / capacity) * 100);

const describeUsage = (usage: Usage): string => `${percent(usage)} % (${sizeText(usage.used)})`;

/** Bytes as people read them. */
export function sizeText(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 1024 ? `${Math.round(mebibytes)}Mi` : `${(mebibytes / 1024).toFixed(1)}Gi`;
}

function unusedLines(kubectl: Kubectl, unused: readonly Claim[]): string[] {
  if (unused.length === 0) return [];
  return [
    '',
    'Nothing uses these. Their data goes with them, and only by your hand:',
    ...unused.map(
      ({ metadata }) => `  ${kubectl.command(`-n ${metadata.namespace} delete pvc ${metadata.name}`)}`,
    ),
  ];
}

function releasedLines(
  kubectl: Kubectl,
  volumes: readonly Volume[],
  namespaces: readonly string[],
): string[] {
  const released = volumes.filter(
    ({ spec, status }) => status.phase === 'Released' && namespaces.includes(spec.claimRef?.namespace ?? ''),
  );
  if (released.length === 0) return [];
  return [
    '',
    'Volumes whose claim is gone; they still hold its data:',
    table([
      ['  volume', 'size', 'class', 'node', 'was the claim', 'given back, with its data, by'],
      ...released.map((volume) => [
        `  ${volume.metadata.name}`,
        sizeText(bytesOf(volume.spec.capacity.storage)),
        volume.spec.storageClassName ?? '-',
        placeOf(volume) || '-',
        volume.spec.claimRef?.name ?? '-',
        removalOf(kubectl, volume),
      ]),
    ]),
  ];
}
