import { toMebibytes } from '../environments/quantities.ts';
import type { Resources } from '../lib/pod.ts';

/** Makes a program in Go collect its garbage earlier as its limit comes near, where it would grow until it is killed. */
export const goMemoryLimit = ({ limits }: Resources): { readonly GOMEMLIMIT: string } => ({
  GOMEMLIMIT: `${Math.floor(0.75 * toMebibytes(limits.memory))}MiB`,
});
