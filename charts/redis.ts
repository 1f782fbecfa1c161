import type { Construct } from 'constructs';
import { isEncrypted, TLS_SECRETS } from '../environments/certificates.ts';
import { toBytes } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { whenFileChanges } from '../lib/watch.ts';
import { HardenedStatefulSet, ServiceOf } from '../lib/workloads.ts';
import { PRIORITY } from './capacity.ts';
import { NODE_PORTS, PORTS, REDIS } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, secretRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/usr/local/etc/redis';
const PASSWORD_FILE = '/run/secrets/redis/password';
const PREVIOUS_FILE = '/run/secrets/redis/previous';
const TLS = '/run/secrets/tls';
const USERS_FILE = '/run/redis/users.acl';

/** Redis on one pod: sessions, cache, rate limits and the live feed, with an append-only file on a claim. */
export class RedisChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { redis } = config;
    const encrypted = isEncrypted(config);

    const files = new ConfigFiles(this, 'config', {
      name: REDIS,
      files: {
        'redis.conf': redisConf(redis, encrypted),
        'start.sh': startScript(encrypted),
        'cli.sh': cliScript(encrypted),
        'ping.sh': PING_SCRIPT,
      },
    });
    const data = Volume.claim('data');

    new HardenedStatefulSet(this, 'redis', {
      name: REDIS,
      replicas: 1,
      // uid and gid of redis in the Alpine image.
      uid: 999,
      gid: 1000,
      priorityClassName: PRIORITY.stores,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      servicePorts: { redis: PORTS.redis },
      claims: [{ name: data.name, ...redis.storage }],
      containers: [
        {
          name: 'redis',
          image: redis.image,
          command: ['sh', `${CONFIG}/start.sh`],
          ports: { redis: PORTS.redis },
          resources: redis.resources,
          mounts: [
            { volume: data, path: '/data' },
            { volume: Volume.configFiles('config', files), path: CONFIG },
            { volume: Volume.secret('password', secretRef(config, 'redis')), path: '/run/secrets/redis' },
            ...(encrypted
              ? [{ volume: Volume.secret('tls', certificateRef(TLS_SECRETS.redis)), path: TLS }]
              : []),
            { volume: Volume.emptyDir('run', { memory: true, mebibytes: 1 }), path: '/run/redis' },
          ],
          probes: {
            startup: Check.exec('sh', `${CONFIG}/ping.sh`, 'PONG'),
            readiness: Check.exec('sh', `${CONFIG}/ping.sh`, 'PONG'),
            // It answers LOADING while it reads the append-only file: alive, but not ready.
            liveness: Check.exec('sh', `${CONFIG}/ping.sh`, 'PONG|LOADING|BUSY'),
            startupSeconds: 300,
          },
        },
      ],
    });
    new ServiceOf(this, 'service', {
      name: REDIS,
      workload: REDIS,
      ports: { redis: PORTS.redis },
      ...(config.localStores ? { nodePorts: { redis: NODE_PORTS.redis } } : {}),
    });
  }
}

export function redisConf(redis: Config['redis'], encrypted: boolean): string {
  const settings: Record<string, string | number> = {
    ...(encrypted
      ? {
          port: 0,
          'tls-port': PORTS.redis,
          'tls-cert-file': `${TLS}/tls.crt`,
          'tls-key-file': `${TLS}/tls.key`,
          'tls-ca-cert-file': `${TLS}/ca.crt`,
          // Clients show a password, not a certificate.
          'tls-auth-clients': 'no',
        }
      : { port: PORTS.redis }),
    dir: '/data',
    aclfile: USERS_FILE,
    maxmemory: toBytes(redis.maxMemory),
    'maxmemory-policy': redis.evictionPolicy,
    appendonly: redis.appendOnly ? 'yes' : 'no',
    appendfsync: 'everysec',
    // The append-only file is what is kept; without it, nothing is.
    save: '""',
    'tcp-keepalive': 60,
    timeout: 0,
    loglevel: 'notice',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
}

/**
 * The password reaches redis as a hash in a file in memory: neither a process list nor a ConfigMap has it. While a
 * rotation is under way, the Secret holds the one before as well, and both are good.
 */
const startScript = (encrypted: boolean): string => `set -eu
hash() { printf %s "$(cat "$1")" | sha256sum | cut -d ' ' -f 1; }
passwords="#$(hash ${PASSWORD_FILE})"
if [ -s ${PREVIOUS_FILE} ]; then passwords="$passwords #$(hash ${PREVIOUS_FILE})"; fi
echo "user default on $passwords ~* &* +@all" > ${USERS_FILE}
${encrypted ? whenFileChanges(`${TLS}/tls.crt`, RELOAD_CERTIFICATE) : ''}exec redis-server ${CONFIG}/redis.conf
`;

/** redis-cli, logged in; its arguments are redis-cli's. */
const cliScript = (encrypted: boolean): string =>
  `REDISCLI_AUTH="$(cat ${PASSWORD_FILE})" redis-cli --no-auth-warning${encrypted ? ` --tls --cacert ${TLS}/ca.crt` : ''} -h localhost "$@"
`;

/** Naming the same files makes redis read them again. */
const RELOAD_CERTIFICATE = `sh ${CONFIG}/cli.sh config set tls-cert-file ${TLS}/tls.crt tls-key-file ${TLS}/tls.key tls-ca-cert-file ${TLS}/ca.crt | grep -q OK`;

/** Exits with 0 when the answer to PING matches the pattern. */
const PING_SCRIPT = `sh ${CONFIG}/cli.sh ping | grep -Eq "$1"
`;
