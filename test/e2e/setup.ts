import { forgetCosts } from './faults/survive.ts';
import { createCluster } from './harness.ts';

/** The cluster with its environment on it; the first suite looks at how that went. */
export default async function setup(): Promise<void> {
  forgetCosts();
  await createCluster();
}
