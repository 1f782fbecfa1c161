import type { Config } from './schema.ts';

/**
 * Port of every kind node behind each port of the laptop (`localPorts`). kind-config.yaml maps the one to the other;
 * Services of type NodePort listen on them.
 */
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

/** A field of `localPorts`. */
export type LocalPort = keyof Config['localPorts'];
