import type { Construct } from 'constructs';
import { isEncrypted, TLS_SECRETS } from '../environments/certificates.ts';
import { mostPods } from '../environments/demand.ts';
import { postgresEndpoint, type Endpoint } from '../environments/endpoints.ts';
import { WORKER_POOL_SIZE, type Config } from '../environments/schema.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume, type Mount } from '../lib/volume.ts';
import { whenFileChanges } from '../lib/watch.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { DRAIN_SECONDS } from './api.ts';
import { PRIORITY } from './capacity.ts';
import { PGBOUNCER, PORTS } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, secretRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/etc/pgbouncer';
const LOGIN = '/run/secrets/postgres';
const TLS = '/run/secrets/tls';
const SERVER_CA = '/run/secrets/postgres-ca';
const USERS_FILE = '/run/pgbouncer/users.txt';
/** Where Alpine and Debian keep the system's authorities. */
const SYSTEM_CA_FILE = '/etc/ssl/certs/ca-certificates.crt';

/** PgBouncer between the apps and PostgreSQL: transactions take turns on few connections. For the app's role alone. */
export class PgBouncerChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { pooler } = config.postgres;
    const encrypted = isEncrypted(config);
    const server = postgresEndpoint(config);

    const files = new ConfigFiles(this, 'config', {
      name: PGBOUNCER,
      files: {
        'pgbouncer.ini': pgbouncerIni(config),
        'start.sh': startScript(encrypted, server),
        'alive.sh': ALIVE_SCRIPT,
      },
    });
    const tls: Mount[] = encrypted
      ? [{ volume: Volume.secret('tls', certificateRef(TLS_SECRETS.pgbouncer)), path: TLS }]
      : [];
    const authority: Mount[] =
      server.caSecret === undefined
        ? []
        : [
            {
              volume: Volume.secret('postgres-ca', certificateRef(server.caSecret), ['ca.crt']),
              path: SERVER_CA,
            },
          ];

    new HardenedDeployment(this, 'pgbouncer', {
      name: PGBOUNCER,
      annotations: WAIVERS,
      replicas: pooler.replicas,
      // uid and gid of postgres in the image.
      uid: 70,
      gid: 70,
      spread: 'preferred',
      priorityClassName: PRIORITY.stores,
      imagePullPolicy: config.imagePullPolicy,
      containers: [
        {
          name: 'pgbouncer',
          image: pooler.image,
          command: ['sh', `${CONFIG}/start.sh`],
          ports: { postgres: PORTS.postgres },
          resources: pooler.resources,
          mounts: [
            { volume: Volume.configFiles('config', files), path: CONFIG },
            { volume: Volume.secret('login', secretRef(config, 'app')), path: LOGIN },
            ...tls,
            ...authority,
            { volume: Volume.emptyDir('run', { memory: true, mebibytes: 1 }), path: '/run/pgbouncer' },
          ],
          probes: {
            startup: Check.tcp('postgres'),
            readiness: Check.tcp('postgres'),
            liveness: Check.exec('sh', `${CONFIG}/alive.sh`),
          },
          drainSeconds: DRAIN_SECONDS,
        },
      ],
    });
    new ServiceOf(this, 'service', {
      name: PGBOUNCER,
      workload: PGBOUNCER,
      ports: { postgres: PORTS.postgres },
    });
  }
}

/** Whether the server's certificate is checked, and what by. */
const serverCaFile = ({ tls, caSecret }: Endpoint): string | undefined =>
  tls === 'verify-full' ? (caSecret === undefined ? SYSTEM_CA_FILE : `${SERVER_CA}/ca.crt`) : undefined;

/** The settings; PgBouncer resets no sessions in transaction pooling, in which clients must not rely on any. */
export function pgbouncerIni(config: Config): string {
  const { database, pooler } = config.postgres;
  const server = postgresEndpoint(config);
  const { hostname, port } = new URL(`postgresql://${server.address}`);
  const caFile = serverCaFile(server);
  const settings: Record<string, string | number> = {
    listen_addr: '*',
    listen_port: PORTS.postgres,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: USERS_FILE,

    pool_mode: 'transaction',
    max_client_conn: 2 * connectionsOfApps(config),
    default_pool_size: pooler.poolSize,
    // Both logins of a rotation together, since the server's connections are counted by pods.
    max_db_connections: pooler.poolSize,
    max_prepared_statements: 200,
    // What drivers ask for by habit, and what PostgreSQL does anyway.
    ignore_startup_parameters: 'extra_float_digits',

    server_check_query: 'select 1',
    server_connect_timeout: 5,
    // A server that is back is noticed at once.
    server_login_retry: 1,
    query_wait_timeout: 10,

    server_tls_sslmode: server.tls,
    ...(caFile === undefined ? {} : { server_tls_ca_file: caFile }),
    ...(isEncrypted(config)
      ? {
          client_tls_sslmode: 'require',
          client_tls_cert_file: `${TLS}/tls.crt`,
          client_tls_key_file: `${TLS}/tls.key`,
        }
      : {}),

    // Pools of apps and probes come and go.
    log_connections: 0,
    log_disconnections: 0,
    log_stats: 0,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  return `[databases]
${database} = host=${hostname} port=${port} dbname=${database}

[pgbouncer]
${lines.join('')}`;
}

/** Connections that the apps' pods open at the most; while they are replaced, one pod may have all of them. */
const connectionsOfApps = ({ api, reports }: Config): number =>
  mostPods(api) * api.databasePoolSize + (reports.enabled ? mostPods(reports) * WORKER_POOL_SIZE : 0);

/**
 * The password reaches PgBouncer in a file in memory. The Secret names one login at a time; the one that it named
 * before stays good, so that a rotation can bring in the other one before it ends the first.
 *
 * SIGINT ends PgBouncer after the transactions that are open; SIGTERM would wait for clients that never leave.
 */
function startScript(encrypted: boolean, server: Endpoint): string {
  const caFile = server.caSecret === undefined ? undefined : serverCaFile(server);
  const reload = 'kill -HUP $pid';
  return `set -eu
umask 077
quoted() { printf '"%s"' "$(sed 's/"/""/g' "$1")"; }
users() {
  login=$(quoted ${LOGIN}/username)
  before=$(grep -sv "^$login " ${USERS_FILE} | head -n 1)
  printf '%s\\n' "$login $(quoted ${LOGIN}/password)" "$before" > ${USERS_FILE}.new
  mv ${USERS_FILE}.new ${USERS_FILE}
}
users
pgbouncer ${CONFIG}/pgbouncer.ini &
pid=$!
trap 'kill -INT $pid' TERM
${whenFileChanges(`${LOGIN}/password`, `users && ${reload}`)}${
    encrypted ? whenFileChanges(`${TLS}/tls.crt`, reload) : ''
  }${caFile === undefined ? '' : whenFileChanges(caFile, reload)}# The first one ends when the signal comes.
wait $pid || wait $pid
`;
}

/**
 * Asks to cancel nobody's query: whoever still works through its connections ends that one at once, while the kernel
 * accepts connections for a process that hangs, too.
 */
const ALIVE_SCRIPT = `printf '\\0\\0\\0\\020\\004\\322\\026\\056\\0\\0\\0\\0\\0\\0\\0\\0' | nc -w 2 127.0.0.1 ${PORTS.postgres}
`;
