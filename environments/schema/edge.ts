/** How requests come in, and what a laptop's cluster needs for that. */
import { z } from 'zod';
import { bytes, dnsLabel, hostName, image, issuer, port, resources } from './fields.ts';

export const ingress = z
  .strictObject({
    className: z.string().min(1).default('traefik').describe('IngressClass of the controller.'),
    host: hostName('Host of the till; the API answers below its prefix on the same host.').default(
      'zakpos.example.com',
    ),
    mobileHost: hostName('Host of the mobile app.').default('mobile.zakpos.example.com'),
    tls: z
      .strictObject({
        source: z
          .enum(['none', 'secret', 'cli', 'cert-manager'])
          .default('secret')
          .describe(
            "Where the certificate of both hosts comes from: `none` leaves plain HTTP, `secret` is one of yours, `cli` lets `npm run secrets` make one of the installation's own authority, `cert-manager` asks `issuer` for it.",
          ),
        secret: dnsLabel('Secret of type kubernetes.io/tls that holds it.').default('zakpos-ingress-tls'),
        issuer: issuer('Who signs it with `source: cert-manager`.', 'letsencrypt'),
        hstsSeconds: z
          .int()
          .min(0)
          .default(31_536_000)
          .describe(
            'How long browsers insist on HTTPS (Strict-Transport-Security); 0 leaves the header out, and browsers keep no redirect either.',
          ),
      })
      .prefault({}),
    api: z
      .enum(['ingress', 'gateway'])
      .default('ingress')
      .describe('Whether routes are an Ingress, or HTTPRoutes of the Gateway API.'),
    gateway: z
      .strictObject({
        name: dnsLabel('Gateway that the HTTPRoutes belong to.').default('public'),
        namespace: dnsLabel('Its namespace.').default('gateway-system'),
        httpListener: dnsLabel('Its listener of port 80, which only redirects where there is TLS.').default(
          'http',
        ),
        httpsListener: dnsLabel('Its listener of port 443.').default('https'),
      })
      .prefault({}),
    middlewares: z
      .boolean()
      .optional()
      .describe(
        "Whether Traefik's Middlewares guard the routes of an Ingress; when it is left out, where className is traefik.",
      ),
    entryPoints: z
      .strictObject({
        http: z.string().min(1).default('web').describe('That of plain HTTP.'),
        https: z.string().min(1).default('websecure').describe('That of HTTPS.'),
      })
      .prefault({})
      .describe(
        "Traefik's entry points, by the names of its Helm chart and of k3s; this project's own has others.",
      ),
    annotations: z
      .record(z.string(), z.string())
      .default({})
      .describe('Further annotations of every Ingress: what another controller is told to do.'),
    trustedProxies: z
      .int()
      .min(0)
      .max(9)
      .default(0)
      .describe(
        'HTTP proxies between clients and the ingress controller, each of which adds to an X-Forwarded-For that the controller trusts.',
      ),
    permissionsPolicy: z
      .string()
      .min(1)
      .default('camera=(), geolocation=(), microphone=(), payment=(), usb=()')
      .describe('What pages may use of a device (Permissions-Policy).'),
    rateLimit: z
      .strictObject({
        average: z.int().min(1).default(100).describe('Requests a second of one client address, on average.'),
        burst: z.int().min(1).default(200).describe('Requests of one client address at once.'),
      })
      .prefault({}),
    maxBody: bytes('Largest body of a request to the API.').default('256Ki'),
    controllerNamespace: dnsLabel('Namespace of the ingress controller, for the network policies.').default(
      'traefik',
    ),
  })
  .prefault({});

export const addons = z
  .strictObject({
    traefik: z
      .strictObject({
        enabled: z.boolean().default(false).describe("Whether this project's own Traefik runs."),
        image: image('Image of Traefik.').default('traefik:v3.3'),
        resources: resources({ requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '128Mi' } }),
      })
      .prefault({}),
    metricsServer: z
      .strictObject({
        enabled: z.boolean().default(false).describe("Whether this project's own metrics-server runs."),
        image: image('Image of metrics-server.').default(
          'registry.k8s.io/metrics-server/metrics-server:v0.7.2',
        ),
        resources: resources({ requests: { cpu: '25m', memory: '48Mi' }, limits: { memory: '128Mi' } }),
      })
      .prefault({}),
  })
  .prefault({});

export const localPorts = z
  .strictObject({
    http: port('The ingress, by host name.').default(80),
    https: port('The ingress with TLS.').default(443),
    api: port('The API.').default(39847),
    web: port('The till.').default(41923),
    mobile: port('The mobile app.').default(19006),
    apiDebug: port("The API's inspector.").default(9229),
    webDebug: port("The till's inspector.").default(9230),
    postgres: port('PostgreSQL.').default(5432),
    redis: port('Redis.').default(6379),
    kafka: port('Kafka.').default(9092),
  })
  .prefault({})
  .describe('Ports on 127.0.0.1 of the machine that runs the kind cluster.');

export const localStores = z
  .boolean()
  .default(false)
  .describe(
    "Whether the stores answer at their `localPorts`, too, for apps that run on that machine; dev's cluster on kind only.",
  );
