/** The stores. */
import { job, lines, number, of, rate, type Dashboard } from './panel.ts';

export const postgres: Dashboard = {
  uid: 'zakpos-postgres',
  title: 'ZakPOS: PostgreSQL',
  description: 'The database, as its exporter sees it.',
  from: 'now-6h',
  rows: [
    {
      title: 'Now',
      panels: [
        number('Up', 'yes or no', 'Whether it answers.', `max(${of('pg_up')})`),
        number(
          'Connections taken',
          'share',
          'Of those that it accepts. Above four fifths, the next pods may get none.',
          `sum(${of('pg_stat_database_numbackends')}) / max(${of('pg_settings_max_connections')})`,
        ),
        number(
          'Longest transaction',
          'seconds',
          'Age of the oldest that is open.',
          `max(${of('zakpos_postgres_longest_transaction_seconds')})`,
        ),
        number(
          'Sessions that wait',
          'count',
          'For a lock that another one holds.',
          `max(${of('zakpos_postgres_blocked_sessions')})`,
        ),
      ],
    },
    {
      title: 'Work',
      panels: [
        lines('Transactions', 'per second', 'Committed, and taken back.', {
          committed: `sum(${rate('pg_stat_database_xact_commit')})`,
          'taken back': `sum(${rate('pg_stat_database_xact_rollback')})`,
        }),
        lines('Connections', 'count', 'By what they do. Many that are idle in transaction hold locks.', {
          '{{state}}': `sum by (state) (${of('pg_stat_activity_count')})`,
        }),
        lines('Statements by time', 'count', 'Cores that the dearest statements keep busy.', {
          '{{query}}': `topk(5, ${rate('zakpos_postgres_statement_seconds_total')})`,
        }),
        lines('Time of a statement', 'seconds', 'What one call of the dearest statements takes.', {
          '{{query}}': `topk(5, ${rate('zakpos_postgres_statement_seconds_total')} / (${rate('zakpos_postgres_statement_calls_total')} > 0))`,
        }),
        lines(
          'Read from memory',
          'share',
          'Of the blocks that were asked for. Below nine tenths, it reads from disk.',
          {
            '{{datname}}': `sum by (datname) (${rate('pg_stat_database_blks_hit', 'datname!~"template.*"')}) / (sum by (datname) (${rate('pg_stat_database_blks_hit', 'datname!~"template.*"')}) + sum by (datname) (${rate('pg_stat_database_blks_read', 'datname!~"template.*"')}) > 0)`,
          },
        ),
        lines('Locks', 'count', 'By kind.', {
          '{{mode}}': `sum by (mode) (${of('pg_locks_count')}) > 0`,
        }),
        lines('Deadlocks', 'per minute', 'Transactions that were ended since each waited for the other.', {
          deadlocks: `60 * sum(${rate('pg_stat_database_deadlocks')})`,
        }),
      ],
    },
    {
      title: 'Room',
      panels: [
        lines('Largest tables', 'bytes', 'With their indexes.', {
          '{{table}}': `topk(8, ${of('zakpos_postgres_table_bytes')})`,
        }),
        lines(
          'Dead rows',
          'share',
          'Of a table, what is deleted and not cleaned up. A share that stays high: something keeps the vacuum from it.',
          {
            '{{table}}': `topk(8, ${of('zakpos_postgres_dead_rows')} / (${of('zakpos_postgres_dead_rows')} + ${of('zakpos_postgres_live_rows')} > 0))`,
          },
        ),
        lines(
          'Log that is kept',
          'bytes',
          'For whoever reads it through a slot: the archive of the backups.',
          {
            '{{slot}}': of('zakpos_postgres_slot_retained_bytes'),
          },
        ),
      ],
    },
  ],
};

