/** Changes of a StatefulSet that Kubernetes refuses, found before anything is applied. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { isBytes, toBytes } from '../environments/quantities.ts';
import type { Manifest } from './environment.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';

const claim = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    storageClassName: z.string().optional(),
    resources: z.object({ requests: z.object({ storage: z.string() }) }),
  }),
});
const statefulSet = z.object({
  kind: z.literal('StatefulSet'),
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    serviceName: z.string(),
    podManagementPolicy: z.string(),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    volumeClaimTemplates: z.array(claim).default([]),
  }),
});
type StatefulSet = z.output<typeof statefulSet>;

/**
 * Compares the StatefulSets of the manifests with those in the cluster.
 * @throws {CliError} that names each field that differs and can't be changed, and how to get there all the same
 */
export async function refuseImmutableChanges(kubectl: Kubectl, objects: readonly Manifest[]): Promise<void> {
  const changes: string[] = [];
  const recipes = new Set<string>();
  for (const object of objects) {
    const wanted = statefulSet.safeParse(object);
    if (!wanted.success) continue;
    const { name, namespace } = wanted.data.metadata;
    const live = await kubectl.json(statefulSet, [
      ...['-n', namespace, 'get', 'statefulset', name, '--ignore-not-found'],
    ]);
    if (live === undefined) continue;
    for (const { field, is, wants, resize } of differences(live, wanted.data)) {
      changes.push(`StatefulSet ${name}: ${field} is ${is} in the cluster and would become ${wants}`);
      recipes.add(
        resize === undefined
          ? `\`${kubectl.command(`-n ${namespace} delete statefulset ${name} --cascade=orphan`)}\` leaves its pods and claims, and the next \`npm run up\` makes it anew around them`
          : `first grow each claim, where its StorageClass allows it: \`${kubectl.command(`-n ${namespace} patch pvc ${resize.claim}-${name}-0 --type=merge -p '{"spec":{"resources":{"requests":{"storage":"${resize.size}"}}}}'`)}\`; then \`${kubectl.command(`-n ${namespace} delete statefulset ${name} --cascade=orphan`)}\` and \`npm run up\`; pods and data stay. A claim can't shrink, nor change its StorageClass: that takes a restore from a backup`,
      );
    }
  }
  if (changes.length === 0) return;
  throw new CliError(
    `${changes.join('\n')}.\nKubernetes lets nobody change that; nothing was applied.`,
    `Put the old value back; or ${[...recipes].join('; ')}.`,
  );
}

interface Difference {
  readonly field: string;
  readonly is: string;
  readonly wants: string;
  /** The claim whose size differs, where that is the difference. */
  readonly resize?: { readonly claim: string; readonly size: string };
}

/** What of the fields that can't be changed differs. */
function differences(live: StatefulSet, wanted: StatefulSet): Difference[] {
  const found: Difference[] = [];
  const compare = (field: string, is: unknown, wants: unknown, resize?: Difference['resize']): void => {
    if (isDeepStrictEqual(is, wants)) return;
    found.push({
      field,
      is: is === undefined ? 'nothing' : JSON.stringify(is),
      wants: wants === undefined ? 'nothing' : JSON.stringify(wants),
      ...(resize === undefined ? {} : { resize }),
    });
  };
  compare('serviceName', live.spec.serviceName, wanted.spec.serviceName);
  compare('podManagementPolicy', live.spec.podManagementPolicy, wanted.spec.podManagementPolicy);
  compare('selector', live.spec.selector.matchLabels, wanted.spec.selector.matchLabels);
  const claims = (set: StatefulSet): Map<string, z.output<typeof claim>['spec']> =>
    new Map(set.spec.volumeClaimTemplates.map(({ metadata, spec }) => [metadata.name, spec]));
  const [liveClaims, wantedClaims] = [claims(live), claims(wanted)];
  compare('volumeClaimTemplates', [...liveClaims.keys()], [...wantedClaims.keys()]);
  for (const [name, spec] of wantedClaims) {
    const there = liveClaims.get(name);
    if (there === undefined) continue;
    const [is, size] = [there.resources.requests.storage, spec.resources.requests.storage];
    if (!isSameSize(is, size)) compare(`volumeClaimTemplates.${name}.size`, is, size, { claim: name, size });
    // The default class of the cluster isn't written into a template.
    compare(`volumeClaimTemplates.${name}.storageClass`, there.storageClassName, spec.storageClassName);
  }
  return found;
}

/** Kubernetes writes a size as short as it can: 1024Mi as 1Gi. */
const isSameSize = (one: string, other: string): boolean =>
  isBytes(one) && isBytes(other) ? toBytes(one) === toBytes(other) : one === other;
