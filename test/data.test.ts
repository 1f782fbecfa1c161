/** Where the stores keep data, and how they are set up: facts, some of them by running the very scripts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresqlConf } from '../charts/postgres.ts';
import { redisConf } from '../charts/redis.ts';
import { toBytes } from '../environments/quantities.ts';
import {
  allContainers,
  configFile,
  configWith,
  defined,
  envOf,
  mainContainer,
  only,
  render,
  workload,
  workloads,
} from './manifests.ts';

const dev = render('dev');
const prod = render('prod');

const mountOf = (name: string, volume: string): string =>
  only(
    mainContainer(prod, name).volumeMounts.filter((mount) => mount.name === volume),
    `mount of ${volume} in ${name}`,
  ).mountPath;

/** `name = value` and `name value` lines by name. */
const settings = (conf: string): ReadonlyMap<string, string> =>
  new Map(
    conf
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [, name = '', value = ''] = /^(\S+) (?:= )?(.*)$/.exec(line) ?? [];
        return [name, value];
      }),
  );

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-data-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('each store keeps its data on a claim', () => {
  test.each([
    // What the images write to, by their own documentation.
    ['zakpos-postgres', 'data', '/var/lib/postgresql/data', '2Gi', '20Gi'],
    ['zakpos-redis', 'data', '/data', '1Gi', '2Gi'],
    ['zakpos-zookeeper', 'data', '/var/lib/zookeeper/data', '1Gi', '2Gi'],
    ['zakpos-zookeeper', 'log', '/var/lib/zookeeper/log', '1Gi', '2Gi'],
    ['zakpos-kafka', 'data', '/var/lib/kafka/data', '2Gi', '20Gi'],
  ])('%s has its claim "%s" at %s, of %s in dev and %s in prod', (name, claim, path, inDev, inProd) => {
    expect(mountOf(name, claim)).toBe(path);
    for (const [each, size] of [
      [dev, inDev],
      [prod, inProd],
    ] as const) {
      const { spec } = only(
        workload(each, name).claims.filter(({ metadata }) => metadata.name === claim),
        `claim ${claim} of ${name}`,
      );
      expect(spec.resources.requests.storage).toBe(size);
      expect(spec.accessModes).toEqual(['ReadWriteOnce']);
      expect(spec.storageClassName).toBeUndefined();
    }
  });

  test('with a storage class where the configuration names one', () => {
    const own = render('prod', { postgres: { storage: { storageClass: 'fast' } } });
    const classes = ['zakpos-postgres', 'zakpos-redis'].map(
      (name) => workload(own, name).claims[0]?.spec.storageClassName,
    );
    expect(classes).toEqual(['fast', undefined]);
  });

  test('that outlives the StatefulSet and its scale', () => {
    for (const store of workloads(prod).filter(({ kind }) => kind === 'StatefulSet')) {
      expect(JSON.stringify(store.raw)).toContain('{"whenDeleted":"Retain","whenScaled":"Retain"}');
    }
  });
});

