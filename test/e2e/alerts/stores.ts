/** PostgreSQL, Redis and Kafka in trouble. */
import { API, KAFKA, POSTGRES_EXPORTER, REDIS_EXPORTER, ZOOKEEPER } from '../../../charts/names.ts';
import { UPLOADED } from './backups.ts';
import { calm } from './calm.ts';
import { dependency, each, podsOf, told } from './running.ts';
import { failing } from './sales.ts';
import { GIB, gone, HOUR, type Fault, type Values } from './world.ts';

const AT = HOUR;
const unreachable = (name: string) =>
  Object.fromEntries(podsOf(API).map((pod) => [dependency(pod, name), 0]));

/** What a restart of both looks like. */
export const storesAway = (): Values => ({
  ...each(POSTGRES_EXPORTER, 'pg_up', 0),
  ...each(REDIS_EXPORTER, 'redis_up', 0),
  ...unreachable('postgres'),
  ...unreachable('redis'),
});

export const STORE_FAULTS: readonly Fault[] = [
  {
    alert: 'PostgresDown',
    of: 'a server that is killed and does not come back for half an hour',
    from: AT,
    until: AT + 30,
    world: (minute) => ({
      ...each(POSTGRES_EXPORTER, 'pg_up', 0),
      ...gone(calm(minute), /^(?:pg_(?:stat|settings)|zakpos_postgres)_.*namespace="zakpos"/),
      ...unreachable('postgres'),
      ...failing(1, AT, minute),
      ...each(API, 'zakpos_database_pool_connections', 30, { state: 'waiting' }),
      [UPLOADED]: 60 * AT - 25,
    }),
    fires: AT + 1,
    // What followed from it is over by then.
    ends: AT + 30 + 3,
    summary: 'PostgreSQL of zakpos has answered 0 of those who asked, for a minute: every sale is refused.',
    followedBy: ['DatabasePoolSaturated', 'WalNotArchived'],
  },
  {
    alert: 'PostgresDown',
    of: 'a server whose exporter is gone with it',
    from: AT,
    until: AT + 10,
    world: (minute) => ({
      ...gone(calm(minute), /pod="zakpos-postgres-exporter-0"/),
      ...unreachable('postgres'),
    }),
    fires: AT + 1,
    ends: AT + 10 + 3,
    summary: 'PostgreSQL of zakpos has answered 0 of those who asked, for a minute: every sale is refused.',
  },
  {
    alert: 'PostgresConnectionsNearLimit',
    of: 'too many pods',
    from: AT,
    until: AT + 30,
    world: () => each(POSTGRES_EXPORTER, 'pg_stat_database_numbackends', 88, { datname: 'zakpos_db' }),
    fires: AT + 10,
    summary:
      '89% of the connections that PostgreSQL of zakpos accepts are taken: the next pods may get none.',
  },
  {
    alert: 'LongTransaction',
    of: 'a console that somebody left open',
    from: AT,
    until: AT + 100,
    world: (minute) =>
      each(POSTGRES_EXPORTER, 'zakpos_postgres_longest_transaction_seconds', 60 * (minute - AT)),
    fires: AT + 61 + 5,
    summary:
      'A transaction in PostgreSQL of zakpos has been open for 1h 6m 0s: what is deleted meanwhile keeps its room, and every query reads past it.',
  },
  {
    alert: 'SessionsBlocked',
    of: 'a lock on the products',
    from: AT,
    until: AT + 20,
    world: () => each(POSTGRES_EXPORTER, 'zakpos_postgres_blocked_sessions', 7),
    fires: AT + 2 + 3,
    summary:
      'For 5 minutes, at least 7 sessions of PostgreSQL in zakpos have waited for a lock that another one holds.',
  },
  {
    alert: 'RedisDown',
    of: 'a server that does not answer',
    from: AT,
    until: AT + 20,
    world: () => ({ ...each(REDIS_EXPORTER, 'redis_up', 0), ...unreachable('redis') }),
    fires: AT + 1,
    ends: AT + 20 + 3,
    summary:
      'Redis of zakpos has answered 0 of those who asked, for a minute: nobody can log in; who is logged in sells on.',
  },
  {
    alert: 'RedisMemoryFull',
    of: 'keys that somebody has written',
    from: AT,
    until: AT + 20,
    world: () => each(REDIS_EXPORTER, 'redis_memory_used_bytes', 0.3 * GIB),
    fires: AT + 5,
    summary: 'Redis of zakpos has used 96% of its memory: it gives up sessions, or refuses new ones.',
  },
  {
    alert: 'BrokerDown',
    of: 'a broker that does not come back',
    from: AT,
    until: AT + 40,
    world: (minute) => ({
      ...gone(calm(minute), /pod="zakpos-kafka-2"/),
      ...each(KAFKA, 'kafka_under_replicated_partitions', 20),
      ...Object.fromEntries(
        podsOf(KAFKA)
          .slice(2)
          .map((pod) => [told(pod, 'kafka_under_replicated_partitions'), undefined]),
      ),
    }),
    fires: AT + 10,
    ends: AT + 40 + 3,
    labels: { job: 'zakpos/zakpos-kafka' },
    summary: 'Of the 3 brokers of zakpos, 2 answer; events need 2 copies.',
    followedBy: ['KafkaUnderReplicated'],
  },
  {
    alert: 'KafkaOfflinePartitions',
    of: 'partitions whose copies are all gone',
    from: AT,
    until: AT + 30,
    world: () => each(KAFKA, 'kafka_offline_partitions', 4),
    fires: AT + 10,
    summary: '4 partitions of Kafka in zakpos have no leader: their events can be neither written nor read.',
  },
  {
    alert: 'KafkaNoController',
    of: 'brokers that agree on none',
    from: AT,
    until: AT + 30,
    world: () => each(KAFKA, 'kafka_controller_active', 0),
    fires: AT + 10,
    summary: '0 brokers of zakpos are the controller, and one has to be: no partition gets a new leader.',
  },
  {
    alert: 'KafkaUnderReplicated',
    of: 'a broker that answers and does not catch up',
    from: AT,
    until: AT + 30,
    world: () => each(KAFKA, 'kafka_under_replicated_partitions', 5),
    fires: AT + 10,
    summary: '15 partitions of Kafka in zakpos have fewer copies than they should.',
  },
  {
    alert: 'ZookeeperQuorum',
    of: 'a server that finds no other',
    from: AT,
    until: AT + 30,
    world: () =>
      Object.fromEntries(
        podsOf(ZOOKEEPER)
          .slice(2)
          .map((pod) => [told(pod, 'zookeeper_is_leader'), undefined]),
      ),
    fires: AT + 10,
    summary:
      'Of the 3 ZooKeepers of zakpos, 2 are in the quorum, which needs 2: without it, no partition gets a new leader.',
  },
  {
    alert: 'ZookeeperQuorum',
    of: 'a quorum that is lost',
    from: AT,
    until: AT + 30,
    world: (minute) => gone(calm(minute), /^zookeeper_is_leader.*namespace="zakpos"/),
    fires: AT + 10,
    summary:
      'Of the 3 ZooKeepers of zakpos, 0 are in the quorum, which needs 2: without it, no partition gets a new leader.',
  },
];
