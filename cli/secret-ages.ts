/** Since when Secrets are in use, for whoever watches how old they grow: names and times, no values. */
import { z } from 'zod';
import { expiryCommand, SECRET_AGES } from '../environments/monitoring.ts';
import type { Config } from '../environments/schema.ts';
import { APPLY } from './apply.ts';
import type { Kubectl } from './kubectl.ts';
import { ROTATED_AT, rotatableSecrets } from './rotation.ts';

const secretList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        creationTimestamp: z.string(),
        annotations: z.record(z.string(), z.string()).default({}),
      }),
    }),
  ),
});

/** The time since when each Secret that can be rotated has its value, by its name. */
export function agesOf(
  config: Config,
  { items }: z.output<typeof secretList>,
): Readonly<Record<string, string>> {
  const rotatable = rotatableSecrets(config);
  return Object.fromEntries(
    items
      .filter(({ metadata }) => rotatable.includes(metadata.name))
      .map(({ metadata: { name, annotations, creationTimestamp } }) => [
        name,
        annotations[ROTATED_AT] ?? creationTimestamp,
      ]),
  );
}

/** The same, read of the cluster. */
export async function readSecretAges(
  kubectl: Kubectl,
  config: Config,
): Promise<Readonly<Record<string, string>>> {
  const list = await kubectl.json(secretList, [
    ...['-n', config.namespace, 'get', 'secrets', '--ignore-not-found'],
  ]);
  return agesOf(config, list ?? { items: [] });
}

/** Writes them into the ConfigMap that the pod zakpos-expiry reads; nothing where there is no such pod, or others rotate. */
export async function writeSecretAges(kubectl: Kubectl, config: Config): Promise<void> {
  if (expiryCommand(config) === undefined || config.secrets.source !== 'cluster') return;
  const { namespace } = config;
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: SECRET_AGES,
      namespace,
      // Not a part of what is applied and pruned together.
      labels: { 'app.kubernetes.io/managed-by': 'zakpos' },
    },
    data: await readSecretAges(kubectl, config),
  };
  await kubectl.run([...APPLY, '-f', '-'], {
    input: JSON.stringify(configMap),
  });
}
