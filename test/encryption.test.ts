/** Where connections are encrypted, none is in clear, and whoever connects makes sure of whom it connects to. */
import {
  foreignSecrets,
  ingressCertificate,
  isEncrypted,
  storeCertificates,
} from '../environments/certificates.ts';
import {
  allContainers,
  configFile,
  configMaps,
  defined,
  envOf,
  ingresses,
  knownSecrets,
  mainContainer,
  objectsOf,
  selected,
  services,
  shownKeys,
  workload,
  workloads,
  yamlOf,
  type Container,
  type Rendered,
  type Workload,
} from './manifests.ts';
import { environments, everyContainer, everyPod, everywhere, rendered, workloadName } from './variants.ts';

const has = (each: Rendered, name: string): boolean =>
  workloads(each).some((pod) => workloadName(pod) === name);
const encrypted = rendered.filter(({ config }) => isEncrypted(config));
const plain = rendered.filter(({ config }) => !isEncrypted(config));

/** Names of the certificates that pods of this project show to each other. */
const certificateNames = ({ config }: Rendered): string[] =>
  storeCertificates(config).map(({ secret }) => secret);

describe('which environments are encrypted', () => {
  test('is all but dev, and those that say that they are not', () => {
    expect(encrypted.length).toBeGreaterThan(15);
    expect(plain.map(({ title }) => title)).toEqual([
      'dev',
      'prod without encryption',
      'dev with a pooler',
      'dev with an API of its own',
      'dev with backups',
      'prod with backups, without encryption',
      'dev with metrics',
      'dev with three of each',
      'dev with bundled monitoring',
    ]);
  });

  test('dev has no trace of a certificate', () => {
    const traces = /zakpos-[a-z-]+-tls\b|tls\.(crt|key)|ca\.crt|_SSL|rediss|hostssl/;
    const lines = yamlOf(environments.dev).split('\n');
    expect(lines.filter((line) => traces.test(line))).toEqual([]);
    for (const kind of ['Certificate', 'Issuer']) expect(objectsOf(environments.dev, kind)).toEqual([]);
  });
});

describe('an encrypted store', () => {
  /** Facts of each encrypted environment that has a workload. */
  const wherever = (name: string, facts: (each: Rendered) => Iterable<string>): void => {
    expect(encrypted.filter((each) => has(each, name)).length).toBeGreaterThan(0);
    everywhere((each) => (isEncrypted(each.config) && has(each, name) ? facts(each) : []));
  };
  const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

  test('of PostgreSQL lets nobody in over the network without TLS and a password', () => {
    wherever('zakpos-postgres', function* (each) {
      const rules = lines(configFile(each, 'zakpos-postgres', 'pg_hba.conf')).filter(
        (line) => !line.startsWith('local '),
      );
      if (rules.length === 0) yield 'has no rule for the network';
      for (const rule of rules) if (!/^hostssl .* scram-sha-256$/.test(rule)) yield `has the rule ${rule}`;
      const conf = lines(configFile(each, 'zakpos-postgres', 'postgresql.conf'));
      for (const setting of [
        'ssl = on',
        "ssl_cert_file = '/run/secrets/tls/tls.crt'",
        "ssl_key_file = '/run/secrets/tls/tls.key'",
        "ssl_min_protocol_version = 'TLSv1.2'",
      ])
        if (!conf.includes(setting)) yield `lacks ${setting}`;
    });
  });

  test('of Redis has no port without TLS', () => {
    wherever('zakpos-redis', function* (each) {
      const conf = lines(configFile(each, 'zakpos-redis', 'redis.conf'));
      if (conf.filter((line) => line.startsWith('port ')).join() !== 'port 0') yield 'has a plain port';
      for (const setting of [
        'tls-port 6379',
        'tls-cert-file /run/secrets/tls/tls.crt',
        'tls-key-file /run/secrets/tls/tls.key',
      ])
        if (!conf.includes(setting)) yield `lacks ${setting}`;
    });
  });

  test('of Kafka lets clients in by TLS and a password, and brokers and administrators by their certificate', () => {
    wherever('zakpos-kafka', function* (each) {
      const kafka = mainContainer(each, 'zakpos-kafka');
      for (const [name, value] of [
        ['KAFKA_LISTENERS', 'CLIENT://:9092,INTERNAL://:9093'],
        ['KAFKA_LISTENER_SECURITY_PROTOCOL_MAP', 'CLIENT:SASL_SSL,INTERNAL:SSL'],
        ['KAFKA_INTER_BROKER_LISTENER_NAME', 'INTERNAL'],
        ['KAFKA_LISTENER_NAME_INTERNAL_SSL_CLIENT_AUTH', 'required'],
        ['KAFKA_LISTENER_NAME_CLIENT_SASL_ENABLED_MECHANISMS', 'SCRAM-SHA-512'],
        ['KAFKA_SSL_TRUSTSTORE_LOCATION', '/run/secrets/tls/ca.crt'],
        ['KAFKA_SSL_KEYSTORE_LOCATION', '/run/kafka/keystore.pem'],
        ['KAFKA_LISTENER_NAME_CLIENT_SSL_KEYSTORE_LOCATION', '/run/kafka/keystore.pem'],
        ['KAFKA_LISTENER_NAME_INTERNAL_SSL_KEYSTORE_LOCATION', '/run/kafka/keystore.pem'],
      ] as const)
        if (envOf(kafka, name) !== value) yield `has ${name}=${String(envOf(kafka, name))}`;
      if (configMaps(each).some(({ data }) => Object.values(data).join().includes('PLAINTEXT')))
        yield 'names PLAINTEXT';
    });
  });

  test('behind a pooler is reached through TLS on both sides of it', () => {
    wherever('zakpos-pgbouncer', function* (each) {
      const ini = lines(configFile(each, 'zakpos-pgbouncer', 'pgbouncer.ini'));
      for (const setting of [
        'client_tls_sslmode = require',
        'server_tls_sslmode = verify-full',
        'auth_type = scram-sha-256',
        'server_tls_ca_file = /run/secrets/postgres-ca/ca.crt',
      ])
        if (!ini.includes(setting)) yield `lacks ${setting}`;
    });
  });
});

