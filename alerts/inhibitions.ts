/** Alerts that say nothing new while another one fires: whoever is told of a cause isn't told of what follows from it. */
import { API, KAFKA as KAFKA_SERVER, POSTGRES, REDIS, TRAEFIK, WEB, ZOOKEEPER } from '../charts/names.ts';

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
  /**
   * Values that a label of the targets has to have, by the label.
   * @default - whatever they are
   */
  readonly of?: Readonly<Record<string, string>>;
}

const SALES = ['SalesFailing', 'SomeSalesFailing', 'SalesSlow', 'SomeSalesSlow'];
const EVENTS = ['OutboxStuck', 'ConsumerLag', 'ReportsStopped'];
const KAFKA = ['KafkaUnderReplicated', 'KafkaOfflinePartitions', 'KafkaNoController'];
/** What is seen of any pod that is gone. */
const PODS = ['CrashLooping', 'OutOfMemory', 'MetricsMissing'];

/** What is seen of the pods of one workload, by who says why. */
const ofPods = (source: string, workload: string): Inhibition[] => [
  { source, targets: ['CrashLooping', 'OutOfMemory'], of: { container: workload.replace(/^zakpos-/, '') } },
  { source, targets: ['MetricsMissing'], of: { job: `.+/${workload}` } },
];

/** The one list for whatever tells people; all names are those of alerts. What pages is silenced by what pages alone. */
export const inhibitions: readonly Inhibition[] = [
  {
    source: 'PostgresDown',
    targets: [
      ...SALES,
      ...EVENTS,
      'DatabasePoolSaturated',
      'LongTransaction',
      'SessionsBlocked',
      'PostgresConnectionsNearLimit',
      'WalNotArchived',
      'EventLoopLag',
    ],
  },
  ...ofPods('PostgresDown', POSTGRES),
  { source: 'ApiDown', targets: [...SALES, ...EVENTS, 'DatabasePoolSaturated', 'EventLoopLag'] },
  ...ofPods('ApiDown', API),
  ...ofPods('IngressDown', TRAEFIK),
  ...ofPods('WebDown', WEB),
  { source: 'RedisDown', targets: ['SecurityEvents'] },
  ...ofPods('RedisDown', REDIS),
  { source: 'NodeDown', targets: [...PODS, ...EVENTS, ...KAFKA, 'BrokerDown', 'ZookeeperQuorum'] },
  { source: 'BrokerDown', targets: [...EVENTS, ...KAFKA] },
  ...ofPods('BrokerDown', KAFKA_SERVER),
  { source: 'ZookeeperQuorum', targets: [...EVENTS, ...KAFKA] },
  ...ofPods('ZookeeperQuorum', ZOOKEEPER),
  { source: 'KafkaNoController', targets: ['KafkaOfflinePartitions', 'KafkaUnderReplicated', ...EVENTS] },
  { source: 'KafkaOfflinePartitions', targets: ['KafkaUnderReplicated', ...EVENTS] },
  // A Kafka of others that is away is seen from both sides.
  { source: 'OutboxStuck', targets: ['ReportsStopped'] },
  // What was used up within the hour is part of what was used up within the day.
  { source: 'SalesFailing', targets: ['SomeSalesFailing'] },
  { source: 'SalesSlow', targets: ['SomeSalesSlow'] },
  // It is started anew because of that.
  { source: 'OutOfMemory', targets: ['CrashLooping'], equal: ['container'] },
  // Nothing gets into a bucket that is away.
  { source: 'BackupStorageDown', targets: ['BackupTooOld', 'RestoreDrillMissing'] },
  { source: 'VolumeAlmostFull', targets: ['VolumeFullSoon'], equal: ['persistentvolumeclaim'] },
];
