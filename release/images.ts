/** `npm run release:images`: every image for both architectures, with what it is made of, pushed and known by its digest. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../cli/environment.ts';
import { CliError } from '../cli/errors.ts';
import { run } from '../cli/exec.ts';
import { step } from '../cli/steps.ts';
import { APPS, referenceBuild, type Build } from '../environments/images.ts';

export const PLATFORMS = ['linux/amd64', 'linux/arm64'] as const;

/** What runs in production: nothing that mounts its sources. */
const RELEASED = [...APPS, 'jmx-agent'] as const;

export interface ReleaseImagesOptions {
  /** Registry and path, such as ghcr.io/acme. */
  readonly registry: string;
  readonly release: string;
  /** File that gets the images' whole names. */
  readonly out: string;
}

const metadata = z.object({ 'containerimage.digest': z.string().regex(/^sha256:[0-9a-f]{64}$/) });

export async function releaseImages({ registry, release, out }: ReleaseImagesOptions): Promise<void> {
  // Names of images have no capital letters, those of GitHub's owners may.
  const prefix = registry.toLowerCase();
  const pushed: Partial<Record<Build, string>> = {};
  for (const build of RELEASED) {
    const repository = `${prefix}/zakpos-${build}`;
    pushed[build] = await step(`${repository}:${release}`, async (line) => {
      const digest = await buildAndPush(build, repository, release, (text) => {
        line.note(text);
      });
      return `${repository}:${release}@${digest}`;
    });
  }
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(pushed, null, 2)}\n`);
}

async function buildAndPush(
  build: Build,
  repository: string,
  release: string,
  onLine: (text: string) => void,
): Promise<string> {
  const { context, dockerfile } = referenceBuild(build);
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-build-'));
  try {
    const file = join(folder, 'metadata.json');
    await run(
      'docker',
      [
        ...['buildx', 'build', '--progress=plain', '-f', dockerfile, '-t', `${repository}:${release}`],
        `--platform=${PLATFORMS.join(',')}`,
        `--cache-from=type=registry,ref=${repository}:cache`,
        `--cache-to=type=registry,ref=${repository}:cache,mode=max`,
        ...['--provenance=mode=max', '--sbom=true', '--push', '--metadata-file', file, context],
      ],
      {
        cwd: ROOT,
        onLine,
        fix: 'It takes a buildx builder of the driver docker-container (`docker buildx create --use`) and a registry that you are logged in to (`docker login`).',
      },
    );
    return metadata.parse(JSON.parse(readFileSync(file, 'utf8')))['containerimage.digest'];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const imagesFile = z.record(
  z.string(),
  z.string().regex(/@sha256:[0-9a-f]{64}$/, 'an image with its digest'),
);

/** The images that were pushed, by what they are built from. */
export function pushedImages(file: string): Readonly<Record<string, string>> {
  try {
    return imagesFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new CliError(
      `${file} names no pushed images: ${error instanceof Error ? error.message : ''}`,
      '`npm run release:images` writes it.',
    );
  }
}
