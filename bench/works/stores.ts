/** What the stores do in a second: tuned as we run them, and as their images come, on the same limits. */
import { shopProject, type ComposeProject } from '../peers/compose-project.ts';
import { leaveOnlyPlainStores } from '../peers/plain-stores.ts';
import type { Figure, Side, Work } from '../work.ts';

type Reading = 'transactions' | 'sets' | 'gets' | 'produced' | 'consumed';

const PLAIN = 'images as they come';
const DURABLE = 'images as they come, Redis as durable';
const SECONDS = 15;
/** A sale's event is about as long. */
const RECORD_BYTES = 512;
const RECORDS = 200_000;
const TOPIC = 'bench';

interface Access {
  /** Words of sh that make redis-benchmark known to the server. */
  readonly redisPassword: string;
}

function side(name: string, stores: ComposeProject, { redisPassword }: Access): Side<Reading> {
  const inShell = async (service: string, script: string): Promise<string> =>
    (await stores.exec(service, 'sh', '-c', script)).stdout;
  const started = (service: string): Promise<unknown> =>
    stores.compose('up', '--detach', '--no-deps', service);
  const stopped = (...services: readonly string[]): Promise<unknown> => stores.compose('stop', ...services);

  return {
    name,
    prepare: () => stores.prepare(),
    // Each store alone, with an empty volume.
    run: async () => {
      await started('zakpos-postgres');
      await stores.until('zakpos-postgres', 'pg_isready', '-q', '-h', '127.0.0.1');
      await inShell('zakpos-postgres', 'createdb -U postgres bench && pgbench -U postgres -iqs 10 bench');
      const pgbench = await inShell('zakpos-postgres', `pgbench -U postgres -c 8 -T ${SECONDS} bench`);
      await stopped('zakpos-postgres');

      await started('zakpos-redis');
      const login = redisPassword === '' ? '' : `export REDISCLI_AUTH=${redisPassword};`;
      await stores.until('zakpos-redis', 'sh', '-c', `${login} redis-cli ping | grep -q PONG`);
      const redis = await inShell(
        'zakpos-redis',
        // It does not look at REDISCLI_AUTH.
        `redis-benchmark ${redisPassword === '' ? '' : `-a "${redisPassword}"`} -t set,get -n 300000 -r 100000 -d 256 --csv`,
      );
      await stopped('zakpos-redis');

      await started('zakpos-zookeeper');
      await started('zakpos-kafka');
      const server = '--bootstrap-server localhost:9092';
      const kafka = (script: string): Promise<string> =>
        inShell('zakpos-kafka', `export KAFKA_HEAP_OPTS=-Xmx128m KAFKA_OPTS=; ${script}`);
      await stores.until('zakpos-kafka', 'sh', '-c', `kafka-topics ${server} --list`);
      await kafka(`kafka-topics ${server} --create --topic ${TOPIC} --partitions 3`);
      const produced = await kafka(
        `kafka-producer-perf-test --topic ${TOPIC} --num-records ${RECORDS} --record-size ${RECORD_BYTES} ` +
          '--throughput -1 --producer-props bootstrap.servers=localhost:9092 acks=all',
      );
      const consumed = await kafka(
        `kafka-consumer-perf-test ${server} --topic ${TOPIC} --messages ${RECORDS} --timeout 60000`,
      );
      await stores.down();
      return {
        transactions: figure(/^tps = ([\d.]+)/m, pgbench),
        sets: figure(/^"SET","([\d.]+)"/m, redis),
        gets: figure(/^"GET","([\d.]+)"/m, redis),
        produced: figure(/([\d.]+) records\/sec.*\n*$/, produced),
        consumed: Number(consumed.trim().split('\n').at(-1)?.split(',')[5]),
      };
    },
    cleanUp: () => stores.remove(),
  };
}

function figure(pattern: RegExp, text: string): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`a figure is expected in:\n${text}`);
  return Number(found);
}

const row = (id: Reading, title: string, than: string): Figure<Reading> => ({
  id: `stores-${id}`,
  title,
  reading: id,
  unit: '/s',
  goals: [{ than, bound: 'at least', value: 1 }],
});

export const stores = (): Work<Reading> => ({
  id: 'stores',
  what: 'PostgreSQL, Redis and Kafka alone, on the limits of dev',
  rounds: 5,
  sides: [
    side('as they run here', shopProject('zakpos-bench-stores'), {
      redisPassword: '$(cat /run/secrets/redis/password)',
    }),
    side(
      PLAIN,
      shopProject('zakpos-bench-plain', (path) => {
        leaveOnlyPlainStores(path, { durable: false });
      }),
      { redisPassword: '' },
    ),
    side(
      DURABLE,
      shopProject('zakpos-bench-durable', (path) => {
        leaveOnlyPlainStores(path, { durable: true });
      }),
      { redisPassword: '' },
    ),
  ],
  figures: [
    row('transactions', 'transactions of pgbench', PLAIN),
    row('sets', 'SETs of redis-benchmark', DURABLE),
    row('gets', 'GETs of redis-benchmark', PLAIN),
    row('produced', 'records that Kafka takes, with acks=all', PLAIN),
    row('consumed', 'records that Kafka gives', PLAIN),
  ],
});
