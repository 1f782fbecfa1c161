/** The stores as their images come: the services of our Compose file, on the same limits, without a line of our configuration. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

const composeSchema = z.looseObject({
  services: z.record(z.string(), z.looseObject({ image: z.string(), mem_limit: z.string().optional() })),
});

/** What each is told: only what it refuses to start without. */
const TOLD: Readonly<Record<string, object>> = {
  'zakpos-postgres': { environment: { POSTGRES_PASSWORD: 'bench' } },
  'zakpos-redis': {},
  'zakpos-zookeeper': { environment: { ZOOKEEPER_CLIENT_PORT: '2181' } },
  'zakpos-kafka': {
    environment: {
      KAFKA_ZOOKEEPER_CONNECT: 'zakpos-zookeeper:2181',
      KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://localhost:9092',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    },
    // It ends where ZooKeeper is not there yet.
    restart: 'always',
  },
};

/** As durable as ours: the others are by default. */
const DURABLE = { 'zakpos-redis': { command: ['redis-server', '--appendonly', 'yes'] } };

/** Puts them in the place of a Compose file. */
export function leaveOnlyPlainStores(path: string, { durable }: { readonly durable: boolean }): void {
  const { services } = composeSchema.parse(parse(readFileSync(path, 'utf8')));
  const told: typeof TOLD = durable ? { ...TOLD, ...DURABLE } : TOLD;
  const plain = Object.entries(told).map(([name, more]): [string, object] => {
    const { image, mem_limit } = services[name] ?? {};
    return [name, { image, mem_limit, ...more }];
  });
  writeFileSync(path, stringify({ services: Object.fromEntries(plain) }));
}
