/** What containers are told by the charts: variables, and files of ConfigMaps and Secrets. */
import { shownKeys } from './known-secrets.ts';
import { configMaps } from './objects.ts';
import type { Rendered } from './rendered.ts';
import { workloadName, type Container, type Workload } from './workloads.ts';

export interface MountedFile {
  readonly exists: boolean;
  readonly text: string | undefined;
}

/** Variables of a container but those that the configuration adds, which nobody here knows the meaning of. */
export function chartEnv(
  { env }: Container,
  pod: Workload,
  { config }: Rendered,
): readonly Container['env'][number][] {
  const name = workloadName(pod);
  const own = name === 'zakpos-web' ? config.web.env : config.api.env;
  return env.filter((variable) => !(variable.name in own));
}

/** The words of a command, and the text of every mounted file of a ConfigMap that they name. */
export function textsOf(
  container: Container,
  pod: Workload,
  rendered: Rendered,
  words: readonly string[],
): string[] {
  return [...words, ...words.flatMap((word) => mountedFile(container, pod, rendered, word)?.text ?? [])];
}

/** The file of a ConfigMap or Secret at a path of a container; undefined where neither is mounted. */
export function mountedFile(
  container: Container,
  { pod, namespace }: Workload,
  rendered: Rendered,
  path: string,
): MountedFile | undefined {
  const mount = container.volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
  if (mount === undefined) return undefined;
  const volume = pod.volumes.find(({ name }) => name === mount.name);
  const file = path.slice(mount.mountPath.length + 1);
  if (volume?.configMap !== undefined) {
    const { name } = volume.configMap;
    const map = configMaps(rendered).find(
      (candidate) => candidate.name === name && candidate.namespace === namespace,
    );
    return { exists: map?.data[file] !== undefined, text: map?.data[file] };
  }
  if (volume?.secret !== undefined)
    return { exists: shownKeys(rendered, volume).includes(file), text: undefined };
  return undefined;
}
