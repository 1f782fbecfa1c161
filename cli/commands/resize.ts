/** `npm run resize`: the claims of a store grow to what the configuration says, under its running pods. */
import { clock } from '../clock.ts';
import { readConfig, synthesize } from '../environment.ts';
import { CliError } from '../errors.ts';
import type { Kubectl } from '../kubectl.ts';
import { refuseDuringMove } from '../move-plan.ts';
import { step, type Line } from '../steps.ts';
import {
  applyObject,
  bytesOf,
  claimsIn,
  liveSet,
  ordinalOf,
  orphan,
  shortName,
  storageClassesIn,
  storeOf,
  withTemplates,
  type Claim,
  type Store,
} from '../stores.ts';
import { targetOf, type TargetOptions } from '../target.ts';
import { waitForReady } from '../wait.ts';

export interface ResizeOptions extends TargetOptions {
  /** Seconds that the volumes may take to grow. */
  readonly timeout: number;
}

export async function resize(name: string, options: ResizeOptions): Promise<void> {
  const config = readConfig(options);
  const { objects } = await synthesize(config, options);
  const store = storeOf(objects, name);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  await refuseDuringMove(kubectl, store.namespace);
  await step(`Resizing ${store.name}`, async (line) => {
    line.rename(`${store.name}: ${await grow(kubectl, store, options.timeout, line)}`);
  });
  await waitForReady(
    kubectl,
    [{ kind: 'StatefulSet', metadata: { name: store.name, namespace: store.namespace } }],
    { seconds: options.timeout },
  );
}

interface Growth {
  readonly claim: Claim;
  readonly ordinal: number;
  /** Size of the configuration. */
  readonly size: string;
}

/**
 * Grows the claims, then makes the StatefulSet anew around its pods, since its templates can't be changed. Answers what
 * was done.
 * @throws {CliError} before anything is changed, where a claim can't have its size
 */
export async function grow(kubectl: Kubectl, store: Store, seconds: number, line: Line): Promise<string> {
  const { name, namespace, templates } = store;
  const live = await liveSet(kubectl, store);
  const claims = (await claimsIn(kubectl, namespace)).flatMap((claim) =>
    templates.flatMap((template): Growth[] => {
      const ordinal = ordinalOf(claim.metadata.name, name, [template]);
      return ordinal === undefined
        ? []
        : [{ claim, ordinal, size: template.spec.resources.requests.storage }];
    }),
  );
  const growth = ({ claim, size }: Growth): number =>
    bytesOf(size) - bytesOf(claim.spec.resources.requests.storage);
  const shrinking = claims.find((each) => growth(each) < 0);
  if (shrinking !== undefined) {
    const { metadata, spec } = shrinking.claim;
    throw new CliError(
      `${metadata.name} has ${spec.resources.requests.storage}, and the configuration says ${shrinking.size}: a claim can't shrink. Nothing was changed.`,
      `Put the old size back; or \`npm run move -- ${shortName(name)}\` copies the data into a smaller claim, if it fits.`,
    );
  }
  const growing = claims.filter((each) => growth(each) > 0);
  await requireExpansion(kubectl, name, growing);

  for (const { claim, size } of growing) {
    line.note(`${claim.metadata.name} to ${size}`);
    const patch = JSON.stringify({ spec: { resources: { requests: { storage: size } } } });
    await kubectl.run(['-n', namespace, 'patch', 'pvc', claim.metadata.name, '--type=merge', '-p', patch]);
  }
  // A claim that no pod mounts grows when one does.
  const mounted = claims.filter(({ ordinal }) => ordinal < live.spec.replicas);
  await untilGrown(kubectl, store, mounted, seconds, line);

  const sizes = new Map(templates.map((each) => [each.metadata.name, each.spec.resources.requests.storage]));
  const wanted = live.spec.volumeClaimTemplates.map((template) => {
    const { metadata, spec } = template;
    const storage = sizes.get(metadata.name) ?? spec.resources.requests.storage;
    return bytesOf(storage) === bytesOf(spec.resources.requests.storage)
      ? template
      : { ...template, spec: { ...spec, resources: { requests: { storage } } } };
  });
  const isNew = wanted.some((template, index) => template !== live.spec.volumeClaimTemplates[index]);
  if (isNew) {
    line.note('making the StatefulSet anew around its pods');
    await orphan(kubectl, store);
    await applyObject(kubectl, withTemplates(live, wanted));
  }
  if (growing.length === 0 && !isNew) return 'every claim has the size of the configuration';
  const grown = growing.map(({ claim, size }) => `${claim.metadata.name} has ${size}`);
  return [...grown, ...(isNew ? ['the StatefulSet was made anew around its pods'] : [])].join(', ');
}

async function requireExpansion(kubectl: Kubectl, store: string, growing: readonly Growth[]): Promise<void> {
  if (growing.length === 0) return;
  const classes = await storageClassesIn(kubectl);
  for (const { claim, size } of growing) {
    const { storageClassName = '' } = claim.spec;
    const found = classes.get(storageClassName);
    if (found?.allowVolumeExpansion === true) continue;
    const what =
      found === undefined
        ? `has no StorageClass "${storageClassName}" in the cluster`
        : `is of the StorageClass ${storageClassName} (${found.provisioner}), whose claims can't grow`;
    throw new CliError(
      `${claim.metadata.name} ${what}. Nothing was changed.`,
      `\`npm run move -- ${shortName(store)}\` copies the data into a new claim of ${size}, of this class or of another that storage.storageClass names, while the store is stopped; or restore a backup into one. If the provisioner can grow volumes after all, set allowVolumeExpansion on the class.`,
    );
  }
}

/** Waits until the volumes, and the file systems on them, have the size. */
async function untilGrown(
  kubectl: Kubectl,
  { name, namespace }: Store,
  wanted: readonly Growth[],
  seconds: number,
  line: Line,
): Promise<void> {
  const deadline = clock.now() + seconds * 1000;
  for (;;) {
    const claims = await claimsIn(kubectl, namespace);
    const late = wanted.flatMap(({ claim, size }) => {
      const now = claims.find(({ metadata }) => metadata.name === claim.metadata.name);
      const has = now?.status.capacity?.storage;
      return now === undefined || (has !== undefined && bytesOf(has) >= bytesOf(size)) ? [] : [{ now, has }];
    });
    const [first] = late;
    if (first === undefined) return;
    const { metadata, status } = first.now;
    const said = status.conditions.map(({ type, message }) =>
      message === undefined ? type : `${type}: ${message}`,
    );
    const fact = `${metadata.name} has ${first.has ?? 'no size yet'}${said.length === 0 ? '' : ` (${said.join('; ')})`}`;
    line.note(fact);
    if (clock.now() > deadline) {
      const pending = status.conditions.some(({ type }) => type === 'FileSystemResizePending');
      throw new CliError(
        `${fact} after ${seconds} s.`,
        pending
          ? `This driver grows a file system when its pod starts: \`${kubectl.command(`-n ${namespace} rollout restart statefulset/${name}`)}\`, then run the same command again.`
          : `\`${kubectl.command(`-n ${namespace} describe pvc ${metadata.name}`)}\` tells more; run the same command again, it goes on waiting.`,
      );
    }
    await clock.sleep(1000);
  }
}
