/** Whether the till and the API answer as people reach them, and how fast. */
import { SmokeTest } from '../smoke.ts';
import { judge, type Check } from './check.ts';

/** Milliseconds that a page may take: people wait for it. */
const SLOW_MS = 1000;

export const answers: Check = {
  title: 'The till, the API and the mobile app answer in time',
  run: async ({ config, kubectl, onKind, flags }) => {
    const smoke = new SmokeTest(config, kubectl, onKind);
    await smoke.read();
    const times = await smoke.times();
    return judge(
      times.map(({ what, milliseconds }) => `${what} ${milliseconds} ms`).join(', '),
      [],
      times
        .filter(({ milliseconds }) => milliseconds > SLOW_MS)
        .map(({ what, milliseconds }) => ({
          thing: what,
          fact: `takes ${milliseconds} ms, more than ${SLOW_MS}`,
          fix: `\`npm run status -- --load ${flags}\` shows what is at its limit.`,
        })),
    );
  },
};
