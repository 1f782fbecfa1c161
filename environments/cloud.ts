import type { ConfigInput } from './schema.ts';

/** A managed cluster whose stores are managed services; host names come from a file of the operator's own. */
export const cloud: ConfigInput = {
  environment: 'cloud',
  postgres: { mode: 'external', external: { host: 'postgres.example.com' } },
  redis: { mode: 'external', external: { host: 'redis.example.com' } },
  kafka: { mode: 'external', external: { brokers: ['kafka.example.com:9096'] } },
  api: { autoscaling: { enabled: true } },
  web: { autoscaling: { enabled: true } },
  ingress: { tls: { source: 'cert-manager' } },
  secrets: { source: 'external-secrets' },
};
