/** The environment that a command is about: its configuration and its rendered manifests. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { environmentName, loadConfig } from '../environments/load.ts';
import type { Config } from '../environments/schema.ts';
import { CliError } from './errors.ts';
import { attempt } from './exec.ts';
import type { TargetOptions } from './target.ts';

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * The parsed configuration of an environment, from its file, ZAKPOS_CONFIG and `.env`; on a kind cluster, with what
 * kind lacks.
 * @throws {ConfigError} for a name or a value that can't be used
 */
export function readConfig({ env, context }: TargetOptions): Config {
  return loadConfig(environmentName(env), {
    root: ROOT,
    configFile: process.env.ZAKPOS_CONFIG,
    dotEnvFile: join(ROOT, '.env'),
    onKind: context === undefined,
  });
}

const manifestSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});
/** A rendered object; what all commands read of it is typed. */
export type Manifest = z.output<typeof manifestSchema>;

/** The rendered manifests of an environment. */
export interface Rendered {
  /** Folder that `kubectl apply -f` takes. */
  readonly folder: string;
  /** Its files, but `registrations`. */
  readonly files: readonly string[];
  /**
   * Files that make a Service a part of the Kubernetes API. They come after that Service serves: until then, the API
   * server can't list its own resources, and it may keep a connection to whatever else has answered at the address.
   */
  readonly registrations: readonly string[];
  /** Folder of the CRDs that must be there before. */
  readonly crds: string | undefined;
  /** What is in `files` and `registrations`. */
  readonly objects: readonly Manifest[];
  /** What is in the folder of CRDs. */
  readonly definitions: readonly Manifest[];
  /** Changes with anything in them. */
  readonly digest: string;
}

/** Which part of an environment. */
export interface Part {
  /**
   * `infra`: what its apps need when they run elsewhere.
   * @default - all of it
   */
  readonly only?: 'infra';
}

/** Where synthesis writes. */
const dist = (): string => resolve(ROOT, process.env.CDK8S_OUTDIR ?? 'dist');

/** The folder of an environment's manifests. */
export const folderOf = ({ environment }: Config): string => join(dist(), environment);

/**
 * Synthesizes the environment, or what its apps need when they run elsewhere, into dist/<name>, or the same folder of
 * another one.
 * @throws {CliError} with what synthesis said; dist/ is then as it was
 */
export async function synthesize(
  { environment }: Config,
  { context, only }: TargetOptions & Part,
  folder = dist(),
): Promise<Rendered> {
  const result = await attempt(process.execPath, ['synth.mjs'], {
    cwd: ROOT,
    env: {
      ZAKPOS_ENV: environment,
      CDK8S_OUTDIR: folder,
      ZAKPOS_ON_KIND: String(context === undefined),
      ZAKPOS_ONLY: only ?? 'all',
    },
  });
  if (!result.ok) {
    throw new CliError(
      result.stderr.trim(),
      `Nothing was written or applied; \`ZAKPOS_ENV=${environment} npm run synth\` shows the same.`,
    );
  }
  return readManifests(join(folder, environment));
}

/** What would be rendered, for what is only looked at. */
export type Preview = Pick<Rendered, 'objects' | 'definitions' | 'digest'>;

/** Synthesizes the environment; dist/ stays as it is. */
export async function preview(config: Config, options: TargetOptions & Part): Promise<Preview> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-preview-'));
  try {
    return await synthesize(config, options, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Reads the manifests in a folder of dist/. */
export function readManifests(folder: string): Rendered {
  const files = manifestsIn(folder);
  const registers = ({ documents }: { readonly documents: readonly Manifest[] }): boolean =>
    documents.some(({ kind }) => kind === 'APIService');
  const crds = join(folder, 'crds');
  return {
    folder,
    files: files.filter((file) => !registers(file)).map(({ path }) => path),
    registrations: files.filter(registers).map(({ path }) => path),
    crds: existsSync(crds) ? crds : undefined,
    objects: files.flatMap(({ documents }) => documents),
    definitions: existsSync(crds) ? manifestsIn(crds).flatMap(({ documents }) => documents) : [],
    digest: createHash('sha256')
      .update(files.map(({ text }) => text).join('\0'))
      .digest('hex')
      .slice(0, 16),
  };
}

interface ManifestFile {
  readonly path: string;
  readonly text: string;
  readonly documents: readonly Manifest[];
}

const manifestsIn = (folder: string): ManifestFile[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => readManifest(join(folder, file)));

/** Reads one file of manifests. */
export function readManifest(path: string): ManifestFile {
  const text = readFileSync(path, 'utf8');
  const documents = parseAllDocuments(text).map((document) => manifestSchema.parse(document.toJS()));
  return { path, text, documents };
}
