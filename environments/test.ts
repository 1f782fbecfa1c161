import { dev, fromImages } from './dev.ts';
import { kind } from './kind.ts';
import type { ConfigInput } from './schema.ts';

/** kind in CI: the sizes of dev, but production's ways: secrets and certificates made in the cluster, TLS everywhere. */
export const test: ConfigInput = {
  ...dev,
  ...kind,
  environment: 'test',
  api: { ...dev.api, ...fromImages.api, replicas: 2, openRegistration: false, logLevel: 'info' },
  web: { ...dev.web, ...fromImages.web, replicas: 2 },
  reports: fromImages.reports,
  mobile: { ...dev.mobile, ...fromImages.mobile },
  localStores: false,
  certificates: { source: 'cli' },
  secrets: { source: 'cluster' },
};
