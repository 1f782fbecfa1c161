/** What operators and servers outside make in place of charts of this project, checked on what is rendered. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CA_SECRET, ingressCertificate, storeCertificates } from '../environments/certificates.ts';
import { neededSecrets, openText, POSTGRES_ROLES, secretSpecs } from '../environments/secrets.ts';
import { architecture } from '../charts/architecture.ts';
import {
  allContainers,
  called,
  configFile,
  defined,
  disruptionBudgets,
  envOf,
  ingresses,
  mainContainer,
  objectsOf,
  only,
  networkPolicies,
  render,
  services,
  workload,
  workloads,
  type Container,
  type PolicyPeer,
  type Rendered,
} from './manifests.ts';

const specs = <Spec>(each: Rendered, kind: string, spec: z.ZodType<Spec>): { name: string; spec: Spec }[] =>
  objectsOf(each, kind).map(({ name, raw }) => ({ name, spec: z.object({ spec }).parse(raw).spec }));

/** Secrets that pods mount, but for those of the catalogue. */
const mountedCertificates = (each: Rendered): string[] => {
  const others = Object.values(secretSpecs(each.config)).map(({ name }) => name);
  const mounted = workloads(each).flatMap(({ pod }) =>
    pod.volumes.flatMap(({ secret }) => secret?.secretName ?? []),
  );
  return [...new Set(mounted)].filter((name) => !others.includes(name)).sort();
};

/** The host and port of a variable that holds a URL. */
const hostOf = (container: Container, variable: string): string => {
  const { hostname, port } = new URL(defined(envOf(container, variable), variable));
  return `${hostname}:${port}`;
};

const initContainer = (each: Rendered, name: string): Container =>
  only(workload(each, name).pod.initContainers, `init container of ${name}`);

const peerText = ({ ipBlock, namespaceSelector, podSelector }: PolicyPeer): string => {
  const namespace = namespaceSelector?.matchLabels['kubernetes.io/metadata.name'];
  const labels = Object.values(podSelector?.matchLabels ?? {}).join();
  return ipBlock?.cidr ?? [...(namespace === undefined ? [] : [namespace]), labels].join('/');
};

/** What the policy of a name lets in and out, as "peer:port". */
const edgesOf = (each: Rendered, name: string): { into: string[]; out: string[] } => {
  const { spec } = only(
    networkPolicies(each).filter((policy) => policy.name === name),
    `policy ${name}`,
  );
  const edges = (rules: readonly { peers: PolicyPeer[]; ports: { port: number }[] }[]) =>
    [
      ...new Set(
        rules.flatMap(({ peers, ports }) =>
          peers.flatMap((peer) => ports.map(({ port }) => `${peerText(peer)}:${port}`)),
        ),
      ),
    ].sort();
  return {
    into: edges((spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))),
    out: edges((spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))),
  };
};

const DNS = 'kube-system/kube-dns:53';