describe('postgres', () => {
  test('has its data in a folder below the mount of its claim, since a mount may hold lost+found', () => {
    const data = envOf(mainContainer(prod, 'zakpos-postgres'), 'PGDATA');
    expect(data).toMatch(/^\/var\/lib\/postgresql\/data\/\w+$/);
  });

  test('is made with UTF-8 and the collation C, and with the superuser apart from the app', () => {
    const container = mainContainer(prod, 'zakpos-postgres');
    expect(envOf(container, 'POSTGRES_INITDB_ARGS')).toBe('--encoding=UTF-8 --lc-collate=C --lc-ctype=C');
    expect(envOf(container, 'POSTGRES_USER')).toBe('postgres');
    expect(envOf(container, 'POSTGRES_DB')).toBe('zakpos_db');
  });

  test('is ready when it takes connections of the app over TCP', () => {
    const { readinessProbe } = mainContainer(prod, 'zakpos-postgres');
    expect(readinessProbe?.exec?.command.join(' ')).toBe(
      'pg_isready -q -h 127.0.0.1 -U zakpos_user -d zakpos_db',
    );
  });

  test('has the extensions uuid-ossp and pgcrypto', () => {
    const sql = configFile(prod, 'zakpos-postgres-init', '20-extensions.sql');
    for (const extension of ['uuid-ossp', 'pgcrypto'])
      expect(sql).toContain(`CREATE EXTENSION IF NOT EXISTS "${extension}";`);
  });

  test.each([
    // memory, connections: shared_buffers, effective_cache_size, work_mem, maintenance_work_mem, wal_buffers
    ['256Mi', 100, ['64MB', '192MB', '1MB', '16MB', '2MB']],
    ['512Mi', 100, ['128MB', '384MB', '1MB', '32MB', '4MB']],
    ['2Gi', 100, ['512MB', '1536MB', '3MB', '128MB', '16MB']],
    ['16Gi', 100, ['4096MB', '12288MB', '30MB', '1024MB', '16MB']],
    ['16Gi', 400, ['4096MB', '12288MB', '7MB', '1024MB', '16MB']],
  ] as const)('is tuned for %s and %i connections', (memory, maxConnections, expected) => {
    const resources = { requests: { memory: '128Mi' }, limits: { memory } };
    const { postgres } = configWith('prod', { postgres: { maxConnections, resources } });
    const conf = settings(postgresqlConf(postgres, true));
    const names = [
      'shared_buffers',
      'effective_cache_size',
      'work_mem',
      'maintenance_work_mem',
      'wal_buffers',
    ];
    expect(names.map((name) => conf.get(name))).toEqual(expected);
    expect(conf.get('max_connections')).toBe(String(maxConnections));
  });

  test('never trades durability for speed', () => {
    const conf = settings(configFile(prod, 'zakpos-postgres', 'postgresql.conf'));
    for (const name of ['fsync', 'synchronous_commit', 'full_page_writes'])
      expect(conf.get(name)).toBeUndefined();
  });

  test('gives each role the password of its own file, whatever letters it has, and only the superuser is one', () => {
    const secrets = join(folder, 'postgres');
    for (const role of ['owner', 'app', 'exporter', 'backup']) {
      mkdirSync(join(secrets, role), { recursive: true });
      writeFileSync(join(secrets, role, 'password'), `it's ${role}'s \\`);
    }
    const script = configFile(prod, 'zakpos-postgres-init', '10-roles.sh')
      .replaceAll('/run/secrets/postgres', secrets)
      .replace(/psql .*\n/, 'cat\n');
    const sql = execFileSync('sh', ['-c', script], { env: { POSTGRES_DB: 'zakpos_db' }, encoding: 'utf8' });
    for (const [role, user] of [
      ['owner', 'zakpos_owner'],
      ['app', 'zakpos_user'],
      ['exporter', 'zakpos_exporter'],
      ['backup', 'zakpos_backup'],
    ]) {
      expect(sql).toContain(`CREATE ROLE ${String(user)} LOGIN PASSWORD 'it''s ${String(role)}''s \\';\n`);
    }
    expect(sql).toContain('ALTER DATABASE "zakpos_db" OWNER TO zakpos_owner;');
    expect(sql).not.toMatch(/SUPERUSER/i);
  });
});

describe('redis', () => {
  test('writes to the mount of its claim', () => {
    const conf = settings(configFile(prod, 'zakpos-redis', 'redis.conf'));
    expect(conf.get('dir')).toBe(mountOf('zakpos-redis', 'data'));
  });

  test('has its memory, eviction and append-only file from the configuration', () => {
    const own = { redis: { maxMemory: '100Mi', evictionPolicy: 'allkeys-lru', appendOnly: false } };
    const conf = settings(redisConf(configWith('prod', own).redis, true));
    expect(conf.get('maxmemory')).toBe(String(100 * 2 ** 20));
    expect(conf.get('maxmemory-policy')).toBe('allkeys-lru');
    expect(conf.get('appendonly')).toBe('no');
    expect(settings(configFile(prod, 'zakpos-redis', 'redis.conf')).get('appendonly')).toBe('yes');
  });

  test('takes its password as a hash from a file in memory', () => {
    const [password, users] = [join(folder, 'password'), join(folder, 'users.acl')];
    writeFileSync(password, 'a password\n');
    const conf = configFile(prod, 'zakpos-redis', 'redis.conf');
    const usersFile = defined(settings(conf).get('aclfile'), 'aclfile');
    const script = configFile(prod, 'zakpos-redis', 'start.sh')
      .replaceAll('/run/secrets/redis/password', password)
      .replaceAll(usersFile, users)
      .replace('exec redis-server', 'echo');
    execFileSync('sh', ['-c', script]);
    const hash = createHash('sha256').update('a password').digest('hex');
    expect(readFileSync(users, 'utf8')).toBe(`user default on #${hash} ~* &* +@all
`);
    const { emptyDir } = defined(
      workload(prod, 'zakpos-redis').pod.volumes.find(({ name }) => name === 'run'),
      'volume run',
    );
    expect(emptyDir?.medium).toBe('Memory');
    expect(usersFile.startsWith(`${mountOf('zakpos-redis', 'run')}/`)).toBe(true);
  });
});

