/** What a fault costs under a load of sales, and the table of all of them. */
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { CLUSTER, eventually, NAMESPACE, SHOP, sql, type Shop } from '../harness.ts';
import { describeReport, Load, salesInPostgres, type Outcome, type Report } from '../load.ts';

/** About half of what the whole stack sustains on two cores; as many requests that only read come beside them. */
const SALES_PER_SECOND = 10;
/** How long no sale may fail or wait until what was hit counts as well again. */
const CALM_MS = 5000;
/** A sale that waits for longer wasn't served when it was sent. */
const SLOW_MS = 2000;

const costSchema = z.object({
  fault: z.string(),
  namespace: z.string(),
  /** Sales that were answered with 201 under the load. */
  acknowledged: z.array(z.string()),
  /** How many of them are in the database. */
  found: z.number(),
  /** Sales in the database beyond those that were sent, when each that failed has been sent again. */
  doubled: z.number(),
  /** Requests of all kinds. */
  failed: z.number(),
  failedSales: z.number(),
  /** Seconds until what was hit was ready; null where it has no such state. */
  ready: z.number().nullable(),
  /** Seconds after which no sale failed or waited any more. */
  served: z.number(),
});

/** What a fault cost. */
export type Cost = z.output<typeof costSchema>;

const COSTS = join(tmpdir(), `${CLUSTER}-faults.jsonl`);

export const forgetCosts = (): void => {
  rmSync(COSTS, { force: true });
};

/** Those of this run so far. */
export const costs = (): Cost[] =>
  existsSync(COSTS)
    ? readFileSync(COSTS, 'utf8')
        .trim()
        .split('\n')
        .map((line) => costSchema.parse(JSON.parse(line)))
    : [];

export interface FaultProps {
  readonly fault: string;
  /** Does it, and gives the time from which seconds count, in milliseconds since the epoch. */
  readonly strike: () => Promise<number>;
  /**
   * Ends when what was hit is ready again.
   * @default - it has no such state
   */
  readonly ready?: () => Promise<unknown>;
  /**
   * Where it happens.
   * @default - the suites' installation
   */
  readonly shop?: Shop;
}

export interface Survived {
  readonly cost: Cost;
  readonly report: Report;
}

/**
 * A fault under a load of sales. Each sale that failed is sent again afterwards with its own key, so that there must be
 * exactly one for each that was sent.
 */
export async function survive(props: FaultProps): Promise<Survived> {
  const { fault, shop = SHOP } = props;
  const before = await salesInPostgres(shop.namespace);
  const load = await Load.start({ salesPerSecond: SALES_PER_SECOND, shop });
  const times = await strikeUnder(load, props).finally(async () => {
    console.log(describeReport(fault, await load.stop()));
  });
  const report = await load.stop();
  const again = await load.sellAgain(report.failures);
  const acknowledged = report.sales.map(({ id }) => id);
  const cost = {
    fault,
    namespace: shop.namespace,
    acknowledged,
    found: await countFound(acknowledged, shop.namespace),
    doubled: (await salesInPostgres(shop.namespace)) - before - acknowledged.length - again.length,
    failed: report.failures.length,
    failedSales: again.length,
    ready: times.ready,
    served: servedAfter(report.outcomes, times.from),
  };
  appendFileSync(COSTS, `${JSON.stringify(cost)}\n`);
  return { cost, report };
}

async function strikeUnder(
  load: Load,
  { strike, ready }: FaultProps,
): Promise<{ readonly from: number; readonly ready: number | null }> {
  await calm(load);
  const from = await strike();
  await ready?.();
  const seconds = secondsFrom(from, Date.now());
  await calm(load);
  return { from, ready: ready === undefined ? null : seconds };
}

/** Ends when for a while no sale has failed or had to wait. */
async function calm(load: Load): Promise<void> {
  const began = Date.now();
  await eventually('sales are served', 180, () => {
    const latest = load.since(Date.now() - CALM_MS);
    const quiet = Date.now() - began > CALM_MS && latest.length > 0 && latest.every(isServed);
    return Promise.resolve(quiet ? true : undefined);
  });
}

const isServed = ({ sold, sentAt, answeredAt }: Outcome): boolean => sold && answeredAt - sentAt <= SLOW_MS;

const secondsFrom = (from: number, to: number): number => Math.max(0, Math.round((to - from) / 100) / 10);

/** Seconds until the last sale that failed was sent, or the last that had to wait was answered. */
const servedAfter = (outcomes: readonly Outcome[], from: number): number =>
  Math.max(
    0,
    ...outcomes
      .filter((outcome) => outcome.answeredAt >= from && !isServed(outcome))
      .map(({ sold, sentAt, answeredAt }) => secondsFrom(from, sold ? answeredAt : sentAt)),
  );

/** How many of these sales are in the database. */
export async function countFound(ids: readonly string[], namespace = NAMESPACE): Promise<number> {
  const [found] = await sql(`select count(*) from sales where id in ('${ids.join("','")}')`, namespace);
  return Number(found);
}

/** What every fault must leave: nothing that was acknowledged is lost, and nothing is there twice. */
export function expectNothingLostOrDoubled({ acknowledged, found, doubled }: Cost): void {
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(new Set(acknowledged).size).toBe(acknowledged.length);
  expect({ lost: acknowledged.length - found, doubled }).toEqual({ lost: 0, doubled: 0 });
}

/** The table of all faults of this run. */
export function describeCosts(): string {
  const rows = costs().map(({ fault, acknowledged, found, doubled, failed, failedSales, ready, served }) => [
    fault,
    ...[acknowledged.length, found, acknowledged.length - found, doubled].map(String),
    `${failed} (${failedSales})`,
    ready === null ? '-' : ready.toFixed(1),
    served.toFixed(1),
  ]);
  const table = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return [`Under ${SALES_PER_SECOND} sales and ${SALES_PER_SECOND} other requests a second:`, ...lines].join(
    '\n',
  );
}

const HEADINGS = [
  'fault',
  'acknowledged',
  'found',
  'lost',
  'doubled',
  'failed (sales)',
  'seconds until ready',
  'seconds until served',
];
