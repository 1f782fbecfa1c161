/** How long somebody waits for `npm run up` where the system runs already. */
import { withOneLineMore } from '../one-line.ts';
import { shop } from '../shop.ts';
import type { Work } from '../work.ts';

/** Production images are built from it. */
const SOURCE = 'api/src/server.ts';

export const upAgain = (): Work<'unchanged' | 'changed'> => ({
  id: 'up',
  what: '`npm run up` on what runs already',
  rounds: 3,
  sides: [
    {
      name: 'npm run up',
      prepare: () => shop.open(),
      run: async () => {
        // Back to the sources as they are.
        await shop.run('up');
        return {
          unchanged: await shop.run('up'),
          changed: await withOneLineMore(SOURCE, () => shop.run('up')),
        };
      },
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