test('a store that is not encrypted says so to its clients and itself', () => {
  for (const each of plain) {
    const hba = configFile(each, 'zakpos-postgres', 'pg_hba.conf');
    expect(hba.match(/^host all all all scram-sha-256$/gm)).toHaveLength(1);
    expect(configFile(each, 'zakpos-redis', 'redis.conf')).toMatch(/^port 6379$/m);
    expect(envOf(mainContainer(each, 'zakpos-kafka'), 'KAFKA_LISTENER_SECURITY_PROTOCOL_MAP')).toBe(
      `CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT${each.config.localStores ? ',LOCAL:PLAINTEXT' : ''}`,
    );
  }
});

/** How connections to a store are made, by what the configuration says of it and of certificates. */
interface Expected {
  readonly tls: string;
  /** Whether an authority is named that isn't one of the system's. */
  readonly authority: boolean;
}

function expectedOf({ config }: Rendered, store: 'postgres' | 'redis' | 'kafka', pooled = false): Expected {
  const { mode, external } = config[store];
  const inCluster = { tls: isEncrypted(config) ? 'verify-full' : 'disable', authority: isEncrypted(config) };
  if (pooled) return inCluster;
  if (mode === 'cloudnativepg') return { tls: 'verify-full', authority: true };
  if (mode === 'statefulset') return inCluster;
  const { tls, caSecret } = defined(external, `external ${store}`);
  return { tls, authority: caSecret !== undefined };
}

/** Broken facts of one connection: how it is made, and by which authority it is checked. */
function* judge(
  what: string,
  { tls, authority }: Expected,
  is: { readonly tls: string; readonly file: string | undefined },
  shows: (path: string) => boolean,
): Generator<string> {
  if (is.tls !== tls) yield `connects to ${what} with ${is.tls}, not ${tls}`;
  if (authority !== (is.file !== undefined)) yield `trusts for ${what} ${String(is.file)}`;
  if (is.file !== undefined && !shows(is.file)) yield `trusts for ${what} ${is.file}, where there is no file`;
}

