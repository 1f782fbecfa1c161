/** A release's manifests as a file that is handed on: packed byte for byte the same, checked before it is used. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { create, extract } from 'tar';
import { z } from 'zod';
import { CliError } from './errors.ts';
import { attempt, lastLines } from './exec.ts';

/** Lists every other file, as `sha256sum -c` reads it. */
const SUMS = 'SHA256SUMS';
const ABOUT = 'release.json';

const about = z.object({
  /** What it is called, such as v1.4.0. */
  name: z.string(),
  /** The commit that it was made from. */
  commit: z.string(),
  /** Whole names of the images, by what they are built from. */
  images: z.record(z.string(), z.string()),
});
export type About = z.output<typeof about>;

/** Files of one place that a release is deployed to. */
export const placeIn = (folder: string, target: string) => ({
  /** The configuration that its manifests were rendered from. */
  values: join(folder, target, 'values.yaml'),
  manifests: join(folder, target, 'manifests'),
});

/** The places that an unpacked release has manifests for. */
export const targetsIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => existsSync(placeIn(folder, name).manifests));

/** Packs a folder; the same files make the same archive, whenever and by whom they were written. */
export async function packRelease(folder: string, release: About, archive: string): Promise<void> {
  writeFileSync(join(folder, ABOUT), `${JSON.stringify(release, null, 2)}\n`);
  writeFileSync(join(folder, SUMS), sumsOf(folder));
  await create(
    {
      cwd: folder,
      file: archive,
      gzip: { portable: true, level: 9 },
      portable: true,
      mtime: new Date(0),
      // What a file may be done with differs with the umask of whoever wrote it.
      onWriteEntry: (entry) => {
        if (entry.stat !== undefined) entry.stat.mode = 0o100644;
      },
    },
    filesIn(folder),
  );
}

/**
 * Unpacks a release into a folder and checks each file against its checksum.
 * @throws {CliError} when it is cut short, changed, or no release
 */
export async function unpackRelease(archive: string, folder: string): Promise<About> {
  const unpacked = `\`${archive}\``;
  const again = 'Download the release again; `npm run release:manifests` makes one.';
  if (!existsSync(archive)) throw new CliError(`There is no file ${unpacked}.`, again);
  mkdirSync(folder, { recursive: true });
  try {
    await extract({
      file: archive,
      cwd: folder,
      strict: true,
      filter: (_, entry) => 'type' in entry && entry.type === 'File',
    });
  } catch (error) {
    throw new CliError(
      `${unpacked} can't be unpacked: ${error instanceof Error ? error.message : ''}`,
      again,
    );
  }
  const sums = join(folder, SUMS);
  if (!existsSync(sums)) throw new CliError(`${unpacked} is no release: it has no ${SUMS}.`, again);
  if (readFileSync(sums, 'utf8') !== sumsOf(folder)) {
    throw new CliError(
      `${unpacked} is not what was released: its files are not those of its ${SUMS}.`,
      again,
    );
  }
  return about.parse(JSON.parse(readFileSync(join(folder, ABOUT), 'utf8')));
}

/** Where the signature of a file is. */
export const bundleOf = (file: string): string => `${file}.sigstore.json`;

/**
 * Checks that a file was signed by a repository's release workflow, for a tag, and by nobody else.
 * @throws {CliError} when it wasn't, or nobody can tell
 */
export async function verifySignature(file: string, repository: string): Promise<void> {
  const workflow = `https://github.com/${repository}/.github/workflows/release.yml@refs/tags/v`;
  const result = await attempt('cosign', [
    'verify-blob',
    ...['--bundle', bundleOf(file)],
    ...['--certificate-oidc-issuer', 'https://token.actions.githubusercontent.com'],
    ...['--certificate-identity-regexp', `^${workflow.replace(/[.+?^$()[\]{}|\\]/g, '\\$&')}[0-9A-Za-z.-]+$`],
    file,
  ]);
  if (result.ok) return;
  if (result.notFound) {
    throw new CliError(
      'cosign is not installed, or not in PATH, so that nobody can tell who signed the release.',
      'Install it: https://docs.sigstore.dev/cosign/system_config/installation/',
    );
  }
  throw new CliError(
    `\`${file}\` is not signed by the release workflow of ${repository}: ${lastLines(result.stderr, 3)}`,
    'Deploy only what `npm run release:fetch` downloads, together with its .sigstore.json.',
  );
}

const sumsOf = (folder: string): string =>
  filesIn(folder)
    .filter((file) => file !== SUMS)
    .map(
      (file) =>
        `${createHash('sha256')
          .update(readFileSync(join(folder, file)))
          .digest('hex')}  ${file}\n`,
    )
    .join('');

/** Paths of all files below a folder, sorted. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
