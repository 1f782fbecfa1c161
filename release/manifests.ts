/** `npm run release:manifests`: what is applied in each place, rendered with the images that were pushed, as one file. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { ROOT } from '../cli/environment.ts';
import { run } from '../cli/exec.ts';
import { packRelease, placeIn } from '../cli/release.ts';
import { step } from '../cli/steps.ts';
import { ENVIRONMENTS } from '../environments/schema.ts';
import { pushedImages } from './images.ts';

export interface ReleaseManifestsOptions {
  readonly release: string;
  /** File of the images that were pushed. */
  readonly images: string;
  /** Folder of the places' own values, a file each. */
  readonly targets: string;
  /** The archive. */
  readonly out: string;
}

const mapping = z.record(z.string(), z.unknown());
const values = z.looseObject({ environment: z.enum(ENVIRONMENTS) });

export async function releaseManifests(options: ReleaseManifestsOptions): Promise<void> {
  const images = pushedImages(options.images);
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-release-'));
  try {
    for (const file of readdirSync(options.targets)
      .filter((name) => name.endsWith('.yaml'))
      .sort()) {
      const target = basename(file, '.yaml');
      await step(target, () => render(join(options.targets, file), images, placeIn(folder, target)));
    }
    const commit = (await run('git', ['rev-parse', 'HEAD'], { cwd: ROOT })).trim();
    mkdirSync(dirname(options.out), { recursive: true });
    await packRelease(folder, { name: options.release, commit, images }, resolve(options.out));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function render(
  file: string,
  images: Readonly<Record<string, string>>,
  place: ReturnType<typeof placeIn>,
): Promise<void> {
  const own = values.parse(parse(readFileSync(file, 'utf8')));
  mkdirSync(dirname(place.values), { recursive: true });
  writeFileSync(place.values, stringify(withImages(own, images)));
  const outdir = mkdtempSync(join(tmpdir(), 'zakpos-rendered-'));
  try {
    await run(process.execPath, ['synth.mjs'], {
      cwd: ROOT,
      env: { ZAKPOS_ENV: own.environment, ZAKPOS_CONFIG: place.values, CDK8S_OUTDIR: outdir },
      fix: `Mend ${file}: docs/reference/configuration.md lists the fields.`,
    });
    cpSync(join(outdir, own.environment), place.manifests, { recursive: true });
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** Values that name the release's images, but where a place names its own. */
export function withImages(
  own: Readonly<Record<string, unknown>>,
  { 'jmx-agent': jmxAgentImage, ...apps }: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const over = (base: Record<string, unknown>, field: string): Record<string, unknown> => ({
    ...base,
    ...mapping.default({}).parse(own[field]),
  });
  const monitoring = mapping.default({}).parse(own.monitoring);
  return {
    ...own,
    ...Object.fromEntries(Object.entries(apps).map(([app, image]) => [app, over({ image }, app)])),
    monitoring: {
      ...monitoring,
      exporters: { jmxAgentImage, ...mapping.default({}).parse(monitoring.exporters) },
    },
  };
}