describe('certificates of cert-manager', () => {
  const certificateSpec = z.strictObject({
    secretName: z.string(),
    issuerRef: z.strictObject({ name: z.string(), kind: z.string() }),
    isCA: z.boolean().default(false),
    commonName: z.string().optional(),
    dnsNames: z.array(z.string()).min(1).optional(),
    usages: z.array(z.string()),
    duration: z.string().optional(),
    renewBefore: z.string().optional(),
    privateKey: z.strictObject({
      algorithm: z.string(),
      size: z.int(),
      encoding: z.string(),
      rotationPolicy: z.string(),
    }),
  });
  const certificates = (each: Rendered) => specs(each, 'Certificate', certificateSpec);
  const issuers = (each: Rendered) => objectsOf(each, 'Issuer').map(({ name }) => name);
  const ofSource = (certificates: object, more: object = {}) => render('test', { certificates, ...more });
  const pooler = { postgres: { pooler: { enabled: true } } };
  const own = ofSource({ source: 'cert-manager', days: 30 }, pooler);

  test('are there for each certificate that a pod mounts, and for the authority', () => {
    expect(mountedCertificates(own)).toEqual([
      'zakpos-kafka-admin-tls',
      'zakpos-kafka-tls',
      'zakpos-pgbouncer-tls',
      'zakpos-postgres-tls',
      'zakpos-redis-tls',
    ]);
    const names = certificates(own).map(({ spec }) => spec.secretName);
    expect(names.sort()).toEqual([CA_SECRET, ...mountedCertificates(own)].sort());
    for (const { name, spec } of certificates(own)) expect(spec.secretName).toBe(name);
  });

  test('have the names by which clients ask, and the usages of the catalogue', () => {
    const api = mainContainer(own, 'zakpos-api');
    const asked = {
      'zakpos-pgbouncer-tls': hostOf(api, 'DATABASE_URL'),
      'zakpos-postgres-tls': hostOf(initContainer(own, 'zakpos-api'), 'DATABASE_URL'),
      'zakpos-redis-tls': hostOf(api, 'REDIS_URL'),
      'zakpos-kafka-tls': defined(envOf(api, 'KAFKA_BROKERS'), 'KAFKA_BROKERS'),
    };
    for (const [secret, address] of Object.entries(asked)) {
      const { spec } = only(
        certificates(own).filter(({ name }) => name === secret),
        secret,
      );
      expect(spec.dnsNames).toContain(address.split(':')[0]);
    }
    for (const { secret, commonName, dnsNames, usages } of storeCertificates(own.config)) {
      const { spec } = only(
        certificates(own).filter(({ name }) => name === secret),
        secret,
      );
      expect([spec.commonName, spec.dnsNames ?? []]).toEqual([commonName, dnsNames]);
      expect(spec.usages).toEqual(['digital signature', ...usages]);
    }
  });

  test('have keys that Kafka reads and that are new each time, and last as long as configured', () => {
    const key = { algorithm: 'ECDSA', size: 256, encoding: 'PKCS8' };
    for (const { name, spec } of certificates(own)) {
      const isAuthority = name === CA_SECRET;
      expect(spec.privateKey).toEqual({ ...key, rotationPolicy: isAuthority ? 'Never' : 'Always' });
      expect([spec.duration, spec.renewBefore]).toEqual(
        isAuthority ? ['87600h', '29200h'] : ['720h', '240h'],
      );
    }
  });

  test('are signed by an authority that a self-signed issuer has started', () => {
    const issuer = z.strictObject({
      selfSigned: z.strictObject({}).optional(),
      ca: z.strictObject({ secretName: z.string() }).optional(),
    });
    const [first, second] = specs(own, 'Issuer', issuer);
    expect(first?.spec.selfSigned).toEqual({});
    const authority = only(
      certificates(own).filter(({ spec }) => spec.isCA),
      'authority',
    );
    expect(authority.spec.issuerRef).toEqual({ name: first?.name, kind: 'Issuer' });
    expect(authority.spec.usages).toEqual(['cert sign', 'crl sign']);
    expect(second?.spec.ca?.secretName).toBe(authority.spec.secretName);
    for (const { spec } of certificates(own).filter((each) => !each.spec.isCA))
      expect(spec.issuerRef).toEqual({ name: second?.name, kind: 'Issuer' });
  });

  test('are left to an issuer that is named, and there is no authority then', () => {
    const issuer = { name: 'vault', kind: 'ClusterIssuer' };
    const each = ofSource({ source: 'cert-manager', issuer });
    expect(issuers(each)).toEqual([]);
    const names = certificates(each).map(({ name }) => name);
    expect(names.sort()).toEqual(mountedCertificates(each));
    for (const { spec } of certificates(each)) expect(spec.issuerRef).toEqual(issuer);
  });

  test('change nothing of the pods that mount them', () => {
    const pods = (each: Rendered) => workloads(each).map(({ name, template }) => ({ name, template }));
    expect(pods(own)).toEqual(pods(ofSource({ source: 'cli', days: 30 }, pooler)));
    expect(certificates(ofSource({ source: 'cli' }))).toEqual([]);
    expect(certificates(ofSource({ source: 'none' }))).toEqual([]);
  });

  test('of the ingress are those that it names, for its hosts, by its issuer', () => {
    const issuer = { name: 'letsencrypt-staging', kind: 'ClusterIssuer' };
    const each = render('cloud', { ingress: { tls: { issuer }, host: `${'a'.repeat(63)}.example.com` } });
    const { spec } = only(certificates(each), 'Certificate');
    expect(issuers(each)).toEqual([]);
    expect(spec.issuerRef).toEqual(issuer);
    expect(spec.commonName).toBeUndefined();
    expect(spec.dnsNames).toEqual(ingressCertificate(each.config)?.dnsNames);
    const used = ingresses(each).flatMap(({ spec: { tls } }) => tls);
    expect(used.length).toBeGreaterThan(0);
    for (const { hosts, secretName } of used) {
      expect(secretName).toBe(spec.secretName);
      for (const host of hosts) expect(spec.dnsNames).toContain(host);
    }
  });

  test("of a Gateway are its operator's, and those of secrets somebody else's", () => {
    expect(certificates(render('cloud', { ingress: { api: 'gateway' } }))).toEqual([]);
    expect(certificates(render('cloud', { ingress: { tls: { source: 'secret' } } }))).toEqual([]);
  });
});

