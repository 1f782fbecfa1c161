/** `npm run snapshot`: VolumeSnapshots of a store's claims, where the cluster's storage makes them. */
import { z } from 'zod';
import type { VolumeSnapshotProps } from '../../imports/snapshot.storage.k8s.io.ts';
import { clock } from '../clock.ts';
import { readConfig, synthesize } from '../environment.ts';
import { CliError } from '../errors.ts';
import type { Kubectl } from '../kubectl.ts';
import { step, type Line } from '../steps.ts';
import { applyObject, claimsIn, ordinalOf, storeOf, volumesIn, type Store } from '../stores.ts';
import { targetOf, type TargetOptions } from '../target.ts';

export interface SnapshotOptions extends TargetOptions {
  /** VolumeSnapshotClass. @default - the one of the claims' driver that is marked as default, or its only one */
  readonly class?: string;
  /** Seconds that it may take. */
  readonly timeout: number;
}

export async function snapshot(name: string, options: SnapshotOptions): Promise<void> {
  const config = readConfig(options);
  const { objects } = await synthesize(config, options);
  const store = storeOf(objects, name);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  const taken = await step(`Snapshots of ${store.name}`, async (line) => {
    const names = await takeSnapshots(kubectl, store, options, line);
    line.rename(`Snapshots of ${store.name}: ${names.join(', ')}`);
    return names;
  });
  console.log(
    `${taken.length === 1 ? 'It is' : 'Each is'} what the volume held at one moment, as after a power cut: the store recovers from it when it starts. It lives where the volume lives, so it is no backup.`,
  );
}

const API = 'volumesnapshots.snapshot.storage.k8s.io';
const DEFAULT_CLASS = 'snapshot.storage.kubernetes.io/is-default-class';
const classList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
      driver: z.string(),
    }),
  ),
});
const snapshotSchema = z.object({
  status: z
    .object({
      readyToUse: z.boolean().default(false),
      error: z.object({ message: z.string().default('no reason') }).optional(),
    })
    .prefault({}),
});

/**
 * A snapshot of each claim that a pod of the store has or had; answers their names when all can be used.
 * @throws {CliError} before anything is made, where the cluster's storage makes none
 */
export async function takeSnapshots(
  kubectl: Kubectl,
  { name, namespace, templates }: Store,
  { class: wanted, timeout }: Pick<SnapshotOptions, 'class' | 'timeout'>,
  line: Line,
): Promise<string[]> {
  if ((await kubectl.run(['get', 'customresourcedefinitions', API, '--ignore-not-found'])).trim() === '') {
    throw new CliError(
      `The cluster of context "${kubectl.context}" has no VolumeSnapshots: ${API} is not installed.`,
      'They need a CSI driver that makes them, and its snapshot controller; a backup needs neither: `npm run backup`.',
    );
  }
  const volumes = await volumesIn(kubectl);
  if (volumes === undefined) {
    throw new CliError(
      'Your user may not see PersistentVolumes, which tell the driver that has to make a snapshot.',
      'Use a context whose user may.',
    );
  }
  const claims = (await claimsIn(kubectl, namespace))
    .filter(({ metadata }) => ordinalOf(metadata.name, name, templates) !== undefined)
    .map(({ metadata, spec }) => ({
      claim: metadata.name,
      driver: volumes.get(spec.volumeName ?? '')?.spec.csi?.driver,
      storageClass: spec.storageClassName ?? 'none',
    }));
  if (claims.length === 0) throw new CliError(`${name} has no claims yet.`, 'Make them with `npm run up`.');
  const { items } = classList.parse(
    JSON.parse(await kubectl.run(['get', 'volumesnapshotclasses', '-o', 'json'])),
  );
  const stamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const planned = claims.map(({ claim, driver, storageClass }) => {
    const fitting = items.filter((each) => each.driver === driver);
    const names = fitting.map(({ metadata }) => metadata.name);
    const byDefault = fitting.find(({ metadata }) => metadata.annotations[DEFAULT_CLASS] === 'true');
    const chosen = wanted ?? byDefault?.metadata.name ?? (names.length === 1 ? names[0] : undefined);
    if (driver === undefined || chosen === undefined || !names.includes(chosen)) {
      const what =
        driver === undefined
          ? 'no CSI driver has made it'
          : chosen === undefined && names.length > 0
            ? `${names.join(', ')} would do, and none of them is the default`
            : `${chosen === undefined ? 'no VolumeSnapshotClass' : `no VolumeSnapshotClass ${chosen}`} is of its driver, ${driver}`;
      throw new CliError(
        `There can be no snapshot of ${claim} (StorageClass ${storageClass}): ${what}. None was made.`,
        driver === undefined
          ? 'Move the store to a class of a CSI driver with `npm run move`; or back it up: `npm run backup`.'
          : `Name a class of ${driver} with --class; there ${names.length === 0 ? 'is none' : `are ${names.join(', ')}`}.`,
      );
    }
    return {
      metadata: { name: `${claim}-${stamp}`, namespace, labels: { 'app.kubernetes.io/part-of': 'zakpos' } },
      spec: { volumeSnapshotClassName: chosen, source: { persistentVolumeClaimName: claim } },
    } satisfies VolumeSnapshotProps;
  });
  for (const props of planned) {
    await applyObject(kubectl, {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshot',
      ...props,
    });
  }
  for (const { metadata } of planned) {
    line.note(`waiting for ${metadata.name}`);
    await untilUsable(kubectl, namespace, metadata.name, timeout);
  }
  return planned.map(({ metadata }) => metadata.name);
}

async function untilUsable(
  kubectl: Kubectl,
  namespace: string,
  name: string,
  seconds: number,
): Promise<void> {
  const deadline = clock.now() + seconds * 1000;
  for (;;) {
    const found = await kubectl.json(snapshotSchema, ['-n', namespace, 'get', 'volumesnapshot', name]);
    if (found?.status.readyToUse === true) return;
    if (clock.now() > deadline) {
      const said = found?.status.error?.message;
      throw new CliError(
        `${name} can't be used after ${seconds} s${said === undefined ? '' : `: ${said}`}.`,
        `\`${kubectl.command(`-n ${namespace} describe volumesnapshot ${name}`)}\` tells more, and whether its controller runs.`,
      );
    }
    await clock.sleep(1000);
  }
}
