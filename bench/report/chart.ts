/** The ratios of the table as a picture: our median over the other's, on a scale that doubles, with the goal as a mark. */
import type { Result } from '../results.ts';
import { isMet } from '../turns.ts';
import { number } from './words.ts';

const WIDTH = 860;
const LEFT = 430;
const LINE = 40;
/** Doublings on either side of 1. */
const DOUBLINGS = 3;

interface Bar {
  readonly title: string;
  /** What it is compared with. */
  readonly than: string;
  readonly ratio: number;
  readonly goal: number;
  readonly met: boolean;
}

export function asChart(results: readonly Result[]): string {
  const bars = results.flatMap(({ title, verdicts }) =>
    verdicts.flatMap((each): Bar[] =>
      each.than === undefined || each.got === undefined
        ? []
        : [
            {
              title,
              than: each.than,
              ratio: each.got,
              goal: each.value,
              met: isMet(each) === true,
            },
          ],
    ),
  );
  const height = (bars.length + 2) * LINE;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Ratios to what this project is compared with" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...scale(height),
    ...bars.flatMap(drawn),
    '</svg>',
    '',
  ].join('\n');
}

const x = (ratio: number): number => {
  const doublings = Math.min(Math.max(Math.log2(ratio), -DOUBLINGS), DOUBLINGS);
  return Math.round(LEFT + ((doublings + DOUBLINGS) / (2 * DOUBLINGS)) * (WIDTH - LEFT - 60));
};

function scale(height: number): string[] {
  return Array.from({ length: 2 * DOUBLINGS + 1 }, (_, i) => 2 ** (i - DOUBLINGS)).flatMap((ratio) => [
    `<line x1="${x(ratio)}" y1="24" x2="${x(ratio)}" y2="${height - 16}" stroke="${ratio === 1 ? '#555555' : '#e0e0e0'}"/>`,
    `<text x="${x(ratio)}" y="16" text-anchor="middle" fill="#555555">${ratio}×</text>`,
  ]);
}

function drawn({ title, than, ratio, goal, met }: Bar, index: number): string[] {
  const top = (index + 1) * LINE;
  const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))];
  return [
    `<text x="${LEFT - 10}" y="${top + 6}" text-anchor="end" fill="#222222">${escaped(title)}</text>`,
    `<text x="${LEFT - 10}" y="${top + 21}" text-anchor="end" fill="#777777">÷ ${escaped(than)}</text>`,
    `<rect x="${from}" y="${top}" width="${Math.max(to - from, 2)}" height="14" fill="${met ? '#2e7d32' : '#c62828'}"/>`,
    `<line x1="${x(goal)}" y1="${top - 3}" x2="${x(goal)}" y2="${top + 17}" stroke="#000000" stroke-width="2"/>`,
    `<text x="${to + 6}" y="${top + 11}" fill="#222222">${number(ratio)}</text>`,
  ];
}

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