describe('a database of CloudNativePG', () => {
  const s3 = { bucket: 'till', endpoint: 'http://minio.example.com:9000', region: 'eu-central-1' };
  const cloudnativepg = (more: object = {}) =>
    render('test', {
      postgres: { mode: 'cloudnativepg' },
      certificates: { source: 'cert-manager' },
      ...more,
    });
  const own = cloudnativepg();
  const statefulset = render('test');
  const clusterSpec = z.object({
    instances: z.int(),
    imageName: z.string(),
    priorityClassName: z.string(),
    storage: z.object({ size: z.string() }),
    resources: z.object({
      requests: z.record(z.string(), z.string()),
      limits: z.record(z.string(), z.string()),
    }),
    affinity: z.object({ podAntiAffinityType: z.string() }),
    enablePDB: z.boolean(),
    primaryUpdateMethod: z.string(),
    enableSuperuserAccess: z.boolean(),
    bootstrap: z.object({
      initdb: z.object({
        database: z.string(),
        owner: z.string(),
        secret: z.object({ name: z.string() }),
        encoding: z.string(),
        localeCollate: z.string(),
        localeCType: z.string(),
        postInitApplicationSQL: z.array(z.string()),
      }),
    }),
    managed: z.object({
      roles: z.array(
        z.object({
          name: z.string(),
          login: z.boolean(),
          inRoles: z.array(z.string()).default([]),
          replication: z.boolean().default(false),
          passwordSecret: z.object({ name: z.string() }),
        }),
      ),
    }),
    postgresql: z.object({
      parameters: z.record(z.string(), z.string()),
      shared_preload_libraries: z.array(z.string()),
      pg_hba: z.array(z.string()),
      synchronous: z.object({ number: z.int() }).optional(),
    }),
    env: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
    backup: z
      .object({
        retentionPolicy: z.string(),
        barmanObjectStore: z.object({
          destinationPath: z.string(),
          endpointURL: z.string().optional(),
          s3Credentials: z.record(z.string(), z.object({ name: z.string(), key: z.string() })),
        }),
      })
      .optional(),
  });
  const cluster = (each: Rendered) => only(specs(each, 'Cluster', clusterSpec), 'Cluster');
  const initScript = configFile(statefulset, 'zakpos-postgres-init', '10-roles.sh').replaceAll(
    '$POSTGRES_DB',
    'zakpos_db',
  );

  test('takes the place of the StatefulSet with its Service, certificate and superuser', () => {
    expect(objectsOf(own, 'StatefulSet').map(({ name }) => name)).not.toContain('zakpos-postgres');
    expect(services(own).map(({ name }) => name)).not.toContain('zakpos-postgres');
    expect(objectsOf(own, 'Certificate').map(({ name }) => name)).not.toContain('zakpos-postgres-tls');
    expect(neededSecrets(own.config).map(({ name }) => name)).not.toContain('zakpos-postgres-superuser');
    expect(cluster(own).spec.enableSuperuserAccess).toBe(false);
    expect(objectsOf(statefulset, 'Cluster')).toEqual([]);
  });

  test('is where the apps look for it, by the names that the operator gives', () => {
    const { name } = cluster(own);
    for (const container of [
      ...allContainers(workload(own, 'zakpos-api')),
      mainContainer(own, 'zakpos-reports'),
    ]) {
      expect(hostOf(container, 'DATABASE_URL')).toBe(`${name}-rw:5432`);
      expect(envOf(container, 'DATABASE_SSL_MODE')).toBe('verify-full');
      expect(envOf(container, 'DATABASE_SSL_CA_FILE')).toBe('/run/secrets/zakpos/postgres-ca/ca.crt');
    }
    const { volumes } = workload(own, 'zakpos-reports').pod;
    expect(volumes.map(({ secret }) => secret?.secretName)).toContain(`${name}-ca`);
    const [selector] = networkPolicies(own).filter((policy) => policy.name === name);
    expect(selector?.spec.podSelector.matchLabels).toEqual({ 'cnpg.io/cluster': name });
  });

  test('has roles whose Secrets name them, and no second logins', () => {
    const { managed, bootstrap } = cluster(own).spec;
    const { owner, app, exporter, backup } = POSTGRES_ROLES;
    expect(managed.roles.map(({ name }) => name)).toEqual([app, exporter, backup]);
    const passwords = [
      ...managed.roles.map(({ name, passwordSecret }) => ({ role: name, secret: passwordSecret.name })),
      { role: bootstrap.initdb.owner, secret: bootstrap.initdb.secret.name },
    ];
    expect(bootstrap.initdb.owner).toBe(owner);
    for (const { role, secret } of passwords) {
      const { type, keys } = only(
        neededSecrets(own.config).filter(({ name }) => name === secret),
        `Secret ${secret}`,
      );
      expect(type).toBe('kubernetes.io/basic-auth');
      expect(keys.username).toEqual({ kind: 'known', text: role });
    }
  });

  test('gives its roles what the init script of the StatefulSet gives them', () => {
    const { bootstrap, managed } = cluster(own).spec;
    const sql = bootstrap.initdb.postInitApplicationSQL;
    const extensions = configFile(statefulset, 'zakpos-postgres-init', '20-extensions.sql');
    for (const line of extensions.trim().split('\n')) expect(sql).toContain(line.replace(/;$/, ''));
    const statements = [...initScript.matchAll(/^(?:ALTER SCHEMA|REVOKE|GRANT CONNECT) .*(?=;$)/gm)];
    expect(statements).toHaveLength(3);
    for (const [statement] of statements) expect(sql).toContain(statement);
    const memberships = [...initScript.matchAll(/^GRANT (pg_\w+) TO (\w+);$/gm)];
    expect(memberships.map(([, group, role]) => [role, [group]])).toEqual(
      managed.roles.filter(({ inRoles }) => inRoles.length > 0).map(({ name, inRoles }) => [name, inRoles]),
    );
    for (const { name, replication } of managed.roles)
      expect(initScript).toContain(`CREATE ROLE ${name} LOGIN${replication ? ' REPLICATION' : ''};`);
    expect([bootstrap.initdb.encoding, bootstrap.initdb.localeCollate, bootstrap.initdb.localeCType]).toEqual(
      ['UTF8', 'C', 'C'],
    );
  });

  test('grants to no role that the statements before have not made', () => {
    const made = new Set<string>([POSTGRES_ROLES.owner, 'PUBLIC']);
    for (const statement of cluster(own).spec.bootstrap.initdb.postInitApplicationSQL) {
      const [, created] = /^CREATE ROLE (\w+)/.exec(statement) ?? [];
      if (created !== undefined) made.add(created);
      const [, roles = ''] = /(?:TO|FROM) ([\w, ]+)$/.exec(statement) ?? [];
      for (const role of roles.split(', ').filter((name) => name !== '')) expect([...made]).toContain(role);
    }
  });

  test('is tuned like a PostgreSQL of our own, and not told what the operator sets', () => {
    const { parameters, shared_preload_libraries, pg_hba } = cluster(own).spec.postgresql;
    const conf = configFile(statefulset, 'zakpos-postgres', 'postgresql.conf');
    const settings = Object.fromEntries(
      [...conf.matchAll(/^([\w.]+) = (.*)$/gm)].map(([, name = '', value = '']) => [
        name,
        value.replace(/^'(.*)'$/, '$1'),
      ]),
    );
    for (const [name, value] of Object.entries(parameters))
      expect([name, value]).toEqual([name, settings[name]]);
    expect(
      Object.keys(settings)
        .filter((name) => !(name in parameters))
        .sort(),
    ).toEqual([
      'hba_file',
      'listen_addresses',
      'max_slot_wal_keep_size',
      'port',
      'shared_preload_libraries',
      'ssl',
      'ssl_cert_file',
      'ssl_key_file',
      'ssl_min_protocol_version',
    ]);
    expect(shared_preload_libraries.join()).toBe(settings.shared_preload_libraries);
    expect(pg_hba).toEqual(['hostnossl all all all reject']);
  });

  test('has the size, image and spread of the configuration', () => {
    const { postgres } = own.config;
    const { spec } = cluster(own);
    expect(spec.instances).toBe(3);
    expect(spec.imageName).toBe('ghcr.io/cloudnative-pg/postgresql:16');
    expect(spec.storage.size).toBe(postgres.storage.size);
    expect(spec.resources.limits).toEqual({ memory: postgres.resources.limits.memory });
    expect(spec.resources.requests).toEqual(postgres.resources.requests);
    expect([spec.affinity.podAntiAffinityType, spec.enablePDB, spec.primaryUpdateMethod]).toEqual([
      'preferred',
      true,
      'switchover',
    ]);
    expect(spec.postgresql.synchronous).toEqual({ number: 1 });
    expect(objectsOf(own, 'PriorityClass').map(({ name }) => name)).toContain(spec.priorityClassName);

    const instanceImage = 'registry.example.com/postgresql:17.2';
    const other = cluster(
      cloudnativepg({ spread: 'strict', postgres: { mode: 'cloudnativepg', instances: 1, instanceImage } }),
    ).spec;
    expect([other.instances, other.imageName]).toEqual([1, instanceImage]);
    expect([other.affinity.podAntiAffinityType, other.enablePDB, other.primaryUpdateMethod]).toEqual([
      'required',
      false,
      'restart',
    ]);
    expect(other.postgresql.synchronous).toBeUndefined();
  });

  test('is reached by the apps, its operator and itself, and reaches the Kubernetes API', () => {
    expect(edgesOf(own, 'zakpos-postgres')).toEqual({
      into: [
        'cnpg-system/cloudnative-pg:5432',
        'cnpg-system/cloudnative-pg:8000',
        'zakpos-api:5432',
        'zakpos-postgres:5432',
        'zakpos-postgres:8000',
        'zakpos-reports:5432',
        'zakpos-task:5432',
      ],
      out: ['0.0.0.0/0:443', '0.0.0.0/0:6443', DNS, 'zakpos-postgres:5432', 'zakpos-postgres:8000'],
    });
    for (const name of ['zakpos-api', 'zakpos-reports'])
      expect(edgesOf(own, name).out).toContain('zakpos-postgres:5432');
    const elsewhere = cloudnativepg({ postgres: { mode: 'cloudnativepg', operatorNamespace: 'operators' } });
    expect(edgesOf(elsewhere, 'zakpos-postgres').into).toContain('operators/cloudnative-pg:8000');
    expect(networkPolicies(own).filter(({ name }) => name === 'zakpos-postgres')).toHaveLength(1);
  });

  test('is backed up to S3 where that is configured, and only there', () => {
    expect(cluster(own).spec.backup).toBeUndefined();
    expect(objectsOf(own, 'ScheduledBackup')).toEqual([]);

    const each = cloudnativepg({
      backups: { s3, schedule: '30 2 * * 1-5', retention: { pointInTime: '36h' } },
    });
    const { name, spec } = cluster(each);
    expect(spec.backup).toEqual({
      retentionPolicy: '2d',
      barmanObjectStore: {
        destinationPath: 's3://till/zakpos-test',
        endpointURL: s3.endpoint,
        s3Credentials: {
          accessKeyId: { name: 'zakpos-backup-s3', key: 'access-key-id' },
          secretAccessKey: { name: 'zakpos-backup-s3', key: 'secret-access-key' },
        },
      },
    });
    expect(spec.env).toEqual([{ name: 'AWS_DEFAULT_REGION', value: 'eu-central-1' }]);
    const backup = z.object({ cluster: z.object({ name: z.string() }), schedule: z.string() });
    expect(only(specs(each, 'ScheduledBackup', backup), 'ScheduledBackup').spec).toEqual({
      cluster: { name },
      schedule: '0 30 2 * * 1-5',
    });
    expect(edgesOf(each, name).out).toContain('0.0.0.0/0:9000');
    const amazon = cloudnativepg({ backups: { s3: { bucket: 'till', prefix: 'shop/7' } } });
    expect(cluster(amazon).spec.backup?.barmanObjectStore.endpointURL).toBeUndefined();
    expect(cluster(amazon).spec.backup?.barmanObjectStore.destinationPath).toBe('s3://till/shop/7');
    expect(edgesOf(amazon, name).out).not.toContain('0.0.0.0/0:9000');
  });
});

