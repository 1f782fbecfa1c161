/** Changes of a StatefulSet that Kubernetes refuses, found before anything is applied. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Manifest } from './environment.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';
import { bytesOf, shortName } from './stores.ts';

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
 * Compares the StatefulSets of the manifests with those in the cluster; `flags` are those of this very command.
 * @throws {CliError} that names each field that differs and can't be changed, and how to get there all the same
 */
export async function refuseImmutableChanges(
  kubectl: Kubectl,
  objects: readonly Manifest[],
  flags: string,
): Promise<void> {
  const found = objects.map(async (object) => {
    const wanted = statefulSet.safeParse(object);
    if (!wanted.success) return [];
    const { name, namespace } = wanted.data.metadata;
    const live = await kubectl.json(z.unknown(), [
      ...['-n', namespace, 'get', 'statefulset', name, '--ignore-not-found'],
    ]);
    return immutableChanges(live, object, { kubectl, flags });
  });
  const changes = (await Promise.all(found)).flat();
  if (changes.length === 0) return;
  throw new CliError(
    `${changes.map(({ fact }) => fact).join('\n')}.\nKubernetes lets nobody change that; nothing was applied.`,
    `Put the old value back; or ${[...new Set(changes.map(({ way }) => way))].join('; ')}.`,
  );
}

/** A field that would change and can't. */
export interface ImmutableChange {
  /** Which one, what it is and what it would become. */
  readonly fact: string;
  /** How to get there all the same. */
  readonly way: string;
}

/** What is to run the ways: who asks, and the flags of the command that is run. */
export interface Ways {
  readonly kubectl: Pick<Kubectl, 'command'>;
  readonly flags: string;
}

/** What of an object can't become what is wanted; nothing of what is no StatefulSet. */
export function immutableChanges(
  live: unknown,
  wanted: unknown,
  { kubectl, flags }: Ways,
): ImmutableChange[] {
  const [is, becomes] = [statefulSet.safeParse(live), statefulSet.safeParse(wanted)];
  if (!is.success || !becomes.success) return [];
  const { name, namespace } = becomes.data.metadata;
  const ways = {
    resize: `\`npm run resize -- ${shortName(name)} ${flags}\` grows its claims under the running pods, where their StorageClass allows it`,
    move: `\`npm run move -- ${shortName(name)} ${flags}\` copies its data into new claims, while the store is stopped`,
    orphan: `\`${kubectl.command(`-n ${namespace} delete statefulset ${name} --cascade=orphan`)}\` leaves its pods and claims, and the next \`npm run up\` makes it anew around them`,
  };
  return differences(is.data, becomes.data).map(({ field, is, wants, way }) => ({
    fact: `StatefulSet ${name}: ${field} is ${is} in the cluster and would become ${wants}`,
    way: ways[way],
  }));
}

interface Difference {
  readonly field: string;
  readonly is: string;
  readonly wants: string;
  /** How to get there. */
  readonly way: 'orphan' | 'resize' | 'move';
}

/** What of the fields that can't be changed differs. */
function differences(live: StatefulSet, wanted: StatefulSet): Difference[] {
  const found: Difference[] = [];
  const compare = (field: string, is: unknown, wants: unknown, way: Difference['way'] = 'orphan'): void => {
    if (isDeepStrictEqual(is, wants)) return;
    found.push({
      field,
      is: is === undefined ? 'nothing' : JSON.stringify(is),
      wants: wants === undefined ? 'nothing' : JSON.stringify(wants),
      way,
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
    const growth = bytesOf(size) - bytesOf(is);
    // Kubernetes writes a size as short as it can: 1024Mi as 1Gi.
    if (growth !== 0) compare(`volumeClaimTemplates.${name}.size`, is, size, growth > 0 ? 'resize' : 'move');
    // The default class of the cluster isn't written into a template.
    compare(
      `volumeClaimTemplates.${name}.storageClass`,
      there.storageClassName,
      spec.storageClassName,
      'move',
    );
  }
  return found;
}
