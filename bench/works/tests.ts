/** How long a developer waits for `npm test`. */
import { join } from 'node:path';
import { execa } from 'execa';
import type { Side, Work } from '../work.ts';

const ROOT = join(import.meta.dirname, '../..');

const script = (name: string): Side<'seconds'> => ({
  name: `npm run ${name}`,
  run: async () => {
    const { durationMs } = await execa('npm', ['run', '--silent', name], { cwd: ROOT });
    return { seconds: durationMs / 1000 };
  },
});

const work = (id: string, title: string, name: string, most: number): Work<'seconds'> => ({
  id,
  what: title,
  rounds: 3,
  sides: [script(name)],
  figures: [{ id, title, reading: 'seconds', unit: 's', goals: [{ bound: 'at most', value: most }] }],
});

export const allTests = (): Work<'seconds'> => work('test', 'npm test', 'test', 60);
export const unitTests = (): Work<'seconds'> =>
  work('test-unit', 'unit, snapshot and invariant tests', 'test:unit', 15);
