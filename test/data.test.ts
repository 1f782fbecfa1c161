/** Where the stores keep data, and how they are set up: facts, some of them by running the very scripts. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
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
  type Rendered,
} from './manifests.ts';
import { onStage, type Ran, type SecretFiles, type Stage } from './scripts.ts';

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

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A `sleep` that ends whoever waits for something, so that scripts come to their end. */
const endsLoops = (stage: Stage): void => {
  stage.program('sleep', 'exit 1');
};

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

  describe('that starts', () => {
    const DATA = '/var/lib/postgresql/data';
    /** Folders of the claim after a start, by what is in them. */
    const started = (files: Readonly<Record<string, string>>): Record<string, string[]> =>
      onStage(dev, 'zakpos-postgres', {}, (stage) => {
        stage.program('docker-entrypoint.sh');
        stage.program('postgres', "echo 'postgres (PostgreSQL) 16.14 (Debian 16.14-1)'");
        for (const [file, text] of Object.entries(files)) stage.write(`${DATA}/${file}`, text);
        expect(stage.run()).toMatchObject({ status: 0, stderr: '' });
        expect(stage.calls('docker-entrypoint.sh')).toHaveLength(1);
        const folders = readdirSync(stage.at(DATA)).sort();
        return Object.fromEntries(
          folders.map((name) => [name, readdirSync(stage.at(`${DATA}/${name}`)).sort()]),
        );
      });

    const WHOLE = { 'pgdata.restored/PG_VERSION': '16', 'pgdata.restored/restored-x': '' };
    const NOW = { 'pgdata/PG_VERSION': '16' };

    test('after a restore that was killed between its last renames, has the restored files', () => {
      expect(started({ ...WHOLE, 'pgdata.before-x/PG_VERSION': '16' })).toEqual({
        pgdata: ['PG_VERSION', 'restored-x'],
        'pgdata.before-x': ['PG_VERSION'],
      });
    });

    test.each([
      ['before it was whole', { ...NOW, 'pgdata.restoring/restored-w': '' }],
      ['before the exchange', { ...NOW, ...WHOLE }],
    ])('after a restore that was killed %s, has the files of before', (_, files) => {
      expect(started(files).pgdata).toEqual(['PG_VERSION']);
    });

    test("is not started on another release's files, which are left as they are", () => {
      onStage(dev, 'zakpos-postgres', {}, (stage) => {
        stage.program('docker-entrypoint.sh');
        stage.program('postgres', "echo 'postgres (PostgreSQL) 17.10'");
        stage.write(`${DATA}/pgdata/PG_VERSION`, '16\n');
        const { status, stderr } = stage.run();
        expect(status).toBe(1);
        expect(stderr).toBe(
          'The files on the volume are of PostgreSQL 16, and this image is PostgreSQL 17; nothing was changed. npm run upgrade -- postgres takes them along.\n',
        );
        expect(stage.calls('docker-entrypoint.sh')).toEqual([]);
        expect(readdirSync(stage.at(`${DATA}/pgdata`))).toEqual(['PG_VERSION']);
      });
    });

    test('while the server of an upgrade has the volume, waits for its end, and then has it for itself', () => {
      onStage(dev, 'zakpos-postgres', {}, (stage) => {
        stage.program('postgres', "echo 'postgres (PostgreSQL) 16.14'");
        // Whoever wants the volume beside the server.
        stage.program('docker-entrypoint.sh', `flock -n ${DATA} true && echo free || echo taken`);
        // It is held when this shell has ended, by what that has left behind.
        const other = `exec 9<'${stage.at(DATA)}' && flock -s 9 && { sleep 2 & }`;
        expect(spawnSync('sh', ['-c', other], { stdio: 'ignore' }).status).toBe(0);
        expect(stage.run()).toEqual({
          status: 0,
          stdout:
            'Another server is at work on the volume, of a restore or an upgrade. PostgreSQL starts when it has ended.\ntaken\n',
          stderr: '',
        });
      });
    });

    test('where nothing can be locked, starts all the same', () => {
      onStage(dev, 'zakpos-postgres', {}, (stage) => {
        stage.program('postgres', "echo 'postgres (PostgreSQL) 16.14'");
        stage.program('docker-entrypoint.sh');
        stage.program('flock', 'echo "flock: 9: Operation not supported" >&2; exit 65');
        expect(stage.run()).toMatchObject({ status: 0, stdout: '', stderr: '' });
        expect(stage.calls('docker-entrypoint.sh')).toHaveLength(1);
      });
    });

    // A backup has in it what an earlier restore has left.
    test.each([
      ['an empty claim', {}],
      ['one that a restore was about to fill', { 'pgdata.restoring/restored-w': '' }],
    ])('on %s leaves all to the image', (_, files) => {
      expect(started(files).pgdata).toBeUndefined();
    });
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
    ['256Mi', 100, ['102MB', '192MB', '1MB', '16MB', '3MB']],
    ['512Mi', 100, ['204MB', '384MB', '1MB', '32MB', '6MB']],
    ['2Gi', 100, ['819MB', '1536MB', '3MB', '128MB', '16MB']],
    ['16Gi', 100, ['6553MB', '12288MB', '24MB', '1024MB', '16MB']],
    ['16Gi', 400, ['6553MB', '12288MB', '6MB', '1024MB', '16MB']],
  ] as const)('is tuned for %s and %i connections', (memory, maxConnections, expected) => {
    const resources = { requests: { memory: '128Mi' }, limits: { memory } };
    const own = { postgres: { maxConnections, resources }, quota: { enabled: false } };
    const conf = settings(postgresqlConf(configWith('prod', own)));
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

  test('logs slow statements without their parameters, which may be a customer', () => {
    const conf = settings(configFile(prod, 'zakpos-postgres', 'postgresql.conf'));
    expect(conf.get('log_parameter_max_length')).toBe('0');
  });

  test('keeps no statement that may set a password, which whoever sees statistics would see', () => {
    expect(configFile(prod, 'zakpos-postgres', 'postgresql.conf')).toContain(
      '\npg_stat_statements.track_utility = off\n',
    );
  });

  test('waits for space before it starts', () => {
    const start = configFile(prod, 'zakpos-postgres', 'start.sh');
    expect(start.indexOf('The volume is full')).toBeGreaterThan(0);
    expect(start.indexOf('The volume is full')).toBeLessThan(start.indexOf('exec docker-entrypoint.sh'));
  });

  describe('on an empty volume', () => {
    const ROLES = [
      ['owner', 'zakpos_owner', ''],
      ['app', 'zakpos_user', ''],
      ['exporter', 'zakpos_exporter', ''],
      ['backup', 'zakpos_backup', ' REPLICATION'],
    ] as const;

    const first = (user: string): string => user;
    const second = (user: string): string => `${user}_b`;
    let sql: string;
    beforeAll(() => {
      sql = sqlOf(first);
    });

    /** What psql is told when the Secrets name these logins. */
    function sqlOf(loginOf: (user: string) => string): string {
      const secrets = Object.fromEntries(
        ROLES.map(([role, user]) => [
          `zakpos-postgres-${role}`,
          { username: loginOf(user), password: `it's ${role}'s \\` },
        ]),
      );
      return onStage(prod, 'zakpos-postgres', secrets, (stage) => {
        stage.program('psql', 'cat > /tmp/sql');
        const { status, stderr } = stage.run(['sh', '/docker-entrypoint-initdb.d/10-roles.sh']);
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(stage.calls()).toEqual(['psql -v ON_ERROR_STOP=1 --no-psqlrc -q -U postgres -d zakpos_db']);
        return stage.read('/tmp/sql');
      });
    }
    /** Logins that get a password, and which. */
    const passwordsOf = (sql: string): Record<string, string> =>
      Object.fromEntries(
        [...sql.matchAll(/^ALTER ROLE "?(\w+)"? PASSWORD '(.*)';$/gm)].map(
          ([, login = '', password = '']) => [login, password],
        ),
      );

    test.each(ROLES)(
      'the role of the %s, %s, has two logins, of which the second is the first',
      (_, user, rights) => {
        expect(sql).toContain(
          `CREATE ROLE ${user} LOGIN${rights};\n` +
            `CREATE ROLE ${user}_b LOGIN${rights} IN ROLE ${user};\n` +
            `ALTER ROLE ${user}_b SET role = '${user}';\n`,
        );
      },
    );

    test.each<[string, (user: string) => string]>([
      ['first', first],
      ['second', second],
    ])('only the login that the Secret names has its password, here the %s', (_, loginOf) => {
      const told = sqlOf(loginOf);
      expect(passwordsOf(told)).toEqual(
        Object.fromEntries(ROLES.map(([role, user]) => [loginOf(user), `it''s ${role}''s \\`])),
      );
      expect(told.match(/PASSWORD/g)).toHaveLength(ROLES.length);
    });

    test('the owner has the database and its schema, the app may connect, and nobody is a superuser', () => {
      expect(sql).toContain('ALTER DATABASE "zakpos_db" OWNER TO zakpos_owner;');
      expect(sql).toContain('ALTER SCHEMA public OWNER TO zakpos_owner;');
      expect(sql).toContain(
        'GRANT CONNECT ON DATABASE "zakpos_db" TO zakpos_user, zakpos_exporter, zakpos_backup;',
      );
      expect(sql).not.toMatch(/SUPERUSER/i);
    });
  });

  const TLS: SecretFiles = { 'zakpos-postgres-tls': { 'tls.crt': 'one' } };

  test('loads a new certificate as it runs, until it says that it has', () => {
    onStage(prod, 'zakpos-postgres', TLS, (stage) => {
      stage.program('docker-entrypoint.sh');
      stage.program(
        'sleep',
        'case $(cat /tmp/looks 2>/dev/null) in ..) exit 1;; esac; printf . >> /tmp/looks; echo two > /run/secrets/tls/tls.crt',
      );
      // The first try comes before the server has started.
      stage.program('psql', '[ "$(cat /tmp/looks)" = .. ] && echo t');
      expect(stage.run().status).toBe(0);
      expect(stage.calls('docker-entrypoint.sh')).toEqual([
        'docker-entrypoint.sh postgres -c config_file=/etc/postgresql/postgresql.conf',
      ]);
      expect(stage.calls('psql')).toEqual(
        Array(2).fill('psql -qAt -U postgres -d postgres -c select pg_reload_conf()'),
      );
    });
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

  /** The access list with which redis starts. */
  const usersWith = (each: Rendered, secret: Record<string, string>): string =>
    onStage(
      each,
      'zakpos-redis',
      { 'zakpos-redis': secret, 'zakpos-redis-tls': { 'tls.crt': '' } },
      (stage) => {
        endsLoops(stage);
        stage.program('redis-server');
        expect(stage.run().status).toBe(0);
        expect(stage.calls('redis-server')).toEqual(['redis-server /usr/local/etc/redis/redis.conf']);
        const file = defined(
          settings(configFile(each, 'zakpos-redis', 'redis.conf')).get('aclfile'),
          'aclfile',
        );
        return stage.read(file);
      },
    );

  test.each([dev, prod].map((each) => [each.title, each] as const))(
    'in %s takes its password as a hash',
    (_, each) => {
      expect(usersWith(each, { password: 'a password\n' })).toBe(
        `user default on #${sha256('a password')} ~* &* +@all\n`,
      );
    },
  );

  test('takes the password before as well while a rotation is under way', () => {
    expect(usersWith(prod, { password: 'new', previous: 'old' })).toBe(
      `user default on #${sha256('new')} #${sha256('old')} ~* &* +@all\n`,
    );
    expect(usersWith(prod, { password: 'new', previous: '' })).toBe(
      `user default on #${sha256('new')} ~* &* +@all\n`,
    );
  });

  test('has its access list in memory', () => {
    const { emptyDir } = defined(
      workload(prod, 'zakpos-redis').pod.volumes.find(({ name }) => name === 'run'),
      'volume run',
    );
    const usersFile = settings(configFile(prod, 'zakpos-redis', 'redis.conf')).get('aclfile');
    expect(emptyDir?.medium).toBe('Memory');
    expect(usersFile?.startsWith(`${mountOf('zakpos-redis', 'run')}/`)).toBe(true);
  });

  test.each([
    [dev, '--no-auth-warning -h localhost ping'],
    [prod, '--no-auth-warning --tls --cacert /run/secrets/tls/ca.crt -h localhost ping'],
  ])('is asked with the password in a variable, never in arguments', (each, args) => {
    onStage(each, 'zakpos-redis', { 'zakpos-redis': { password: 'hunter2' } }, (stage) => {
      stage.program('redis-cli', 'echo "$REDISCLI_AUTH"');
      expect(stage.run(['sh', '/usr/local/etc/redis/cli.sh', 'ping']).stdout).toBe('hunter2\n');
      expect(stage.calls()).toEqual([`redis-cli ${args}`]);
    });
  });

  test.each([
    ['PONG', true, true],
    ['LOADING Redis is loading the dataset in memory', false, true],
    ['BUSY Redis is busy running a script', false, true],
    ['NOAUTH Authentication required.', false, false],
    ['', false, false],
  ])('that answers "%s" is ready: %s, alive: %s', (answer, ready, alive) => {
    onStage(prod, 'zakpos-redis', { 'zakpos-redis': { password: 'x' } }, (stage) => {
      stage.program('redis-cli', `echo "${answer}"`);
      const { readinessProbe, livenessProbe } = stage.container;
      const passes = [readinessProbe, livenessProbe].map(
        (probe) => stage.run(defined(probe?.exec?.command, 'command')).status === 0,
      );
      expect(passes).toEqual([ready, alive]);
    });
  });

  test('loads a new certificate as it runs', () => {
    const secrets = { 'zakpos-redis': { password: 'x' }, 'zakpos-redis-tls': { 'tls.crt': 'one' } };
    onStage(prod, 'zakpos-redis', secrets, (stage) => {
      stage.program('redis-server');
      stage.program('redis-cli', 'echo OK');
      stage.program(
        'sleep',
        '[ ! -e /data/changed ] || exit 1; touch /data/changed; echo two > /run/secrets/tls/tls.crt',
      );
      stage.run();
      const tls = '/run/secrets/tls';
      expect(stage.calls('redis-cli')).toEqual([
        `redis-cli --no-auth-warning --tls --cacert ${tls}/ca.crt -h localhost config set tls-cert-file ${tls}/tls.crt tls-key-file ${tls}/tls.key tls-ca-cert-file ${tls}/ca.crt`,
      ]);
    });
  });
});

/** Variables that a start script exports before it hands over to the image's own, on the pod of an ordinal. */
function startedWith(
  each: Rendered,
  name: string,
  hostname: string,
  variables: Record<string, string> = {},
): ReadonlyMap<string, string> {
  const secrets = { 'zakpos-kafka-tls': { 'tls.key': 'KEY', 'tls.crt': 'CERTIFICATE', 'ca.crt': '' } };
  return onStage(each, name, secrets, (stage) => {
    endsLoops(stage);
    const { status, stdout } = stage.run(undefined, { HOSTNAME: hostname, ...variables });
    expect(status).toBe(0);
    return new Map(
      stdout.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  });
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
    expect(startedWith(prod, 'zakpos-zookeeper', hostname).get('ZOOKEEPER_SERVER_ID')).toBe(id);
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
    const variables = startedWith(prod, 'zakpos-kafka', hostname);
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

  test('sets nothing that crashes its image', () => {
    const fatal = ['KAFKA_PORT', 'KAFKA_HOST', 'KAFKA_ADVERTISED_PORT', 'KAFKA_ADVERTISED_HOST'];
    const names = mainContainer(prod, 'zakpos-kafka').env.map(({ name }) => name);
    expect(names.filter((name) => fatal.includes(name))).toEqual([]);
  });
});

describe('what a broker writes', () => {
  const CLAIM = '/var/lib/kafka/data';
  const LOGS = `${CLAIM}/logs`;
  /** As a broker has it in its folder: partitions, what is to be deleted, checkpoints, and the mark of a clean end. */
  const WRITTEN = [
    '.kafka_cleanshutdown',
    '.lock',
    '__consumer_offsets-0/00000000000000000000.log',
    'meta.properties',
    'recovery-point-offset-checkpoint',
    'zakpos.sales-0/00000000000000000000.log',
    'zakpos.sales-1.4a0f-delete/00000000000000000007.log',
  ];
  const filesIn = (stage: Stage, path: string): string[] =>
    readdirSync(stage.at(path), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(stage.at(path), join(entry.parentPath, entry.name)))
      .sort();
  const start = (stage: Stage): Ran => stage.run(undefined, { HOSTNAME: 'zakpos-kafka-0' });
  /** The claim of a broker on a real disk, whose files are where it says. */
  function onClaim(folder: string, use: (stage: Stage) => void): void {
    onStage(dev, 'zakpos-kafka', {}, (stage) => {
      mkdirSync(stage.at(`${CLAIM}/lost+found`));
      for (const file of WRITTEN) stage.write(`${folder}/${file}`, `of ${file}`);
      use(stage);
    });
  }
  function expectMoved(stage: Stage): void {
    expect(filesIn(stage, LOGS)).toEqual(WRITTEN);
    for (const file of WRITTEN) expect(stage.read(`${LOGS}/${file}`)).toBe(`of ${file}`);
    expect(readdirSync(stage.at(CLAIM)).sort()).toEqual(['logs', 'lost+found']);
  }

  test('is in a folder below the mount of its claim, since a mount may hold lost+found', () => {
    expect(mountOf('zakpos-kafka', 'data')).toBe(CLAIM);
    for (const each of [dev, prod])
      expect(envOf(mainContainer(each, 'zakpos-kafka'), 'KAFKA_LOG_DIRS')).toBe(LOGS);
  });

  test('is in that folder from the first start on', () => {
    onStage(dev, 'zakpos-kafka', {}, (stage) => {
      mkdirSync(stage.at(`${CLAIM}/lost+found`));
      expect(start(stage).status).toBe(0);
      expect(readdirSync(stage.at(LOGS))).toEqual([]);
      expect(readdirSync(stage.at(CLAIM)).sort()).toEqual(['logs', 'lost+found']);
    });
  });

  test('moves there from the root of the claim, once', () => {
    onClaim(CLAIM, (stage) => {
      const { status, stdout } = start(stage);
      expect(status).toBe(0);
      expect(stdout).toContain(`Moving what the broker has written to ${LOGS}\n`);
      expectMoved(stage);
      stage.program('mv');
      expect(start(stage).status).toBe(0);
      expect(stage.calls('mv')).toEqual([]);
    });
  });

  test.each(
    Array.from({ length: 2 * WRITTEN.length }, (_, i) => [
      i % 2 === 0 ? 'before' : 'after',
      Math.floor(i / 2) + 1,
    ]),
  )('is whole when the pod was killed %s rename %i, and started again', (when, count) => {
    onClaim(CLAIM, (stage) => {
      const kill = `[ $(grep -c '^mv ' "\${0%/bin/*}/calls") != ${count} ] || kill -9 $PPID`;
      const rename = 'PATH=\${PATH#*:} mv "$@"';
      stage.program('mv', when === 'before' ? `${kill}\n${rename}` : `${rename}\n${kill}`);
      expect(start(stage).status).toBe(null);
      stage.program('mv', rename);
      expect(start(stage).status).toBe(0);
      expectMoved(stage);
    });
  });

  test('is left alone once it is there, whatever comes to be beside it', () => {
    onClaim(LOGS, (stage) => {
      stage.write(`${CLAIM}/meta.properties`, 'of a version that could not start');
      expect(start(stage).status).toBe(0);
      expect(filesIn(stage, LOGS)).toEqual(WRITTEN);
      expect(stage.read(`${LOGS}/meta.properties`)).toBe('of meta.properties');
    });
  });
});

describe('what Kafka spreads copies over', () => {
  const rackOf = (each: Rendered) =>
    mainContainer(each, 'zakpos-kafka').env.find(({ name }) => name === 'KAFKA_BROKER_RACK');
  const zone = render('prod', { kafka: { rack: 'zone' } });

  test('is nodes, unless it is zones', () => {
    expect(rackOf(prod)?.valueFrom).toEqual({ fieldRef: { fieldPath: 'spec.nodeName' } });
    expect(rackOf(zone)?.valueFrom).toEqual({
      fieldRef: { fieldPath: "metadata.labels['topology.kubernetes.io/zone']" },
    });
  });

  test('is nothing with one broker', () => {
    expect(rackOf(dev)).toBeUndefined();
    expect(rackOf(render('prod', { size: 'single', kafka: { rack: 'zone' } }))).toBeUndefined();
  });

  test('is the brokers alone, and that is said, where a pod does not know its zone', () => {
    const without = startedWith(zone, 'zakpos-kafka', 'zakpos-kafka-0', { KAFKA_BROKER_RACK: '' });
    expect(without.has('KAFKA_BROKER_RACK')).toBe(false);
    expect([...without.keys()].join()).toContain('This pod does not know its zone');
    const with_ = startedWith(zone, 'zakpos-kafka', 'zakpos-kafka-0', { KAFKA_BROKER_RACK: 'eu-1a' });
    expect(with_.get('KAFKA_BROKER_RACK')).toBe('eu-1a');
  });
});

describe('the certificate of a broker', () => {
  const TLS = (text: string) => ({
    'zakpos-kafka-tls': { 'tls.key': `KEY${text}`, 'tls.crt': `CERTIFICATE${text}`, 'ca.crt': 'CA' },
  });

  test.each([
    ['with', '\n'],
    ['without', ''],
  ])(
    'and its key are in one file, each on lines of its own: from files %s a line break at their end',
    (_, end) => {
      onStage(prod, 'zakpos-kafka', TLS(end), (stage) => {
        endsLoops(stage);
        stage.run(undefined, { HOSTNAME: 'zakpos-kafka-0' });
        expect(stage.read('/run/kafka/keystore.pem')).toBe('KEY\nCERTIFICATE\n');
        expect(statSync(stage.at('/run/kafka/keystore.pem')).mode & 0o077).toBe(0);
      });
    },
  );

  test('is read again when it is new, by both listeners of this broker', () => {
    onStage(prod, 'zakpos-kafka', TLS(''), (stage) => {
      stage.program('kafka-topics', 'exit 0');
      stage.program('kafka-configs', 'echo "$KAFKA_HEAP_OPTS, $KAFKA_OPTS" > /tmp/options');
      stage.program(
        'sleep',
        '[ ! -e /tmp/changed ] || exit 1; touch /tmp/changed; printf OTHER > /run/secrets/tls/tls.crt',
      );
      stage.run(undefined, { HOSTNAME: 'zakpos-kafka-2', KAFKA_OPTS: '-javaagent:metrics.jar' });
      expect(stage.read('/run/kafka/keystore.pem')).toBe('KEY\nOTHER\n');
      const location = (listener: string) =>
        `listener.name.${listener}.ssl.keystore.location=/run/kafka/keystore.pem`;
      expect(stage.calls('kafka-configs')).toEqual([
        'kafka-configs --bootstrap-server zakpos-kafka-2.zakpos-kafka-headless.zakpos.svc:9093 ' +
          '--command-config /run/kafka/admin.properties --alter --entity-type brokers --entity-name 2 ' +
          `--add-config ${location('client')},${location('internal')}`,
      ]);
      // Not with the broker's own gigabyte and agents.
      expect(stage.read('/tmp/options')).toBe('-Xmx64m, \n');
    });
  });

  test('is what the tools show, and what they trust is the authority', () => {
    onStage(prod, 'zakpos-kafka', TLS(''), (stage) => {
      endsLoops(stage);
      stage.run(undefined, { HOSTNAME: 'zakpos-kafka-0' });
      expect(stage.read('/run/kafka/admin.properties').trimEnd().split('\n')).toEqual([
        'security.protocol=SSL',
        'ssl.keystore.type=PEM',
        'ssl.keystore.location=/run/kafka/keystore.pem',
        'ssl.truststore.type=PEM',
        'ssl.truststore.location=/run/secrets/tls/ca.crt',
      ]);
    });
  });
});

describe('a broker among several is ready when it is in sync', () => {
  const partition = (replicas: string, isr: string, more = ''): string =>
    `\tTopic: zakpos.sales\tPartition: 0\tLeader: 2\tReplicas: ${replicas}\tIsr: ${isr}${more}\n`;

  /** Whether broker 1 counts as in sync by what kafka-topics prints, as the start script looks at it. */
  function isInSync(output: string): boolean {
    const script = configFile(prod, 'zakpos-kafka', 'start.sh');
    const [, separator = '', program = ''] =
      /awk -v id="\$KAFKA_BROKER_ID" -F '(.*)' '([\s\S]*?)'$/m.exec(script) ?? [];
    const { status, error } = spawnSync('awk', ['-v', 'id=1', '-F', separator, program], { input: output });
    expect([error, program]).toEqual([undefined, expect.stringContaining('exit 1')]);
    return status === 0;
  }

  test.each<[string, boolean, string]>([
    ['nothing lacks a copy', true, ''],
    ['it lacks a partition', false, partition('2,0,1', '2,0')],
    ['it lacks the last of many', false, partition('0,1,2', '1,2') + partition('0,2,1', '0,2')],
    ['no copy is in sync', false, partition('2,0,1', '')],
    ['others lack what it has', true, partition('2,0,1', '2,1') + partition('1,0,2', '1')],
    ['others lack what it never had', true, partition('0,2,3', '0')],
    ['11 lacks what 1 has', true, partition('1,11,2', '1,2')],
    ['1 lacks what 11 and 10 have', false, partition('11,1,10', '11,10')],
    ['21 has what 1 has nothing of', true, partition('21,2', '2')],
    [
      'it lacks a partition, and there are further columns',
      false,
      partition('2,0,1', '2,0', '\tElr: 1\tLastKnownElr: 1'),
    ],
    ['others lack one, and there are further columns', true, partition('2,0,1', '2,1', '\tOffline: 0')],
  ])('when %s: %s', (_, expected, output) => {
    expect(isInSync(output)).toBe(expected);
  });

  test.each([
    ['in sync', partition('2,0,1', '2,1'), 0, true],
    ['not in sync', partition('2,0,1', '2,0'), 0, false],
    ['unable to tell', '', 1, false],
  ])('and says so in a file, whatever it was before: %s', (_, output, status, expected) => {
    const secrets = { 'zakpos-kafka-tls': { 'tls.key': '', 'tls.crt': '', 'ca.crt': '' } };
    onStage(prod, 'zakpos-kafka', secrets, (stage) => {
      endsLoops(stage);
      stage.write('/tmp/output', output);
      stage.program('kafka-topics', `cat /tmp/output; exit ${status}`);
      stage.write('/run/kafka/in-sync', '');
      stage.run(undefined, { HOSTNAME: 'zakpos-kafka-1' });
      expect(stage.calls('kafka-topics')).toEqual([
        'kafka-topics --bootstrap-server zakpos-kafka-1.zakpos-kafka-headless.zakpos.svc:9093 --command-config /run/kafka/admin.properties --describe --under-replicated-partitions',
      ]);
      expect(existsSync(stage.at('/run/kafka/in-sync'))).toBe(expected);
    });
  });

  test('and is asked again until it is', () => {
    const three = render('dev', {
      zookeeper: { replicas: 3 },
      kafka: { replicas: 3 },
      localStores: false,
      quota: { enabled: false },
    });
    onStage(three, 'zakpos-kafka', {}, (stage) => {
      stage.program('sleep');
      stage.write('/tmp/late', partition('0,1,2', '0'));
      stage.program('kafka-topics', 'cat /tmp/late; : > /tmp/late');
      stage.run(undefined, { HOSTNAME: 'zakpos-kafka-2' });
      expect(stage.calls('kafka-topics')).toHaveLength(2);
      expect(existsSync(stage.at('/run/kafka/in-sync'))).toBe(true);
    });
  });

  test('and is not ready before, whatever listens', () => {
    onStage(prod, 'zakpos-kafka', {}, (stage) => {
      const { readinessProbe } = stage.container;
      expect(readinessProbe?.exec?.command).toEqual(['bash', '/opt/zakpos/ready.sh']);
      stage.write('/opt/zakpos/ready.sh', stage.read('/opt/zakpos/ready.sh').replace(/exec .*/, 'true'));
      const ready = () => stage.run(readinessProbe?.exec?.command).status === 0;
      expect(ready()).toBe(false);
      stage.write('/run/kafka/in-sync', '');
      expect(ready()).toBe(true);
    });
  });

  test('while one alone is at once', () => {
    onStage(dev, 'zakpos-kafka', {}, (stage) => {
      stage.run(undefined, { HOSTNAME: 'zakpos-kafka-0' });
      expect(existsSync(stage.at('/run/kafka/in-sync'))).toBe(true);
      expect(stage.calls()).toEqual([]);
    });
  });
});

describe('the Java heap', () => {
  test.each([
    ['dev', 'zakpos-zookeeper', '-Xms128m -Xmx128m', '320Mi'],
    ['dev', 'zakpos-kafka', '-Xms384m -Xmx384m', '896Mi'],
    ['prod', 'zakpos-zookeeper', '-Xms256m -Xmx256m', '512Mi'],
    ['prod', 'zakpos-kafka', '-Xms512m -Xmx512m', '1Gi'],
  ] as const)('in %s of %s is %s of %s', (environment, name, heap, limit) => {
    const container = mainContainer(environment === 'dev' ? dev : prod, name);
    expect(envOf(container, 'KAFKA_HEAP_OPTS')).toBe(heap);
    expect(container.resources.limits.memory).toBe(limit);
  });
});

const USERS: SecretFiles = {
  'zakpos-kafka-admin-tls': { 'tls.key': 'KEY', 'tls.crt': 'CERTIFICATE', 'ca.crt': 'CA' },
  'zakpos-kafka-api': { username: 'zakpos-api-b', password: 'hunter2' },
  'zakpos-kafka-reports': { username: 'zakpos-reports', password: 'hunter3' },
};

interface TopicsRun {
  readonly calls: string[];
  readonly status: number | null;
  /** Files that tools were given by --add-config-file, by their path. */
  readonly files: Readonly<Record<string, string>>;
}

/** Runs the topics' script with stand-ins for Kafka's tools, and returns their calls and its exit code. */
function runTopics(each: Rendered, created: boolean, failing = '(none)'): TopicsRun {
  return onStage(each, 'zakpos-kafka-topics', USERS, (stage) => {
    const script = '/opt/zakpos/topics.sh';
    stage.write(script, stage.read(script).replace(/^until .*$/m, ''));
    const tool = (name: string, answer: string): void => {
      stage.program(
        name,
        `case "$*" in *"${failing}"*) exit 1;; esac\n${answer}\n/bin/sleep 0.02\necho "end $$" >> "\${0%/bin/*}/calls"`,
      );
    };
    tool('kafka-topics', created ? 'echo "Created topic x."' : ':');
    tool('kafka-configs', ':');
    tool('kafka-acls', ':');
    const { status } = stage.run();
    const calls = stage.calls();
    const named = calls.flatMap((call) => /--add-config-file (\S+)/.exec(call)?.[1] ?? []);
    return { status, calls, files: Object.fromEntries(named.map((path) => [path, stage.read(path)])) };
  });
}
const isEnd = (call: string): boolean => call.startsWith('end ');

describe('the topics Job', () => {
  const topics = [
    { name: 'sales', partitions: 3, retention: '7d' },
    { name: 'products', partitions: 1, cleanup: 'compact' },
  ];
  const SALES = 'cleanup.policy=delete retention.ms=604800000 min.insync.replicas=2';
  const PRODUCTS = 'cleanup.policy=compact retention.ms=-1 min.insync.replicas=2';
  const SERVER = '--bootstrap-server zakpos-kafka:9093 --command-config /run/kafka/admin.properties';
  const withTopics = (own: readonly object[]): Rendered => render('prod', { kafka: { topics: own } });

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
    const { calls, status } = runTopics(withTopics(topics), true);
    const create = (name: string, partitions: number, settings: string) =>
      `kafka-topics ${SERVER} --create --if-not-exists --topic ${name} --partitions ${partitions} ` +
      `--replication-factor 3 ${settings.replaceAll(/(?<=^| )/g, '--config=')}`;
    expect(status).toBe(0);
    expect(calls.filter((call) => call.startsWith('kafka-topics ')).sort()).toEqual([
      create('products', 1, PRODUCTS),
      create('sales', 3, SALES),
    ]);
  });

  test('brings the settings of a topic that is there up to date', () => {
    const { calls, status } = runTopics(withTopics(topics.slice(0, 1)), false);
    expect(status).toBe(0);
    expect(calls).toContain(
      `kafka-configs ${SERVER} --alter --entity-type topics --entity-name sales ` +
        `--add-config ${SALES.replaceAll(' ', ',')}`,
    );
  });

  test.each([
    ['a topic', ' sales '],
    ['a user', '--entity-name zakpos-reports'],
    ['a right', 'User:zakpos-api '],
  ])('fails when %s fails', (_, failing) => {
    expect(runTopics(withTopics(topics), true, failing).status).not.toBe(0);
  });

  test('talks to brokers that do not encrypt as they are', () => {
    const calls = runTopics(dev, false).calls.filter((call) => !isEnd(call));
    expect(calls).toHaveLength(2 * dev.config.kafka.topics.length);
    for (const call of calls)
      expect(call).toMatch(/^kafka-(topics|configs) --bootstrap-server zakpos-kafka:9093 --(create|alter) /);
  });

  test('runs no more Java machines at once than its memory holds, however many topics there are', () => {
    const own = Array.from({ length: 7 }, (_, i) => ({ name: `topic-${i}` }));
    const { calls } = runTopics(withTopics(own), true);
    let [running, most] = [0, 0];
    for (const call of calls) {
      running += isEnd(call) ? -1 : 1;
      most = Math.max(most, running);
    }
    expect(calls.filter((call) => call.startsWith('kafka-topics '))).toHaveLength(7);
    expect(running).toBe(0);
    const { resources } = only(allContainers(workload(prod, 'zakpos-kafka-topics')), 'container');
    // 64 MiB of heap, and about as much again for the machine itself.
    expect(most * 128).toBeLessThanOrEqual(toBytes(defined(resources.limits.memory, 'limit')) / 2 ** 20);
  });
});

