import type { Registry } from 'prom-client';

import type { Health, HealthAnswer } from './health.js';

export interface PlainAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export type PlainRoutes = Readonly<Record<string, () => Promise<PlainAnswer>>>;

/** What orchestrators and Prometheus ask, the same for every process, outside the API's prefix. */
export function operationalRoutes(health: Health, registry: Registry): PlainRoutes {
  return {
    '/health': async () => json(await health.overview()),
    '/health/startup': async () => json(await health.startup()),
    '/health/ready': async () => json(await health.ready()),
    '/health/live': () => Promise.resolve(json(health.live())),
    '/metrics': async () => ({
      status: 200,
      contentType: registry.contentType,
      body: await registry.metrics(),
    }),
  };
}

function json({ status, body }: HealthAnswer): PlainAnswer {
  return { status, contentType: 'application/json', body: JSON.stringify(body) };
}
