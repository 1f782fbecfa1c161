import { createCluster } from './harness.ts';

/** The cluster with dev on it; the first suite looks at how that went. */
export default async function setup(): Promise<void> {
  await createCluster();
}
