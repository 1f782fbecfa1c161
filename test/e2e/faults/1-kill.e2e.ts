/** What dies without warning: SIGKILL to all processes of a pod, or of two at once. */
import { execa } from 'execa';
import {
  CONTEXT,
  eventually,
  killNine,
  kubectl,
  NAMESPACE,
  podOf,
  pods,
  redis,
  restarted,
  sql,
  type Pod,
} from '../harness.ts';
import { untilWhole } from '../load.ts';
import { expectNothingLostOrDoubled, survive, type Survived } from './survive.ts';

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Kills pods at once under a load of sales, until they are ready again and nothing was lost. */
async function killed(fault: string, victims: readonly Pod[]): Promise<Survived> {
  const survived = await survive({
    fault: `kill -9 of ${fault}`,
    strike: async () => {
      const from = Date.now();
      await Promise.all(victims.map(killNine));
      return from;
    },
    ready: () => readyAgain(victims),
  });
  expectNothingLostOrDoubled(survived.cost);
  return survived;
}

const readyAgain = (victims: readonly Pod[]): Promise<unknown> =>
  Promise.all(victims.map((pod) => eventually(`${pod.name} is ready again`, 240, () => restarted(pod))));

async function named(...names: readonly string[]): Promise<Pod[]> {
  const found = (await pods()).filter(({ name }) => names.includes(name));
  expect(found.map(({ ready }) => ready)).toEqual(names.map(() => true));
  return found;
}

beforeEach(untilWhole);

test('postgres is ready within 15 s, and sells within 20', async () => {
  const { cost, report } = await killed('postgres', await named('zakpos-postgres-0'));
  expect(cost.ready).toBeLessThanOrEqual(15);
  expect(cost.served).toBeLessThanOrEqual(20);
  for (const { answer } of report.failures) expect(answer).toMatch(/^503 .*database/);
});

test('redis costs no sale', async () => {
  const { cost } = await killed('redis', await named('zakpos-redis-0'));
  expect(cost.failedSales).toBe(0);
});

test.each([0, 1, 2])('broker %d costs no request', async (id) => {
  const { report } = await killed(`broker ${id}`, await named(`zakpos-kafka-${id}`));
  expect(report.failures).toEqual([]);
});

test.each([0, 1, 2])('ZooKeeper %d costs no request', async (id) => {
  const { report } = await killed(`ZooKeeper ${id}`, await named(`zakpos-zookeeper-${id}`));
  expect(report.failures).toEqual([]);
});

/** Kills pods of the API while sales that they have begun wait for a row of the product. */
async function killedWhileSelling(fault: string, victims: readonly Pod[]): Promise<void> {
  const { cost } = await survive({
    fault: `kill -9 of ${fault}`,
    strike: async () => {
      const held = sql('begin; select from products for update; select pg_sleep(1.5); commit');
      await pause(1000);
      const from = Date.now();
      await Promise.all([held, ...victims.map(killNine)]);
      return from;
    },
    ready: () => readyAgain(victims),
  });
  expectNothingLostOrDoubled(cost);
  // Their requests were cut off in the middle, and each was sold once when it was sent again.
  expect(cost.failedSales).toBeGreaterThan(0);
  expect(cost.served).toBeLessThanOrEqual(20);
}

test('an API pod during sales: what it had begun is sold once', async () => {
  await killedWhileSelling('an API pod during sales', [await podOf('zakpos-api')]);
});

describe('two at once', () => {
  test('a broker and a ZooKeeper cost no request', async () => {
    const victims = await named('zakpos-kafka-0', 'zakpos-zookeeper-1');
    expect((await killed('broker 0 and ZooKeeper 1', victims)).report.failures).toEqual([]);
  });

  test('a broker and redis cost no sale', async () => {
    const victims = await named('zakpos-kafka-1', 'zakpos-redis-0');
    expect((await killed('broker 1 and redis', victims)).cost.failedSales).toBe(0);
  });

  test('two of three API pods during sales: what they had begun is sold once', async () => {
    const least = (count: number) =>
      kubectl('-n', NAMESPACE, 'patch', 'hpa', 'zakpos-api', '-p', `{"spec":{"minReplicas":${count}}}`);
    await least(3);
    try {
      const victims = await eventually('there are three', 120, async () => {
        const ready = (await pods()).filter((pod) => pod.workload === 'zakpos-api' && pod.ready);
        return ready.length >= 3 ? ready.slice(0, 2) : undefined;
      });
      await killedWhileSelling('two of three API pods during sales', victims);
    } finally {
      await least(2);
    }
  });

  test('postgres and redis', async () => {
    const { cost } = await killed('postgres and redis', await named('zakpos-postgres-0', 'zakpos-redis-0'));
    // What dies twice within ten minutes is started 10 s later.
    expect(cost.served).toBeLessThanOrEqual(30);
  });
});

test('redis loses at most a second of its append-only file', async () => {
  await redis('del e2e:numbers');
  const [pod] = await named('zakpos-redis-0');
  if (pod === undefined) return;
  const client = execa(
    'kubectl',
    [
      ...['--context', CONTEXT, '-n', NAMESPACE, 'exec', '-i', pod.name, '--'],
      ...['sh', '/usr/local/etc/redis/cli.sh'],
    ],
    { reject: false },
  );
  const answered: number[] = [];
  client.stdout.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().split('\n')) if (/^\d+$/.test(line)) answered.push(Date.now());
  });
  let number = 0;
  const writing = setInterval(() => client.stdin.write(`rpush e2e:numbers ${(number += 1)}\n`), 20);
  await pause(5000);
  await killNine(pod);
  clearInterval(writing);
  await client;
  await readyAgain([pod]);

  const kept = Number(await redis('llen e2e:numbers'));
  const [last = 0, firstLost = last] = [answered.at(-1), answered[kept]];
  console.log(
    `append-only file of redis: ${answered.length} writes acknowledged in 5 s, ${kept} found, ${last - firstLost} ms lost`,
  );
  expect(answered.length).toBeGreaterThan(100);
  expect(last - firstLost).toBeLessThanOrEqual(1000);
  await redis('del e2e:numbers');
});
