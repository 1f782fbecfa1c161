import type { Construct } from 'constructs';
import { hasBackups } from '../environments/backups.ts';
import { isEncrypted, TLS_SECRETS } from '../environments/certificates.ts';
import { toMebibytes } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { alternate, POSTGRES_ROLES } from '../environments/secrets.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { whenFileChanges } from '../lib/watch.ts';
import { HardenedStatefulSet, ServiceOf } from '../lib/workloads.ts';
import { PRIORITY } from './capacity.ts';
import { NODE_PORTS, PORTS, POSTGRES } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, secretRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const DATA = '/var/lib/postgresql/data';
const CONFIG = '/etc/postgresql';
const TLS = '/run/secrets/tls';
const PASSWORDS = '/run/secrets/postgres';
/** Two files of the write-ahead log, 16 MiB each. */
const LEAST_FREE_MEBIBYTES = 32;
/** Roles that log in with a password of theirs. */
export const ROLES_WITH_PASSWORD = ['owner', 'app', 'exporter', 'backup'] as const;

/** PostgreSQL on one pod: tuned from its memory, with a role for each purpose and its data on a claim. */
export class PostgresChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { postgres } = config;
    const encrypted = isEncrypted(config);

    const settings = new ConfigFiles(this, 'config', {
      name: POSTGRES,
      files: {
        'postgresql.conf': postgresqlConf(config),
        'pg_hba.conf': hostBasedAuthentication(encrypted),
        'start.sh': startScript(encrypted),
      },
    });
    const init = new ConfigFiles(this, 'init', {
      name: `${POSTGRES}-init`,
      files: { '10-roles.sh': ROLES_SCRIPT, '20-extensions.sql': EXTENSIONS },
    });
    const data = Volume.claim('data');
    const superuser = secretRef(config, 'superuser');

    new HardenedStatefulSet(this, 'postgres', {
      name: POSTGRES,
      replicas: 1,
      // uid and gid of postgres in the Alpine image.
      uid: 70,
      gid: 70,
      priorityClassName: PRIORITY.stores,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      terminationGracePeriodSeconds: 60,
      servicePorts: { postgres: PORTS.postgres },
      claims: [{ name: data.name, ...postgres.storage }],
      containers: [
        {
          name: 'postgres',
          image: postgres.image,
          command: ['sh', `${CONFIG}/start.sh`],
          env: {
            POSTGRES_USER: POSTGRES_ROLES.superuser,
            POSTGRES_DB: postgres.database,
            POSTGRES_PASSWORD_FILE: `${PASSWORDS}/superuser/password`,
            POSTGRES_INITDB_ARGS: '--encoding=UTF-8 --lc-collate=C --lc-ctype=C',
            // A folder of the volume, since a volume's root may hold lost+found.
            PGDATA: `${DATA}/pgdata`,
          },
          ports: { postgres: PORTS.postgres },
          resources: postgres.resources,
          mounts: [
            { volume: data, path: DATA },
            { volume: Volume.configFiles('config', settings), path: CONFIG },
            { volume: Volume.configFiles('init', init, 0o555), path: '/docker-entrypoint-initdb.d' },
            { volume: Volume.secret('superuser', superuser), path: `${PASSWORDS}/superuser` },
            ...ROLES_WITH_PASSWORD.map((role) => ({
              volume: Volume.secret(role, secretRef(config, role)),
              path: `${PASSWORDS}/${role}`,
            })),
            ...(encrypted
              ? [{ volume: Volume.secret('tls', certificateRef(TLS_SECRETS.postgres)), path: TLS }]
              : []),
            { volume: Volume.emptyDir('run'), path: '/var/run/postgresql' },
            { volume: Volume.emptyDir('tmp'), path: '/tmp' },
            // Parallel queries share memory here; a container's own /dev/shm can't be written to by size.
            { volume: Volume.emptyDir('shm', { memory: true }), path: '/dev/shm' },
          ],
          probes: {
            // Over TCP: while the entrypoint initializes, a server of its own listens on the socket alone.
            startup: Check.exec(...isReady(postgres.database)),
            readiness: Check.exec(...isReady(postgres.database)),
            // 1 is "alive, but takes no connections now", as in recovery: no reason to kill it.
            liveness: Check.exec('sh', '-c', 'pg_isready -q -h 127.0.0.1; [ $? -le 1 ]'),
            // Recovery replays what was written since the last checkpoint.
            startupSeconds: 600,
          },
        },
      ],
    });
    new ServiceOf(this, 'service', {
      name: POSTGRES,
      workload: POSTGRES,
      ports: { postgres: PORTS.postgres },
      ...(config.localStores ? { nodePorts: { postgres: NODE_PORTS.postgres } } : {}),
    });
  }
}

