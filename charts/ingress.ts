import { k8s } from '../lib/k8s.ts';
import type { Construct } from 'constructs';
import type { Config } from '../environments/schema.ts';
import { hasMiddlewares, passing, type Chain } from './middlewares.ts';
import { API, MOBILE, WEB } from './names.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** A path, and the Service that answers below it. */
export interface Route {
  readonly path: string;
  readonly service: string;
  /** The Service's port; it is named `http`. */
  readonly port: number;
}

/** A host, and what answers there. */
export interface Site {
  readonly name: string;
  readonly host: string;
  readonly routes: readonly Route[];
}

const toApi = ({ api }: Config, path = `/${api.prefix}`): Route => ({ path, service: API, port: api.port });

/** The till and the API on one host, so that browsers need no CORS between them. */
const tillRoutes = (config: Config): Route[] => [
  toApi(config),
  ...(config.web.enabled ? [{ path: '/', service: WEB, port: config.web.port }] : []),
];
const mobileRoutes = (config: Config): Route[] =>
  config.mobile.enabled ? [toApi(config), { path: '/', service: MOBILE, port: config.mobile.port }] : [];

/** The hosts of the product. */
export const sites = (config: Config): Site[] =>
  [
    { name: 'zakpos', host: config.ingress.host, routes: tillRoutes(config) },
    { name: MOBILE, host: config.ingress.mobileHost, routes: mobileRoutes(config) },
  ].filter(({ routes }) => routes.length > 0);

interface IngressRule extends Pick<Site, 'routes'> {
  /**
   * Host that it is for.
   * @default - any
   */
  readonly host?: string;
}

/** What an Ingress is made of. */
interface Entrance {
  readonly name: string;
  readonly rules: readonly IngressRule[];
  /**
   * Entry point of Traefik.
   * @default - all that the controller has
   */
  readonly entryPoint?: string;
  /**
   * Whether it has the certificate of the hosts.
   * @default false
   */
  readonly tls?: boolean;
  /**
   * Middlewares that requests pass.
   * @default - none
   */
  readonly chain?: Chain;
}

/** How requests come in. */
export class IngressChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { ingress } = props.config;
    for (const { name, rules, entryPoint, tls, chain } of entrances(props.config)) {
      const hosts = rules.flatMap(({ host }) => host ?? []);
      new k8s.KubeIngress(this, name, {
        metadata: {
          name,
          annotations: {
            ...(entryPoint === undefined ? {} : { [router('entrypoints')]: entryPoint }),
            ...(entryPoint !== undefined && tls === true ? { [router('tls')]: 'true' } : {}),
            ...(chain === undefined ? {} : passing(props.config, chain)),
            ...ingress.annotations,
          },
        },
        spec: {
          ingressClassName: ingress.className,
          ...(tls === true ? { tls: [{ hosts, secretName: ingress.tls.secret }] } : {}),
          rules: rules.map(({ host, routes }) => ({
            ...(host === undefined ? {} : { host }),
            http: { paths: routes.map(ingressPath) },
          })),
        },
      });
    }
  }
}

function entrances(config: Config): Entrance[] {
  const { http, https } = entryPoints(config);
  const rules = sites(config);
  const tls = config.ingress.tls.source !== 'none';
  const all = [
    { name: 'zakpos', rules, tls, entryPoint: tls ? https : http },
    ...(config.addons.traefik.enabled ? portsOfKind(config) : []),
  ];
  if (!hasMiddlewares(config)) return all;

  // A route needs some Service; the redirect answers in its place.
  const routes = [toApi(config, '/')];
  const toHttps: Entrance = {
    name: 'zakpos-to-https',
    rules: rules.map(({ host }) => ({ host, routes })),
    entryPoint: http,
    chain: 'redirect',
  };
  return [...all.flatMap(guarded), ...(tls ? [toHttps] : [])];
}

/** The ports that people know from Docker lead to the same places: in plain HTTP, as they are of one machine alone. */
function portsOfKind(config: Config): Entrance[] {
  const port = (entryPoint: string, routes: readonly Route[]): Entrance[] =>
    routes.length === 0 ? [] : [{ name: `zakpos-port-${entryPoint}`, rules: [{ routes }], entryPoint }];
  return [
    ...port('api', [toApi(config), toApi(config, '/health')]),
    ...port('web', config.web.enabled ? tillRoutes(config) : []),
    ...port('mobile', mobileRoutes(config)),
  ];
}

/** Pages and API apart, since annotations hold for a whole Ingress; without Middlewares one Ingress does. */
function guarded(entrance: Entrance): Entrance[] {
  const only = (wanted: (route: Route) => boolean): IngressRule[] =>
    entrance.rules
      .map((rule) => ({ ...rule, routes: rule.routes.filter(wanted) }))
      .filter(({ routes }) => routes.length > 0);
  const pages = only(({ service }) => service !== API);
  const api = only(({ service }) => service === API);
  if (pages.length === 0) return [{ ...entrance, chain: 'api' }];
  return [
    { ...entrance, rules: pages, chain: 'pages' },
    { ...entrance, name: `${entrance.name}-api`, rules: api, chain: 'api' },
  ];
}

/** Names of Traefik's entry points; none where it isn't Traefik, or where whoever is in front of it has the TLS. */
function entryPoints(config: Config): Partial<Config['ingress']['entryPoints']> {
  if (config.addons.traefik.enabled) return { http: 'http', https: 'https' };
  return hasMiddlewares(config) && config.ingress.tls.source !== 'none' ? config.ingress.entryPoints : {};
}

const router = (option: string): string => `traefik.ingress.kubernetes.io/router.${option}`;

const ingressPath = ({ path, service }: Route): k8s.HttpIngressPath => ({
  path,
  pathType: 'Prefix',
  backend: { service: { name: service, port: { name: 'http' } } },
});