describe('what clients of Kafka may do', () => {
  /** Rights as "user: operation of resource". */
  function rightsIn(each: Rendered): string[] {
    return runTopics(each, true)
      .calls.filter((call) => call.startsWith('kafka-acls '))
      .flatMap((call) => {
        const words = call.split(' ').slice(3);
        const rest = words.slice(words.indexOf('--add') + 1);
        const of = (flag: string): string[] =>
          rest.flatMap((word, i) => (rest[i - 1] === flag ? [word] : []));
        const flags = rest.filter((word) => word.startsWith('--'));
        expect(new Set(flags)).toEqual(
          new Set([
            '--allow-principal',
            '--operation',
            '--topic',
            ...(call.includes(' --group ') ? ['--group'] : []),
          ]),
        );
        const resources = [
          ...of('--topic').map((name) => `topic ${name}`),
          ...of('--group').map((name) => `group ${name}`),
        ];
        return of('--allow-principal').flatMap((user) =>
          of('--operation').flatMap((operation) => resources.map((what) => `${user}: ${operation} ${what}`)),
        );
      })
      .sort();
  }
  const both = (name: string, rights: readonly string[]): string[] =>
    [name, `${name}-b`].flatMap((user) => rights.map((right) => `User:${user}: ${right}`));
  const API = both('zakpos-api', [
    'Describe topic zakpos.products',
    'Describe topic zakpos.sales',
    'Write topic zakpos.products',
    'Write topic zakpos.sales',
  ]);
  const REPORTS = both('zakpos-reports', [
    'Describe group zakpos-reports',
    'Describe topic zakpos.sales',
    'Describe topic zakpos.sales.dlq',
    'Read group zakpos-reports',
    'Read topic zakpos.sales',
    'Write topic zakpos.sales.dlq',
  ]);

  test('is with their own topics and group, under either login, and nothing else', () => {
    expect(rightsIn(prod)).toEqual([...API, ...REPORTS].sort());
  });

  test('is nothing for a worker that does not run', () => {
    expect(rightsIn(render('prod', { reports: { enabled: false } }))).toEqual([...API].sort());
  });

  test('is everything where nobody logs in', () => {
    expect(rightsIn(dev)).toEqual([]);
  });

  test('needs the password of the login that their Secret names, which no process list ever shows', () => {
    const { calls, files } = runTopics(prod, true);
    const users = calls.filter((call) => call.includes('--entity-type users')).sort();
    expect(users.map((call) => call.slice(call.indexOf('--alter')))).toEqual([
      '--alter --entity-type users --entity-name zakpos-api-b --add-config-file /run/kafka/zakpos-api.properties',
      '--alter --entity-type users --entity-name zakpos-reports --add-config-file /run/kafka/zakpos-reports.properties',
    ]);
    expect(files).toEqual({
      '/run/kafka/zakpos-api.properties': 'SCRAM-SHA-512=iterations=8192,password=hunter2\n',
      '/run/kafka/zakpos-reports.properties': 'SCRAM-SHA-512=iterations=8192,password=hunter3\n',
    });
    expect(calls.join('\n')).not.toContain('hunter');
  });

  test('is refused by brokers where no right is found, but to brokers and administrators', () => {
    const container = mainContainer(prod, 'zakpos-kafka');
    expect(envOf(container, 'KAFKA_AUTHORIZER_CLASS_NAME')).toBe('kafka.security.authorizer.AclAuthorizer');
    expect(envOf(container, 'KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND')).toBe('false');
    expect(envOf(container, 'KAFKA_SUPER_USERS')).toBe('User:zakpos-kafka;User:zakpos-kafka-admin');
    const names = only(
      /^RULE:(.*)\/(.*)\/$/.exec(envOf(container, 'KAFKA_SSL_PRINCIPAL_MAPPING_RULES') ?? '')?.slice(1, 2) ??
        [],
      'rule',
    );
    expect('CN=zakpos-kafka-admin'.replace(new RegExp(names), '$1')).toBe('zakpos-kafka-admin');
  });
});
