/**
 * The configuration of an environment: every field with its unit, bounds, default and a sentence.
 * `docs/reference/configuration.md` is generated from it.
 */
import './one-run.ts';
import { z } from 'zod';
import { api, mobile, reports, web } from './schema/apps.ts';
import { backups } from './schema/backups.ts';
import { addons, ingress, localPorts, localStores } from './schema/edge.ts';
import { cpu, bytes, dnsLabel, pattern, text } from './schema/fields.ts';
import { monitoring } from './schema/monitoring.ts';
import { crossFieldViolations } from './schema/rules.ts';
import { certificates, secrets } from './schema/secrets.ts';
import { kafka, postgres, redis, zookeeper } from './schema/stores.ts';

export const ENVIRONMENTS = ['dev', 'test', 'prod', 'cloud'] as const;
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

const quota = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe("Whether the product's namespace has a ResourceQuota and a LimitRange."),
    cpu: cpu('Sum of all requests of CPU.').default('12'),
    memory: bytes('Sum of all requests of memory.').default('20Gi'),
    memoryLimit: bytes('Sum of all limits of memory.').default('32Gi'),
    pods: z.int().min(1).default(60).describe('Pods, those that have ended not counted.'),
    storage: bytes('Sum of all claims.').default('200Gi'),
  })
  .prefault({});

const shape = z.strictObject({
  environment: z
    .enum(ENVIRONMENTS)
    .describe('The environment; in a file of your own: the one that it is for.'),
  size: z
    .enum(['cluster', 'single'])
    .default('cluster')
    .describe(
      '`single` is one server: one ZooKeeper, one broker, and pods that may share a node; prod and cloud only.',
    ),
  namespace: dnsLabel('Namespace of the product.').default('zakpos'),
  systemNamespace: dnsLabel('Namespace of the cluster add-ons of this project.').default('zakpos-system'),
  imageRegistry: pattern(
    'a registry and path without trailing slash',
    /^[a-z0-9][a-z0-9._:/-]*[a-z0-9]$/,
  )('Registry and path in front of the images that this project builds, such as ghcr.io/acme.').optional(),
  imagePullPolicy: z
    .enum(['IfNotPresent', 'Always'])
    .default('IfNotPresent')
    .describe('When nodes pull images.'),
  smokeTest: z
    .enum(['sale', 'read'])
    .default('read')
    .describe('What `npm run up` tries at its end: sell one product, or only read.'),
  shop: z
    .strictObject({
      name: z.string().min(1).max(60).default('ZakPOS').describe('Name shown on the till.'),
      currency: pattern(
        'a currency code of ISO 4217, such as EUR',
        /^[A-Z]{3}$/,
      )('Currency of all prices.').default('EUR'),
      timeZone: text(
        'a time zone of the IANA database, such as Europe/Berlin',
        isTimeZone,
      )('Time zone that decides which sales are of today.').default('UTC'),
    })
    .prefault({}),
  postgres,
  redis,
  zookeeper,
  kafka,
  api,
  reports,
  web,
  mobile,
  ingress,
  addons,
  localPorts,
  localStores,
  certificates,
  secrets,
  backups,
  monitoring,
  spread: z
    .enum(['strict', 'preferred'])
    .default('strict')
    .describe(
      'Whether brokers and ZooKeepers must be on different nodes, or only keep apart where they can.',
    ),
  quota,
});

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Configuration as charts read it: parsed, bounded, every default filled in. */
export type Config = z.output<typeof shape>;
/** Configuration as people write it: every field optional but `environment`. */
export type ConfigInput = z.input<typeof shape>;

export { WORKER_POOL_SIZE } from './schema/stores.ts';

/** The value at a path, for messages. */
export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null
        ? new Map(Object.entries(value)).get(String(key))
        : undefined,
    root,
  );
}

export const configSchema = shape.superRefine((config, context) => {
  for (const { path, expected } of crossFieldViolations(config)) {
    context.addIssue({ code: 'custom', path: [...path], message: expected, input: valueAt(config, path) });
  }
});
