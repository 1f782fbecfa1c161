import type { Construct } from 'constructs';
import { isEncrypted, KAFKA_SUPER_USERS, TLS_SECRETS } from '../environments/certificates.ts';
import { toMebibytes } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import type { ContainerProps, EnvValue } from '../lib/pod.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { whenFileChanges } from '../lib/watch.ts';
import { HardenedStatefulSet, headlessServiceName, ServiceOf } from '../lib/workloads.ts';
import { PRIORITY } from './capacity.ts';
import { jmxAgent } from './jmx-agent.ts';
import { TopicsJob } from './kafka-topics.ts';
import { KAFKA, NODE_PORTS, PORTS, ZOOKEEPER } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const SCRIPTS = '/opt/zakpos';
/** Where the claim is, and the folder of it that the broker has to itself: a broker refuses one with lost+found in it. */
const CLAIM = '/var/lib/kafka/data';
const LOGS = `${CLAIM}/logs`;
/** Where the certificate and its key are, and where a script puts both into the one file that Kafka reads. */
const TLS = '/run/secrets/tls';
const KEYSTORE = '/run/kafka/keystore.pem';
const ADMIN_PROPERTIES = '/run/kafka/admin.properties';
const IN_SYNC = '/run/kafka/in-sync';
/** uid and gid of appuser in Confluent's images. */
export const APPUSER = { uid: 1000, gid: 1000 };
/** The tools live for a second: no time for the second compiler and the parallel collector. */
export const TOOL_ENV = {
  KAFKA_HEAP_OPTS: '-Xmx64m',
  KAFKA_JVM_PERFORMANCE_OPTS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto',
} as const;

/** The brokers; ids and advertised names come from the pods' ordinals. */
export class KafkaChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { kafka, imagePullPolicy, spread } = config;
    const encrypted = isEncrypted(config);
    const ports = { client: PORTS.kafka, internal: PORTS.kafkaInternal };
    const local: Readonly<Record<string, number>> = config.localStores ? { kafka: PORTS.kafkaLocal } : {};
    const agent = jmxAgent(this, props, 'kafka');

    const scripts = new ConfigFiles(this, 'scripts', {
      name: KAFKA,
      files: {
        'start.sh': startScript(config, agent.script),
        'tool.sh': toolScript(config),
        'ready.sh': READY_SCRIPT,
      },
    });
    const data = Volume.claim('data');
    const heap = `${toMebibytes(kafka.heap)}m`;

    new HardenedStatefulSet(this, 'kafka', {
      name: KAFKA,
      replicas: kafka.replicas,
      ...APPUSER,
      imagePullPolicy,
      spread,
      priorityClassName: PRIORITY.stores,
      annotations: WAIVERS,
      // A broker hands its partitions over and syncs its logs before it ends.
      terminationGracePeriodSeconds: 120,
      servicePorts: ports,
      claims: [{ name: data.name, ...kafka.storage }],
      initContainers: agent.initContainers,
      containers: [
        {
          name: 'kafka',
          image: kafka.image,
          command: ['bash', `${SCRIPTS}/start.sh`],
          env: {
            KAFKA_LOG_DIRS: LOGS,
            KAFKA_ZOOKEEPER_CONNECT: `${ZOOKEEPER}:${PORTS.zookeeper}`,
            // Short enough that a broker killed without warning finds its old registration gone when it is back.
            KAFKA_ZOOKEEPER_SESSION_TIMEOUT_MS: '6000',
            KAFKA_LISTENERS: [
              `CLIENT://:${PORTS.kafka},INTERNAL://:${PORTS.kafkaInternal}`,
              ...(config.localStores ? [`LOCAL://:${PORTS.kafkaLocal}`] : []),
            ].join(','),
            KAFKA_INTER_BROKER_LISTENER_NAME: 'INTERNAL',
            ...(encrypted
              ? SECURITY
              : {
                  KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: `CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT${config.localStores ? ',LOCAL:PLAINTEXT' : ''}`,
                }),
            ...(kafka.replicas > 1 ? { KAFKA_BROKER_RACK: RACK[kafka.rack] } : {}),
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
          ports: { ...ports, ...local, ...agent.ports },
          resources: kafka.resources,
          mounts: [
            { volume: data, path: CLAIM },
            { volume: Volume.configFiles('scripts', scripts), path: SCRIPTS },
            ...(encrypted
              ? [{ volume: Volume.secret('tls', certificateRef(TLS_SECRETS.kafka)), path: TLS }]
              : []),
            { volume: Volume.emptyDir('run', { memory: true, mebibytes: 1 }), path: '/run/kafka' },
            ...agent.mounts,
            ...writableFolders(),
          ],
          probes: {
            startup: Check.tcp('client'),
            readiness: Check.exec('bash', `${SCRIPTS}/ready.sh`),
            liveness: Check.tcp('internal'),
            // After a hard stop it reads the logs of all partitions.
            startupSeconds: 600,
          },
        },
      ],
    });
    new ServiceOf(this, 'service', {
      name: KAFKA,
      workload: KAFKA,
      ports: { ...ports, ...local },
      ...(config.localStores ? { nodePorts: { kafka: NODE_PORTS.kafka } } : {}),
    });
    new TopicsJob(this, props);
  }
}

