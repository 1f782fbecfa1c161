import type { Construct } from 'constructs';
import type { Config } from '../environments/schema.ts';
import {
  HttpRoute,
  type HttpRouteSpecRules,
  type HttpRouteSpecRulesFiltersResponseHeaderModifier,
} from '../imports/gateway.networking.k8s.io.ts';
import { sites } from './ingress.ts';
import { HSTS, hstsSeconds, isRedirectPermanent, securityHeaders } from './middlewares.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/**
 * How requests come in where a Gateway takes the place of an ingress controller. The Gateway is its operator's, and
 * so is its certificate. An HTTPRoute has no words for rate limits, sizes of bodies and compression.
 */
export class GatewayChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { tls, gateway } = config.ingress;
    const hosts = sites(config);
    const add = (name: string, listener: string, hostnames: string[], rules: HttpRouteSpecRules[]): void => {
      new HttpRoute(this, name, {
        metadata: { name },
        spec: {
          parentRefs: [{ name: gateway.name, namespace: gateway.namespace, sectionName: listener }],
          hostnames,
          rules,
        },
      });
    };

    for (const { name, host, routes } of hosts) {
      const listener = tls.source === 'none' ? gateway.httpListener : gateway.httpsListener;
      add(
        name,
        listener,
        [host],
        routes.map(({ path, service, port }) => ({
          matches: [{ path: { type: 'PathPrefix', value: path } }],
          filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: headersOf(config) }],
          backendRefs: [{ name: service, port }],
        })),
      );
    }
    if (tls.source !== 'none') {
      const hostnames = hosts.map(({ host }) => host);
      const statusCode = isRedirectPermanent(config) ? 301 : 302;
      add('zakpos-to-https', gateway.httpListener, hostnames, [
        { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode } }] },
      ]);
    }
  }
}

function headersOf(config: Config): HttpRouteSpecRulesFiltersResponseHeaderModifier {
  const seconds = hstsSeconds(config);
  const headers = { ...securityHeaders(config), ...(seconds === 0 ? {} : { [HSTS]: `max-age=${seconds}` }) };
  return {
    set: Object.entries(headers).map(([name, value]) => ({ name, value })),
    ...(seconds === 0 ? { remove: [HSTS] } : {}),
  };
}
