/** `npm run images`: builds the apps' images that docker lacks and loads them into the kind cluster. */
import { readConfig } from '../environment.ts';
import { build, builtImages, isBuilt, load, type BuiltImage } from '../images.ts';
import type { KindCluster } from '../cluster.ts';
import { step, type Line } from '../steps.ts';
import { targetOf, type TargetOptions } from '../target.ts';
import { checkTools } from '../tools.ts';

export interface ImagesOptions extends TargetOptions {
  readonly load: boolean;
}

export async function images(options: ImagesOptions): Promise<void> {
  const config = readConfig(options);
  const { kind } = targetOf(options);
  const loads = options.load && kind !== undefined;
  await checkTools(loads ? ['docker', 'kind', 'kubectl'] : ['docker']);
  if (loads) await kind.require();
  for (const image of builtImages(config)) {
    await step(image.image, async (line) => {
      line.rename(
        `${image.image}: ${(await provide(image, loads ? kind : undefined, line)).join(', ') || 'there'}`,
      );
    });
  }
}

/** Builds an image that docker lacks, loads it where a node lacks it, and answers what was done. */
export async function provide(
  image: BuiltImage,
  kind: KindCluster | undefined,
  line: Line,
): Promise<string[]> {
  const done: string[] = [];
  if (!(await isBuilt(image))) {
    line.note(`building ${image.image}`);
    await build(image, line);
    done.push('built');
  }
  if (kind !== undefined) {
    line.note(`loading ${image.image} where a node lacks it`);
    if ((await load(image.image, kind.name, await kind.nodes())).length > 0) done.push('loaded');
  }
  return done;
}
