import type { ConfigInput } from './schema.ts';

/** One server or a cluster of at least three nodes: the schema's defaults are the sizes of production. */
export const prod: ConfigInput = {
  environment: 'prod',
};