/** Whether a container sees a key of a Secret at a path. */
const sees =
  (container: Container, { pod }: Workload, each: Rendered) =>
  (path: string): boolean =>
    container.volumeMounts.some(({ name, mountPath }) => {
      const volume = pod.volumes.find((candidate) => candidate.name === name);
      return (
        volume?.secret !== undefined &&
        path.startsWith(`${mountPath}/`) &&
        shownKeys(each, volume).includes(path.slice(mountPath.length + 1))
      );
    });

describe('a client', () => {
  const clients = ['zakpos-api', 'zakpos-reports'];

  test('of PostgreSQL checks its certificate and its name', () => {
    everyContainer(function* (container, pod, each) {
      const url = envOf(container, 'DATABASE_URL');
      if (url === undefined) return;
      const { hostname, searchParams } = new URL(url.replaceAll(/\$\(\w+\)/g, 'x'));
      const inUrl = each.config.api.secretsAs === 'env';
      const pooled = hostname === 'zakpos-pgbouncer';
      const tls = inUrl ? searchParams.get('sslmode') : envOf(container, 'DATABASE_SSL_MODE');
      const file = inUrl ? searchParams.get('sslrootcert') : envOf(container, 'DATABASE_SSL_CA_FILE');
      yield* judge(
        'PostgreSQL',
        expectedOf(each, 'postgres', pooled),
        { tls: tls ?? 'disable', file: file ?? undefined },
        sees(container, pod, each),
      );
    });
  });

  test('of Redis speaks TLS to it and checks its certificate', () => {
    everyContainer(function* (container, pod, each) {
      const url = envOf(container, 'REDIS_URL');
      if (url === undefined) return;
      const tls = url.startsWith('rediss://') ? 'verify-full' : 'disable';
      const file = envOf(container, 'REDIS_SSL_CA_FILE');
      yield* judge('Redis', expectedOf(each, 'redis'), { tls, file }, sees(container, pod, each));
    });
  });

  test('of Kafka speaks TLS to it and checks its certificate', () => {
    everyContainer(function* (container, pod, each) {
      if (envOf(container, 'KAFKA_BROKERS') === undefined) return;
      const tls = envOf(container, 'KAFKA_SSL') === 'true' ? 'verify-full' : 'disable';
      const file = envOf(container, 'KAFKA_SSL_CA_FILE');
      yield* judge('Kafka', expectedOf(each, 'kafka'), { tls, file }, sees(container, pod, each));
    });
  });

  test('of Kafka logs in where brokers ask for it, as itself', () => {
    everyContainer(function* ({ env }, pod, each) {
      if (!clients.includes(workloadName(pod)) || !env.some(({ name }) => name === 'KAFKA_BROKERS')) return;
      const { mode, external } = each.config.kafka;
      const asked = mode === 'external' ? external?.sasl === true : isEncrypted(each.config);
      const names = env.map(({ name }) => name).filter((name) => name.startsWith('KAFKA_SASL_'));
      const suffix = each.config.api.secretsAs === 'env' ? '' : '_FILE';
      const wanted = asked ? [`KAFKA_SASL_USERNAME${suffix}`, `KAFKA_SASL_PASSWORD${suffix}`] : [];
      if (names.join() !== wanted.join()) yield `logs in by ${names.join() || 'nothing'}`;
      const own = `zakpos-kafka-${workloadName(pod).replace('zakpos-', '')}`;
      const text = JSON.stringify([env, pod.pod.volumes]);
      for (const secret of ['zakpos-kafka-api', 'zakpos-kafka-reports'])
        if (text.includes(`"${secret}"`) !== (asked && secret === own)) yield `logs in by ${secret}`;
    });
  });

  test('is one of each, so that what is said of them is said of something', () => {
    const names = allContainers(workload(environments.prod, 'zakpos-api')).flatMap(({ env }) =>
      env.map(({ name }) => name),
    );
    expect(names).toEqual(expect.arrayContaining(['DATABASE_URL', 'REDIS_URL', 'KAFKA_BROKERS']));
  });
});

