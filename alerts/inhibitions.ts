/** Alerts that say nothing new while another one fires: whoever is told of a cause isn't told of what follows from it. */

export interface Inhibition {
  /** The alert that says why. */
  readonly source: string;
  /** The alerts that follow from it, and that nobody is told of while it fires. */
  readonly targets: readonly string[];
  /**
   * Labels, beside the namespace, that have to be the same of both.
   * @default - the namespace alone
   */
  readonly equal?: readonly string[];
}

const SALES = ['SalesFailing', 'SomeSalesFailing', 'SalesSlow', 'SomeSalesSlow'];
const EVENTS = ['OutboxStuck', 'ConsumerLag', 'ReportsStopped'];
const KAFKA = ['KafkaUnderReplicated', 'KafkaOfflinePartitions', 'KafkaNoController'];
/** What is seen of any pod that is gone. */
const PODS = ['CrashLooping', 'OutOfMemory', 'MetricsMissing'];

/** The one list for whatever tells people; all names are those of alerts. What pages is silenced by what pages alone. */
export const inhibitions: readonly Inhibition[] = [
  {
    source: 'PostgresDown',
    targets: [
      ...SALES,
      ...EVENTS,
      ...PODS,
      'DatabasePoolSaturated',
      'LongTransaction',
      'SessionsBlocked',
      'PostgresConnectionsNearLimit',
      'WalNotArchived',
      'EventLoopLag',
    ],
  },
  { source: 'ApiDown', targets: [...SALES, ...EVENTS, ...PODS, 'DatabasePoolSaturated', 'EventLoopLag'] },
  { source: 'IngressDown', targets: PODS },
  { source: 'WebDown', targets: PODS },
  { source: 'RedisDown', targets: [...PODS, 'SecurityEvents'] },
  { source: 'NodeDown', targets: [...PODS, ...EVENTS, ...KAFKA, 'BrokerDown', 'ZookeeperQuorum'] },
  { source: 'BrokerDown', targets: [...PODS, ...EVENTS, ...KAFKA] },
  { source: 'ZookeeperQuorum', targets: [...PODS, ...EVENTS, ...KAFKA] },
  { source: 'KafkaNoController', targets: ['KafkaOfflinePartitions', 'KafkaUnderReplicated', ...EVENTS] },
  { source: 'KafkaOfflinePartitions', targets: ['KafkaUnderReplicated', ...EVENTS] },
  // A Kafka of others that is away is seen from both sides.
  { source: 'OutboxStuck', targets: ['ReportsStopped'] },
  // What was used up within the hour is part of what was used up within the day.
  { source: 'SalesFailing', targets: ['SomeSalesFailing'] },
  { source: 'SalesSlow', targets: ['SomeSalesSlow'] },
  // It is started anew because of that.
  { source: 'OutOfMemory', targets: ['CrashLooping'], equal: ['container'] },
  { source: 'CrashLooping', targets: ['MetricsMissing'] },
  // Nothing gets into a bucket that is away.
  { source: 'BackupStorageDown', targets: ['BackupTooOld', 'RestoreDrillMissing'] },
  { source: 'VolumeAlmostFull', targets: ['VolumeFullSoon'], equal: ['persistentvolumeclaim'] },
];