describe('stores outside of the cluster', () => {
  const external = {
    postgres: {
      mode: 'external',
      external: { host: 'data.example.com', port: 6432, cidr: '10.1.0.0/16', caSecret: 'data-ca' },
    },
    redis: {
      mode: 'external',
      external: { host: 'data.example.com', port: 6432, cidr: '10.1.0.0/16', caSecret: 'data-ca' },
    },
    kafka: { mode: 'external', external: { brokers: ['a.example.com:9096', 'b.example.com:9097'] } },
  };
  const own = render('prod', external);

  test('leave nothing of those in the cluster', () => {
    const names = [
      'zakpos-postgres',
      'zakpos-redis',
      'zakpos-kafka',
      'zakpos-zookeeper',
      'zakpos-kafka-topics',
    ];
    const left = own.objects.filter(({ name }) =>
      names.some((store) => name === store || name.startsWith(`${store}-`)),
    );
    expect(left.map(called)).toEqual([]);
    expect(own.objects.filter(({ kind }) => kind === 'StatefulSet' || kind === 'Job')).toEqual([]);
    expect(storeCertificates(own.config)).toEqual([]);
    expect(neededSecrets(own.config).map(({ name }) => name)).toEqual([
      'zakpos-postgres-owner',
      'zakpos-postgres-app',
      'zakpos-redis',
      'zakpos-kafka-api',
      'zakpos-kafka-reports',
      'zakpos-jwt',
      'zakpos-admin',
    ]);
  });

  test('are drawn once each and reached at their ports, also where two have one address', () => {
    const { components, connections } = architecture(own.config);
    const names = components.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain('zakpos-zookeeper');
    const targets = connections
      .filter(({ source }) => source.name === 'zakpos-api')
      .map((edge) => edge.target.name);
    expect(targets).toEqual(['zakpos-postgres', 'zakpos-redis', 'zakpos-kafka', 'dns']);
    expect(edgesOf(own, 'zakpos-api').out).toEqual([
      '0.0.0.0/0:9096',
      '0.0.0.0/0:9097',
      '10.1.0.0/16:6432',
      DNS,
    ]);
    expect(edgesOf(own, 'zakpos-reports').out).toEqual([
      '0.0.0.0/0:9096',
      '0.0.0.0/0:9097',
      '10.1.0.0/16:6432',
      DNS,
    ]);
  });

  test('are named to the apps with how to trust them', () => {
    const api = mainContainer(own, 'zakpos-api');
    const env = Object.fromEntries(
      [...api.env].flatMap(({ name, value }) => (/DATABASE|REDIS|KAFKA/.test(name) ? [[name, value]] : [])),
    );
    expect(env).toEqual({
      DATABASE_URL: 'postgresql://data.example.com:6432/zakpos_db',
      DATABASE_USERNAME_FILE: '/run/secrets/zakpos/app/username',
      DATABASE_PASSWORD_FILE: '/run/secrets/zakpos/app/password',
      DATABASE_SSL_MODE: 'verify-full',
      DATABASE_SSL_CA_FILE: '/run/secrets/zakpos/postgres-ca/ca.crt',
      DATABASE_POOL_SIZE: '10',
      REDIS_URL: 'rediss://data.example.com:6432',
      REDIS_PASSWORD_FILE: '/run/secrets/zakpos/redis/password',
      REDIS_SSL_CA_FILE: '/run/secrets/zakpos/redis-ca/ca.crt',
      KAFKA_BROKERS: 'a.example.com:9096,b.example.com:9097',
      KAFKA_SSL: 'true',
      KAFKA_SASL_USERNAME_FILE: '/run/secrets/zakpos/kafka/username',
      KAFKA_SASL_PASSWORD_FILE: '/run/secrets/zakpos/kafka/password',
    });
    expect(mountedCertificates(own)).toEqual(['data-ca']);
  });

  test('are named to an image that knows only whole URLs', () => {
    const each = render('prod', { ...external, api: { secretsAs: 'env' } });
    const { pod } = workload(each, 'zakpos-api');
    const paths = allContainers(workload(each, 'zakpos-api')).map((container) => [
      envOf(container, 'DATABASE_URL'),
      container.volumeMounts.map(({ mountPath }) => mountPath),
    ]);
    const database =
      'postgresql://$(POSTGRES_USER):$(POSTGRES_PASSWORD)@data.example.com:6432/zakpos_db' +
      '?sslmode=verify-full&sslrootcert=%2Frun%2Fsecrets%2Fzakpos%2Fpostgres-ca%2Fca.crt';
    const [ofPostgres, ofRedis] = ['/run/secrets/zakpos/postgres-ca', '/run/secrets/zakpos/redis-ca'];
    expect(paths).toEqual([
      [database, [ofPostgres, '/run/secrets/zakpos/admin', '/tmp']],
      [database, [ofPostgres, ofRedis, '/tmp']],
    ]);
    const api = mainContainer(each, 'zakpos-api');
    expect(envOf(api, 'REDIS_URL')).toBe('rediss://:$(REDIS_PASSWORD)@data.example.com:6432');
    const keys = api.env.flatMap(({ name, valueFrom }) =>
      valueFrom?.secretKeyRef === undefined
        ? []
        : [`${name}=${valueFrom.secretKeyRef.name}/${valueFrom.secretKeyRef.key}`],
    );
    expect(keys).toEqual([
      'POSTGRES_USER=zakpos-postgres-app/username',
      'POSTGRES_PASSWORD=zakpos-postgres-app/password',
      'REDIS_PASSWORD=zakpos-redis/password',
      'KAFKA_SASL_USERNAME=zakpos-kafka-api/username',
      'KAFKA_SASL_PASSWORD=zakpos-kafka-api/password',
      'JWT_SECRET=zakpos-jwt/secret',
    ]);
    expect(pod.volumes.map(({ name }) => name).sort()).toEqual(['admin', 'postgres-ca', 'redis-ca', 'tmp']);
  });

  test('without TLS and logins need no Secret for them', () => {
    const plain = { tls: 'disable' };
    const each = render('prod', {
      postgres: { mode: 'external', external: { host: 'p.example.com', ...plain } },
      redis: { mode: 'external', external: { host: 'r.example.com', ...plain } },
      kafka: { mode: 'external', external: { brokers: ['k.example.com:9092'], sasl: false, ...plain } },
    });
    const api = mainContainer(each, 'zakpos-api');
    expect(api.env.filter(({ name }) => /SSL|SASL/.test(name))).toEqual([]);
    expect(envOf(api, 'REDIS_URL')).toBe('redis://r.example.com:6379');
    expect(mountedCertificates(each)).toEqual([]);
    expect(neededSecrets(each.config).map(({ name }) => name)).not.toContain('zakpos-kafka-api');
  });

  test('that are no longer used name no Secret of the ones in the cluster', () => {
    const each = render('cloud', {
      postgres: { mode: 'statefulset', external: { appSecret: 'managed-app', caSecret: 'managed-ca' } },
    });
    const { volumes } = workload(each, 'zakpos-api').pod;
    const used = volumes.flatMap(({ secret }) => secret?.secretName ?? []);
    expect(used).toContain('zakpos-postgres-app');
    expect(used.filter((name) => name.startsWith('managed'))).toEqual([]);
  });
});

