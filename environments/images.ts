/** The images of the apps: named in the configuration, or built from their sources under a tag that is their hash. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ignore from 'ignore';
import type { Config } from './schema.ts';

export const APPS = ['api', 'web', 'mobile'] as const;
export type App = (typeof APPS)[number];

/** Where an app's image is built from; paths are relative to the repository. */
export const buildOf = (app: App) => ({
  context: `apps/${app}`,
  dockerfile: `dockerfiles/${app}.Dockerfile`,
});

/** Hash of each app's sources, the tag of the image that is built from them. */
export const sourceHashes = (root: string): Readonly<Record<App, string>> => ({
  api: sourceHash('api', root),
  web: sourceHash('web', root),
  mobile: sourceHash('mobile', root),
});

/** The image of an app in an environment: what the configuration names, or the built one. */
export const imageOf = (config: Config, app: App, hashes: Readonly<Record<App, string>>): string =>
  config[app].image ?? builtImage(config, app, hashes);

/** The image that is built from the app's sources, such as `ghcr.io/acme/zakpos-api:0f3c…`. */
export const builtImage = (config: Config, app: App, hashes: Readonly<Record<App, string>>): string =>
  `${[config.imageRegistry, `zakpos-${app}`].filter(Boolean).join('/')}:${hashes[app]}`;

/**
 * The first 12 hexadecimal digits of the SHA-256 over all files that the build sees, by name and content. What git
 * ignores is left by tools, and makes no other image of the same sources.
 */
export function sourceHash(app: App, root: string): string {
  const { context, dockerfile } = buildOf(app);
  const folder = join(root, context);
  const ignored = ignore()
    .add(anchored(linesOf(join(folder, '.dockerignore'))))
    .add(linesOf(join(folder, '.gitignore')));
  const hash = createHash('sha256').update(readFileSync(join(root, dockerfile)));
  for (const file of filesBelow(folder, '', (path) => ignored.ignores(path))) {
    hash.update(`\0${file}\0`).update(readFileSync(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** Docker's patterns start at the folder; those of git, and so of the package `ignore`, match at any depth. */
const anchored = (patterns: readonly string[]): string[] =>
  patterns.map((pattern) => pattern.replace(/^(!?)\/?(?=[^!#\s])/, '$1/'));

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split(/\r?\n/) : [];

/** Paths of files below `folder`, sorted, ignored folders not entered. */
function filesBelow(folder: string, prefix: string, ignores: (path: string) => boolean): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      if (ignores(entry.isDirectory() ? `${path}/` : path)) return [];
      return entry.isDirectory() ? filesBelow(folder, path, ignores) : [path];
    });
}
