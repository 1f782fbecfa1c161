/** Which major version of PostgreSQL an image is of, and the guard that keeps the files of one from a server of another. */
import { z } from 'zod';
import { POSTGRES } from '../charts/names.ts';
import type { Config } from '../environments/schema.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';

const statefulSet = z.object({
  spec: z.object({
    template: z.object({ spec: z.object({ containers: z.array(z.object({ image: z.string() })) }) }),
  }),
});

/** The image of the database in the cluster; `undefined` where there is none. */
export async function imageOfDatabase(kubectl: Kubectl, namespace: string): Promise<string | undefined> {
  const live = await kubectl.json(statefulSet, [
    ...['-n', namespace, 'get', 'statefulset', POSTGRES, '--ignore-not-found'],
  ]);
  return live?.spec.template.spec.containers[0]?.image;
}

/** The number that an image's tag begins with: 17 of `postgres:17-alpine`; `undefined` where it begins otherwise. */
export function releaseOf(image: string): number | undefined {
  const [, release] = /:(\d+)(?:[.-][\w.-]*)?(?:@|$)/.exec(image) ?? [];
  return release === undefined ? undefined : Number(release);
}

/**
 * Refuses to apply a server that can't read the files of the one that runs. An image whose tag tells no version is left
 * to the start of the server, which looks at the files themselves.
 * @throws {CliError} when the two are of different major versions
 */
export async function refuseOtherRelease(kubectl: Kubectl, config: Config, flags: string): Promise<void> {
  const { postgres, namespace } = config;
  if (postgres.mode !== 'statefulset') return;
  const live = await imageOfDatabase(kubectl, namespace);
  if (live === undefined) return;
  const [is, wants] = [releaseOf(live), releaseOf(postgres.image)];
  if (is === undefined || wants === undefined || is === wants) return;
  throw new CliError(
    `The database is one of PostgreSQL ${is} (${live}), and postgres.image is ${postgres.image}: its server can't read those files; nothing was applied.`,
    `\`npm run upgrade -- postgres ${flags}${wants < is ? ' --back' : ''}\` ${wants < is ? 'puts the files of before back, with none of what was written since' : 'takes the data along'} (docs/how-to/upgrade.md); or put the old image back.`,
  );
}
