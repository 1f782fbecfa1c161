import { execa } from 'execa';
import { CLUSTER } from './harness.ts';

/** Deletes the cluster, unless E2E_KEEP asks to keep it for the next run. */
export default async function teardown(): Promise<void> {
  if (process.env.E2E_KEEP === undefined) await execa('kind', ['delete', 'cluster', '--name', CLUSTER]);
}
