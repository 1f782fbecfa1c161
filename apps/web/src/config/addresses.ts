import type { PublicConfig } from './public-config';

export interface Addresses {
  readonly api: string;
  readonly live: string;
}

/** Where the browser finds the API and its live feed. */
export function resolveAddresses(config: Pick<PublicConfig, 'apiUrl' | 'wsUrl'>, page: string): Addresses {
  const api = new URL(config.apiUrl === '' ? '/' : config.apiUrl, page);
  const apiPath = api.pathname.replace(/\/+$/, '');
  const live = new URL(config.wsUrl === '' ? api.origin.replace(/^http/, 'ws') : config.wsUrl);
  if (live.pathname === '/') live.pathname = `${apiPath}/live`;
  return { api: `${api.origin}${apiPath}`, live: live.href };
}
