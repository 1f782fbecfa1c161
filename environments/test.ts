import { dev } from './dev.ts';
import type { ConfigInput } from './schema.ts';

/** kind in CI: the sizes of dev, but production's ways: secrets made in the cluster, no open registration. */
export const test: ConfigInput = {
  ...dev,
  environment: 'test',
  api: { ...dev.api, replicas: 2, openRegistration: false, logLevel: 'info' },
  web: { ...dev.web, replicas: 2 },
  secrets: { source: 'cluster' },
};
