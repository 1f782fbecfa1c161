/** From an environment's name, a file of the user's own and `.env` to one parsed configuration. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { parse as parseYaml } from 'yaml';
import type { core } from 'zod';
import { cloud } from './cloud.ts';
import { dev } from './dev.ts';
import { APPS, buildOf } from './images.ts';
import { kind } from './kind.ts';
import { prod, single } from './prod.ts';
import {
  configSchema,
  ENVIRONMENTS,
  valueAt,
  type Config,
  type ConfigInput,
  type EnvironmentName,
} from './schema.ts';
import { test } from './test.ts';

const environments: Readonly<Record<EnvironmentName, ConfigInput>> = { dev, test, prod, cloud };

/** Configuration that can't be used: one line a problem, each with field, value and what is expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface LoadOptions {
  /**
   * Path of a YAML or JSON file that is merged over the environment (`ZAKPOS_CONFIG`).
   * @default - the environment as it is
   */
  readonly configFile?: string;
  /**
   * Path of a file of variables that set dev's secrets; a file that isn't there sets none.
   * @default - dev's documented secrets
   */
  readonly dotEnvFile?: string;
  /**
   * Folder that paths of the configuration start from.
   * @default - the working directory
   */
  readonly root?: string;
  /**
   * Whether it runs on a kind cluster, which lacks what other clusters bring (`ZAKPOS_ON_KIND`).
   * @default - dev does, the others don't
   */
  readonly onKind?: boolean;
}

/** Which of dev's secrets a variable of `.env` sets. */
const DOT_ENV_SECRETS = {
  POSTGRES_SUPERUSER_PASSWORD: 'postgresSuperuserPassword',
  POSTGRES_OWNER_PASSWORD: 'postgresOwnerPassword',
  POSTGRES_PASSWORD: 'postgresPassword',
  POSTGRES_EXPORTER_PASSWORD: 'postgresExporterPassword',
  POSTGRES_BACKUP_PASSWORD: 'postgresBackupPassword',
  REDIS_PASSWORD: 'redisPassword',
  JWT_SECRET: 'jwtSecret',
  ADMIN_PASSWORD: 'adminPassword',
  BACKUP_KEY: 'backupKey',
  GRAFANA_PASSWORD: 'grafanaPassword',
} as const;

/** The name of an environment, or a {@link ConfigError} that lists them. */
export function environmentName(name: string): EnvironmentName {
  const known = ENVIRONMENTS.find((candidate) => candidate === name);
  if (known === undefined) {
    throw new ConfigError(`"${name}" is no environment; choose one of ${ENVIRONMENTS.join(', ')}`);
  }
  return known;
}

/**
 * The parsed configuration of one environment.
 * @throws {ConfigError} that names each field that is wrong, its value and what is expected
 */
export function loadConfig(name: EnvironmentName, options: LoadOptions = {}): Config {
  let input: Tree = environments[name];
  const sources = [`environments/${name}.ts`];
  if (name === 'dev' && options.dotEnvFile !== undefined && existsSync(options.dotEnvFile)) {
    input = merge(input, { secrets: { values: dotEnvSecrets(options.dotEnvFile) } });
    sources.push(options.dotEnvFile);
  }
  if (options.onKind === true && (name === 'prod' || name === 'cloud')) {
    input = merge(input, kind);
    sources.push('environments/kind.ts');
  }
  // The ports of somebody's nodes are no ports of one laptop, and dev's passwords are known to all.
  if (options.onKind === false && name === 'dev') input = merge(input, { localStores: false });
  let own: Tree = {};
  if (options.configFile !== undefined) {
    own = readConfigFile(options.configFile);
    if (own.environment !== undefined && !ENVIRONMENTS.some((known) => known === own.environment)) {
      throw new ConfigError(
        `ZAKPOS_CONFIG: ${options.configFile}: environment is ${JSON.stringify(own.environment)}, expected one of ${ENVIRONMENTS.join(', ')}`,
      );
    }
    if (own.environment === undefined || own.environment === name) sources.push(options.configFile);
    else own = {};
  }
  if (own.size === 'single') input = merge(input, single);
  input = merge(input, own);

  const result = configSchema.safeParse(input, { reportInput: true });
  const problems = result.success
    ? missingSources(result.data, options.root ?? process.cwd())
    : result.error.issues.map((issue) => describe(issue, input));
  if (result.success && problems.length === 0) return result.data;
  throw new ConfigError(
    [
      `The configuration of ${name} (${sources.join(' + ')}) can't be used:`,
      ...problems.map((problem) => `  ${problem}`),
    ].join('\n'),
  );
}

/** Folders and Dockerfiles of own builds that aren't there. */
const missingSources = (config: Config, root: string): string[] =>
  APPS.flatMap((app) => {
    const { build } = config[app];
    if (build === undefined) return [];
    const { context, dockerfile } = buildOf(app, config);
    if (!existsSync(resolve(root, context)))
      return [
        `${app}.build.context: is ${JSON.stringify(build.context)}, expected a folder; there is no ${resolve(root, context)}`,
      ];
    if (!existsSync(resolve(root, dockerfile)))
      return [
        `${app}.build.dockerfile: is ${JSON.stringify(build.dockerfile)}, expected a file of the context; there is no ${resolve(root, dockerfile)}`,
      ];
    return [];
  });

type Tree = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `over` laid over `base`: mappings are merged, everything else is replaced. */
function merge(base: Tree, over: Tree): Tree {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isTree(below) && isTree(value) ? merge(below, value) : value;
  }
  return merged;
}

function readConfigFile(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `ZAKPOS_CONFIG: ${file} can't be read (${reason(error)}); name a readable YAML or JSON file`,
    );
  }
  let parsed: unknown;
  try {
    parsed = parseYaml(text);
  } catch (error) {
    // The lines below the first show the file, which may hold dev's secrets.
    const [first = ''] = reason(error).split('\n');
    throw new ConfigError(`ZAKPOS_CONFIG: ${file} is neither YAML nor JSON: ${first.replace(/:$/, '')}`);
  }
  if (!isTree(parsed)) {
    throw new ConfigError(
      `ZAKPOS_CONFIG: ${file} holds no mapping; write fields such as "ingress:\\n  host: till.example.com"`,
    );
  }
  return parsed;
}

function dotEnvSecrets(file: string): Tree {
  const variables = parseEnv(readFileSync(file, 'utf8'));
  return Object.fromEntries(
    Object.entries(DOT_ENV_SECRETS).flatMap(([variable, field]) => {
      const value = variables[variable];
      return value === undefined || value === '' ? [] : [[field, value]];
    }),
  );
}

/** One problem as "field: is value, expected …"; values of secrets are left out. */
function describe(issue: core.$ZodIssue, input: Tree): string {
  const field = issue.path.map(String).join('.') || '(the whole file)';
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => [...issue.path.map(String), key].join('.'));
    return `${keys.join(', ')}: no such field; docs/reference/configuration.md lists them`;
  }
  const value = issue.input ?? valueAt(input, issue.path);
  const isSecret = issue.path[0] === 'secrets' && issue.path[1] !== 'source';
  const shown = isSecret ? '(not shown)' : JSON.stringify(value);
  return `${field}: is ${value === undefined ? 'missing' : shown}, expected ${issueDetail(issue)}`;
}

function issueDetail(issue: core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('Invalid input') ? issue.expected : issue.message;
    case 'invalid_key':
      return issue.issues.map(({ message }) => message).join(', ');
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return issue.origin === 'string' ? issue.message : `at least ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'string' ? issue.message : `at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
