/** The images that this project builds, unless the configuration names others: under a tag that is a hash of their sources. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ignore from 'ignore';
import { expiryCommand, hasJmxAgent } from './monitoring.ts';
import type { Config } from './schema.ts';
import { REFERENCE_MIGRATIONS } from './schema/apps.ts';

export const APPS = ['api', 'web', 'mobile'] as const;
export type AppName = (typeof APPS)[number];
/** The apps, what has their packages and none of their sources, and the file by which Java servers tell metrics. */
export const BUILDS = [...APPS, 'api-dev', 'web-dev', 'mobile-dev', 'jmx-agent'] as const;
export type Build = (typeof BUILDS)[number];
/** What a pod runs that may be built here. */
export const IMAGES = [...APPS, 'expiry', 'jmx-agent'] as const;
export type ImageName = (typeof IMAGES)[number];

/** What an image is built from; paths are relative to the repository. */
export interface Sources {
  readonly context: string;
  readonly dockerfile: string;
  /**
   * Stage of the Dockerfile.
   * @default - the last one
   */
  readonly target?: string;
  /**
   * Files of the context that the stage takes.
   * @default - all that the build sees
   */
  readonly files?: readonly string[];
}

/** All that an image has of its app in which the sources are mounted. */
const PACKAGES = ['package.json', 'package-lock.json', '.npmrc'];

/** The app that an image is of, whether it has its sources or not. */
export const appOf = (build: Build): AppName | undefined =>
  APPS.find((app) => build === app || build === `${app}-dev`);

/** What this repository's own image is built from. */
export function referenceBuild(build: Build): Sources {
  const app = appOf(build);
  if (app === undefined) {
    return { context: 'exporters/jmx-agent', dockerfile: 'dockerfiles/jmx-agent.Dockerfile' };
  }
  const sources = { context: `apps/${app}`, dockerfile: `dockerfiles/${app}.Dockerfile` };
  return build === app ? sources : { ...sources, target: 'dev', files: PACKAGES };
}

/** What an image is built from: this repository's own, or what the configuration names in its place. */
export function buildOf(build: Build, config: Config): Sources {
  const app = APPS.find((name) => name === build);
  const own = app === undefined ? undefined : config[app].build;
  if (own === undefined) return referenceBuild(build);
  return {
    context: own.context,
    dockerfile: join(own.context, own.dockerfile),
    ...(own.target === undefined ? {} : { target: own.target }),
  };
}

/** Whether an app of somebody's own runs in place of this repository's. */
export const isOwn = (config: Config, app: AppName): boolean =>
  config[app].image !== undefined || config[app].build !== undefined;

/**
 * Whether the API's image has this repository's programs, such as `dist/seed.js`: also where it is named, as the values of
 * a release name it. It has those of somebody else where it migrates in another way.
 */
export const hasReferencePrograms = ({ api }: Config): boolean =>
  api.migrations?.join(' ') === REFERENCE_MIGRATIONS.join(' ');

/** Hash of what each image is made from, the tag under which it is built. */
export function sourceHashes(root: string, config: Config): Readonly<Record<Build, string>> {
  const hashOf = (build: Build): string => sourceHash(buildOf(build, config), root);
  return {
    api: hashOf('api'),
    web: hashOf('web'),
    mobile: hashOf('mobile'),
    'api-dev': hashOf('api-dev'),
    'web-dev': hashOf('web-dev'),
    'mobile-dev': hashOf('mobile-dev'),
    'jmx-agent': hashOf('jmx-agent'),
  };
}

/** Whether an app runs from the sources of the checkout, in an image that has only its packages. */
export const isMounted = (config: Config, app: AppName): boolean =>
  config[app].sources === 'mounted' && !isOwn(config, app) && (app === 'api' || config[app].enabled);

/** The images that an environment runs and that are built here rather than named in its configuration. */
export const buildsOf = (config: Config): Build[] => {
  const used: Readonly<Record<ImageName, boolean>> = {
    api: true,
    web: config.web.enabled,
    mobile: config.mobile.enabled,
    expiry: expiryCommand(config) !== undefined,
    'jmx-agent': hasJmxAgent(config),
  };
  const builds = IMAGES.filter((image) => used[image] && namedImage(config, image) === undefined).map(
    (image) => buildFor(config, image),
  );
  return BUILDS.filter((build) => builds.includes(build));
};

const namedImage = (config: Config, image: ImageName): string | undefined =>
  image === 'jmx-agent'
    ? config.monitoring.exporters.jmxAgentImage
    : config[image === 'expiry' ? 'api' : image].image;

/** What is built for an image that nobody names. */
function buildFor(config: Config, image: ImageName): Build {
  // It has too little memory for a compiler.
  if (image === 'expiry') return 'api';
  return image !== 'jmx-agent' && isMounted(config, image) ? `${image}-dev` : image;
}

/** An image in an environment: what the configuration names, or the built one. */
export const imageOf = (config: Config, image: ImageName, hashes: Readonly<Record<Build, string>>): string =>
  namedImage(config, image) ?? builtImage(config, buildFor(config, image), hashes);

/** The image that is built from the sources, such as `ghcr.io/acme/zakpos-api:0f3c…`. */
export const builtImage = (config: Config, build: Build, hashes: Readonly<Record<Build, string>>): string =>
  `${[config.imageRegistry, `zakpos-${build}`].filter(Boolean).join('/')}:${hashes[build]}`;

/** The first 12 hexadecimal digits of the SHA-256 over all files that an image is made from, by name and content. */
export function sourceHash({ context, dockerfile, target, files }: Sources, root: string): string {
  const folder = resolve(root, context);
  const hash = createHash('sha256').update(readFileSync(resolve(root, dockerfile)));
  if (target !== undefined) hash.update(`\0${target}`);
  const hashed = files?.filter((file) => existsSync(join(folder, file))) ?? seenByBuild(folder);
  for (const file of hashed) hash.update(`\0${file}\0`).update(readFileSync(join(folder, file)));
  return hash.digest('hex').slice(0, 12);
}

/** All files that a build sees. What git ignores is left by tools, and makes no other image of the same sources. */
function seenByBuild(folder: string): string[] {
  const ignored = ignore()
    .add(anchored(linesOf(join(folder, '.dockerignore'))))
    .add(linesOf(join(folder, '.gitignore')));
  return filesBelow(folder, '', (path) => ignored.ignores(path));
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