/** What copies of a partition are spread over, as the pod knows it. */
const RACK: Readonly<Record<Config['kafka']['rack'], EnvValue>> = {
  node: { fieldPath: 'spec.nodeName' },
  zone: { fieldPath: "metadata.labels['topology.kubernetes.io/zone']" },
};

/** Settings of a certificate for a listener, or for a tool as a properties file has them. */
const CERTIFICATE = {
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.location': KEYSTORE,
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.location': `${TLS}/ca.crt`,
};

/**
 * Brokers and administrators show a certificate to INTERNAL and may do everything; clients log in to CLIENT by SCRAM
 * and may do what an ACL allows. The names of listeners aren't those of protocols, for which Confluent's image would
 * ask for JKS files.
 */
const SECURITY: Readonly<Record<string, string>> = {
  KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CLIENT:SASL_SSL,INTERNAL:SSL',
  KAFKA_LISTENER_NAME_INTERNAL_SSL_CLIENT_AUTH: 'required',
  KAFKA_LISTENER_NAME_CLIENT_SASL_ENABLED_MECHANISMS: 'SCRAM-SHA-512',
  KAFKA_LISTENER_NAME_CLIENT_SCRAM___SHA___512_SASL_JAAS_CONFIG:
    'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  ...Object.fromEntries(
    Object.entries(CERTIFICATE).flatMap(([name, value]) =>
      ['', 'LISTENER_NAME_CLIENT_', 'LISTENER_NAME_INTERNAL_'].map((listener) => [
        `KAFKA_${listener}${name.toUpperCase().replaceAll('.', '_')}`,
        value,
      ]),
    ),
  ),
  KAFKA_SSL_PRINCIPAL_MAPPING_RULES: 'RULE:^CN=([^,]+).*$/$1/',
  KAFKA_AUTHORIZER_CLASS_NAME: 'kafka.security.authorizer.AclAuthorizer',
  KAFKA_SUPER_USERS: Object.values(KAFKA_SUPER_USERS)
    .map((name) => `User:${name}`)
    .join(';'),
  KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND: 'false',
};

/** What Confluent's images write at start and their tools log to. */
export const writableFolders = (): NonNullable<ContainerProps['mounts']> => [
  { volume: Volume.emptyDir('etc'), path: '/etc/kafka' },
  { volume: Volume.emptyDir('logs', { mebibytes: 256 }), path: '/var/log/kafka' },
  { volume: Volume.emptyDir('tmp'), path: '/tmp' },
];

/** Lines of a script that put a key and its certificate where Kafka reads them, and name them in a file for the tools. */
export const prepareKeystore = `umask 077
# awk ends the last line of each file.
keystore() { awk 1 ${TLS}/tls.key ${TLS}/tls.crt > ${KEYSTORE}.new && mv ${KEYSTORE}.new ${KEYSTORE}; }
keystore
cat > ${ADMIN_PROPERTIES} <<PROPERTIES
security.protocol=SSL
${Object.entries(CERTIFICATE)
  .map(([name, value]) => `${name}=${value}\n`)
  .join('')}PROPERTIES
`;

