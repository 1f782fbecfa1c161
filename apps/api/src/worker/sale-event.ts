import { z } from 'zod';

/** As much of a sale's event as the reports need; whatever else it carries may change. */
const saleEvent = z.object({
  id: z.uuid(),
  type: z.literal('sale.created'),
  occurredAt: z.iso.datetime({ offset: true }),
  sale: z.object({ id: z.uuid(), totalMinor: z.int().nonnegative() }),
});

export type SaleEvent = z.output<typeof saleEvent>;

/** Throws for what isn't a sale's event, naming what is wrong with it. */
export function parseSaleEvent(text: string): SaleEvent {
  const parsed = saleEvent.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'the event'}: ${issue.message}`,
  );
  throw new Error(problems.join('; '));
}
