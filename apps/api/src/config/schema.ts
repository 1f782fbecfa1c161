import { z } from 'zod';

import { readSecret } from './environment.js';
import { SecretPair } from './secret.js';

/** How long a changed key of the tokens may go unnoticed: it is asked for with each request. */
const KEYS_RECHECK_MS = 1000;

const whole = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `a whole number from ${minimum} to ${maximum}`)
    .transform(Number)
    .pipe(
      z
        .number()
        .min(minimum, `a whole number from ${minimum} to ${maximum}`)
        .max(maximum, `a whole number from ${minimum} to ${maximum}`),
    );

const flag = z.enum(['true', 'false'], 'true or false').transform((value) => value === 'true');

const list = z.string().transform((value) =>
  value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== ''),
);

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** "15m" as seconds. */
const duration = z
  .string()
  .regex(/^[1-9]\d{0,5}[smhd]$/, 'a duration such as 30s, 15m, 12h or 30d')
  .transform((value) => Number(value.slice(0, -1)) * (UNIT_SECONDS[value.slice(-1)] ?? 1));

const url = (protocols: readonly string[], example: string) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    message: `a URL such as ${example}`,
  });

const timeZone = z.string().refine(isTimeZone, { message: 'an IANA time zone such as Europe/Berlin' });

/** Under any of its names; an offset such as +02:00 is none, and PostgreSQL would read it the other way round. */
function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Z]/i.test(name);
  } catch {
    return false;
  }
}

const roleName = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'a role name of lower case letters, digits and _');

const optionalText = z.string().optional();

const processVariables = {
  NODE_ENV: z.string().default('development'),
  PORT: whole(0, 65_535).default(3000),
  LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'one of fatal, error, warn, info, debug, trace, silent',
    )
    .default('info'),
};

const databaseVariables = {
  DATABASE_URL: url(['postgresql:', 'postgres:'], 'postgresql://user@host:5432/database')
    .refine((value) => !value.includes('?'), {
      message: 'no parameters behind "?" (TLS is set by DATABASE_SSL_MODE)',
      abort: true,
    })
    .default('postgresql://zakpos_user@zakpos-postgres:5432/zakpos_db'),
  DATABASE_USERNAME_FILE: optionalText,
  DATABASE_PASSWORD: optionalText,
  DATABASE_PASSWORD_FILE: optionalText,
  DATABASE_SSL_MODE: z
    .enum(['disable', 'require', 'verify-full'], 'one of disable, require, verify-full')
    .default('disable'),
  DATABASE_SSL_CA_FILE: optionalText,
  DATABASE_POOL_SIZE: whole(2, 200).default(10),
};

const redisVariables = {
  REDIS_URL: url(['redis:', 'rediss:'], 'redis://host:6379').default('redis://zakpos-redis:6379'),
  REDIS_PASSWORD: optionalText,
  REDIS_PASSWORD_FILE: optionalText,
  REDIS_SSL_CA_FILE: optionalText,
};

const broker = /^[a-zA-Z0-9.-]+:\d{1,5}$/;

const kafkaVariables = {
  KAFKA_BROKERS: list
    .refine((brokers) => brokers.length > 0 && brokers.every((each) => broker.test(each)), {
      message: 'a comma separated list of host:port',
    })
    .default(['zakpos-kafka:9092']),
  KAFKA_SASL_USERNAME: optionalText,
  KAFKA_SASL_USERNAME_FILE: optionalText,
  KAFKA_SASL_PASSWORD: optionalText,
  KAFKA_SASL_PASSWORD_FILE: optionalText,
  /** TLS by the system's authorities; a CA file means TLS by itself. */
  KAFKA_SSL: flag.default(false),
  KAFKA_SSL_CA_FILE: optionalText,
  KAFKA_TOPIC_SALES: z.string().default('zakpos.sales'),
  KAFKA_TOPIC_PRODUCTS: z.string().default('zakpos.products'),
  KAFKA_TOPIC_SALES_DLQ: z.string().default('zakpos.sales.dlq'),
};

