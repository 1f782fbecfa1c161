import { execa } from 'execa';
import { costs, describeCosts } from './faults/survive.ts';
import { CLUSTER } from './harness.ts';

/** Prints what faults cost, and deletes the cluster, unless E2E_KEEP asks to keep it for the next run. */
export default async function teardown(): Promise<void> {
  if (costs().length > 0) console.log(describeCosts());
  if (process.env.E2E_KEEP === undefined) await execa('kind', ['delete', 'cluster', '--name', CLUSTER]);
}
