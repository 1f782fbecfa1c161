import type { Construct } from 'constructs';
import { toSeconds } from '../environments/quantities.ts';
import { backupPrefix } from '../environments/backups.ts';
import type { Config } from '../environments/schema.ts';
import { POSTGRES_ROLES, secretSpecs } from '../environments/secrets.ts';
import {
  Cluster,
  ClusterSpecResourcesLimits,
  ClusterSpecResourcesRequests,
  ScheduledBackup,
  type ClusterSpec,
  type ClusterSpecManagedRoles,
} from '../imports/postgresql.cnpg.io.ts';
import { k8s } from '../lib/k8s.ts';
import { KEPT } from '../lib/kept.ts';
import type { Edge, Peer } from '../lib/network-policies.ts';
import { architecture } from './architecture.ts';
import { PRIORITY } from './capacity.ts';
import { POSTGRES, POSTGRES_INSTANCES } from './names.ts';
import { postgresqlConf } from './postgres.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** PostgreSQL by CloudNativePG: a primary, replicas of which one takes over, and backups of what they write. */
export class CloudNativePgChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { postgres, backups } = config;
    const specs = secretSpecs(config);
    const several = postgres.instances > 1;

    new Cluster(this, 'cluster', {
      metadata: { name: POSTGRES, annotations: { ...KEPT } },
      spec: {
        instances: postgres.instances,
        imageName: postgres.instanceImage,
        imagePullPolicy: config.imagePullPolicy,
        priorityClassName: PRIORITY.stores,
        resources: resourcesOf(postgres),
        storage: postgres.storage,
        affinity: {
          enablePodAntiAffinity: true,
          topologyKey: 'kubernetes.io/hostname',
          podAntiAffinityType: config.spread === 'strict' ? 'required' : 'preferred',
        },
        // A budget over a single server would block every drain.
        enablePdb: several,
        primaryUpdateMethod: several ? 'switchover' : 'restart',
        enableSuperuserAccess: false,
        bootstrap: {
          initdb: {
            database: postgres.database,
            owner: POSTGRES_ROLES.owner,
            secret: { name: specs.owner.name },
            encoding: 'UTF8',
            localeCollate: 'C',
            localeCType: 'C',
            postInitApplicationSql: afterInit(postgres.database),
          },
        },
        managed: {
          roles: MANAGED_ROLES.map(({ role, ...rights }) => ({
            name: POSTGRES_ROLES[role],
            login: true,
            passwordSecret: { name: specs[role].name },
            ...rights,
          })),
        },
        postgresql: {
          parameters: parameters(config),
          sharedPreloadLibraries: ['pg_stat_statements'],
          // The operator lets in whoever has a password; without TLS, nobody shall show one.
          pgHba: ['hostnossl all all all reject'],
          // A sale that was acknowledged outlives its primary; with no replica left, selling goes on.
          ...(several ? { synchronous: { method: 'any', number: 1, dataDurability: 'preferred' } } : {}),
        },
        ...(backups.s3 === undefined
          ? {}
          : backupTo(backups.s3, backupPrefix(config), backups.retention.pointInTime)),
      },
    });
    if (backups.s3 !== undefined) {
      new ScheduledBackup(this, 'backup', {
        metadata: { name: POSTGRES },
        spec: {
          cluster: { name: POSTGRES },
          method: 'barmanObjectStore',
          // Its cron begins with seconds.
          schedule: `0 ${backups.schedule}`,
          immediate: true,
          backupOwnerReference: 'self',
        },
      });
    }
    this.isolate(config);
  }

  /** What other policies do by the name label, for pods that the operator labels. */
  private isolate(config: Config): void {
    const { connections } = architecture(config);
    const peer = (of: Peer): k8s.NetworkPolicyPeer => peerOf(of, config.namespace);
    new k8s.KubeNetworkPolicy(this, 'network-policy', {
      metadata: { name: POSTGRES },
      spec: {
        podSelector: { matchLabels: POSTGRES_INSTANCES },
        policyTypes: ['Ingress', 'Egress'],
        ingress: connections
          .filter(({ target }) => target.name === POSTGRES)
          .map((edge) => ({ from: [peer(edge.from)], ports: portsOf(edge) })),
        egress: connections
          .filter(({ source }) => source.name === POSTGRES)
          .map((edge) => ({ to: [peer(edge.to)], ports: portsOf(edge) })),
      },
    });
  }
}

