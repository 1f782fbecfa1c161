import type { Construct } from 'constructs';
import { toMebibytes, toSeconds } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import type { ContainerProps } from '../lib/pod.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedJob, HardenedStatefulSet, headlessServiceName, ServiceOf } from '../lib/workloads.ts';
import { KAFKA, KAFKA_TOPICS, PORTS, ZOOKEEPER } from './names.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const SCRIPTS = '/opt/zakpos';
/** uid and gid of appuser in Confluent's images. */
const APPUSER = { uid: 1000, gid: 1000 };

/** The brokers; ids and advertised names come from the pods' ordinals. */
export class KafkaChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { kafka, imagePullPolicy, namespace } = props.config;

    const scripts = new ConfigFiles(this, 'scripts', {
      name: KAFKA,
      files: { 'start.sh': startScript(namespace) },
    });
    const data = Volume.claim('data');
    const heap = `${toMebibytes(kafka.heap)}m`;

    new HardenedStatefulSet(this, 'kafka', {
      name: KAFKA,
      replicas: kafka.replicas,
      ...APPUSER,
      imagePullPolicy,
      spread: true,
      // A broker hands its partitions over and syncs its logs before it ends.
      terminationGracePeriodSeconds: 120,
      servicePorts: { client: PORTS.kafka, internal: PORTS.kafkaInternal },
      claims: [{ name: data.name, ...kafka.storage }],
      containers: [
        {
          name: 'kafka',
          image: kafka.image,
          command: ['bash', `${SCRIPTS}/start.sh`],
          env: {
            KAFKA_ZOOKEEPER_CONNECT: `${ZOOKEEPER}:${PORTS.zookeeper}`,
            // Short enough that a broker killed without warning finds its old registration gone when it is back.
            KAFKA_ZOOKEEPER_SESSION_TIMEOUT_MS: '6000',
            KAFKA_LISTENERS: `CLIENT://:${PORTS.kafka},INTERNAL://:${PORTS.kafkaInternal}`,
            KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT',
            KAFKA_INTER_BROKER_LISTENER_NAME: 'INTERNAL',
            KAFKA_DEFAULT_REPLICATION_FACTOR: String(kafka.replicationFactor),
            KAFKA_MIN_INSYNC_REPLICAS: String(kafka.minInSyncReplicas),
            KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: String(kafka.replicationFactor),
            KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: String(kafka.replicationFactor),
            KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: String(kafka.minInSyncReplicas),
            // Consumer groups of this product are few; fewer partitions start and fail over faster.
            KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '3',
            KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE: 'false',
            KAFKA_AUTO_CREATE_TOPICS_ENABLE: String(kafka.autoCreateTopics),
            KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
            KAFKA_CONTROLLED_SHUTDOWN_ENABLE: 'true',
            KAFKA_HEAP_OPTS: `-Xms${heap} -Xmx${heap}`,
          },
          ports: { client: PORTS.kafka, internal: PORTS.kafkaInternal },
          resources: kafka.resources,
          mounts: [
            { volume: data, path: '/var/lib/kafka/data' },
            { volume: Volume.configFiles('scripts', scripts), path: SCRIPTS },
            ...writableFolders(),
          ],
          probes: {
            startup: Check.tcp('client'),
            readiness: Check.tcp('client'),
            liveness: Check.tcp('internal'),
            // After a hard stop it reads the logs of all partitions.
            startupSeconds: 600,
          },
        },
      ],
    });
    new ServiceOf(this, 'service', { name: KAFKA, workload: KAFKA, ports: { client: PORTS.kafka } });
    new TopicsJob(this, props);
  }
}

/** Makes the topics that are missing and brings the settings of the others up to date; run again, it changes nothing. */
class TopicsJob extends HardenedJob {
  constructor(scope: Construct, { config }: ZakposChartProps) {
    const scripts = new ConfigFiles(scope, 'topics-script', {
      name: KAFKA_TOPICS,
      files: { 'topics.sh': topicsScript(config.kafka) },
    });
    super(scope, 'topics', {
      name: KAFKA_TOPICS,
      ...APPUSER,
      imagePullPolicy: config.imagePullPolicy,
      restartPolicy: 'OnFailure',
      backoffLimit: 20,
      activeDeadlineSeconds: 900,
      containers: [
        {
          name: 'topics',
          image: config.kafka.image,
          command: ['bash', `${SCRIPTS}/topics.sh`],
          env: {
            KAFKA_HEAP_OPTS: '-Xmx64m',
            // The tools live for a second: no time for the second compiler and the parallel collector.
            KAFKA_JVM_PERFORMANCE_OPTS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto',
          },
          resources: {
            requests: { cpu: '50m', memory: '128Mi' },
            limits: { cpu: config.kafka.resources.limits.cpu, memory: '384Mi' },
          },
          mounts: [{ volume: Volume.configFiles('scripts', scripts), path: SCRIPTS }, ...writableFolders()],
        },
      ],
    });
  }
}

/** What Confluent's images write at start and their tools log to. */
const writableFolders = (): NonNullable<ContainerProps['mounts']> => [
  { volume: Volume.emptyDir('etc'), path: '/etc/kafka' },
  { volume: Volume.emptyDir('logs', { size: '256Mi' }), path: '/var/log/kafka' },
  { volume: Volume.emptyDir('tmp'), path: '/tmp' },
];

const startScript = (namespace: string): string => `set -euo pipefail
export KAFKA_BROKER_ID=\${HOSTNAME##*-}
host=$HOSTNAME.${headlessServiceName(KAFKA)}.${namespace}.svc
export KAFKA_ADVERTISED_LISTENERS=CLIENT://$host:${PORTS.kafka},INTERNAL://$host:${PORTS.kafkaInternal}
exec /etc/confluent/docker/run
`;

/** Each topic takes a Java machine for a second; more of them at once wouldn't fit into the Job's memory. */
const TOPICS_AT_ONCE = 3;

function topicsScript(kafka: Config['kafka']): string {
  const lines = kafka.topics.map((topic) => {
    const settings = [
      `cleanup.policy=${topic.cleanup}`,
      `retention.ms=${topic.cleanup === 'compact' ? -1 : toSeconds(topic.retention) * 1000}`,
      `min.insync.replicas=${kafka.minInSyncReplicas}`,
    ];
    return `topic ${topic.name} ${topic.partitions} ${settings.join(' ')} &`;
  });
  return `set -euo pipefail
server=${KAFKA}:${PORTS.kafka}

# The Service has an address for as long as a broker is ready.
until (exec 3<>/dev/tcp/${KAFKA}/${PORTS.kafka}) 2>/dev/null; do sleep 1; done

# topic NAME PARTITIONS SETTING...
topic() {
  local name=$1 partitions=$2
  shift 2
  local settings=("$@")
  if kafka-topics --bootstrap-server $server --create --if-not-exists --topic "$name" --partitions "$partitions" \\
    --replication-factor ${kafka.replicationFactor} "\${settings[@]/#/--config=}" | tee /dev/stderr | grep -q '^Created topic'; then
    return
  fi
  kafka-configs --bootstrap-server $server --alter --entity-type topics --entity-name "$name" \\
    --add-config "$(IFS=,; echo "\${settings[*]}")"
}

jobs=()
finish() {
  for job in "\${jobs[@]}"; do wait "$job"; done
  jobs=()
}
${lines.map((line, i) => `${line}\njobs+=($!)\n${(i + 1) % TOPICS_AT_ONCE === 0 ? 'finish\n' : ''}`).join('')}${lines.length % TOPICS_AT_ONCE === 0 ? '' : 'finish\n'}`;
}
