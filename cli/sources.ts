/** The checkout's apps/ as pods have it: only of a kind cluster, by a volume that leads to a folder of its node. */
import { z } from 'zod';
import { APPS, isMounted } from '../environments/images.ts';
import type { Config } from '../environments/schema.ts';
import type { Manifest } from './environment.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';

/** @throws {CliError} when an app is to run from sources that the cluster's nodes don't have */
export function refuseMounts(config: Config, { context }: Kubectl): void {
  const mounted = APPS.filter((app) => isMounted(config, app));
  if (mounted.length === 0) return;
  throw new CliError(
    `${mounted.join(', ')} would run from the sources of this checkout, which the nodes of context "${context}" don't have.`,
    'Run images there: `sources: image` of each in a file that ZAKPOS_CONFIG names; or leave --context out for a kind cluster.',
  );
}

const volume = z.object({ status: z.object({ phase: z.string().optional() }).optional() });

/**
 * Deletes volumes of the manifests whose claim has gone, as with its namespace: nothing binds them again, and they are
 * applied anew. What they lead to stays.
 */
export async function giveUpReleased(kubectl: Kubectl, objects: readonly Manifest[]): Promise<void> {
  for (const { kind, metadata } of objects) {
    if (kind !== 'PersistentVolume') continue;
    const found = await kubectl.json(volume, [
      'get',
      'persistentvolume',
      metadata.name,
      '--ignore-not-found',
    ]);
    if (found?.status?.phase !== 'Released') continue;
    await kubectl.run(['delete', 'persistentvolume', metadata.name]);
  }
}
