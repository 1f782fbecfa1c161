import type { Construct } from 'constructs';
import { toBytes } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { Middleware, MiddlewareSpecRateLimitPeriod, type MiddlewareSpec } from '../imports/traefik.io.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const TO_HTTPS = 'zakpos-to-https';
const HEADERS = 'zakpos-headers';
const RATE_LIMIT = 'zakpos-rate-limit';
const BODY_LIMIT = 'zakpos-body-limit';
const COMPRESSION = 'zakpos-compression';

/**
 * What a request passes, from the outside in: headers are on every answer, also on those of the limits; the rate is
 * looked at before a body is read; what is compressed is what the app answered.
 */
const CHAINS = {
  /** Plain HTTP where there is TLS. */
  redirect: [TO_HTTPS],
  /** Pages are passed on as they come, since limiting bodies means buffering answers, too. */
  pages: [HEADERS, RATE_LIMIT, COMPRESSION],
  api: [HEADERS, RATE_LIMIT, BODY_LIMIT, COMPRESSION],
} as const;
export type Chain = keyof typeof CHAINS;

/** Whether Traefik's Middlewares are there to guard the routes. */
export const hasMiddlewares = ({ ingress }: Config): boolean =>
  ingress.api === 'ingress' && (ingress.middlewares ?? ingress.className === 'traefik');

/** The annotation by which the routes of an Ingress pass a chain. */
export const passing = ({ namespace }: Config, chain: Chain): Record<string, string> => ({
  'traefik.ingress.kubernetes.io/router.middlewares': CHAINS[chain]
    .map((name) => `${namespace}-${name}@kubernetescrd`)
    .join(),
});

/** Headers that every answer has, whatever the app says. A Content-Security-Policy is the app's own: it has nonces. */
export const securityHeaders = ({ ingress }: Config): Record<string, string> => ({
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy': ingress.permissionsPolicy,
});

export const HSTS = 'Strict-Transport-Security';
/** Seconds for which browsers insist on HTTPS, or 0; an app behind the TLS can't know, so its own say is taken away. */
export const hstsSeconds = ({ ingress: { tls } }: Config): number =>
  tls.source === 'none' ? 0 : tls.hstsSeconds;

/** Whether browsers may keep the redirect: as long as HSTS, it can't be taken back. */
export const isRedirectPermanent = (config: Config): boolean => hstsSeconds(config) > 0;

/** Traefik's Middlewares, which the Ingresses name. */
export class MiddlewareChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { ingress, addons, localPorts } = config;
    const add = (name: string, spec: MiddlewareSpec): void => {
      new Middleware(this, name, { metadata: { name }, spec });
    };
    const hsts = hstsSeconds(config);

    if (ingress.tls.source !== 'none') {
      add(TO_HTTPS, {
        redirectScheme: {
          scheme: 'https',
          permanent: isRedirectPermanent(config),
          ...(addons.traefik.enabled ? { port: String(localPorts.https) } : {}),
        },
      });
    }
    add(HEADERS, {
      headers: {
        // An empty one is taken away.
        customResponseHeaders: { ...securityHeaders(config), ...(hsts === 0 ? { [HSTS]: '' } : {}) },
        ...(hsts === 0 ? {} : { stsSeconds: hsts }),
      },
    });
    add(RATE_LIMIT, {
      rateLimit: {
        average: ingress.rateLimit.average,
        burst: ingress.rateLimit.burst,
        period: MiddlewareSpecRateLimitPeriod.fromString('1s'),
        sourceCriterion: {
          ipStrategy: {
            // Who has one address of IPv6 has 2^64 of them.
            ipv6Subnet: 64,
            ...(ingress.trustedProxies === 0 ? {} : { depth: ingress.trustedProxies }),
          },
        },
      },
    });
    add(BODY_LIMIT, { buffering: { maxRequestBodyBytes: toBytes(ingress.maxBody) } });
    // Brotli and zstd take megabytes for each answer: a hundred at once were more than Traefik's memory.
    add(COMPRESSION, { compress: { encodings: ['gzip'] } });
  }
}
