/** What a run says about where it was made. */
import { cpus, release, totalmem, type as system } from 'node:os';
import { execa } from 'execa';

/** Processors, memory, kernel and Node, such as `2 × AMD EPYC, 24 GiB, Linux 5.10, Node 20.20.2`. */
export function machine(): string {
  const models = cpus().map(({ model }) => model.trim());
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${models.length} × ${models[0] ?? 'unknown'}, ${memory} GiB, ${system()} ${release()}, Node ${process.versions.node}`;
}

/** The commit that was measured, with a mark when files have changed since. */
export async function commit(root: string): Promise<string> {
  const { stdout, failed } = await execa(
    'git',
    ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'],
    {
      cwd: root,
      reject: false,
    },
  );
  return failed ? 'no git checkout' : stdout;
}
