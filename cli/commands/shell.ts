/** `npm run shell`: a shell in a pod of a component, or one program there. */
import { ownNamespaces } from '../../environments/namespaces.ts';
import { readConfig } from '../environment.ts';
import { placeIn, runIn, shellOf } from '../inside.ts';
import { componentNamed, componentsIn } from '../log-sources.ts';
import { targetOf, type TargetOptions } from '../target.ts';

export interface ShellOptions extends TargetOptions {
  /**
   * Name of the pod.
   * @default - one that is ready
   */
  readonly pod?: string;
}

/** Answers the exit code of what has run. */
export async function shell(
  name: string,
  command: readonly string[],
  options: ShellOptions,
): Promise<number> {
  const config = readConfig(options);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  const component = componentNamed(await componentsIn(kubectl, ownNamespaces(config)), name);
  const place = await placeIn(kubectl, component, options.pod);
  return runIn(kubectl, place, command.length > 0 ? command : [await shellOf(kubectl, place)]);
}
