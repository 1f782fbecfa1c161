/** What the stores do in a second: tuned as we run them, and as their images come, on the same limits. */
import { shopProject, type ComposeProject } from '../peers/compose-project.ts';
import { leaveOnlyPlainStores } from '../peers/plain-stores.ts';
import type { Figure, Side, Work } from '../work.ts';

const OURS = 'as it runs here';
const PLAIN = 'its image as it comes';
const DURABLE = 'its image as it comes, as durable';
const ROUNDS = 3;

/** What is done with a store that runs alone, with an empty volume, and what was read of it. */
type Measure<Reading extends string> = (stores: ComposeProject) => Promise<Record<Reading, number>>;

function side<Reading extends string>(
  name: string,
  project: ComposeProject,
  measure: Measure<Reading>,
): Side<Reading> {
  return {
    name,
    prepare: () => project.prepare(),
    run: async () => {
      const readings = await measure(project);
      await project.down();
      return readings;
    },
    cleanUp: () => project.remove(),
  };
}

/** A project of the stores as their images come. */
const plain = (name: string, durable = false): ComposeProject =>
  shopProject(name, (path) => {
    leaveOnlyPlainStores(path, { durable });
  });

const started = (stores: ComposeProject, service: string): Promise<unknown> =>
  stores.compose('up', '--detach', '--no-deps', service);

const inShell = async (stores: ComposeProject, service: string, script: string): Promise<string> =>
  (await stores.exec(service, 'sh', '-c', script)).stdout;

function numberIn(pattern: RegExp, text: string): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`a figure is expected in:\n${text}`);
  return Number(found);
}

const row = <Reading extends string>(reading: Reading, title: string, than: string): Figure<Reading> => ({
  id: `stores-${reading}`,
  title,
  reading,
  unit: '/s',
  goals: [{ than, bound: 'at least', value: 1 }],
});

function postgres(): Work<'transactions'> {
  const measure: Measure<'transactions'> = async (stores) => {
    const service = 'zakpos-postgres';
    await started(stores, service);
    await stores.until(service, 'pg_isready', '-q', '-h', '127.0.0.1');
    await inShell(stores, service, 'createdb -U postgres bench && pgbench -U postgres -iqs 10 bench');
    const said = await inShell(stores, service, 'pgbench -U postgres -c 8 -T 15 bench');
    return { transactions: numberIn(/^tps = ([\d.]+)/m, said) };
  };
  return {
    id: 'postgres',
    what: 'PostgreSQL alone, on the limits of dev',
    rounds: ROUNDS,
    sides: [
      side(OURS, shopProject('zakpos-bench-postgres'), measure),
      side(PLAIN, plain('zakpos-bench-postgres-plain'), measure),
    ],
    figures: [row('transactions', 'transactions of pgbench', PLAIN)],
  };
}

function redis(): Work<'sets' | 'gets'> {
  /** @param password words of sh that print it; none where there is none */
  const measure =
    (password?: string): Measure<'sets' | 'gets'> =>
    async (stores) => {
      const service = 'zakpos-redis';
      const login = password === undefined ? '' : `-a "$(${password})"`;
      await started(stores, service);
      await stores.until(service, 'sh', '-c', `redis-cli ${login} ping | grep -q PONG`);
      const work = '-t set,get -n 300000 -r 100000 -d 256 --csv';
      const said = await inShell(stores, service, `redis-benchmark ${login} ${work}`);
      return {
        sets: numberIn(/^"SET","([\d.]+)"/m, said),
        gets: numberIn(/^"GET","([\d.]+)"/m, said),
      };
    };
  return {
    id: 'redis',
    what: 'Redis alone, on the limits of dev',
    rounds: ROUNDS,
    sides: [
      side(OURS, shopProject('zakpos-bench-redis'), measure('cat /run/secrets/redis/password')),
      side(PLAIN, plain('zakpos-bench-redis-plain'), measure()),
      side(DURABLE, plain('zakpos-bench-redis-durable', true), measure()),
    ],
    figures: [row('sets', 'SETs of redis-benchmark', DURABLE), row('gets', 'GETs of redis-benchmark', PLAIN)],
  };
}

function kafka(): Work<'produced' | 'consumed'> {
  const server = '--bootstrap-server localhost:9092';
  const topic = 'bench';
  const records = 200_000;
  /** A sale's event is about as long. */
  const recordBytes = 512;
  const measure: Measure<'produced' | 'consumed'> = async (stores) => {
    const service = 'zakpos-kafka';
    // Not with the broker's own heap and agents.
    const tool = (script: string): Promise<string> =>
      inShell(stores, service, `export KAFKA_HEAP_OPTS=-Xmx128m KAFKA_OPTS=; ${script}`);
    await started(stores, 'zakpos-zookeeper');
    await started(stores, service);
    await stores.until(service, 'sh', '-c', `kafka-topics ${server} --list`);
    await tool(`kafka-topics ${server} --create --topic ${topic} --partitions 3`);
    const produced = await tool(
      `kafka-producer-perf-test --topic ${topic} --num-records ${records} --record-size ${recordBytes} ` +
        '--throughput -1 --producer-props bootstrap.servers=localhost:9092 acks=all',
    );
    const consumed = await tool(
      `kafka-consumer-perf-test ${server} --topic ${topic} --messages ${records} --timeout 60000`,
    );
    return {
      produced: numberIn(/([\d.]+) records\/sec.*\n*$/, produced),
      consumed: Number(consumed.trim().split('\n').at(-1)?.split(',')[5]),
    };
  };
  return {
    id: 'kafka',
    what: 'Kafka with ZooKeeper alone, on the limits of dev',
    rounds: ROUNDS,
    sides: [
      side(OURS, shopProject('zakpos-bench-kafka'), measure),
      side(PLAIN, plain('zakpos-bench-kafka-plain'), measure),
    ],
    figures: [
      row('produced', 'records that Kafka takes, with acks=all', PLAIN),
      row('consumed', 'records that Kafka gives', PLAIN),
    ],
  };
}

export const stores = (): readonly Work[] => [postgres(), redis(), kafka()];
