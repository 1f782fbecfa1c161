/** Which major version of PostgreSQL an image is of, and the guard that keeps the files of one from a server of another. */
import { z } from 'zod';
import { POSTGRES } from '../charts/names.ts';
import type { Manifest } from './environment.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';

const withImages = z.object({
  spec: z.object({
    template: z.object({ spec: z.object({ containers: z.array(z.object({ image: z.string() })) }) }),
  }),
});
const database = withImages.extend({
  kind: z.literal('StatefulSet'),
  metadata: z.object({ name: z.literal(POSTGRES), namespace: z.string() }),
});

const imageOf = ({ spec }: z.output<typeof withImages>): string | undefined =>
  spec.template.spec.containers[0]?.image;

/** The image of the database in the cluster; `undefined` where there is none. */
export async function imageOfDatabase(kubectl: Kubectl, namespace: string): Promise<string | undefined> {
  const live = await kubectl.json(withImages, [
    ...['-n', namespace, 'get', 'statefulset', POSTGRES, '--ignore-not-found'],
  ]);
  return live === undefined ? undefined : imageOf(live);
}

/** The number that an image's tag begins with: 17 of `postgres:17-alpine`; `undefined` where it begins otherwise. */
export function releaseOf(image: string): number | undefined {
  const [, release] = /:(\d+)(?:[.-][\w.-]*)?(?:@|$)/.exec(image) ?? [];
  return release === undefined ? undefined : Number(release);
}

/**
 * Refuses to apply manifests whose server can't read the files of the one that runs.
 * @throws {CliError} when the two are of different major versions
 */
export async function refuseOtherRelease(
  kubectl: Kubectl,
  objects: readonly Manifest[],
  flags: string,
): Promise<void> {
  for (const object of objects) {
    const wanted = database.safeParse(object);
    if (!wanted.success) continue;
    const live = await imageOfDatabase(kubectl, wanted.data.metadata.namespace);
    const other = releaseChange(live, imageOf(wanted.data), flags);
    if (other !== undefined) throw new CliError(`${other.fact}; nothing was applied.`, other.fix);
  }
}

/** A server that would start on the files of another major version, and what to do instead. */
export interface ReleaseChange {
  readonly fact: string;
  readonly fix: string;
}

/** The same of an object as it is and as it would be; nothing of what isn't the database. */
export function releaseChangeOf(live: unknown, wanted: unknown, flags: string): ReleaseChange | undefined {
  const [is, becomes] = [database.safeParse(live), database.safeParse(wanted)];
  return is.success && becomes.success
    ? releaseChange(imageOf(is.data), imageOf(becomes.data), flags)
    : undefined;
}

/** An image whose tag tells no version is left to the start of the server, which looks at the files themselves. */
function releaseChange(
  from: string | undefined,
  to: string | undefined,
  flags: string,
): ReleaseChange | undefined {
  if (from === undefined || to === undefined) return undefined;
  const [is, wants] = [releaseOf(from), releaseOf(to)];
  if (is === undefined || wants === undefined || is === wants) return undefined;
  const upgrade = `npm run upgrade -- postgres ${flags}`;
  return {
    fact: `The database is one of PostgreSQL ${is} (${from}), and the manifests have ${to}: its server can't read those files`,
    fix: `${
      wants < is
        ? `\`${upgrade} --back\` puts the files of before back, with none of what was written since`
        : `\`${upgrade}\` takes the data along`
    } (docs/how-to/upgrade.md); or put the old image back.`,
  };
}
