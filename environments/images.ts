/** The images that this project builds, unless the configuration names others: under a tag that is a hash of their sources. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ignore from 'ignore';
import { hasJmxAgent } from './monitoring.ts';
import type { Config } from './schema.ts';

export const APPS = ['api', 'web', 'mobile'] as const;
/** The apps, and the file by which Java servers tell metrics. */
export const BUILDS = [...APPS, 'jmx-agent'] as const;
export type Build = (typeof BUILDS)[number];

/** What an image is built from; paths are relative to the repository. */
export interface Sources {
  readonly context: string;
  readonly dockerfile: string;
  /**
   * Stage of the Dockerfile.
   * @default - the last one
   */
  readonly target?: string;
}

/** What this repository's own image is built from. */
export const referenceBuild = (build: Build): Sources => ({
  context: build === 'jmx-agent' ? 'exporters/jmx-agent' : `apps/${build}`,
  dockerfile: `dockerfiles/${build}.Dockerfile`,
});

/** What an image is built from: this repository's own, or what the configuration names in its place. */
export function buildOf(build: Build, config: Config): Sources {
  const own = build === 'jmx-agent' ? undefined : config[build].build;
  if (own === undefined) return referenceBuild(build);
  return {
    context: own.context,
    dockerfile: join(own.context, own.dockerfile),
    ...(own.target === undefined ? {} : { target: own.target }),
  };
}

/** Whether an app of somebody's own runs in place of this repository's. */
export const isOwn = (config: Config, app: (typeof APPS)[number]): boolean =>
  config[app].image !== undefined || config[app].build !== undefined;

/** Hash of the sources of each image, the tag under which it is built. */
export const sourceHashes = (root: string, config: Config): Readonly<Record<Build, string>> => ({
  api: sourceHash(buildOf('api', config), root),
  web: sourceHash(buildOf('web', config), root),
  mobile: sourceHash(buildOf('mobile', config), root),
  'jmx-agent': sourceHash(buildOf('jmx-agent', config), root),
});

/** The images that an environment runs and that are built here rather than named in its configuration. */
export const buildsOf = (config: Config): Build[] => {
  const used = {
    api: true,
    web: config.web.enabled,
    mobile: config.mobile.enabled,
    'jmx-agent': hasJmxAgent(config),
  };
  return BUILDS.filter((build) => used[build] && namedImage(config, build) === undefined);
};

const namedImage = (config: Config, build: Build): string | undefined =>
  build === 'jmx-agent' ? config.monitoring.exporters.jmxAgentImage : config[build].image;

/** An image in an environment: what the configuration names, or the built one. */
export const imageOf = (config: Config, build: Build, hashes: Readonly<Record<Build, string>>): string =>
  namedImage(config, build) ?? builtImage(config, build, hashes);

/** The image that is built from the sources, such as `ghcr.io/acme/zakpos-api:0f3c…`. */
export const builtImage = (config: Config, build: Build, hashes: Readonly<Record<Build, string>>): string =>
  `${[config.imageRegistry, `zakpos-${build}`].filter(Boolean).join('/')}:${hashes[build]}`;

/**
 * The first 12 hexadecimal digits of the SHA-256 over all files that the build sees, by name and content. What git
 * ignores is left by tools, and makes no other image of the same sources.
 */
export function sourceHash({ context, dockerfile, target }: Sources, root: string): string {
  const folder = resolve(root, context);
  const ignored = ignore()
    .add(anchored(linesOf(join(folder, '.dockerignore'))))
    .add(linesOf(join(folder, '.gitignore')));
  const hash = createHash('sha256').update(readFileSync(resolve(root, dockerfile)));
  if (target !== undefined) hash.update(`\0${target}`);
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