const MANAGED_ROLES: readonly (Partial<ClusterSpecManagedRoles> & {
  readonly role: 'app' | 'exporter' | 'backup';
})[] = [
  { role: 'app' },
  { role: 'exporter', inRoles: ['pg_monitor'] },
  { role: 'backup', inRoles: ['pg_read_all_data'], replication: true },
];

/** Once, as a superuser in the new database. The roles get their passwords later, but rights are granted here. */
function afterInit(database: string): string[] {
  const { owner, app, exporter, backup } = POSTGRES_ROLES;
  return [
    ...['uuid-ossp', 'pgcrypto', 'pg_stat_statements'].map(
      (extension) => `CREATE EXTENSION IF NOT EXISTS "${extension}"`,
    ),
    ...[app, exporter, backup].map((role) => `CREATE ROLE ${role} LOGIN`),
    `ALTER SCHEMA public OWNER TO ${owner}`,
    `REVOKE ALL ON DATABASE "${database}" FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE "${database}" TO ${app}, ${exporter}, ${backup}`,
  ];
}

/** What the operator sets itself and refuses to be given. */
const FIXED = ['listen_addresses', 'port', 'hba_file', 'shared_preload_libraries'];

/** The settings of a PostgreSQL of our own, tuned from the same memory. */
const parameters = (config: Config): Record<string, string> =>
  Object.fromEntries(
    [...postgresqlConf(config, false).matchAll(/^([\w.]+) = '?(.*?)'?$/gm)]
      .map(([, name = '', value = '']) => [name, value] as const)
      .filter(([name]) => !FIXED.includes(name)),
  );

function resourcesOf({ resources: { requests, limits } }: Config['postgres']): ClusterSpec['resources'] {
  return {
    requests: {
      cpu: ClusterSpecResourcesRequests.fromString(requests.cpu),
      memory: ClusterSpecResourcesRequests.fromString(requests.memory),
    },
    limits: {
      ...(limits.cpu === null ? {} : { cpu: ClusterSpecResourcesLimits.fromString(limits.cpu) }),
      memory: ClusterSpecResourcesLimits.fromString(limits.memory),
    },
  };
}

const backupTo = (
  { bucket, endpoint, region, secret }: NonNullable<Config['backups']['s3']>,
  prefix: string,
  retention: string,
): Pick<ClusterSpec, 'backup' | 'env'> => ({
  backup: {
    retentionPolicy: `${Math.ceil(toSeconds(retention) / 86_400)}d`,
    barmanObjectStore: {
      destinationPath: `s3://${bucket}/${prefix}`,
      ...(endpoint === undefined ? {} : { endpointUrl: endpoint }),
      s3Credentials: {
        accessKeyId: { name: secret, key: 'access-key-id' },
        secretAccessKey: { name: secret, key: 'secret-access-key' },
      },
      wal: { compression: 'gzip' },
      data: { compression: 'gzip' },
    },
  },
  // Among the credentials, the operator takes a region from a Secret only.
  env: [{ name: 'AWS_DEFAULT_REGION', value: region }],
});

function peerOf(peer: Peer, here: string): k8s.NetworkPolicyPeer {
  if (peer.kind === 'address') return { ipBlock: { cidr: peer.cidr } };
  return {
    ...(peer.namespace === here
      ? {}
      : { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': peer.namespace } } }),
    podSelector: { matchLabels: { ...peer.labels } },
  };
}

const portsOf = ({ ports, udp }: Edge): k8s.NetworkPolicyPort[] =>
  (udp === true ? ['TCP', 'UDP'] : ['TCP']).flatMap((protocol) =>
    ports.map((port) => ({ port: k8s.IntOrString.fromNumber(port), protocol })),
  );
