/** How many tills each part of an environment serves, as a picture on a scale in which each line is ten times the last. */
import { escaped } from '../report/chart.ts';
import { number } from '../report/words.ts';
import type { Limit } from './model.ts';

const WIDTH = 760;
const LEFT = 270;
const LINE = 26;
const FIRST_POWER = 1;
const LAST_POWER = 7;

export function asPlot(limits: readonly Limit[]): string {
  const height = (limits.length + 2) * LINE;
  const powers = Array.from({ length: LAST_POWER - FIRST_POWER + 1 }, (_, i) => FIRST_POWER + i);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="How many tills each part serves" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...powers.flatMap((power) => [
      `<line x1="${x(10 ** power)}" y1="${LINE}" x2="${x(10 ** power)}" y2="${height - 6}" stroke="#e0e0e0"/>`,
      `<text x="${x(10 ** power)}" y="16" text-anchor="middle" fill="#555555">${(10 ** power).toLocaleString('en')}</text>`,
    ]),
    ...limits.flatMap(({ part, tills }, index) => {
      const top = (index + 1) * LINE + 8;
      return [
        `<text x="${LEFT - 10}" y="${top + 11}" text-anchor="end" fill="#222222">${escaped(part)}</text>`,
        `<rect x="${LEFT}" y="${top}" width="${Math.max(x(tills) - LEFT, 2)}" height="14" fill="${index === 0 ? '#c62828' : '#1565c0'}"/>`,
        `<text x="${x(tills) + 6}" y="${top + 11}" fill="#222222">${number(tills)}</text>`,
      ];
    }),
    '</svg>',
    '',
  ].join('\n');
}

const x = (tills: number): number => {
  const share = (Math.log10(tills) - FIRST_POWER) / (LAST_POWER - FIRST_POWER);
  return Math.round(LEFT + Math.min(Math.max(share, 0), 1) * (WIDTH - LEFT - 70));
};
