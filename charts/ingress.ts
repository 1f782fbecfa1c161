import { k8s } from '../lib/k8s.ts';
import type { Construct } from 'constructs';
import { API, MOBILE, WEB } from './names.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Which listener of this project's Traefik an Ingress belongs to; other controllers have one for all. */
const ENTRY_POINTS = 'traefik.ingress.kubernetes.io/router.entrypoints';

/**
 * How requests come in: the till and the API on one host, so that browsers need no CORS between them, and the mobile
 * app on its own. On kind, the ports that people know from Docker lead to the same places without a host name.
 */
export class IngressChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { ingress, addons, api, web, mobile } = props.config;
    const toApi = path(`/${api.prefix}`, API);
    const toWeb = web.enabled ? [path('/', WEB)] : [];
    const toMobile = mobile.enabled ? [path('/', MOBILE)] : [];
    const entryPoint = (name: string): Record<string, string> =>
      addons.traefik.enabled ? { [ENTRY_POINTS]: name } : {};

    const add = (name: string, listener: string, rules: k8s.IngressRule[]): void => {
      if (rules.length === 0) return;
      const hosts = rules.flatMap((rule) => (rule.host === undefined ? [] : [rule.host]));
      new k8s.KubeIngress(this, name, {
        metadata: { name, annotations: entryPoint(listener) },
        spec: {
          ingressClassName: ingress.className,
          ...(ingress.tlsSecret !== undefined && hosts.length > 0
            ? { tls: [{ hosts, secretName: ingress.tlsSecret }] }
            : {}),
          rules,
        },
      });
    };

    add('zakpos', 'http,https', [
      { host: ingress.host, http: { paths: [toApi, ...toWeb] } },
      ...toMobile.map((toApp) => ({ host: ingress.mobileHost, http: { paths: [toApi, toApp] } })),
    ]);
    if (addons.traefik.enabled) {
      add('zakpos-port-api', 'api', [{ http: { paths: [toApi, path('/health', API)] } }]);
      if (web.enabled) add('zakpos-port-web', 'web', [{ http: { paths: [toApi, ...toWeb] } }]);
      if (mobile.enabled) add('zakpos-port-mobile', 'mobile', [{ http: { paths: [toApi, ...toMobile] } }]);
    }
  }
}

const path = (prefix: string, service: string): k8s.HttpIngressPath => ({
  path: prefix,
  pathType: 'Prefix',
  backend: { service: { name: service, port: { name: 'http' } } },
});
