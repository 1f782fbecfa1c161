/** The images that are built here, by dockerfiles/ or sources of one's own: made where docker lacks them, loaded where a node does. */
import {
  appOf,
  buildOf,
  buildsOf,
  builtImage,
  sourceHashes,
  type Build,
  type Sources,
} from '../environments/images.ts';
import type { Config } from '../environments/schema.ts';
import { ROOT } from './environment.ts';
import { attempt, run } from './exec.ts';
import type { Line } from './steps.ts';

export interface BuiltImage {
  readonly name: Build;
  /** Its whole name, such as `zakpos-api:0f3c…`. */
  readonly image: string;
  readonly sources: Sources;
}

/** The images that an environment runs and that are built here rather than named in its configuration. */
export function builtImages(config: Config): BuiltImage[] {
  const hashes = sourceHashes(ROOT, config);
  return buildsOf(config).map((name) => ({
    name,
    image: builtImage(config, name, hashes),
    sources: buildOf(name, config),
  }));
}

/** Those of them that stores run. */
export const storeImages = (config: Config): BuiltImage[] =>
  builtImages(config).filter(({ name }) => appOf(name) === undefined);

/** Whether docker has an image. */
export async function isBuilt({ image }: BuiltImage): Promise<boolean> {
  return (await attempt('docker', ['image', 'inspect', image])).ok;
}

/**
 * Builds an image.
 * @throws {CliError} with the end of docker's output
 */
export async function build({ name, image, sources }: BuiltImage, line: Line): Promise<void> {
  const { context, dockerfile, target } = sources;
  const stage = target === undefined ? [] : ['--target', target];
  const args = [...stage, '-f', dockerfile, context];
  const app = appOf(name);
  const field = app === undefined ? 'monitoring.exporters.jmxAgentImage' : `${app}.image`;
  await run('docker', ['build', '--progress=plain', '-t', image, ...args], {
    cwd: ROOT,
    env: { DOCKER_BUILDKIT: '1' },
    onLine: (text) => {
      line.note(text);
    },
    fix: `Mend ${context} or ${dockerfile}; \`docker build ${args.join(' ')}\` shows everything. Or name an image of your own by ${field}.`,
  });
}

/** Loads an image onto those of the nodes that lack it, and answers which did. */
export async function load(image: string, cluster: string, nodes: readonly string[]): Promise<string[]> {
  const lacking = await Promise.all(
    nodes.map(async (node) => ((await imagesOn(node)).includes(fullName(image)) ? [] : [node])),
  );
  const targets = lacking.flat();
  if (targets.length > 0) {
    await run('kind', ['load', 'docker-image', image, '--name', cluster, '--nodes', targets.join(',')], {
      fix: '`docker system df` shows whether the disk is full; then run the same command again.',
    });
  }
  return targets;
}

/** Full names of the images on a node. */
async function imagesOn(node: string): Promise<string[]> {
  const listed = await run('docker', ['exec', node, 'ctr', '--namespace=k8s.io', 'images', 'ls', '--quiet']);
  return listed.split('\n');
}

/** A name as containerd has it: `zakpos-api:1` is `docker.io/library/zakpos-api:1`. */
export function fullName(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const namesRegistry = rest.length > 0 && /[.:]|^localhost$/.test(first);
  if (namesRegistry) return image;
  return rest.length > 0 ? `docker.io/${image}` : `docker.io/library/${image}`;
}
