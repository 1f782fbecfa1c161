/** Which part of an environment a cluster has. */
import { ONLY_ANNOTATION } from '../charts/names.ts';
import type { Config } from '../environments/schema.ts';
import type { Part } from './environment.ts';
import type { Kubectl } from './kubectl.ts';

/** What `up --only` was last run with; all of it where nobody can tell. */
export async function partIn(kubectl: Kubectl, { namespace }: Config): Promise<Part> {
  const annotation = ONLY_ANNOTATION.replaceAll('.', '\\.');
  const found = await kubectl.attempt([
    ...['get', 'namespace', namespace, '--ignore-not-found', '--request-timeout=5s'],
    ...['-o', `jsonpath={.metadata.annotations.${annotation}}`],
  ]);
  return found.ok && found.stdout.trim() === 'infra' ? { only: 'infra' } : {};
}
