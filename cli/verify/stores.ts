/** What each store says of its data: where they are, and facts that have to be the same after a restart. */
import { KAFKA, POSTGRES, REDIS, ZOOKEEPER } from '../../charts/names.ts';

export interface KnownStore {
  /** Prints the folders that it writes its data to, a line each. */
  readonly folders: readonly string[];
  /**
   * Leaves something to be found again, that goes away by itself.
   * @default - there is enough in it
   */
  readonly prepare?: readonly string[];
  /** Prints what must be there after a restart, a line each; more may come to it meanwhile. */
  readonly memory: readonly string[];
}

const psql = (query: string): string[] => ['psql', '-U', 'postgres', '-Atc', query];
const redis = (...args: string[]): string[] => ['sh', '/usr/local/etc/redis/cli.sh', ...args];
const MARK = 'zakpos:verify';

export const STORES: Readonly<Record<string, KnownStore>> = {
  [POSTGRES]: {
    folders: psql('show data_directory'),
    // Where its log is written only grows, whoever sells meanwhile.
    memory: psql(
      "select 'system ' || system_identifier from pg_control_system() union all select 'database ' || oid || ' ' || datname from pg_database",
    ),
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
};
