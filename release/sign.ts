/** `npm run release:sign`: signatures without a key, by the identity that GitHub vouches for. */
import { CliError } from '../cli/errors.ts';
import { attempt, lastLines } from '../cli/exec.ts';
import { bundleOf } from '../cli/release.ts';
import { step } from '../cli/steps.ts';
import { pushedImages } from './images.ts';

export interface SignOptions {
  /**
   * File of the images that were pushed.
   * @default - none is signed
   */
  readonly images?: string;
  /**
   * A release's archive, which gets its signature beside it.
   * @default - none is signed
   */
  readonly archive?: string;
}

export async function sign({ images, archive }: SignOptions): Promise<void> {
  for (const image of images === undefined ? [] : Object.values(pushedImages(images))) {
    // By its digest, so that it is what was scanned, and each architecture's own image with it.
    await step(`Signing ${image}`, () =>
      cosign(['sign', '--yes', '--recursive', image.replace(/:[^:@/]+@/, '@')]),
    );
  }
  if (archive !== undefined) {
    await step(`Signing ${archive}`, () =>
      cosign(['sign-blob', '--yes', '--bundle', bundleOf(archive), archive]),
    );
  }
}

async function cosign(args: readonly string[]): Promise<void> {
  const result = await attempt('cosign', args);
  if (result.ok) return;
  throw new CliError(
    result.notFound
      ? 'cosign is not installed, or not in PATH: nothing was signed.'
      : `cosign could not sign: ${lastLines(result.stderr, 3)}`,
    'It is made for a workflow with `id-token: write`; https://docs.sigstore.dev/cosign/system_config/installation/ has it.',
  );
}
