/** Where an environment's users find it. */
import type { Config } from '../environments/schema.ts';
import { HOST_PORTS } from './host-env.ts';

export function urlsOf({ ingress, localPorts, addons, web, mobile, api }: Config): string[] {
  const scheme = ingress.tls.source === 'none' ? 'http' : 'https';
  const own = addons.traefik.enabled;
  const [usual, actual] = scheme === 'http' ? [80, localPorts.http] : [443, localPorts.https];
  const port = own && actual !== usual ? `:${actual}` : '';
  const row = (what: string, host: string, path: string, localPort: number): string =>
    `${what.padEnd(8)} ${scheme}://${host}${port}${path}${own ? `  or  http://localhost:${localPort}${path}` : ''}`;
  return [
    ...(web.enabled ? [row('till', ingress.host, '', localPorts.web)] : []),
    ...(mobile.enabled ? [row('mobile', ingress.mobileHost, '', localPorts.mobile)] : []),
    row('API', ingress.host, `/${api.prefix}/docs`, localPorts.api),
  ];
}

/** Who logs in first, and where the password is. */
export function adminOf({ api, environment, secrets }: Config): string {
  const where =
    secrets.source === 'literal'
      ? `the password is ADMIN_PASSWORD of .env, else secrets.values.adminPassword of environments/${environment}.ts`
      : 'the password is in the Secret zakpos-admin';
  return `log in as ${api.adminEmail}; ${where}`;
}

/** Where apps on this machine find the stores, and how the API is one of them. */
export const storesOnLocalhost = ({ localPorts, api }: Config): string[] => [
  `PostgreSQL localhost:${localPorts.postgres}`,
  `Redis      localhost:${localPorts.redis}`,
  `Kafka      localhost:${localPorts.kafka}`,
  '',
  'apps/api/.env has what the API needs: `cd apps/api && npm ci && npm run dev`,',
  `then http://localhost:${HOST_PORTS.api}/${api.prefix}/docs. \`npm run up\` brings the apps into the cluster.`,
];