/** Option by which the tools find that file. */
export const toolOptions = (encrypted: boolean): string =>
  encrypted ? `--command-config ${ADMIN_PROPERTIES}` : '';

/** Runs one of Kafka's tools against this pod's own broker, as an administrator. */
const toolScript = (config: Config): string => `${Object.entries({ KAFKA_OPTS: '', ...TOOL_ENV })
  .map(([name, value]) => `export ${name}='${value}'\n`)
  .join(
    '',
  )}exec "$1" --bootstrap-server ${hostOf(config)}:${PORTS.kafkaInternal} ${toolOptions(isEncrypted(config))} "\${@:2}"
`;

/** Name of a pod as it knows itself, and as its certificate has it. */
const hostOf = ({ namespace }: Config): string => `$HOSTNAME.${headlessServiceName(KAFKA)}.${namespace}.svc`;

function startScript(config: Config, beforeServer: string): string {
  const { kafka, localStores, localPorts } = config;
  // Clients go on at the address that a broker tells them, so those on this machine are told another.
  const local = localStores ? `,LOCAL://localhost:${localPorts.kafka}` : '';
  const tool = (rest: string): string => `bash ${SCRIPTS}/tool.sh ${rest}`;
  const listeners = ['client', 'internal'].map(
    (listener) => `listener.name.${listener}.ssl.keystore.location=${KEYSTORE}`,
  );
  // Naming the same file makes a broker read it again (KIP-226).
  const reload = `keystore && ${tool(`kafka-configs --alter --entity-type brokers --entity-name $KAFKA_BROKER_ID --add-config ${listeners.join(',')}`)} >/dev/null`;
  return `set -euo pipefail
${MOVE_LOGS}export KAFKA_BROKER_ID=\${HOSTNAME##*-}
export KAFKA_ADVERTISED_LISTENERS=CLIENT://${hostOf(config)}:${PORTS.kafka},INTERNAL://${hostOf(config)}:${PORTS.kafkaInternal}${local}
${kafka.rack === 'zone' ? NO_ZONE : ''}${
    isEncrypted(config) ? `${prepareKeystore}${whenFileChanges(`${TLS}/tls.crt`, reload)}` : ''
  }${kafka.replicas > 1 ? waitForSync(tool) : `touch ${IN_SYNC}\n`}${beforeServer}exec /etc/confluent/docker/run
`;
}

/**
 * Brokers used to have the root of the claim. What they wrote there goes into the folder by renames, meta.properties
 * last: until that is there, a start that comes after one that was cut off goes on with the rest.
 */
const MOVE_LOGS = `mkdir -p ${LOGS}
if [ -e ${CLAIM}/meta.properties ] && [ ! -e ${LOGS}/meta.properties ]; then
  echo "Moving what the broker has written to ${LOGS}"
  for path in ${CLAIM}/* ${CLAIM}/.[!.]*; do
    case $path in */logs | */lost+found | */meta.properties) continue ;; esac
    [ ! -e "$path" ] || mv "$path" ${LOGS}/
  done
  mv ${CLAIM}/meta.properties ${LOGS}/
fi
`;

const NO_ZONE = `if [ -z "\${KAFKA_BROKER_RACK-}" ]; then
  echo "This pod does not know its zone: copies are spread over brokers alone"
  unset KAFKA_BROKER_RACK
fi
`;

/** Ready means in sync: a broker that has just come back must not be the one that another's drain relies on. */
const waitForSync = (tool: (rest: string) => string): string => `rm -f ${IN_SYNC}
(
  until ${tool('kafka-topics --describe --under-replicated-partitions')} 2>/dev/null |
    awk -v id="$KAFKA_BROKER_ID" -F 'Replicas: |\tIsr: ' '
      function has(list) { return ("," list ",") ~ ("," id ",") }
      NF == 3 { sub(/[ \t].*/, "", $3); if (has($2) && !has($3)) exit 1 }'
  do sleep 1; done
  touch ${IN_SYNC}
) &
`;

const READY_SCRIPT = `test -f ${IN_SYNC} && exec 3<>/dev/tcp/127.0.0.1/${PORTS.kafka}
`;
