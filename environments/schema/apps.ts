/** The apps: the API, its reports worker, the till and the mobile app. */
import { z } from 'zod';
import {
  appImage,
  extraEnv,
  health,
  healthPaths,
  ownBuild,
  pattern,
  podUser,
  port,
  resources,
  sources,
  url,
} from './fields.ts';

/** The command of the reference API's image; another one tells of another API. */
export const REFERENCE_MIGRATIONS = ['node', 'dist/migrate.js'];

const autoscaling = (maxReplicas: number) =>
  z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe('Whether a HorizontalPodAutoscaler sets the number of pods, in place of `replicas`.'),
      minReplicas: z.int().min(1).max(100).default(2).describe('Pods that are always there.'),
      maxReplicas: z.int().min(1).max(100).default(maxReplicas).describe('Pods at the most.'),
      targetCpu: z
        .int()
        .min(10)
        .max(95)
        .default(70)
        .describe('Share of the requested CPU, in percent, above which pods are added.'),
    })
    .prefault({});

const minAvailable = z
  .int()
  .min(1)
  .max(99)
  .optional()
  .describe('Pods that a drain must leave; all but one when it is left out.');

export const api = z
  .strictObject({
    image: appImage,
    build: ownBuild,
    sources,
    replicas: z.int().min(1).max(100).default(2).describe('Pods that serve the API.'),
    autoscaling: autoscaling(6),
    minAvailable,
    port: port('Port that the container listens on.').default(3000),
    prefix: pattern(
      'a path without leading and trailing slash, such as api/v1',
      /^[a-z0-9][a-z0-9/-]*[a-z0-9]$/,
    )('Path below which the API answers (API_PREFIX).').default('api/v1'),
    ...podUser(1001),
    health: health(healthPaths),
    metrics: z
      .boolean()
      .default(true)
      .describe('Whether the image tells Prometheus metrics at /metrics of its port; the worker, too.'),
    migrations: z
      .array(z.string())
      .nullable()
      .default(REFERENCE_MIGRATIONS)
      .describe('Command of the init container that migrates the database; null for none.'),
    secretsAs: z
      .enum(['files', 'env'])
      .default('files')
      .describe(
        '`files` mounts secrets and names them in …_FILE variables; `env` sets DATABASE_URL, REDIS_URL and JWT_SECRET whole, for an image that knows nothing else.',
      ),
    databasePoolSize: z.int().min(2).max(200).default(10).describe('Connections to postgres of one pod.'),
    corsOrigins: z
      .array(z.url({ protocol: /^https?$/, error: 'a URL with http:// or https://' }))
      .default([])
      .describe('Origins beside the ingress hosts from which browsers may call the API.'),
    rateLimitPerMinute: z
      .int()
      .min(1)
      .default(300)
      .describe('Requests a minute of one client before it is answered 429.'),
    loginLimitPerMinute: z
      .int()
      .min(1)
      .default(10)
      .describe('Attempts to log in a minute of one client before it is answered 429.'),
    openRegistration: z.boolean().default(false).describe('Whether anyone may register; only in dev.'),
    demoProducts: z
      .boolean()
      .default(false)
      .describe('Whether an empty database is filled with a dozen demo products.'),
    adminEmail: z
      .email('an e-mail address')
      .default('admin@zakpos.example')
      .describe('The first user, who is made admin.'),
    logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug']).default('info').describe('Log level.'),
    env: extraEnv,
    resources: resources({ requests: { cpu: '500m', memory: '512Mi' }, limits: { cpu: '1', memory: '1Gi' } }),
  })
  .prefault({});

export const reports = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether the worker runs that turns sale events into hourly sales.'),
    command: z
      .array(z.string())
      .default(['node', 'dist/worker.js'])
      .describe('Command of the worker in the image of the API.'),
    replicas: z.int().min(1).max(100).default(1).describe('Pods of the consumer group zakpos-reports.'),
    resources: resources({
      requests: { cpu: '50m', memory: '192Mi' },
      limits: { cpu: '500m', memory: '384Mi' },
    }),
  })
  .prefault({});

export const web = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether the web till runs.'),
    image: appImage,
    build: ownBuild,
    sources,
    replicas: z.int().min(1).max(100).default(2).describe('Pods that serve the till.'),
    autoscaling: autoscaling(4),
    minAvailable,
    port: port('Port that the container listens on.').default(3000),
    ...podUser(1001),
    health: health(healthPaths),
    metrics: z
      .boolean()
      .default(true)
      .describe('Whether the image tells Prometheus metrics at /metrics of the port METRICS_PORT (9464).'),
    apiUrl: url('Where browsers find the API (NEXT_PUBLIC_API_URL); a path means the same host.').default(
      '/api/v1',
    ),
    wsUrl: pattern(
      'empty, or a URL with ws:// or wss://',
      /^(|wss?:\/\/\S+)$/,
    )('Where browsers find the live feed (NEXT_PUBLIC_WS_URL); empty means beside the API.').default(''),
    env: extraEnv,
    resources: resources({
      requests: { cpu: '250m', memory: '256Mi' },
      limits: { cpu: '500m', memory: '512Mi' },
    }),
  })
  .prefault({});

export const mobile = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether the web export of the mobile app is served.'),
    image: appImage,
    build: ownBuild,
    sources,
    replicas: z.int().min(1).max(100).default(2).describe('Pods that serve it.'),
    port: port('Port that the container listens on.').default(19006),
    ...podUser(1001),
    health: health(healthPaths),
    apiUrl: url('Where the app finds the API (EXPO_PUBLIC_API_URL); a path means the same host.').default(
      '/api/v1',
    ),
    lanAddress: pattern(
      'an IPv4 address or a host name, such as 192.168.1.20',
      /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
    )(
      'Address of the laptop in the network that phones are in: the Expo dev server names it to them, and localPorts.mobile and localPorts.api listen there, too. For a cluster that is made with it.',
    ).optional(),
    resources: resources({
      requests: { cpu: '25m', memory: '32Mi' },
      limits: { cpu: '250m', memory: '256Mi' },
    }),
  })
  .prefault({});
