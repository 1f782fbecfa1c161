/** The brokers and the ensemble of this project. Without them sales go on, and their events wait: all are tickets. */
import { KAFKA, ZOOKEEPER } from '../charts/names.ts';
import type { Config } from '../environments/schema.ts';
import { withRunbooks, type AlertRule } from './rule.ts';
import { answering, series, where } from './series.ts';

export function kafkaAlerts(config: Config): readonly AlertRule[] {
  const { kafka, zookeeper } = config;
  const { rolloutGrace } = config.monitoring.alerts;
  const inQuorum = series(config, 'zookeeper_is_leader');

  return withRunbooks('kafka', [
    ...where(config, KAFKA, () => [
      {
        name: 'BrokerDown',
        expr: `${answering(config, KAFKA)} < ${kafka.replicas}`,
        for: rolloutGrace,
        keepFiringFor: '3m',
        severity: 'ticket' as const,
        summary: `Of the ${kafka.replicas} brokers of {{ $labels.namespace }}, {{ $value }} answer${kafka.replicas > 1 ? `; events need ${kafka.minInSyncReplicas} copies` : ''}.`,
      },
      {
        name: 'KafkaOfflinePartitions',
        expr: `max by (namespace) (${series(config, 'kafka_offline_partitions')}) > 0`,
        for: rolloutGrace,
        severity: 'ticket' as const,
        summary:
          '{{ $value }} partitions of Kafka in {{ $labels.namespace }} have no leader: their events can be neither written nor read.',
      },
      {
        name: 'KafkaNoController',
        expr: `sum by (namespace) (${series(config, 'kafka_controller_active')}) != 1`,
        for: rolloutGrace,
        severity: 'ticket' as const,
        summary:
          '{{ $value }} brokers of {{ $labels.namespace }} are the controller, and one has to be: no partition gets a new leader.',
      },
      ...(kafka.replicationFactor > 1
        ? [
            {
              name: 'KafkaUnderReplicated',
              expr: `sum by (namespace) (${series(config, 'kafka_under_replicated_partitions')}) > 0`,
              for: rolloutGrace,
              severity: 'ticket' as const,
              summary:
                '{{ $value }} partitions of Kafka in {{ $labels.namespace }} have fewer copies than they should.',
            },
          ]
        : []),
    ]),
    ...where(config, ZOOKEEPER, () => [
      {
        name: 'ZookeeperQuorum',
        // A server that looks for the others doesn't say whether it leads.
        expr: `(count by (namespace) (${inQuorum}) or absent(${inQuorum}) - 1) < ${zookeeper.replicas}`,
        for: rolloutGrace,
        severity: 'ticket' as const,
        summary: `Of the ${zookeeper.replicas} ZooKeepers of {{ $labels.namespace }}, {{ $value }} are in the quorum, which needs ${Math.floor(zookeeper.replicas / 2) + 1}: without it, no partition gets a new leader.`,
      },
    ]),
  ]);
}
