/** The model of scale: what it writes is enough, and what is not enough it refuses. */
import { costOf, type Cost } from '../../bench/scale/cost.ts';
import { environmentFor, parsed } from '../../bench/scale/environment.ts';
import { limitsOf, loadOf } from '../../bench/scale/model.ts';
import { EXAMPLES, limitsTable, needsTable, predicted, prediction } from '../../bench/scale/page.ts';
import { asPlot } from '../../bench/scale/plot.ts';
import { asValues } from '../../bench/scale/values.ts';
import { COST_READINGS } from '../../bench/works/cost.ts';
import type { Result } from '../../bench/results.ts';

const cost: Cost = {
  apiCpu: 5,
  openCpu: 100,
  postgresCpu: 2,
  redisCpu: 0.2,
  kafkaCpu: 1,
  reportsCpu: 2,
  capacity: 150,
  latency: 12,
  postgresBytes: 1500,
  kafkaBytes: 400,
  networkBytes: 6000,
};
const result = (id: string, median: number): Result => ({
  ...{ id, title: id, unit: '', verdicts: [], run: { machine: 'one', commit: 'c', date: '2026-11-22' } },
  outcomes: [{ name: 'ours', median, low: median, high: median, rounds: 1 }],
});
const results = [
  ...COST_READINGS.map((reading) => result(`cost-${reading}`, cost[reading])),
  result('sales-per-second', 120),
];

test.each(EXAMPLES)('the environment for %s tills serves them with each of its parts', (tills) => {
  const limits = limitsOf(parsed(environmentFor(tills, cost)), cost);
  expect(limits.filter((limit) => limit.tills < tills)).toEqual([]);
  expect(limits.length).toBeGreaterThan(2);
});

test('from one server to three nodes, copies that take over, and stores of a provider', () => {
  const [ten, thousand, many] = EXAMPLES.map((tills) => parsed(environmentFor(tills, cost)));
  expect(ten).toMatchObject({ environment: 'prod', size: 'single', kafka: { replicas: 1 } });
  expect(thousand).toMatchObject({ size: 'cluster', postgres: { mode: 'cloudnativepg' } });
  expect(many).toMatchObject({
    environment: 'cloud',
    postgres: { mode: 'external', pooler: { enabled: true } },
    kafka: { mode: 'external' },
  });
});

test('a part of twice the size serves twice the tills', () => {
  const tills = (storage: string): number | undefined =>
    limitsOf(parsed({ environment: 'prod', postgres: { storage: { size: storage } } }), cost).find(
      ({ part }) => part === 'PostgreSQL: volume',
    )?.tills;
  expect(tills('40Gi')).toBe(2 * (tills('20Gi') ?? NaN));
});

test('what gives in first is at the head', () => {
  const tills = limitsOf(parsed({ environment: 'prod' }), cost).map((limit) => limit.tills);
  expect(tills).toEqual([...tills].sort((a, b) => a - b));
});

test('tills take what their sales take, or their opening where that is more', () => {
  expect(loadOf(3000, cost)).toMatchObject({ salesPerSecond: 100, apiCores: 0.5, busyConnections: 1.2 });
  expect(loadOf(3000, { ...cost, openCpu: 1200 }).apiCores).toBe(2);
});

test('more tills than one installation serves are refused', () => {
  expect(() => environmentFor(1_000_000, cost)).toThrow(
    '1000000 tills need more pods of the API than one installation has; divide the shops among several installations',
  );
});

test('a cost that was never measured is named with the command that measures it', () => {
  expect(() => costOf(results.slice(1))).toThrow('cost-apiCpu; `npm run bench -- cost --write`');
  expect(() => prediction(results.slice(0, -1))).toThrow(
    'sales-per-second; `npm run bench -- sales --write`',
  );
});

test('a full computer, or a full process, is what the cost of a sale says', () => {
  expect(predicted(results)).toBe(150);
  expect(
    predicted([result('cost-capacity', 500), ...results.filter(({ id }) => id !== 'cost-capacity')]),
  ).toBe(200);
  expect(prediction(results)).toMatch(/\| measured ÷ predicted +\| 0\.80 +\|/);
});

test('the tables have a row for each part, and a column for each example', () => {
  expect(limitsTable(results)).toMatch(/^\| PostgreSQL: volume +\|/m);
  expect(needsTable(results)).toMatch(/^\| +\| 10 tills +\| 1,000 tills +\| 100,000 tills +\|$/m);
});

test('the plot marks what gives in first', () => {
  const plot = asPlot([
    { part: 'a & b', tills: 100, then: '' },
    { part: 'c', tills: 1000, then: '' },
  ]);
  expect(plot.match(/#c62828/g)).toHaveLength(1);
  expect(plot).toContain('a &amp; b');
});

test('the values say for how many tills they are, and are a file that is taken', () => {
  expect(asValues(1000, cost)).toMatch(/^# 1,000 tills: 33\.3 sales in a second/);
});
