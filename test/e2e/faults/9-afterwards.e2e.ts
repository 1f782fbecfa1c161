/** What holds when all faults are over. */
import { z } from 'zod';
import { eventually, inPod, NAMESPACE, sql } from '../harness.ts';
import { untilWhole } from '../load.ts';
import { costs, countFound } from './survive.ts';

const event = z.object({ type: z.literal('sale.created'), sale: z.object({ id: z.string() }) });

beforeAll(untilWhole);

test('every sale that was acknowledged under a fault is there, once', async () => {
  const acknowledged = costs()
    .filter(({ namespace }) => namespace === NAMESPACE)
    .flatMap((cost) => cost.acknowledged);
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(new Set(acknowledged).size).toBe(acknowledged.length);
  expect(await countFound(acknowledged)).toBe(acknowledged.length);
});

test('every sale was counted, once', async () => {
  await eventually('the outbox is empty, and the worker has counted', 120, async () => {
    const [counts] = await sql(
      'select (select count(*) from outbox), (select sum(sales) from sales_hourly) - (select count(*) from sales)',
    );
    return counts === '0|0' ? true : undefined;
  });
});

test('every sale has its event in Kafka, and Kafka has none of another', async () => {
  const consumed = await inPod(
    'zakpos-kafka-0',
    `KAFKA_OPTS= KAFKA_HEAP_OPTS=-Xmx128m kafka-console-consumer --bootstrap-server "$HOSTNAME.zakpos-kafka-headless.${NAMESPACE}.svc:9093" \
      --consumer.config /run/kafka/admin.properties --topic zakpos.sales --from-beginning --timeout-ms 15000 2>/dev/null || true`,
  );
  const told = consumed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => event.parse(JSON.parse(line)).sale.id);
  const sold = new Set(await sql('select id from sales'));
  const heard = new Set(told);
  console.log(`${sold.size} sales, ${told.length} events in Kafka, of ${heard.size} sales`);
  expect([...sold].filter((id) => !heard.has(id))).toEqual([]);
  expect([...heard].filter((id) => !sold.has(id))).toEqual([]);
});
