/** How long somebody waits for `npm run up` where the system runs already. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeShop, openShop, zakpos } from '../shop.ts';
import type { Work } from '../work.ts';

/** A file of the API, of which one line is changed; production images are built from it. */
const SOURCE = join(import.meta.dirname, '../../apps/api/src/server.ts');

async function withOneLineMore<T>(work: () => Promise<T>): Promise<T> {
  const before = readFileSync(SOURCE, 'utf8');
  const putBack = (): void => {
    writeFileSync(SOURCE, before);
  };
  process.once('exit', putBack);
  try {
    writeFileSync(SOURCE, `${before}export const changed = ${Date.now()};\n`);
    return await work();
  } finally {
    putBack();
    process.off('exit', putBack);
  }
}

export const upAgain = (): Work<'unchanged' | 'changed'> => ({
  id: 'up',
  what: '`npm run up` on what runs already',
  rounds: 3,
  sides: [
    {
      name: 'npm run up',
      prepare: openShop,
      run: async () => {
        // Back to the sources as they are.
        await zakpos('up');
        return {
          unchanged: await zakpos('up'),
          changed: await withOneLineMore(() => zakpos('up')),
        };
      },
      cleanUp: closeShop,
    },
  ],
  figures: [
    {
      id: 'up-unchanged',
      title: '`npm run up` when nothing has changed',
      reading: 'unchanged',
      unit: 's',
      goals: [{ bound: 'at most', value: 10 }],
    },
    {
      id: 'up-changed',
      title: '`npm run up` after a change of one line of the API, from image to sale',
      reading: 'changed',
      unit: 's',
      goals: [{ bound: 'at most', value: 40 }],
    },
  ],
});
