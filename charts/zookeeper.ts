import type { Construct } from 'constructs';
import { toMebibytes } from '../environments/quantities.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { headlessServiceName, HardenedStatefulSet, ServiceOf } from '../lib/workloads.ts';
import { PRIORITY } from './capacity.ts';
import { jmxAgent } from './jmx-agent.ts';
import { PORTS, ZOOKEEPER } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const SCRIPTS = '/opt/zakpos';

/** The ZooKeeper ensemble of the brokers; ids come from the pods' ordinals, so any odd number of servers forms one. */
export class ZookeeperChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { zookeeper, imagePullPolicy, namespace, spread } = props.config;

    const agent = jmxAgent(this, props, 'zookeeper');
    const scripts = new ConfigFiles(this, 'scripts', {
      name: ZOOKEEPER,
      files: { 'start.sh': startScript(agent.script), 'ask.sh': ASK_SCRIPT },
    });
    const data = Volume.claim('data');
    const log = Volume.claim('log');
    const heap = `${toMebibytes(zookeeper.heap)}m`;
    const server = (ordinal: number) =>
      `${ZOOKEEPER}-${ordinal}.${headlessServiceName(ZOOKEEPER)}.${namespace}.svc:${PORTS.zookeeperPeer}:${PORTS.zookeeperElection}`;
    const ensemble = Array.from({ length: zookeeper.replicas }, (_, ordinal) => server(ordinal));

    new HardenedStatefulSet(this, 'zookeeper', {
      name: ZOOKEEPER,
      replicas: zookeeper.replicas,
      // uid and gid of appuser in Confluent's images.
      uid: 1000,
      gid: 1000,
      imagePullPolicy,
      spread,
      priorityClassName: PRIORITY.stores,
      annotations: WAIVERS,
      servicePorts: {
        client: PORTS.zookeeper,
        peer: PORTS.zookeeperPeer,
        election: PORTS.zookeeperElection,
      },
      claims: [
        { name: data.name, ...zookeeper.dataStorage },
        { name: log.name, ...zookeeper.logStorage },
      ],
      initContainers: agent.initContainers,
      containers: [
        {
          name: 'zookeeper',
          image: zookeeper.image,
          command: ['bash', `${SCRIPTS}/start.sh`],
          env: {
            ZOOKEEPER_CLIENT_PORT: String(PORTS.zookeeper),
            ZOOKEEPER_TICK_TIME: String(zookeeper.tickTime),
            ZOOKEEPER_INIT_LIMIT: '10',
            ZOOKEEPER_SYNC_LIMIT: '5',
            ...(zookeeper.replicas > 1
              ? { ZOOKEEPER_SERVERS: ensemble.join(';'), ZOOKEEPER_QUORUM_LISTEN_ON_ALL_IPS: 'true' }
              : {}),
            ZOOKEEPER_AUTOPURGE_SNAP_RETAIN_COUNT: '3',
            ZOOKEEPER_AUTOPURGE_PURGE_INTERVAL: '24',
            ZOOKEEPER_ADMIN_ENABLE_SERVER: 'false',
            KAFKA_HEAP_OPTS: `-Xms${heap} -Xmx${heap}`,
            KAFKA_OPTS: '-Dzookeeper.4lw.commands.whitelist=ruok,srvr,mntr',
          },
          ports: {
            client: PORTS.zookeeper,
            peer: PORTS.zookeeperPeer,
            election: PORTS.zookeeperElection,
            ...agent.ports,
          },
          resources: zookeeper.resources,
          mounts: [
            { volume: data, path: '/var/lib/zookeeper/data' },
            { volume: log, path: '/var/lib/zookeeper/log' },
            { volume: Volume.configFiles('scripts', scripts), path: SCRIPTS },
            ...agent.mounts,
            // The image writes its configuration and the collector's log at start.
            { volume: Volume.emptyDir('etc'), path: '/etc/kafka' },
            { volume: Volume.emptyDir('logs', { mebibytes: 256 }), path: '/var/log/kafka' },
            { volume: Volume.emptyDir('tmp'), path: '/tmp' },
          ],
          probes: {
            startup: Check.tcp('client'),
            // Serving means that it has a mode, which a server without a quorum hasn't.
            readiness: Check.exec('bash', `${SCRIPTS}/ask.sh`, 'srvr', '^Mode: (leader|follower|standalone)'),
            liveness: Check.exec('bash', `${SCRIPTS}/ask.sh`, 'ruok', '^imok'),
          },
        },
      ],
    });
    new ServiceOf(this, 'service', {
      name: ZOOKEEPER,
      workload: ZOOKEEPER,
      ports: { client: PORTS.zookeeper },
    });
  }
}

const startScript = (beforeServer: string): string => `set -euo pipefail
export ZOOKEEPER_SERVER_ID=$(( \${HOSTNAME##*-} + 1 ))
${beforeServer}exec /etc/confluent/docker/run
`;

/** Sends a four-letter command and exits with 0 when the answer matches the pattern. */
const ASK_SCRIPT = `exec 3<>/dev/tcp/127.0.0.1/${PORTS.zookeeper}
printf %s "$1" >&3
grep -Eq "$2" <&3
`;
