/** What each store says of its data: where they are, and facts that have to be the same after a restart. */
import { KAFKA, POSTGRES, REDIS, ZOOKEEPER } from '../../charts/names.ts';
import type { Config } from '../../environments/schema.ts';
import { CliError } from '../errors.ts';
import { shortName } from '../stores.ts';

export interface KnownStore {
  /** Prints the folders that it writes its data to, a line each. */
  readonly folders: readonly string[];
  /**
   * Leaves something to be found again, that goes away by itself.
   * @default - there is enough in it
   */
  readonly prepare?: readonly string[];
  /** Prints what must be there after a restart, a line each. */
  readonly memory: readonly string[];
  /**
   * Prints all of that then, and whatever has come to it since.
   * @default - the same as `memory`
   */
  readonly recall?: readonly string[];
}

const psql = (query: string, database = 'postgres'): string[] => [
  ...['psql', '-U', 'postgres', '-d', database, '-Atc', query],
];
/** The newest sales, as many as are told. */
const sales = ({ postgres }: Config, most: number): string[] =>
  psql(`select 'sale ' || id from sales order by created_at desc limit ${most}`, postgres.database);
const DATABASES = psql("select 'database ' || oid || ' ' || datname from pg_database");
const redis = (...args: string[]): string[] => ['sh', '/usr/local/etc/redis/cli.sh', ...args];
const MARK = 'zakpos:verify';

/** By the names of their StatefulSets. */
export const knownStores = (config: Config): Readonly<Record<string, KnownStore>> => ({
  [POSTGRES]: {
    folders: psql('show data_directory'),
    // The tables of somebody else's API are not known.
    ...(config.api.image === undefined
      ? { memory: sales(config, 500), recall: sales(config, 5000) }
      : { memory: DATABASES }),
  },
  [REDIS]: {
    folders: ['sh', '-c', 'sh /usr/local/etc/redis/cli.sh --raw config get dir | tail -n 1'],
    prepare: redis('set', MARK, 'kept', 'ex', '600'),
    memory: redis('--raw', 'get', MARK),
  },
  [KAFKA]: {
    folders: ['sh', '-c', "sed -n 's/^log.dirs=//p' /etc/kafka/kafka.properties | tr , '\\n'"],
    // The cluster that it is of, and its partitions.
    memory: [
      'sh',
      '-c',
      'cd "$(sed -n \'s/^log.dirs=//p\' /etc/kafka/kafka.properties)" && grep cluster.id meta.properties && ls -d -- *-[0-9]*',
    ],
  },
  [ZOOKEEPER]: {
    folders: ['sh', '-c', "sed -nE 's/^data(Log)?Dir=//p' /etc/kafka/zookeeper.properties"],
    // What it was last given a snapshot of stays: none is purged within a day.
    memory: ['sh', '-c', 'cd /var/lib/zookeeper/log/version-2 && ls'],
  },
});

/**
 * The store that a StatefulSet is.
 * @throws {CliError} when it is none whose data can be looked for
 */
export function knownStore(config: Config, name: string): KnownStore {
  const stores = knownStores(config);
  const found = stores[name];
  if (found !== undefined) return found;
  throw new CliError(
    `"${name}" is no store whose data are known before and after a restart.`,
    `Name one of ${Object.keys(stores).map(shortName).join(', ')}.`,
  );
}
