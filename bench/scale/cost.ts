/** What a sale takes, from the last run of `npm run bench -- cost`. */
import { z } from 'zod';
import type { Result } from '../results.ts';
import { COST_READINGS, type CostReading } from '../works/cost.ts';

/** Milliseconds of CPU, milliseconds and bytes of one sale, as the figures of the benchmark are named. */
export type Cost = Readonly<Record<CostReading, number>>;

const costs = z.record(z.enum(COST_READINGS), z.number());

/** @throws {Error} where one of them was never measured */
export const costOf = (results: readonly Result[]): Cost =>
  costs.parse(
    Object.fromEntries(
      COST_READINGS.map((reading) => {
        const [ours] = results.find(({ id }) => id === `cost-${reading}`)?.outcomes ?? [];
        if (ours === undefined || 'why' in ours) {
          throw new Error(
            `docs/reference/performance.json has no cost-${reading}; \`npm run bench -- cost --write\` measures it`,
          );
        }
        return [reading, ours.median];
      }),
    ),
  );
