import type { Construct } from 'constructs';
import { isEncrypted, TLS_SECRETS } from '../environments/certificates.ts';
import { KAFKA_ADMIN_RESOURCES } from '../environments/demand.ts';
import { toSeconds } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { KAFKA_USERS } from '../environments/secrets.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Volume, type Mount } from '../lib/volume.ts';
import { HardenedJob } from '../lib/workloads.ts';
import { PRIORITY } from './capacity.ts';
import { APPUSER, prepareKeystore, TOOL_ENV, toolOptions, writableFolders } from './kafka.ts';
import { KAFKA, KAFKA_TOPICS, PORTS } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, secretRef, type ZakposChartProps } from './zakpos-chart.ts';

const SCRIPTS = '/opt/zakpos';
const USERS = '/run/secrets/kafka-users';

/**
 * Makes the topics that are missing and brings the settings of the others up to date; where clients log in, also their
 * users and what each may do. Run again, it changes nothing.
 */
export class TopicsJob extends HardenedJob {
  constructor(scope: Construct, { config }: ZakposChartProps) {
    const encrypted = isEncrypted(config);
    const scripts = new ConfigFiles(scope, 'topics-script', {
      name: KAFKA_TOPICS,
      files: { 'topics.sh': script(config) },
    });
    const security: Mount[] = encrypted
      ? [
          { volume: Volume.secret('tls', certificateRef(TLS_SECRETS.kafkaAdmin)), path: '/run/secrets/tls' },
          { volume: Volume.emptyDir('run', { memory: true, mebibytes: 1 }), path: '/run/kafka' },
          ...usersOf(config).map((id) => ({
            volume: Volume.secret(KAFKA_USERS[id], secretRef(config, id)),
            path: `${USERS}/${KAFKA_USERS[id]}`,
          })),
        ]
      : [];
    super(scope, 'topics', {
      name: KAFKA_TOPICS,
      ...APPUSER,
      imagePullPolicy: config.imagePullPolicy,
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      restartPolicy: 'OnFailure',
      backoffLimit: 20,
      activeDeadlineSeconds: 900,
      containers: [
        {
          name: 'topics',
          image: config.kafka.image,
          command: ['bash', `${SCRIPTS}/topics.sh`],
          env: TOOL_ENV,
          resources: {
            requests: KAFKA_ADMIN_RESOURCES.requests,
            limits: { ...KAFKA_ADMIN_RESOURCES.limits, cpu: config.kafka.resources.limits.cpu },
          },
          mounts: [
            { volume: Volume.configFiles('scripts', scripts), path: SCRIPTS },
            ...security,
            ...writableFolders(),
          ],
        },
      ],
    });
  }
}

const usersOf = ({ reports }: Config): (keyof typeof KAFKA_USERS)[] =>
  reports.enabled ? ['kafkaApi', 'kafkaReports'] : ['kafkaApi'];

/** Each tool takes a Java machine for a second; more of them at once wouldn't fit into the Job's memory. */
const TOOLS_AT_ONCE = 3;

function script(config: Config): string {
  const encrypted = isEncrypted(config);
  const topics = config.kafka.topics.map((topic) => topicCommand(topic, config.kafka));
  const rights = encrypted ? usersOf(config).flatMap((id) => [`user ${KAFKA_USERS[id]}`, ...RIGHTS[id]]) : [];
  return `set -euo pipefail
server=${KAFKA}:${PORTS.kafkaInternal}
${encrypted ? prepareKeystore : ''}tool() { "$1" --bootstrap-server $server ${toolOptions(encrypted)} "\${@:2}"; }

# The Service has an address for as long as a broker is ready.
until (exec 3<>/dev/tcp/${KAFKA}/${PORTS.kafkaInternal}) 2>/dev/null; do sleep 1; done

# topic NAME PARTITIONS SETTING...
topic() {
  local name=$1 partitions=$2
  shift 2
  local settings=("$@")
  if tool kafka-topics --create --if-not-exists --topic "$name" --partitions "$partitions" \\
    --replication-factor ${config.kafka.replicationFactor} "\${settings[@]/#/--config=}" | tee /dev/stderr | grep -q '^Created topic'; then
    return
  fi
  tool kafka-configs --alter --entity-type topics --entity-name "$name" --add-config "$(IFS=,; echo "\${settings[*]}")"
}
${encrypted ? SECURITY_FUNCTIONS : ''}
jobs=()
finish() {
  for job in "\${jobs[@]}"; do wait "$job"; done
  jobs=()
}
${[...topics, ...rights].map((line, i) => `${line} &\njobs+=($!)\n${(i + 1) % TOOLS_AT_ONCE === 0 ? 'finish\n' : ''}`).join('')}finish
`;
}

function topicCommand(topic: Config['kafka']['topics'][number], kafka: Config['kafka']): string {
  const settings = [
    `cleanup.policy=${topic.cleanup}`,
    `retention.ms=${topic.cleanup === 'compact' ? -1 : toSeconds(topic.retention) * 1000}`,
    `min.insync.replicas=${kafka.minInSyncReplicas}`,
  ];
  return `topic ${topic.name} ${topic.partitions} ${settings.join(' ')}`;
}

/** Passwords go to the tools in a file in memory, so that no process list has them. */
const SECURITY_FUNCTIONS = `
# user NAME: the one of its two logins that the Secret names gets the Secret's password
user() {
  local folder=${USERS}/$1 file=/run/kafka/$1.properties
  echo "SCRAM-SHA-512=iterations=8192,password=$(cat $folder/password)" > $file
  tool kafka-configs --alter --entity-type users --entity-name "$(cat $folder/username)" --add-config-file $file
}

# allow NAME RIGHT...: both logins of NAME may do this
allow() {
  tool kafka-acls --add --allow-principal "User:$1" --allow-principal "User:$1-b" "\${@:2}"
}
`;

const allow = (id: keyof typeof KAFKA_USERS, rights: string): string => `allow ${KAFKA_USERS[id]} ${rights}`;

/** What each client may do; what isn't here is refused. */
const RIGHTS: Readonly<Record<keyof typeof KAFKA_USERS, readonly string[]>> = {
  kafkaApi: [
    allow('kafkaApi', '--operation Write --operation Describe --topic zakpos.sales --topic zakpos.products'),
  ],
  kafkaReports: [
    allow(
      'kafkaReports',
      '--operation Read --operation Describe --topic zakpos.sales --group zakpos-reports',
    ),
    allow('kafkaReports', '--operation Write --operation Describe --topic zakpos.sales.dlq'),
  ],
};