const authVariables = {
  JWT_SECRET: optionalText,
  JWT_SECRET_FILE: optionalText,
  JWT_PREVIOUS_SECRET: optionalText,
  JWT_PREVIOUS_SECRET_FILE: optionalText,
  JWT_ACCESS_TTL: duration.default(15 * 60),
  JWT_REFRESH_TTL: duration.default(30 * 86_400),
  OPEN_REGISTRATION: flag.default(false),
};

const httpVariables = {
  API_PREFIX: z
    .string()
    .regex(/^[a-z0-9-]+(\/[a-z0-9-]+)*$/, 'a path without slashes around it, such as api/v1')
    .default('api/v1'),
  CORS_ORIGINS: list.default([]),
  RATE_LIMIT_PER_MINUTE: whole(1, 10_000_000).default(300),
  RATE_LIMIT_LOGIN_PER_MINUTE: whole(1, 10_000_000).default(10),
  TRUST_PROXY: whole(0, 10).default(1),
};

const shopVariables = {
  SHOP_NAME: z.string().max(80, 'at most 80 characters').default('ZakPOS'),
  SHOP_CURRENCY: z
    .string()
    .regex(/^[A-Z]{3}$/, 'an ISO 4217 code such as EUR')
    .default('EUR'),
  SHOP_TIME_ZONE: timeZone.default('UTC'),
};

const bootstrapVariables = {
  BOOTSTRAP_ADMIN_EMAIL: z.email('an e-mail address').optional(),
  BOOTSTRAP_ADMIN_PASSWORD: optionalText,
  BOOTSTRAP_ADMIN_PASSWORD_FILE: optionalText,
  DEMO_PRODUCTS: flag.default(false),
  MIGRATE_WAIT_SECONDS: whole(0, 3600).default(60),
  APP_ROLE: roleName.default('zakpos_user'),
  EXPORTER_ROLE: roleName.default('zakpos_exporter'),
  BACKUP_ROLE: roleName.default('zakpos_backup'),
  MIGRATIONS_REQUIRE_BACKUP: flag.default(false),
};

const shopSchema = z.object(shopVariables).transform((given) => ({
  name: given.SHOP_NAME,
  currency: given.SHOP_CURRENCY,
  timeZone: given.SHOP_TIME_ZONE,
}));

const processSchema = z.object(processVariables).transform((given) => ({
  port: given.PORT,
  logLevel: given.LOG_LEVEL,
}));

const foldersSchema = z
  .object({ CERTIFICATES_FOLDER: z.string(), SECRET_AGES_FOLDER: z.string() })
  .transform((given) => ({
    certificates: given.CERTIFICATES_FOLDER,
    secretAges: given.SECRET_AGES_FOLDER,
  }));

const databaseSchema = z.object(databaseVariables).transform((given, context) => {
  const url = new URL(given.DATABASE_URL);
  // What the URL says counts where no variable says it.
  const login = {
    ...given,
    DATABASE_USERNAME: decodeURIComponent(url.username),
    DATABASE_PASSWORD: given.DATABASE_PASSWORD ?? decodeURIComponent(url.password),
  };
  return {
    url: given.DATABASE_URL,
    login: new SecretPair(
      readSecret('DATABASE_USERNAME', login, context, {
        required: given.DATABASE_USERNAME_FILE !== undefined,
      }),
      readSecret('DATABASE_PASSWORD', login, context),
    ),
    sslMode: given.DATABASE_SSL_MODE,
    sslCaFile: given.DATABASE_SSL_CA_FILE,
    poolSize: given.DATABASE_POOL_SIZE,
  };
});

const redisSchema = z.object(redisVariables).transform((given, context) => ({
  url: given.REDIS_URL,
  password: readSecret('REDIS_PASSWORD', given, context),
  sslCaFile: given.REDIS_SSL_CA_FILE,
}));