/** Variables that a start script exports before it hands over to the image's own, on the pod of an ordinal. */
function startedWith(configMap: string, hostname: string): ReadonlyMap<string, string> {
  const script = configFile(prod, configMap, 'start.sh').replace('/etc/confluent/docker/run', 'env');
  const out = execFileSync('bash', ['--norc', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, HOSTNAME: hostname },
    encoding: 'utf8',
  });
  return new Map(
    out.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

describe('zookeeper', () => {
  test('of three servers forms an ensemble of pods in the order of their ordinals, separated by ;', () => {
    const container = mainContainer(prod, 'zakpos-zookeeper');
    const server = (ordinal: number) =>
      `zakpos-zookeeper-${ordinal}.zakpos-zookeeper-headless.zakpos.svc:2888:3888`;
    expect(envOf(container, 'ZOOKEEPER_SERVERS')).toBe([server(0), server(1), server(2)].join(';'));
    expect(envOf(container, 'ZOOKEEPER_QUORUM_LISTEN_ON_ALL_IPS')).toBe('true');
  });

  test('of one server stands alone', () => {
    expect(envOf(mainContainer(dev, 'zakpos-zookeeper'), 'ZOOKEEPER_SERVERS')).toBeUndefined();
  });

  test.each([
    ['zakpos-zookeeper-0', '1'],
    ['zakpos-zookeeper-2', '3'],
  ])('on pod %s has the id %s, counted from 1 as the ensemble is', (hostname, id) => {
    expect(startedWith('zakpos-zookeeper', hostname).get('ZOOKEEPER_SERVER_ID')).toBe(id);
  });

  test('answers the commands that its probes send', () => {
    const { readinessProbe, livenessProbe, env } = mainContainer(prod, 'zakpos-zookeeper');
    const allowed = env
      .find(({ name }) => name === 'KAFKA_OPTS')
      ?.value?.split('=')[1]
      ?.split(',');
    for (const probe of [readinessProbe, livenessProbe]) expect(allowed).toContain(probe?.exec?.command[2]);
  });

  test('writes where its claims are mounted', () => {
    const names = mainContainer(prod, 'zakpos-zookeeper').env.map(({ name }) => name);
    expect(names.filter((name) => /DATA_(LOG_)?DIR/.test(name))).toEqual([]);
  });
});

describe('kafka', () => {
  test.each([
    ['zakpos-kafka-0', '0'],
    ['zakpos-kafka-12', '12'],
  ])('on pod %s is broker %s and advertises the name of its pod', (hostname, id) => {
    const variables = startedWith('zakpos-kafka', hostname);
    const host = `${hostname}.zakpos-kafka-headless.zakpos.svc`;
    expect(variables.get('KAFKA_BROKER_ID')).toBe(id);
    expect(variables.get('KAFKA_ADVERTISED_LISTENERS')).toBe(`CLIENT://${host}:9092,INTERNAL://${host}:9093`);
  });

  test('keeps three copies of what matters in prod, and needs two', () => {
    const container = mainContainer(prod, 'zakpos-kafka');
    const copies = [
      'KAFKA_DEFAULT_REPLICATION_FACTOR',
      'KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR',
      'KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR',
    ];
    expect(copies.map((name) => envOf(container, name))).toEqual(['3', '3', '3']);
    const needed = ['KAFKA_MIN_INSYNC_REPLICAS', 'KAFKA_TRANSACTION_STATE_LOG_MIN_ISR'];
    expect(needed.map((name) => envOf(container, name))).toEqual(['2', '2']);
  });

  test('makes no topic that nobody listed', () => {
    expect(envOf(mainContainer(prod, 'zakpos-kafka'), 'KAFKA_AUTO_CREATE_TOPICS_ENABLE')).toBe('false');
  });

  test('sets nothing that crashes its image or moves its data', () => {
    const fatal = [
      'KAFKA_PORT',
      'KAFKA_HOST',
      'KAFKA_ADVERTISED_PORT',
      'KAFKA_ADVERTISED_HOST',
      'KAFKA_LOG_DIR',
      'KAFKA_LOG_DIRS',
    ];
    const names = mainContainer(prod, 'zakpos-kafka').env.map(({ name }) => name);
    expect(names.filter((name) => fatal.includes(name))).toEqual([]);
  });
});

describe('the Java heap', () => {
  test.each([
    ['dev', 'zakpos-zookeeper', '-Xms128m -Xmx128m', '320Mi'],
    ['dev', 'zakpos-kafka', '-Xms384m -Xmx384m', '1Gi'],
    ['prod', 'zakpos-zookeeper', '-Xms256m -Xmx256m', '512Mi'],
    ['prod', 'zakpos-kafka', '-Xms512m -Xmx512m', '1Gi'],
  ] as const)('in %s of %s is %s of %s', (environment, name, heap, limit) => {
    const container = mainContainer(environment === 'dev' ? dev : prod, name);
    expect(envOf(container, 'KAFKA_HEAP_OPTS')).toBe(heap);
    expect(container.resources.limits.memory).toBe(limit);
  });
});

/** Runs the topics' script with stand-ins for Kafka's tools, and returns their calls and its exit code. */
function runTopics(
  topics: readonly object[],
  created: boolean,
  failing = '(none)',
): { calls: string[]; status: number | null } {
  const bin = mkdtempSync(join(folder, 'bin-'));
  const log = join(bin, 'log');
  const tool = (name: string, answer: string): void => {
    writeFileSync(
      join(bin, name),
      `#!/bin/bash\necho "${name} $*" >> ${log}\n[[ "$*" != *"${failing}"* ]] || exit 1\n${answer}\nsleep 0.05\necho end >> ${log}\n`,
    );
    chmodSync(join(bin, name), 0o755);
  };
  tool('kafka-topics', created ? 'echo "Created topic x."' : ':');
  tool('kafka-configs', ':');
  const own = render('prod', { kafka: { topics } });
  const script = configFile(own, 'zakpos-kafka-topics', 'topics.sh').replace(/^until .*$/m, '');
  const { status } = spawnSync('bash', ['--norc', '-c', script], {
    stdio: 'ignore',
    env: { PATH: `${bin}:${process.env.PATH ?? ''}` },
  });
  return { calls: readFileSync(log, 'utf8').trimEnd().split('\n'), status };
}

describe('the topics Job', () => {
  const topics = [
    { name: 'sales', partitions: 3, retention: '7d' },
    { name: 'products', partitions: 1, cleanup: 'compact' },
  ];
  const SALES = 'cleanup.policy=delete retention.ms=604800000 min.insync.replicas=2';
  const PRODUCTS = 'cleanup.policy=compact retention.ms=-1 min.insync.replicas=2';

  test('names each topic of the configuration', () => {
    const script = configFile(prod, 'zakpos-kafka-topics', 'topics.sh');
    expect(prod.config.kafka.topics.map(({ name }) => name)).toEqual([
      'zakpos.sales',
      'zakpos.sales.dlq',
      'zakpos.products',
    ]);
    for (const { name, partitions } of prod.config.kafka.topics)
      expect(script).toContain(`topic ${name} ${partitions} `);
  });

  test('makes each topic with its partitions, copies and settings', () => {
    const { calls, status } = runTopics(topics, true);
    const create = (name: string, partitions: number, settings: string) =>
      `kafka-topics --bootstrap-server zakpos-kafka:9092 --create --if-not-exists --topic ${name} --partitions ${partitions} ` +
      `--replication-factor 3 ${settings.replaceAll(/(?<=^| )/g, '--config=')}`;
    expect(status).toBe(0);
    expect(calls.filter((call) => call !== 'end').sort()).toEqual([
      create('products', 1, PRODUCTS),
      create('sales', 3, SALES),
    ]);
  });

  test('brings the settings of a topic that is there up to date', () => {
    const { calls, status } = runTopics(topics.slice(0, 1), false);
    expect(status).toBe(0);
    expect(calls.at(-2)).toBe(
      'kafka-configs --bootstrap-server zakpos-kafka:9092 --alter --entity-type topics --entity-name sales ' +
        `--add-config ${SALES.replaceAll(' ', ',')}`,
    );
  });

  test('fails when one topic fails', () => {
    expect(runTopics(topics, true, ' sales').status).not.toBe(0);
  });

  test('runs no more Java machines at once than its memory holds, however many topics there are', () => {
    const { calls } = runTopics(
      Array.from({ length: 7 }, (_, i) => ({ name: `topic-${i}` })),
      true,
    );
    let [running, most] = [0, 0];
    for (const call of calls) {
      running += call === 'end' ? -1 : 1;
      most = Math.max(most, running);
    }
    expect(calls.filter((call) => call !== 'end')).toHaveLength(7);
    const { resources } = only(allContainers(workload(prod, 'zakpos-kafka-topics')), 'container');
    // 64 MiB of heap, and about as much again for the machine itself.
    expect(most * 128).toBeLessThanOrEqual(toBytes(defined(resources.limits.memory, 'limit')) / 2 ** 20);
  });
});
