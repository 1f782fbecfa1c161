/** What a run says about where it was made. */
import { cpus, release, totalmem, type as system } from 'node:os';
import { execa } from 'execa';

/** Processors, memory, kernel and Node, such as `2 × AMD EPYC, 24 GiB, Linux 5.10, Node 20.20.2`. */
export function machine(): string {
  const models = cpus().map(({ model }) => model.trim());
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${models.length} × ${models[0] ?? 'unknown'}, ${memory} GiB, ${system()} ${release()}, Node ${process.versions.node}`;
}

/** The commit that was measured, with a mark when files have changed since, but for those that results are kept in. */
export async function commit(root: string): Promise<string> {
  const git = (...args: readonly string[]) => execa('git', args, { cwd: root, reject: false });
  const { stdout, failed } = await git('rev-parse', '--short=12', 'HEAD');
  if (failed) return 'no git checkout';
  const changed = await git('status', '--porcelain', '--', ':!docs/reference/performance.*');
  return changed.stdout === '' ? stdout : `${stdout}-dirty`;
}