const kafkaSchema = z.object(kafkaVariables).transform((given, context) => ({
  brokers: given.KAFKA_BROKERS,
  login:
    (given.KAFKA_SASL_USERNAME ?? given.KAFKA_SASL_USERNAME_FILE) !== undefined
      ? new SecretPair(
          readSecret('KAFKA_SASL_USERNAME', given, context, { required: true }),
          readSecret('KAFKA_SASL_PASSWORD', given, context, { required: true }),
        )
      : undefined,
  ssl: given.KAFKA_SSL || given.KAFKA_SSL_CA_FILE !== undefined,
  sslCaFile: given.KAFKA_SSL_CA_FILE,
  topics: {
    sales: given.KAFKA_TOPIC_SALES,
    products: given.KAFKA_TOPIC_PRODUCTS,
    deadSales: given.KAFKA_TOPIC_SALES_DLQ,
  },
}));

const authSchema = z.object(authVariables).transform((given, context) => ({
  /** The key that signs, and the one of the generation before or after it; tokens of both are accepted. */
  jwtSecrets: new SecretPair(
    readSecret('JWT_SECRET', given, context, { minimumLength: 32, required: true }),
    readSecret('JWT_PREVIOUS_SECRET', given, context, { minimumLength: 32, fileMayBeMissing: true }),
    KEYS_RECHECK_MS,
  ),
  accessTtlSeconds: given.JWT_ACCESS_TTL,
  refreshTtlSeconds: given.JWT_REFRESH_TTL,
  openRegistration: given.OPEN_REGISTRATION,
}));

const httpSchema = z.object(httpVariables).transform((given) => ({
  prefix: given.API_PREFIX,
  corsOrigins: given.CORS_ORIGINS,
  requestsPerMinute: given.RATE_LIMIT_PER_MINUTE,
  loginsPerMinute: given.RATE_LIMIT_LOGIN_PER_MINUTE,
  trustedProxies: given.TRUST_PROXY,
}));

const bootstrapSchema = z.object(bootstrapVariables).transform((given, context) => ({
  adminEmail: given.BOOTSTRAP_ADMIN_EMAIL?.toLowerCase(),
  adminPassword: readSecret('BOOTSTRAP_ADMIN_PASSWORD', given, context, {
    required: given.BOOTSTRAP_ADMIN_EMAIL !== undefined,
    minimumLength: 8,
  }),
  demoProducts: given.DEMO_PRODUCTS,
  waitSeconds: given.MIGRATE_WAIT_SECONDS,
  roles: { app: given.APP_ROLE, exporter: given.EXPORTER_ROLE, backup: given.BACKUP_ROLE },
  requireBackup: given.MIGRATIONS_REQUIRE_BACKUP,
}));

/** Each entry asks only for what it uses; `parts` lets every schema see the whole environment. */
function parts<Shape extends Record<string, z.ZodType>>(shape: Shape) {
  return z.preprocess(
    (environment) => Object.fromEntries(Object.keys(shape).map((part) => [part, environment])),
    z.object(shape),
  );
}

export const serverSchema = parts({
  process: processSchema,
  http: httpSchema,
  auth: authSchema,
  database: databaseSchema,
  redis: redisSchema,
  kafka: kafkaSchema,
  shop: shopSchema,
});

export const workerSchema = parts({
  process: processSchema,
  database: databaseSchema,
  kafka: kafkaSchema,
  shop: shopSchema,
});

export const migrateSchema = parts({
  process: processSchema,
  database: databaseSchema,
  bootstrap: bootstrapSchema,
});

export const expirySchema = parts({
  process: processSchema,
  folders: foldersSchema,
});

export const seedSchema = parts({
  process: processSchema,
  database: databaseSchema,
  bootstrap: bootstrapSchema,
  shop: shopSchema,
});

export type ServerConfig = z.output<typeof serverSchema>;
export type WorkerConfig = z.output<typeof workerSchema>;
export type MigrateConfig = z.output<typeof migrateSchema>;
export type SeedConfig = z.output<typeof seedSchema>;
export type DatabaseConfig = ServerConfig['database'];
export type RedisConfig = ServerConfig['redis'];
export type KafkaConfig = ServerConfig['kafka'];
