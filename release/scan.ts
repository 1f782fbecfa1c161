/** `npm run scan`: what Trivy knows about the images; a weakness that has a fix, and is bad enough, fails it. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readConfig } from '../cli/environment.ts';
import { CliError } from '../cli/errors.ts';
import { attempt, lastLines } from '../cli/exec.ts';
import { builtImages } from '../cli/images.ts';
import { writeJobSummary } from '../cli/job-summary.ts';
import { step } from '../cli/steps.ts';
import { table } from '../cli/table.ts';
import { pushedImages } from './images.ts';

/** Weaknesses that do not matter here, each with its reason; Trivy takes the file only when it is named. */
const IGNORED = join(import.meta.dirname, '../.trivyignore.yaml');

export interface ScanOptions {
  /** The environment whose images are scanned, as docker has them. */
  readonly env: string;
  /**
   * File of the images that were pushed, instead.
   * @default - those of the environment
   */
  readonly images?: string;
  /**
   * Which of an image's platforms.
   * @default - that of this machine
   */
  readonly platform?: string;
  /** How bad a weakness has to be. */
  readonly severity: string;
  /** Folder that gets the reports, as JSON and as SARIF. */
  readonly out: string;
}

const report = z.object({
  Results: z
    .array(
      z.object({
        Vulnerabilities: z
          .array(
            z.object({
              VulnerabilityID: z.string(),
              PkgName: z.string(),
              InstalledVersion: z.string(),
              FixedVersion: z.string().default(''),
              Severity: z.string(),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});
type Weakness = z.output<typeof report>['Results'][number]['Vulnerabilities'][number];

export async function scan(options: ScanOptions): Promise<void> {
  const images =
    options.images === undefined
      ? Object.fromEntries(builtImages(readConfig(options)).map(({ name, image }) => [name, image]))
      : pushedImages(options.images);
  mkdirSync(options.out, { recursive: true });
  const rows: string[][] = [];
  for (const [name, image] of Object.entries(images)) {
    const found = await step(image, async (line) => {
      const weaknesses = await scanOne(name, image, options);
      line.rename(`${image}: ${weaknesses.length === 0 ? 'nothing' : weaknesses.length} to be mended`);
      return weaknesses;
    });
    rows.push(
      ...found.map((each) => [
        ...[name, each.VulnerabilityID, each.Severity, each.PkgName],
        ...[each.InstalledVersion, each.FixedVersion],
      ]),
    );
  }
  const told = table([['image', 'weakness', 'severity', 'package', 'installed', 'fixed in'], ...rows]);
  writeJobSummary({
    title: `Images, ${options.platform ?? 'as docker has them'}: ${rows.length} weaknesses of ${options.severity} that have a fix`,
    facts: { images: Object.values(images).join('\n'), ...(rows.length === 0 ? {} : { found: told }) },
  });
  if (rows.length === 0) return;
  console.log(told);
  throw new CliError(
    `${rows.length} weaknesses of ${options.severity} have a fix that the images lack.`,
    'Update the base image (NODE_IMAGE, NGINX_IMAGE in dockerfiles/) or the package in apps/, and build again; one that does not matter here goes into .trivyignore.yaml with its reason.',
  );
}

async function scanOne(
  name: string,
  image: string,
  { platform, severity, out }: ScanOptions,
): Promise<Weakness[]> {
  const json = join(
    out,
    `${[name, ...(platform === undefined ? [] : [platform.replace('/', '-')])].join('-')}.json`,
  );
  await trivy([
    ...['image', '--quiet', '--scanners', 'vuln', '--severity', severity, '--ignore-unfixed'],
    ...(platform === undefined ? [] : ['--platform', platform]),
    ...(existsSync(IGNORED) ? ['--ignorefile', IGNORED] : []),
    ...['--format', 'json', '--output', json, image],
  ]);
  await trivy(['convert', '--quiet', '--format', 'sarif', '--output', json.replace(/json$/, 'sarif'), json]);
  return report
    .parse(JSON.parse(readFileSync(json, 'utf8')))
    .Results.flatMap(({ Vulnerabilities }) => Vulnerabilities);
}

async function trivy(args: readonly string[]): Promise<void> {
  const result = await attempt('trivy', args);
  if (result.ok) return;
  if (result.notFound) {
    throw new CliError(
      'trivy is not installed, or not in PATH: no image was scanned.',
      'Install it: https://trivy.dev/latest/getting-started/installation/ (`brew install trivy`).',
    );
  }
  throw new CliError(
    `trivy could not scan: ${lastLines(result.stderr, 3)}`,
    'It needs the images in docker (`npm run images -- --no-load`) or in a registry, and the network for its database.',
  );
}
