import type { ConfigInput } from './schema.ts';

/** What a kind cluster lacks and what is local about it: an ingress controller, metrics, names that need no DNS. */
export const kind: Omit<ConfigInput, 'environment'> = {
  // Something to sell, so that `up` can try a sale.
  smokeTest: 'sale',
  api: { demoProducts: true },
  ingress: {
    host: 'zakpos.localhost',
    mobileHost: 'mobile.zakpos.localhost',
    controllerNamespace: 'zakpos-system',
    tls: { source: 'cli', hstsSeconds: 0 },
  },
  addons: { traefik: { enabled: true }, metricsServer: { enabled: true } },
};