describe('secrets of a store', () => {
  const externalSecret = z.strictObject({
    refreshInterval: z.string(),
    secretStoreRef: z.strictObject({ name: z.string(), kind: z.string() }),
    data: z.array(
      z.strictObject({
        secretKey: z.string(),
        remoteRef: z.strictObject({ key: z.string(), property: z.string() }),
      }),
    ),
    target: z.strictObject({
      name: z.string(),
      creationPolicy: z.literal('Owner'),
      deletionPolicy: z.literal('Retain'),
      template: z.strictObject({
        type: z.string(),
        metadata: z.strictObject({ labels: z.record(z.string(), z.string()) }).optional(),
        data: z.record(z.string(), z.string()),
      }),
    }),
  });
  const externalSecrets = (each: Rendered) => specs(each, 'ExternalSecret', externalSecret);
  const store = { name: 'vault', kind: 'SecretStore', prefix: 'shop-7/', refresh: '2d' };
  const rendered = [
    render('cloud'),
    render('prod', { secrets: { source: 'external-secrets', store } }),
    render('prod', { secrets: { source: 'external-secrets' }, postgres: { mode: 'cloudnativepg' } }),
    render('cloud', { api: { migrations: null }, reports: { enabled: false } }),
  ];

  test('are the ones that somebody needs, and each only once', () => {
    for (const each of rendered) {
      const needed = neededSecrets(each.config).map(({ name }) => name);
      expect(externalSecrets(each).map(({ spec }) => spec.target.name)).toEqual(needed);
      expect(externalSecrets(each).map(({ name }) => name)).toEqual(needed);
      expect(new Set(needed).size).toBe(needed.length);
    }
  });

  test('have the type and the keys that pods read: known texts as they are, the rest from the store', () => {
    for (const each of rendered) {
      for (const spec of neededSecrets(each.config)) {
        const { data, target } = only(
          externalSecrets(each).filter(({ name }) => name === spec.name),
          `ExternalSecret ${spec.name}`,
        ).spec;
        const { prefix } = each.config.secrets.store;
        expect(target.template.type).toBe(spec.type);
        expect(Object.keys(target.template.data).sort()).toEqual(Object.keys(spec.keys).sort());
        for (const [key, value] of Object.entries(spec.keys)) {
          const text = value.kind === 'secret' ? `{{ .${key} }}` : openText(value);
          expect(target.template.data[key]).toBe(text);
          expect(data.filter(({ secretKey }) => secretKey === key)).toEqual(
            value.kind === 'secret'
              ? [{ secretKey: key, remoteRef: { key: `${prefix}${spec.name}`, property: key } }]
              : [],
          );
        }
      }
    }
  });

  test('come from the store that is configured, as often as it says', () => {
    const [cloud, own] = rendered.map((each) => externalSecrets(each).map(({ spec }) => spec));
    for (const { secretStoreRef, refreshInterval } of cloud ?? [])
      expect([secretStoreRef, refreshInterval]).toEqual([
        { name: 'zakpos', kind: 'ClusterSecretStore' },
        '3600s',
      ]);
    for (const { secretStoreRef, refreshInterval, data } of own ?? []) {
      expect([secretStoreRef, refreshInterval]).toEqual([{ name: 'vault', kind: 'SecretStore' }, '172800s']);
      for (const { remoteRef } of data) expect(remoteRef.key).toMatch(/^shop-7\/zakpos-/);
    }
    expect(own?.length).toBeGreaterThan(0);
  });

  test("are read again by CloudNativePG where they are its roles' passwords", () => {
    const [, , each] = rendered;
    const labelled = externalSecrets(defined(each, 'environment'))
      .filter(({ spec }) => spec.target.template.metadata?.labels['cnpg.io/reload'] === 'true')
      .map(({ name }) => name);
    expect(labelled).toEqual([
      'zakpos-postgres-owner',
      'zakpos-postgres-app',
      'zakpos-postgres-exporter',
      'zakpos-postgres-backup',
    ]);
  });

  test('are no other objects, and none where they come from elsewhere', () => {
    for (const each of rendered) expect(objectsOf(each, 'Secret')).toEqual([]);
    for (const each of [render('dev'), render('test'), render('prod')])
      expect(objectsOf(each, 'ExternalSecret')).toEqual([]);
  });
});

