/** The last run of each figure, kept as data beside the page that shows it. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { UNITS } from './work.ts';

const spread = z.strictObject({
  name: z.string(),
  median: z.number(),
  low: z.number(),
  high: z.number(),
  rounds: z.int(),
});

const row = z.strictObject({
  id: z.string(),
  title: z.string(),
  unit: z.enum(UNITS),
  outcomes: z.array(z.union([spread, z.strictObject({ name: z.string(), why: z.string() })])).readonly(),
  verdicts: z
    .array(
      z.strictObject({
        than: z.string().optional(),
        bound: z.enum(['at most', 'at least']),
        value: z.number(),
        got: z.number().optional(),
      }),
    )
    .readonly(),
  run: z.strictObject({ machine: z.string(), commit: z.string(), date: z.string() }),
});

/** A row and the run that it is from. */
export type Result = z.output<typeof row>;

/** Results of earlier runs; none where no run was kept. */
export const readResults = (file: string): Result[] =>
  existsSync(file) ? z.array(row).parse(JSON.parse(readFileSync(file, 'utf8'))) : [];

/** What is known afterwards, in the order of `ids`: what was measured now, else what was known of it. */
export function merged(
  known: readonly Result[],
  measured: readonly Result[],
  ids: readonly string[],
): Result[] {
  const byId = new Map([...known, ...measured].map((result) => [result.id, result]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}
