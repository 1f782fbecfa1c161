import type { ConfigInput } from './schema.ts';

/** A cluster of at least three nodes: the schema's defaults are the sizes of production. */
export const prod: ConfigInput = {
  environment: 'prod',
  api: { autoscaling: { enabled: true } },
  web: { autoscaling: { enabled: true } },
};

/** What `size: single` makes of prod and cloud: one server. */
export const single: Omit<ConfigInput, 'environment'> = {
  spread: 'preferred',
  zookeeper: { replicas: 1 },
  kafka: { replicas: 1, replicationFactor: 1, minInSyncReplicas: 1 },
  api: { autoscaling: { enabled: false }, replicas: 2 },
  web: { autoscaling: { enabled: false }, replicas: 1 },
  mobile: { replicas: 1 },
  // Where k3s has its Traefik.
  ingress: { controllerNamespace: 'kube-system' },
};