describe('keys of certificates', () => {
  /** Who shows a certificate; everybody else sees of it what it was signed by. */
  const OWNERS: Readonly<Record<string, string>> = {
    'zakpos-postgres-tls': 'zakpos-postgres',
    'zakpos-pgbouncer-tls': 'zakpos-pgbouncer',
    'zakpos-redis-tls': 'zakpos-redis',
    'zakpos-kafka-tls': 'zakpos-kafka',
    'zakpos-kafka-admin-tls': 'zakpos-kafka-topics',
  };

  test('are seen by who shows the certificate, and nobody else', () => {
    everyPod(function* (pod, each) {
      const foreign = foreignSecrets(each.config).flatMap(({ name, keys }) =>
        keys.includes('ca.crt') ? [name] : [],
      );
      const ofOthers = [...foreign, 'zakpos-postgres-ca'];
      for (const volume of pod.pod.volumes) {
        const name = volume.secret?.secretName ?? '';
        if (!(name in OWNERS) && !ofOthers.includes(name)) continue;
        const keys = (volume.secret?.items ?? []).map(({ key }) => key).join() || 'everything';
        const wanted =
          workloadName(pod) === 'zakpos-expiry'
            ? 'tls.crt'
            : OWNERS[name] === workloadName(pod)
              ? 'everything'
              : 'ca.crt';
        if (keys !== wanted) yield `sees of ${name} ${keys}`;
      }
    });
  });

  test('are of no variable', () => {
    everyContainer(function* ({ env }, _, each) {
      const names = [...certificateNames(each), ...foreignSecrets(each.config).map(({ name }) => name)];
      for (const { name, valueFrom } of env)
        if (names.includes(valueFrom?.secretKeyRef?.name ?? '')) yield `reads ${name} of a certificate`;
    });
  });

  test('are those of a catalogue that knows each of them', () => {
    everywhere((each) => certificateNames(each).filter((name) => !(name in OWNERS)));
  });
});

describe('the names in a certificate', () => {
  /** Whether a name is one of a certificate's, of which one may stand for all pods of a Service. */
  const covers = (dnsNames: readonly string[], host: string): boolean =>
    dnsNames.some(
      (name) => name === host || (name.startsWith('*.') && /^[^.]+(.*)$/.exec(host)?.[1] === name.slice(1)),
    );

  /** Names by which the certificate of a workload answers; undefined where it shows none. */
  function namesOf(each: Rendered, pod: Workload): readonly string[] | undefined {
    const own = pod.pod.volumes
      .filter(({ secret }) => secret !== undefined && secret.items === undefined)
      .map(({ secret }) => secret?.secretName);
    return storeCertificates(each.config).find(({ secret }) => own.includes(secret))?.dnsNames;
  }

  /** The workload behind a host name: that of a Service, or of a pod below a headless one. */
  function workloadAt(each: Rendered, host: string): Workload | undefined {
    const labels = host.split('.');
    const service = services(each).find(({ name }) => name === labels[0] || name === labels[1]);
    return service === undefined ? undefined : selected(each, service.namespace, service.spec.selector)[0];
  }

  /** Hosts that the variables and scripts of a pod connect to, and those that brokers send their clients to. */
  function hostsOf(each: Rendered, pod: Workload): string[] {
    const files = pod.pod.volumes.flatMap(({ configMap }) =>
      configMaps(each)
        .filter(({ name }) => name === configMap?.name)
        .flatMap(({ data }) => Object.values(data)),
    );
    const values = allContainers(pod).flatMap(({ env }) => env.flatMap(({ value }) => value ?? []));
    const ordinals = Array.from({ length: pod.mostReplicas }, (_, i) => i);
    const texts = [...files, ...values].flatMap((text) =>
      text.includes('$HOSTNAME')
        ? ordinals.map((i) => text.replaceAll('$HOSTNAME', `${pod.name}-${i}`))
        : [text],
    );
    const named = /(?<![\w.-])(zakpos-[a-z0-9-]+(?:\.[a-z0-9-]+)*):\d{4,5}\b|host=(\S+)|-h (localhost)/g;
    return texts.flatMap((text) =>
      [...text.matchAll(named)].map(([, address, host, local]) =>
        local === undefined ? (address ?? host ?? '') : pod.name,
      ),
    );
  }

  test('are all by which clients ask for whoever shows it', () => {
    const asked = new Set<string>();
    everyPod(function* (pod, each) {
      for (const host of hostsOf(each, pod)) {
        const target = workloadAt(each, host);
        const names = target === undefined ? undefined : namesOf(each, target);
        if (names === undefined) continue;
        asked.add(host);
        if (!covers(names, host)) yield `asks for ${host}, the certificate is for ${names.join(', ')}`;
      }
    });
    expect([...asked].sort()).toEqual([
      'zakpos-kafka',
      'zakpos-kafka-0.zakpos-kafka-headless.zakpos.svc',
      'zakpos-kafka-1.zakpos-kafka-headless.zakpos.svc',
      'zakpos-kafka-2.zakpos-kafka-headless.zakpos.svc',
      'zakpos-pgbouncer',
      'zakpos-postgres',
      'zakpos-redis',
    ]);
  });

  test('are localhost, too, where the pod asks itself', () => {
    expect(configFile(environments.prod, 'zakpos-redis', 'cli.sh')).toContain(' -h localhost ');
    everywhere(function* (each) {
      for (const { secret, usages, dnsNames } of storeCertificates(each.config))
        if (usages.includes('server auth') !== dnsNames.includes('localhost')) yield secret;
    });
  });

  test('are in the namespace of the product, whatever it is called', () => {
    const names = storeCertificates({ ...environments.prod.config, namespace: 'shop' }).flatMap(
      ({ dnsNames }) => dnsNames,
    );
    expect(names).toContain('zakpos-postgres.shop.svc');
    expect(names).toContain('*.zakpos-kafka-headless.shop.svc');
    expect(names.filter((name) => name.includes('.zakpos.'))).toEqual([]);
  });
});