describe('PgBouncer', () => {
  const pooler = { enabled: true, poolSize: 7 };
  const own = render('test', { postgres: { pooler } });
  const plain = render('dev', { postgres: { pooler } });
  const ini = (each: Rendered): Record<string, string> =>
    Object.fromEntries(
      [...configFile(each, 'zakpos-pgbouncer', 'pgbouncer.ini').matchAll(/^(\w+) = ?(.*)$/gm)].map(
        ([, name = '', value = '']) => [name, value],
      ),
    );
  const start = (each: Rendered) => configFile(each, 'zakpos-pgbouncer', 'start.sh');

  test('is what the apps log in to, and migrations go past it', () => {
    for (const name of ['zakpos-api', 'zakpos-reports'])
      expect(hostOf(mainContainer(own, name), 'DATABASE_URL')).toBe('zakpos-pgbouncer:5432');
    expect(hostOf(initContainer(own, 'zakpos-api'), 'DATABASE_URL')).toBe('zakpos-postgres:5432');
    const { spec } = only(
      services(own).filter(({ name }) => name === 'zakpos-pgbouncer'),
      'Service',
    );
    expect(spec.ports).toEqual([{ name: 'postgres', port: 5432, targetPort: 'postgres' }]);
    expect(workload(own, 'zakpos-pgbouncer').replicas).toBe(2);
    expect(disruptionBudgets(own).map(({ name }) => name)).toContain('zakpos-pgbouncer');
  });

  test('has the only way of the apps to the database, but for what migrates', () => {
    expect(edgesOf(own, 'zakpos-pgbouncer')).toEqual({
      into: ['zakpos-api:5432', 'zakpos-reports:5432'],
      out: [DNS, 'zakpos-postgres:5432'],
    });
    expect(edgesOf(own, 'zakpos-postgres').into).toEqual([
      'zakpos-api:5432',
      'zakpos-pgbouncer:5432',
      'zakpos-task:5432',
    ]);
    expect(edgesOf(own, 'zakpos-reports').out).toEqual([DNS, 'zakpos-kafka:9092', 'zakpos-pgbouncer:5432']);
    const unmigrated = render('test', { postgres: { pooler }, api: { migrations: null } });
    expect(edgesOf(unmigrated, 'zakpos-postgres').into).toEqual(['zakpos-pgbouncer:5432']);
  });

  test("knows the app's role alone, and its password from files only", () => {
    const { pod } = workload(own, 'zakpos-pgbouncer');
    const secrets = pod.volumes.flatMap(({ secret }) => secret?.secretName ?? []);
    expect(secrets).toEqual(['zakpos-postgres-app', 'zakpos-pgbouncer-tls', 'zakpos-postgres-tls']);
    const container = mainContainer(own, 'zakpos-pgbouncer');
    expect([container.env, container.args]).toEqual([[], []]);
    expect(container.command).toEqual(['sh', '/etc/pgbouncer/start.sh']);
    expect(configFile(own, 'zakpos-pgbouncer', 'pgbouncer.ini')).not.toMatch(/password|user=/);

    const file = defined(ini(own).auth_file, 'auth_file');
    expect(start(own)).toContain(`> ${file}.new\n`);
    const mount = container.volumeMounts.find(({ mountPath }) => file.startsWith(`${mountPath}/`));
    const volume = pod.volumes.find(({ name }) => name === mount?.name);
    expect(volume?.emptyDir?.medium).toBe('Memory');
  });

  test('speaks TLS to both sides where connections are encrypted, and to a server outside that does', () => {
    expect(ini(own)).toMatchObject({
      server_tls_sslmode: 'verify-full',
      server_tls_ca_file: '/run/secrets/postgres-ca/ca.crt',
      client_tls_sslmode: 'require',
      client_tls_cert_file: '/run/secrets/tls/tls.crt',
      client_tls_key_file: '/run/secrets/tls/tls.key',
    });
    const { volumes } = workload(own, 'zakpos-reports').pod;
    expect(volumes.map(({ secret }) => secret?.secretName)).toContain('zakpos-pgbouncer-tls');
    expect(volumes.map(({ secret }) => secret?.secretName)).not.toContain('zakpos-postgres-tls');

    expect(ini(plain).server_tls_sslmode).toBe('disable');
    expect(ini(plain)).not.toHaveProperty('client_tls_sslmode');
    expect(mountedCertificates(plain)).toEqual([]);

    const managed = render('cloud', { postgres: { pooler } });
    expect(ini(managed)).toMatchObject({
      zakpos_db: 'host=postgres.example.com port=5432 dbname=zakpos_db',
      server_tls_sslmode: 'verify-full',
      server_tls_ca_file: '/etc/ssl/certs/ca-certificates.crt',
    });
    expect(edgesOf(managed, 'zakpos-pgbouncer').out).toEqual(['0.0.0.0/0:5432', DNS]);
    const operated = render('test', { postgres: { mode: 'cloudnativepg', pooler } });
    expect(ini(operated).zakpos_db).toBe('host=zakpos-postgres-rw port=5432 dbname=zakpos_db');
    expect(edgesOf(operated, 'zakpos-postgres').into).toContain('zakpos-pgbouncer:5432');
    expect(edgesOf(operated, 'zakpos-pgbouncer').out).toContain('zakpos-postgres:5432');
  });

  test('holds no more connections than the rule counts, and lets in all that the apps open', () => {
    const { api } = own.config;
    expect(ini(own)).toMatchObject({
      pool_mode: 'transaction',
      auth_type: 'scram-sha-256',
      default_pool_size: '7',
      max_db_connections: '7',
    });
    expect(Number(ini(own).max_client_conn)).toBeGreaterThan((api.replicas + 1) * api.databasePoolSize);
  });

  test('reads a rotated password and renewed certificates without a restart', () => {
    const watched = (each: Rendered) =>
      [...start(each).matchAll(/known=\$\(cksum < (.*)\)$/gm)].map(([, file]) => file);
    expect(watched(own)).toEqual([
      '/run/secrets/postgres/password',
      '/run/secrets/tls/tls.crt',
      '/run/secrets/postgres-ca/ca.crt',
    ]);
    expect(watched(plain)).toEqual(['/run/secrets/postgres/password']);
    expect(start(own).match(/kill -HUP/g)).toHaveLength(3);
  });

  test('lets in the login that its Secret names and the one before, and ends after what it has in hand', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zakpos-pgbouncer-'));
    const at = (path: string): string => join(folder, path);
    const write = (username: string, password: string): void => {
      writeFileSync(at('username'), username);
      writeFileSync(at('password'), password);
    };
    const until = async (file: string, text: string): Promise<void> => {
      for (const end = Date.now() + 10_000; Date.now() < end;) {
        if (existsSync(at(file)) && readFileSync(at(file), 'utf8') === text) return;
        await sleep(20);
      }
      throw new Error(`${file} holds ${existsSync(at(file)) ? readFileSync(at(file), 'utf8') : 'nothing'}`);
    };
    const script = start(plain)
      .replaceAll(/\/run\/(?:secrets\/postgres|pgbouncer)/g, folder)
      .replaceAll('sleep 5', 'sleep 0.05');
    write('zakpos_user', 'fir"st');
    // Stands in for PgBouncer, which like this one handles signals that a shell has its background ignore.
    const stub = `#!${process.execPath}
const { appendFileSync } = require('node:fs');
const tell = (text) => { appendFileSync('${at('told')}', text + '\\n'); };
process.on('SIGHUP', () => { tell('reload'); });
process.on('SIGINT', () => { tell('end'); process.exit(0); });
tell(process.argv.slice(2).join(' '));
setInterval(() => undefined, 1000);
`;
    writeFileSync(at('pgbouncer'), stub, { mode: 0o755 });
    const pod = spawn('sh', ['-c', script], {
      env: { PATH: `${folder}:${process.env.PATH ?? ''}` },
      stdio: 'ignore',
      detached: true,
    });
    const exit = once(pod, 'exit');
    try {
      await until('users.txt', '"zakpos_user" "fir""st"\n\n');
      await until('told', '/etc/pgbouncer/pgbouncer.ini\n');
      write('zakpos_user_b', 'second');
      await until('users.txt', '"zakpos_user_b" "second"\n"zakpos_user" "fir""st"\n');
      write('zakpos_user', 'third');
      await until('users.txt', '"zakpos_user" "third"\n"zakpos_user_b" "second"\n');
      await until('told', '/etc/pgbouncer/pgbouncer.ini\nreload\nreload\n');
      expect(statSync(at('users.txt')).mode & 0o777).toBe(0o600);
      pod.kill('SIGTERM');
      expect(await Promise.race([exit, sleep(5000, undefined, { ref: false })])).toEqual([0, null]);
      await until('told', '/etc/pgbouncer/pgbouncer.ini\nreload\nreload\nend\n');
    } finally {
      process.kill(-defined(pod.pid, 'process'), 'SIGKILL');
      rmSync(folder, { recursive: true });
    }
  }, 60_000);

  test('is asked on its port alone', () => {
    const { startupProbe, readinessProbe, livenessProbe } = mainContainer(own, 'zakpos-pgbouncer');
    expect([startupProbe?.tcpSocket?.port, readinessProbe?.tcpSocket?.port]).toEqual([
      'postgres',
      'postgres',
    ]);
    expect(livenessProbe?.exec?.command).toEqual(['sh', '/etc/pgbouncer/alive.sh']);
    expect(configFile(own, 'zakpos-pgbouncer', 'alive.sh')).toContain(' 127.0.0.1 5432');
  });

  test('is in no environment that does not ask for it', () => {
    for (const each of [render('dev'), render('test'), render('prod'), render('cloud')])
      expect(each.objects.filter(({ name }) => name.includes('pgbouncer'))).toEqual([]);
  });
});
