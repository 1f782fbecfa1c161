/** What the API needs to run on this machine, beside dev's stores on localhost: as variables, and in its `.env`. */
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../environments/schema.ts';
import { POSTGRES_ROLES } from '../environments/secrets.ts';
import { ROOT } from './environment.ts';
import { CliError } from './errors.ts';
import type { TargetOptions } from './target.ts';

/** Port of the API on this machine, and those of the till and the mobile app that call it from a browser. */
export const HOST_PORTS = { api: 3000, web: 3001, mobile: 19006 } as const;

const BEGIN = '# >>> npm run up -- --only infra: written anew each time; what stands below the block counts';
const END = '# <<< npm run up -- --only infra';

export const ENV_FILE = join(ROOT, 'apps/api/.env');

/** @throws {CliError} where there are no such stores, or not all of them */
export function requireLocalStores(config: Config, { context }: TargetOptions): void {
  const { environment, localStores, postgres, redis, kafka } = config;
  if (environment !== 'dev' || context !== undefined) {
    throw new CliError(
      `\`--only infra\` is for dev's own kind cluster, whose stores answer on localhost; this is ${environment}${context === undefined ? '' : ` in the context ${context}`}.`,
      'Leave --env and --context out.',
    );
  }
  const elsewhere = Object.entries({ postgres, redis, kafka }).find(([, { mode }]) => mode !== 'statefulset');
  if (localStores && elsewhere === undefined) return;
  const [store, { mode }] = elsewhere ?? ['', { mode: '' }];
  throw new CliError(
    elsewhere === undefined
      ? 'localStores is false: nothing answers on localhost.'
      : `${store}.mode is ${mode}: it is no store of dev's cluster.`,
    'Take it out of the file that ZAKPOS_CONFIG names.',
  );
}

/** Variables by their names, among them dev's secrets, which the repository documents or the `.env` of its root holds. */
export function hostVariables({ api, localPorts, postgres, secrets, shop }: Config): Record<string, string> {
  const { values } = secrets;
  const database = (role: string, password = ''): string =>
    `postgresql://${role}:${password}@localhost:${localPorts.postgres}/${postgres.database}`;
  return {
    PORT: String(HOST_PORTS.api),
    API_PREFIX: api.prefix,
    LOG_LEVEL: api.logLevel,
    DATABASE_URL: database(POSTGRES_ROLES.app, values.postgresPassword),
    DATABASE_OWNER_URL: database(POSTGRES_ROLES.owner, values.postgresOwnerPassword),
    REDIS_URL: `redis://:${values.redisPassword ?? ''}@localhost:${localPorts.redis}`,
    KAFKA_BROKERS: `localhost:${localPorts.kafka}`,
    JWT_SECRET: values.jwtSecret ?? '',
    BOOTSTRAP_ADMIN_EMAIL: api.adminEmail,
    BOOTSTRAP_ADMIN_PASSWORD: values.adminPassword ?? '',
    DEMO_PRODUCTS: String(api.demoProducts),
    OPEN_REGISTRATION: String(api.openRegistration),
    CORS_ORIGINS: [HOST_PORTS.web, HOST_PORTS.mobile].map((port) => `http://localhost:${port}`).join(','),
    // No proxy stands before it.
    TRUST_PROXY: '0',
    SHOP_NAME: shop.name,
    SHOP_CURRENCY: shop.currency,
    SHOP_TIME_ZONE: shop.timeZone,
    ...api.env,
  };
}

/**
 * The file with a block of these variables: in the place of the block that is there, and before what its user has
 * written, which counts where both name a variable.
 */
export function withBlock(file: string, variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}\n`);
  const block = `${BEGIN}\n${lines.join('')}${END}\n`;
  const [before, after] = [file.indexOf(BEGIN), file.indexOf(END)];
  if (before === -1 || after < before) return `${block}${file}`;
  return `${file.slice(0, before)}${block}${file.slice(after + END.length).replace(/^\n/, '')}`;
}

/** In those of the three quotes that the value lacks; nothing is escaped in a `.env`. */
const quoted = (value: string): string => {
  if (/^[\w.:/@~,-]*$/.test(value)) return value;
  const quote = ["'", '`', '"'].find((candidate) => !value.includes(candidate)) ?? '"';
  return `${quote}${value}${quote}`;
};

/** @throws {CliError} when there is one that somebody else has written */
export function requireOwnEnvFile(file = ENV_FILE): void {
  if (!existsSync(file) || readFileSync(file, 'utf8').includes(BEGIN)) return;
  throw new CliError(
    `${file} is there, and not written by this command.`,
    'Move it away; what you keep of it goes below the block of the next one.',
  );
}

/** Writes the block into the file, which nobody else may read. */
export function writeEnvFile(variables: Readonly<Record<string, string>>, file = ENV_FILE): void {
  requireOwnEnvFile(file);
  const text = withBlock(existsSync(file) ? readFileSync(file, 'utf8') : '', variables);
  const fresh = `${file}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
}
