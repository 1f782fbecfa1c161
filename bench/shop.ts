/** A shop on a kind cluster of the benchmark's own: dev, from images as in production. */
import { join } from 'node:path';
import { execa } from 'execa';
import { Unavailable } from './work.ts';

const ROOT = join(import.meta.dirname, '..');
const CLUSTER = 'zakpos-bench';

/** `npm run <command>` on the benchmark's cluster, and the seconds that it took. */
export async function zakpos(command: string, ...args: readonly string[]): Promise<number> {
  const { failed, all, durationMs } = await execa(
    'npm',
    ['run', '--silent', command, '--', '--cluster', CLUSTER, ...args],
    {
      cwd: ROOT,
      env: { ZAKPOS_CONFIG: join(import.meta.dirname, 'values.yaml') },
      all: true,
      reject: false,
      stdin: 'ignore',
    },
  );
  if (failed) throw new Error(all);
  return durationMs / 1000;
}

/**
 * Makes the cluster with the shop on it, or brings one up to date.
 * @throws {Unavailable} without docker or kind
 */
export async function openShop(): Promise<void> {
  for (const tool of [['docker', 'info'] as const, ['kind', 'version'] as const]) {
    const { failed } = await execa(tool[0], [tool[1]], { reject: false });
    if (failed) throw new Unavailable(`\`${tool.join(' ')}\` fails: there is no cluster without it`);
  }
  await zakpos('up');
}

export const closeShop = (): Promise<void> =>
  execa('kind', ['delete', 'cluster', '--name', CLUSTER]).then(() => undefined);
