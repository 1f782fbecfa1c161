/** What a deployment changed, put back as it was: all of it, and nothing else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apply, type Changes } from './apply.ts';
import { clock } from './clock.ts';
import { progressOf, look } from './components.ts';
import type { Manifest, Rendered } from './environment.ts';
import type { Kubectl } from './kubectl.ts';
import { appliedPart, liveObjects } from './owned.ts';
import { NEVER_PRUNED } from './prune.ts';

/** What was there before a deployment. */
export interface Before {
  /** Objects of the release, as they were applied then. */
  readonly objects: readonly Manifest[];
  /** Objects of the release that were not there. */
  readonly missing: readonly Manifest[];
  /** Names of objects that were there, and that somebody else had made: how they were applied is not known. */
  readonly unknown: readonly string[];
}

const title = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.name}`;
const identity = (object: Manifest): string => `${object.metadata.namespace ?? ''} ${title(object)}`;

/** Claims, Secrets, databases and what holds them are taken back by nobody. */
const mayBeTakenBack = ({ kind }: Manifest): boolean => !NEVER_PRUNED.some((never) => never === kind);

/** What there is, before a release is applied, of all that it will touch; its CRDs have to be there. */
export async function remember(kubectl: Kubectl, release: Rendered): Promise<Before> {
  const files = [...release.files, ...release.registrations].flatMap((file) => ['-f', file]);
  const live =
    (await kubectl.json(liveObjects, ['get', ...files, '--ignore-not-found', '--show-managed-fields'])) ?? [];
  const there = new Set(live.map(identity));
  const found = live.filter(mayBeTakenBack).map((object) => ({ object, applied: appliedPart(object) }));
  return {
    objects: found.flatMap(({ applied }) => (applied === undefined ? [] : [applied])),
    missing: release.objects.filter((object) => mayBeTakenBack(object) && !there.has(identity(object))),
    unknown: found.filter(({ applied }) => applied === undefined).map(({ object }) => title(object)),
  };
}

export interface TakenBack extends Changes {
  readonly deleted: readonly string[];
}

/** Applies what was applied before, and deletes what was not there. */
export async function takeBack(kubectl: Kubectl, { objects, missing }: Before): Promise<TakenBack> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-before-'));
  let changes: Changes;
  try {
    const file = join(folder, 'before.json');
    writeFileSync(file, listOf(objects));
    changes = await apply(kubectl, [file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  if (missing.length > 0) {
    await kubectl.run(['delete', '--ignore-not-found', '--wait=false', '-f', '-'], {
      input: listOf(missing),
    });
  }
  await unblock(kubectl, objects);
  return { ...changes, deleted: missing.map(title) };
}

const listOf = (items: readonly Manifest[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

/** A StatefulSet waits for a pod that will never be ready before it makes it anew from the template of before. */
async function unblock(kubectl: Kubectl, objects: readonly Manifest[]): Promise<void> {
  for (const { kind, metadata } of objects) {
    const { name, namespace } = metadata;
    if (kind !== 'StatefulSet' || namespace === undefined) continue;
    for (const pod of await stuckPods(kubectl, namespace, name)) {
      await kubectl.run(['-n', namespace, 'delete', 'pod', pod, '--ignore-not-found', '--wait=false']);
    }
  }
}

/** Pods of another revision than the wanted one, which aren't ready; asked until the controller has seen its object. */
async function stuckPods(kubectl: Kubectl, namespace: string, name: string): Promise<string[]> {
  for (;;) {
    const seen = await look(kubectl, [namespace]);
    const set = seen.find((object) => object.kind === 'StatefulSet' && object.metadata.name === name);
    if (set?.kind !== 'StatefulSet') return [];
    if (set.status.observedGeneration >= set.metadata.generation) {
      return progressOf({ kind: 'StatefulSet', name, namespace }, seen)
        .pods.filter(
          ({ metadata, status }) =>
            metadata.labels['controller-revision-hash'] !== set.status.updateRevision &&
            !status.conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
        )
        .map(({ metadata }) => metadata.name);
    }
    await clock.sleep(500);
  }
}
