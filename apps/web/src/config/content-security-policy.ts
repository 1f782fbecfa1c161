import { resolveAddresses } from './addresses';
import type { PublicConfig } from './public-config';

/** Scripts and styles by nonce or from this origin; connections to this origin and the configured API alone. */
export function contentSecurityPolicy(
  config: PublicConfig,
  page: string,
  nonce: string,
  dev: boolean,
): string {
  const { api, live } = resolveAddresses(config, page);
  const self = new URL(page).origin;
  const others = [api, live]
    .map(originOf)
    .filter((origin) => origin !== self && origin !== asWebSocket(self));
  const directives = {
    'default-src': ["'none'"],
    // React's development tools evaluate code and write style elements.
    'script-src': ["'self'", `'nonce-${nonce}'`, "'strict-dynamic'", ...(dev ? ["'unsafe-eval'"] : [])],
    'style-src': ["'self'", ...(dev ? ["'unsafe-inline'"] : [`'nonce-${nonce}'`])],
    'img-src': ["'self'", 'data:'],
    'font-src': ["'self'"],
    'connect-src': ["'self'", ...new Set(others)],
    'base-uri': ["'none'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
  };
  return Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources.join(' ')}`)
    .join('; ');
}

function originOf(address: string): string {
  const { protocol, host } = new URL(address);
  return `${protocol}//${host}`;
}

function asWebSocket(origin: string): string {
  return origin.replace(/^http/, 'ws');
}