describe('the certificates of an environment', () => {
  const summary = (each: Rendered): string[] =>
    storeCertificates(each.config).map(
      ({ secret, commonName, usages }) => `${secret}: CN=${commonName}, ${usages.join(' and ')}`,
    );

  test('are those of its stores and of what stands in front of them', () => {
    expect(summary(environments.prod)).toEqual([
      'zakpos-postgres-tls: CN=zakpos-postgres, server auth',
      'zakpos-redis-tls: CN=zakpos-redis, server auth',
      'zakpos-kafka-tls: CN=zakpos-kafka, server auth and client auth',
      'zakpos-kafka-admin-tls: CN=zakpos-kafka-admin, client auth',
    ]);
    expect(summary(environments.cloud)).toEqual([]);
  });

  test('that Kafka knows as super users are its own and the one of its administrators', () => {
    const users = envOf(mainContainer(environments.prod, 'zakpos-kafka'), 'KAFKA_SUPER_USERS') ?? '';
    const names = storeCertificates(environments.prod.config)
      .filter(({ usages }) => usages.includes('client auth'))
      .map(({ commonName }) => `User:${commonName}`);
    expect(users.split(';')).toEqual(names);
  });

  test('are mounted by somebody, each of them', () => {
    everywhere(function* (each) {
      const mounted = workloads(each).flatMap(({ pod }) =>
        pod.volumes.flatMap(({ secret }) => secret?.secretName ?? []),
      );
      for (const name of certificateNames(each)) if (!mounted.includes(name)) yield `${name} is unused`;
    });
  });

  test('of an Ingress are in a Secret that somebody makes', () => {
    everywhere(function* (each) {
      const { config } = each;
      const made = [
        ...(config.ingress.tls.source === 'cli' ? [ingressCertificate(config)?.secret] : []),
        ...foreignSecrets(config).map(({ name }) => name),
        ...objectsOf(each, 'Certificate').map(({ name }) => name),
      ];
      for (const { name, spec } of ingresses(each)) {
        for (const { hosts, secretName } of spec.tls) {
          if (!made.includes(secretName)) yield `Ingress ${name} names ${secretName}`;
          const names = ingressCertificate(config)?.dnsNames ?? [];
          for (const host of hosts) if (!names.includes(host)) yield `${secretName} is not for ${host}`;
        }
      }
    });
  });

  test('of stores that exist are yours to make, in each Secret that the configuration names', () => {
    everywhere(function* (each) {
      const { postgres, redis, kafka } = each.config;
      for (const { mode, external } of [postgres, redis, kafka]) {
        const secret = mode === 'external' ? external?.caSecret : undefined;
        if (secret !== undefined && !knownSecrets(each).some(({ name }) => name === secret))
          yield `nobody asks for ${secret}`;
      }
    });
  });
});