export const redis: Dashboard = {
  uid: 'zakpos-redis',
  title: 'ZakPOS: Redis',
  description: 'Sessions, cache, rate limits and the live feed.',
  from: 'now-6h',
  rows: [
    {
      title: 'Now',
      panels: [
        number('Up', 'yes or no', 'Whether it answers.', `max(${of('redis_up')})`),
        number(
          'Memory taken',
          'share',
          'Of redis.maxMemory. Above nine tenths, sessions are given up.',
          `max(${of('redis_memory_used_bytes')} / (${of('redis_memory_max_bytes')} > 0))`,
        ),
        number(
          'Append-only file',
          'yes or no',
          'Whether it was written the last time.',
          `min(${of('redis_aof_last_write_status')})`,
        ),
      ],
    },
    {
      title: 'Work',
      panels: [
        lines('Commands', 'per second', 'All that it is asked.', {
          commands: `sum(${rate('redis_commands_processed_total')})`,
        }),
        lines('Clients', 'count', 'Connections, those of the exporter among them.', {
          clients: `sum(${of('redis_connected_clients')})`,
        }),
        lines('Found', 'share', 'Of the keys that were asked for.', {
          found: `sum(${rate('redis_keyspace_hits_total')}) / (sum(${rate('redis_keyspace_hits_total')}) + sum(${rate('redis_keyspace_misses_total')}) > 0)`,
        }),
        lines('Keys', 'count', 'Sessions, cached answers and counts.', {
          keys: `sum(${of('redis_db_keys')})`,
        }),
        lines('Memory', 'bytes', 'In use, and how much it may be.', {
          used: `max(${of('redis_memory_used_bytes')})`,
          limit: `max(${of('redis_memory_max_bytes')})`,
        }),
        lines('Keys that ended', 'per minute', 'In time, or given up since memory was full.', {
          'in time': `60 * sum(${rate('redis_expired_keys_total')})`,
          'given up': `60 * sum(${rate('redis_evicted_keys_total')})`,
        }),
      ],
    },
  ],
};

export const kafka: Dashboard = {
  uid: 'zakpos-kafka',
  title: 'ZakPOS: Kafka and ZooKeeper',
  description: 'The events of sales, and who agrees on where they are.',
  from: 'now-6h',
  rows: [
    {
      title: 'Now',
      panels: [
        number('Brokers', 'count', 'That answer.', `sum(${of('up', job('zakpos-kafka'))})`),
        number('Controllers', 'count', 'One has to be.', `sum(${of('kafka_controller_active')})`),
        number(
          'Partitions without a leader',
          'count',
          'Their events can be neither written nor read.',
          `max(${of('kafka_offline_partitions')})`,
        ),
        number(
          'Partitions that lack copies',
          'count',
          'Some are behind, or their broker is away.',
          `sum(${of('kafka_under_replicated_partitions')})`,
        ),
        number(
          'Partitions that take nothing',
          'count',
          'They have fewer copies than an event needs.',
          `sum(${of('kafka_under_min_isr_partitions')})`,
        ),
        number(
          'In the quorum',
          'count',
          'ZooKeepers that agree on a leader.',
          `count(${of('zookeeper_is_leader')})`,
        ),
        number(
          'Of the quorum',
          'count',
          'ZooKeepers that there should be.',
          `max(${of('zookeeper_quorum_size')})`,
        ),
      ],
    },
    {
      title: 'Events',
      panels: [
        lines('Events written', 'per second', 'By topic.', {
          '{{topic}}': `sum by (topic) (${rate('kafka_messages_in_total', 'topic!~"__.*"')})`,
        }),
        lines('Events that there are', 'count', 'Offset of the next one, of all partitions of a topic.', {
          '{{topic}}': `sum by (topic) (max by (topic, partition) (${of('kafka_log_end_offset', 'topic!~"__.*"')}))`,
        }),
        lines('Not yet in the reports', 'count', 'By partition of the sales.', {
          'partition {{partition}}': `sum by (partition) (${of('zakpos_report_lag_events')})`,
        }),
        lines('Written', 'bytes per second', 'By topic.', {
          '{{topic}}': `sum by (topic) (${rate('kafka_bytes_in_total')})`,
        }),
        lines('Read', 'bytes per second', 'By topic.', {
          '{{topic}}': `sum by (topic) (${rate('kafka_bytes_out_total')})`,
        }),
        lines(
          'Time of a request',
          'seconds',
          'In which 99 of 100 are answered. A fetch waits for events, up to half a second.',
          {
            '{{request}}': `max by (request) (${of('kafka_request_seconds', 'quantile="0.99"')})`,
          },
        ),
      ],
    },
    {
      title: 'Servers',
      panels: [
        lines('Heap', 'share', 'Of what it may be, by server.', {
          '{{pod}}': `${of('jvm_memory_used_bytes', 'area="heap"')} / (${of('jvm_memory_max_bytes', 'area="heap"')} > 0)`,
        }),
        lines('Requests that wait', 'count', 'Of a ZooKeeper, to be answered.', {
          '{{pod}}': of('zookeeper_outstanding_requests'),
        }),
        lines('Nodes of the tree', 'count', 'What ZooKeeper keeps.', { '{{pod}}': of('zookeeper_znodes') }),
      ],
    },
  ],
};