const isReady = (database: string): string[] => [
  'pg_isready',
  '-q',
  '-h',
  '127.0.0.1',
  '-U',
  POSTGRES_ROLES.app,
  '-d',
  database,
];

/**
 * Settings from the memory limit, by the rules of PostgreSQL's documentation ("Resource Consumption"):
 * two fifths for shared buffers, the most that they call of use, since the kernel's cache of the same pages counts
 * towards the limit, too; three quarters taken to be cached by the kernel, and of the rest a share for each connection.
 * Durability is never traded away.
 */
export function postgresqlConf(config: Config, encrypted = isEncrypted(config)): string {
  const { postgres, backups } = config;
  const logKept = toMebibytes(backups.logKept);
  const memory = toMebibytes(postgres.resources.limits.memory);
  const sharedBuffers = Math.floor(memory * 0.4);
  const settings: Record<string, string | number> = {
    listen_addresses: "'*'",
    port: PORTS.postgres,
    max_connections: postgres.maxConnections,
    password_encryption: "'scram-sha-256'",
    hba_file: `'${CONFIG}/pg_hba.conf'`,
    ...(encrypted
      ? {
          ssl: 'on',
          ssl_cert_file: `'${TLS}/tls.crt'`,
          ssl_key_file: `'${TLS}/tls.key'`,
          ssl_min_protocol_version: "'TLSv1.2'",
        }
      : {}),

    shared_buffers: `${sharedBuffers}MB`,
    effective_cache_size: `${Math.floor((memory * 3) / 4)}MB`,
    work_mem: `${Math.max(1, Math.floor((memory - sharedBuffers) / (postgres.maxConnections * 4)))}MB`,
    maintenance_work_mem: `${Math.max(16, Math.floor(memory / 16))}MB`,

    wal_level: "'replica'",
    wal_buffers: `${Math.max(1, Math.min(16, Math.floor(sharedBuffers / 32)))}MB`,
    max_wal_size: '1GB',
    checkpoint_timeout: "'10min'",
    checkpoint_completion_target: 0.9,
    // What a slot's reader has not received is kept, but never until the volume is full: backups that are switched off
    // leave theirs. CloudNativePG looks after its own, those of its standbys.
    ...(postgres.mode === 'cloudnativepg'
      ? {}
      : {
          max_slot_wal_keep_size: `${Math.min(logKept, Math.floor(toMebibytes(postgres.storage.size) / 4))}MB`,
        }),
    // A base backup brings the log that was written while it was made.
    ...(hasBackups(config) ? { wal_keep_size: `${Math.floor(logKept / 2)}MB` } : {}),

    random_page_cost: 1.1,
    effective_io_concurrency: 200,
    idle_in_transaction_session_timeout: "'60s'",
    tcp_keepalives_idle: 60,
    // Who has given up waiting leaves no session behind that goes on waiting for a lock, and takes a connection.
    client_connection_check_interval: "'2s'",

    shared_preload_libraries: "'pg_stat_statements'",
    // It keeps the text of what is no query as it is, with a new password of a role.
    'pg_stat_statements.track_utility': 'off',
    log_min_duration_statement: "'500ms'",
    // The parameters of a slow sale may hold a customer's name and number.
    log_parameter_max_length: 0,
    log_checkpoints: 'off',
    log_lock_waits: 'on',
    log_line_prefix: "'%m [%p] %q%u@%d %a '",
    timezone: "'UTC'",
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

/** Who may log in how: the pod's own socket is open to whoever is in the pod, everybody else shows a password. */
function hostBasedAuthentication(encrypted: boolean): string {
  const network = encrypted ? 'hostssl' : 'host';
  return `local all all trust
local replication all trust
${network} all all all scram-sha-256
${network} replication all all scram-sha-256
`;
}

const startScript = (encrypted: boolean): string => `set -eu
${HOLD_VOLUME}${FINISH_RESTORE}${REFUSE_OTHER_RELEASE}${WAIT_FOR_SPACE}${encrypted ? whenFileChanges(`${TLS}/tls.crt`, RELOAD) : ''}exec docker-entrypoint.sh postgres -c config_file=${CONFIG}/postgresql.conf
`;

/**
 * A restore or an upgrade has servers of its own on the volume, in another pod, where postmaster.pid tells nothing of
 * them; backup/common.sh holds it in the same way. The server inherits the lock, which goes when it does. A flock that
 * says anything can't lock there, which is no reason not to start. A shell that is a container's first process heeds no
 * SIGTERM of itself.
 */
const HOLD_VOLUME = `trap 'exit 143' TERM
exec 9<"$(dirname "$PGDATA")"
has_volume() { said=$(flock -n 9 2>&1) || [ -n "$said" ]; }
if ! has_volume; then
  echo "Another server is at work on the volume, of a restore or an upgrade. PostgreSQL starts when it has ended."
  until has_volume; do sleep 1; done
fi
`;

/** Of a restore or an upgrade that was killed between its renames: without a data folder, the image would make a new database. */
const FINISH_RESTORE = `if [ -e "$PGDATA.restored" ] && [ ! -e "$PGDATA" ]; then mv "$PGDATA.restored" "$PGDATA"; fi
`;

/** The server itself would only call the files incompatible. */
const REFUSE_OTHER_RELEASE = `if [ -s "$PGDATA/PG_VERSION" ]; then
  files=$(cat "$PGDATA/PG_VERSION")
  server=$(postgres --version | sed 's/[^0-9]*\\([0-9]*\\).*/\\1/')
  if [ "$files" != "$server" ]; then
    echo "The files on the volume are of PostgreSQL $files, and this image is PostgreSQL $server; nothing was changed. npm run upgrade -- postgres takes them along." >&2
    exit 1
  fi
fi
`;

/**
 * A server without space for its log ends as it starts, and with each end the kubelet waits longer before it starts the
 * next: up to five minutes after there is space again.
 */
const WAIT_FOR_SPACE = `free_mebibytes() { df -Pm ${DATA} | awk 'NR == 2 { print $4 }'; }
if [ "$(free_mebibytes)" -lt ${LEAST_FREE_MEBIBYTES} ]; then
  echo "The volume is full: $(free_mebibytes) MiB are left. PostgreSQL starts when there are ${LEAST_FREE_MEBIBYTES}."
  while [ "$(free_mebibytes)" -lt ${LEAST_FREE_MEBIBYTES} ]; do sleep 1; done
fi
`;

const RELOAD = `psql -qAt -U ${POSTGRES_ROLES.superuser} -d postgres -c 'select pg_reload_conf()' | grep -q t`;

const EXTENSIONS = `CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE EXTENSION IF NOT EXISTS "pgcrypto";
CREATE EXTENSION IF NOT EXISTS "pg_stat_statements";
`;

/**
 * A role with two logins, of which one has a password at a time: a rotation brings in the other one before it ends the
 * first. Whoever logs in with the second is the first from then on, and what it makes belongs to that.
 */
const createRole = (role: string, attributes: string): string =>
  `CREATE ROLE ${role} LOGIN${attributes};
CREATE ROLE ${alternate(role)} LOGIN${attributes} IN ROLE ${role};
ALTER ROLE ${alternate(role)} SET role = '${role}';
`;

/** Runs once, on an empty volume. Passwords go from files to psql's standard input, so that no process list has them. */
const ROLES_SCRIPT = `#!/bin/sh
set -eu
sql_text() { printf "'%s'" "$(sed "s/'/''/g" "$1")"; }
{
  cat <<SQL
${ROLES_WITH_PASSWORD.map((role) => createRole(POSTGRES_ROLES[role], role === 'backup' ? ' REPLICATION' : '')).join('')}SQL
  ${ROLES_WITH_PASSWORD.map((role) => `echo "ALTER ROLE \"$(cat ${PASSWORDS}/${role}/username)\" PASSWORD $(sql_text ${PASSWORDS}/${role}/password);"`).join('\n  ')}
  cat <<SQL
ALTER DATABASE "$POSTGRES_DB" OWNER TO ${POSTGRES_ROLES.owner};
ALTER SCHEMA public OWNER TO ${POSTGRES_ROLES.owner};
REVOKE ALL ON DATABASE "$POSTGRES_DB" FROM PUBLIC;
GRANT CONNECT ON DATABASE "$POSTGRES_DB" TO ${POSTGRES_ROLES.app}, ${POSTGRES_ROLES.exporter}, ${POSTGRES_ROLES.backup};
GRANT pg_monitor TO ${POSTGRES_ROLES.exporter};
GRANT pg_read_all_data TO ${POSTGRES_ROLES.backup};
SQL
} | psql -v ON_ERROR_STOP=1 --no-psqlrc -q -U "$POSTGRES_USER" -d "$POSTGRES_DB"
`;
