import type { Config } from './schema.ts';

/** A field of `localPorts`: a port of the machine that runs the kind cluster. */
export type LocalPort = keyof Config['localPorts'];

/** Port of every kind node behind each of them: kind-config.yaml maps the one to the other, NodePorts listen on it. */
export const NODE_PORTS = {
  http: 30080,
  https: 30443,
  api: 30847,
  web: 30923,
  mobile: 30906,
  apiDebug: 30229,
  webDebug: 30230,
  postgres: 30432,
  redis: 30379,
  kafka: 30092,
} as const satisfies Record<LocalPort, number>;

/** Addresses of the pods of that cluster, as kind-config.yaml has them: what comes from elsewhere comes from outside. */
export const POD_NETWORK = '10.244.0.0/16';
