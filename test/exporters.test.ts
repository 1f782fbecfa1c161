/** What tells metrics of the stores and of what grows old: how it logs in, whom it trusts, what it tells. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { EnvironmentName } from '../environments/schema.ts';
import {
  allContainers,
  configFile,
  defined,
  envOf,
  mainContainer,
  only,
  networkPolicies,
  render,
  workload,
  workloads,
  type Rendered,
} from './manifests.ts';
import { onStage } from './scripts.ts';
import { environments, variants } from './variants.ts';

const dev = variants['dev with metrics'];
const prod = variants['prod on kind with metrics'];
const external = variants['prod with existing stores of an authority and metrics'];
const plain = variants['prod with existing stores without encryption and metrics'];
const operated = variants['prod with CloudNativePG and metrics'];

/** What a broker's start script finds of its certificate. */
const CERTIFICATE = { 'zakpos-kafka-tls': { 'tls.key': 'key', 'tls.crt': 'crt', 'ca.crt': 'ca' } };

/** Files that a container sees of each Secret that it mounts, by path. */
const secretsOf = (each: Rendered, name: string): Record<string, string> => {
  const { pod } = workload(each, name);
  return Object.fromEntries(
    allContainers(workload(each, name)).flatMap(({ volumeMounts }) =>
      volumeMounts.flatMap(({ name: volume, mountPath }) => {
        const { secret } = pod.volumes.find((candidate) => candidate.name === volume) ?? {};
        const keys = secret?.items?.map(({ key }) => key).join() ?? 'all';
        return secret === undefined ? [] : [[mountPath, `${secret.secretName}: ${keys}`]];
      }),
    ),
  );
};

describe('the exporter of PostgreSQL', () => {
  const NAME = 'zakpos-postgres-exporter';
  const uriOf = (each: Rendered): URL =>
    new URL(`postgresql://${defined(envOf(mainContainer(each, NAME), 'DATA_SOURCE_URI'), 'URI')}`);

  test.each([
    ['dev', dev, 'zakpos-postgres:5432', 'disable', undefined],
    ['prod', prod, 'zakpos-postgres:5432', 'verify-full', 'zakpos-postgres-tls: ca.crt'],
    [
      'an existing server',
      external,
      'postgres.example.com:5432',
      'verify-full',
      'postgres-authority: ca.crt',
    ],
    ['one that does not encrypt', plain, 'postgres.example.com:5432', 'disable', undefined],
    ['CloudNativePG', operated, 'zakpos-postgres-rw:5432', 'verify-full', 'zakpos-postgres-ca: ca.crt'],
  ])('of %s connects to the server that it knows by its authority', (_, each, host, mode, authority) => {
    const uri = uriOf(each);
    expect([uri.host, uri.pathname, uri.searchParams.get('sslmode')]).toEqual([host, '/zakpos_db', mode]);
    const file = uri.searchParams.get('sslrootcert');
    expect(file).toBe(authority === undefined ? null : '/run/secrets/postgres-ca/ca.crt');
    expect(secretsOf(each, NAME)).toEqual({
      '/run/secrets/postgres': 'zakpos-postgres-exporter: all',
      ...(authority === undefined ? {} : { '/run/secrets/postgres-ca': authority }),
    });
  });

  test('logs in from files, and waits for no lock', () => {
    const container = mainContainer(prod, NAME);
    expect(envOf(container, 'DATA_SOURCE_USER_FILE')).toBe('/run/secrets/postgres/username');
    expect(envOf(container, 'DATA_SOURCE_PASS_FILE')).toBe('/run/secrets/postgres/password');
    expect(uriOf(prod).username).toBe('');
    expect(Number(uriOf(prod).searchParams.get('lock_timeout'))).toBeLessThan(1000);
  });

  test('has a role in pg_monitor, which sees no row of a table', () => {
    expect(configFile(environments.prod, 'zakpos-postgres-init', '10-roles.sh')).toContain(
      'GRANT pg_monitor TO zakpos_exporter;',
    );
    expect(configFile(environments.prod, 'zakpos-postgres-init', '20-extensions.sql')).toContain(
      'pg_stat_statements',
    );
  });

  const column = z.record(z.string(), z.strictObject({ usage: z.string(), description: z.string() }));
  const queries = z
    .record(z.string(), z.strictObject({ query: z.string(), metrics: z.array(column) }))
    .parse(parse(configFile(prod, NAME, 'postgres-queries.yaml')));
  const columnsOf = (usages: readonly string[]) =>
    Object.entries(queries).flatMap(([name, { metrics }]) =>
      metrics.flatMap((each) =>
        Object.entries(each)
          .filter(([, { usage }]) => usages.includes(usage))
          .map(([as]) => ({ name, as })),
      ),
    );

  test('asks for these series beside its own', () => {
    expect(columnsOf(['GAUGE', 'COUNTER']).map(({ name, as }) => `${name}_${as}`)).toEqual([
      'zakpos_postgres_slot_retained_bytes',
      'zakpos_postgres_statement_seconds_total',
      'zakpos_postgres_statement_calls_total',
      'zakpos_postgres_table_bytes',
      'zakpos_postgres_dead_rows',
      'zakpos_postgres_live_rows',
      'zakpos_postgres_longest_transaction_seconds',
      'zakpos_postgres_blocked_sessions',
    ]);
  });

  test('gives each column of a query its name, and only counters the end of one', () => {
    for (const { name, as } of columnsOf(['GAUGE', 'COUNTER', 'LABEL'])) {
      const { query } = defined(queries[name], name);
      // As a column of its own, or under a new name.
      expect([name, as, new RegExp(`\\bAS ${as}\\b`).test(query)]).toEqual([name, as, true]);
    }
    expect(columnsOf(['COUNTER']).every(({ as }) => as.endsWith('_total'))).toBe(true);
    expect(columnsOf(['GAUGE']).some(({ as }) => as.endsWith('_total'))).toBe(false);
  });

  test('tells of few statements, and little of each', () => {
    expect(queries.zakpos_postgres_statement?.query).toMatch(
      /left\(.*, 80\) AS query[^]*GROUP BY 1[^]*LIMIT 20\n$/,
    );
  });

  // Texts as pg_stat_statements keeps them: from the first ones alone, values are taken out.
  test.each([
    ['SELECT * FROM sales WHERE id = $1', true],
    ['select $1', true],
    ['\n  insert into outbox (event_type) values ($1)', true],
    ['update products set stock = $1', true],
    ['DELETE FROM outbox WHERE id = ANY ($1)', true],
    ['with wanted as (select $1) select * from wanted', true],
    ["ALTER ROLE zakpos_user PASSWORD 'secret'", false],
    ["CREATE ROLE zakpos_exporter LOGIN PASSWORD 'secret'", false],
    ["DO $$ BEGIN ALTER ROLE zakpos_user PASSWORD 'secret'; END $$", false],
    ['SELECTED', false],
    ['<insufficient privilege>', false],
  ])('tells of the statement %j: %s', (statement, expected) => {
    const { query } = defined(queries.zakpos_postgres_statement, 'statements');
    // In PostgreSQL's expressions, \M is the end of a word.
    const [, beginning = '^'] = /WHERE query ~\* '(.*)'/.exec(query) ?? [];
    expect(new RegExp(beginning.replaceAll('\\M', '\\b'), 'i').test(statement)).toBe(expected);
  });
});

describe('the exporter of Redis', () => {
  const NAME = 'zakpos-redis-exporter';

  test.each([
    ['dev', dev, 'redis://zakpos-redis:6379', undefined],
    ['prod', prod, 'rediss://zakpos-redis:6379', 'zakpos-redis-tls: ca.crt'],
    ['an existing server', external, 'rediss://redis.example.com:6390', 'redis-authority: ca.crt'],
    ['one that does not encrypt', plain, 'redis://redis.example.com:6390', undefined],
  ])('of %s connects to the server that it knows by its authority', (_, each, url, authority) => {
    const container = mainContainer(each, NAME);
    expect(envOf(container, 'REDIS_ADDR')).toBe(url);
    expect(envOf(container, 'REDIS_EXPORTER_TLS_CA_CERT_FILE')).toBe(
      authority === undefined ? undefined : '/run/secrets/redis-ca/ca.crt',
    );
    expect(envOf(container, 'REDIS_EXPORTER_SKIP_TLS_VERIFICATION')).toBeUndefined();
    expect(secretsOf(each, NAME)).toEqual({
      '/run/secrets/redis': 'zakpos-redis: all',
      ...(authority === undefined ? {} : { '/run/secrets/redis-ca': authority }),
    });
  });

  test.each(['plain-password_1.2~3', 'with "quotes" and \\ and $(echo no)'])(
    'reads the password %j from JSON in memory, by the address that it is of',
    (password) => {
      const [init] = workload(prod, NAME).pod.initContainers;
      const root = mkdtempSync(join(tmpdir(), 'zakpos-redis-exporter-'));
      try {
        for (const folder of ['secrets/redis', 'redis-exporter'])
          mkdirSync(join(root, folder), { recursive: true });
        writeFileSync(join(root, 'secrets/redis/password'), password);
        const [program = '', ...args] = defined(init, 'init container').command.map((word) =>
          word.replaceAll('/run/', `${root}/`),
        );
        expect(spawnSync(program, args, { encoding: 'utf8' })).toMatchObject({
          status: 0,
          stdout: '',
          stderr: '',
        });
        const file = join(root, 'redis-exporter/passwords.json');
        expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ 'rediss://zakpos-redis:6379': password });
      } finally {
        rmSync(root, { recursive: true });
      }
      const { volumes } = workload(prod, NAME).pod;
      expect(volumes.find(({ name }) => name === 'run')?.emptyDir?.medium).toBe('Memory');
      expect(mainContainer(prod, NAME).args).toContain(
        '-redis.password-file=/run/redis-exporter/passwords.json',
      );
    },
  );
});

describe('the agent of Java servers', () => {
  const SERVERS = ['kafka', 'zookeeper'] as const;
  const OPTION = (server: string) =>
    `-javaagent:/opt/jmx-agent/agent.jar=5556:/etc/jmx-agent/jmx-${server}.yaml`;

  test.each(SERVERS)(
    'of %s is an option of the server alone: tools in its pod have no trace of it',
    (server) => {
      const name = `zakpos-${server}`;
      const { env, command } = mainContainer(prod, name);
      expect(JSON.stringify([env, command])).not.toContain('javaagent');
      const { stdout } = onStage(prod, name, CERTIFICATE, (stage) => {
        // What the script starts in the background ends at once.
        stage.program('kafka-topics');
        stage.program('sleep', 'exit 1');
        return stage.run(undefined, { HOSTNAME: `${name}-0` });
      });
      const options = /^KAFKA_OPTS=(.*)$/m.exec(stdout)?.[1]?.trim().split(' ') ?? [];
      expect(options).toContain(OPTION(server));
      // What the server was told before, it still is.
      const before = env.find((variable) => variable.name === 'KAFKA_OPTS')?.value;
      if (before !== undefined) expect(options).toContain(before);
    },
  );

  test.each(SERVERS)(
    'of %s is a file that a container before the server has copied, and rules beside it',
    (server) => {
      const pod = workload(prod, `zakpos-${server}`);
      const [init] = pod.pod.initContainers;
      expect(init).toMatchObject({
        image: 'zakpos-jmx-agent:HASH',
        command: ['cp', '/opt/jmx-agent.jar', '/opt/jmx-agent/agent.jar'],
        volumeMounts: [{ name: 'jmx-agent', mountPath: '/opt/jmx-agent' }],
      });
      const paths = mainContainer(prod, `zakpos-${server}`).volumeMounts.map(({ mountPath }) => mountPath);
      expect(paths).toEqual(expect.arrayContaining(['/opt/jmx-agent', '/etc/jmx-agent']));
    },
  );

  test('is not there where nobody asks', () => {
    for (const each of Object.values(environments)) expect(JSON.stringify(each.objects)).not.toContain('jmx');
  });

  const rules = (server: string) =>
    z
      .strictObject({
        includeObjectNames: z.array(z.string()),
        rules: z.array(
          z.strictObject({
            pattern: z.string(),
            name: z.string(),
            type: z.enum(['GAUGE', 'COUNTER']),
            labels: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
            value: z.number().optional(),
            valueFactor: z.number().optional(),
            help: z.string(),
          }),
        ),
      })
      .parse(parse(configFile(prod, `zakpos-${server}-metrics`, `jmx-${server}.yaml`)));

  test.each([
    [
      'kafka',
      [
        'kafka_controller_active',
        'kafka_offline_partitions',
        'kafka_under_replicated_partitions',
        'kafka_under_min_isr_partitions',
        'kafka_messages_in_total{topic}',
        'kafka_bytes_in_total{topic}',
        'kafka_bytes_out_total{topic}',
        'kafka_request_seconds{request,quantile}',
        'kafka_log_end_offset{topic,partition}',
      ],
    ],
    [
      'zookeeper',
      ['zookeeper_quorum_size', 'zookeeper_is_leader', 'zookeeper_outstanding_requests', 'zookeeper_znodes'],
    ],
  ])('of %s tells these series', (server, series) => {
    const told = rules(server).rules.map(({ name, labels }) => {
      const names = Object.keys(labels);
      return names.length === 0 ? name : `${name}{${names.join()}}`;
    });
    expect([...new Set(told)]).toEqual(series);
    for (const { name, type } of rules(server).rules)
      expect(type === 'COUNTER').toBe(name.endsWith('_total'));
  });

  /** The first rule that matches what the agent calls an attribute of an object. */
  const told = (server: string, attribute: string) => {
    const rule = rules(server).rules.find(({ pattern }) => new RegExp(pattern).test(attribute));
    if (rule === undefined) return undefined;
    const groups = new RegExp(rule.pattern).exec(attribute) ?? [];
    const labels = Object.entries(rule.labels).map(([name, value]): [string, string] => [
      name,
      String(value).replaceAll(/\$(\d)/g, (_, group: string) => groups[Number(group)] ?? ''),
    ]);
    return { name: rule.name, value: rule.value, labels: Object.fromEntries<string>(labels) };
  };

  // Names as Kafka 3.5 and ZooKeeper 3.6 have them: seen in confluentinc/cp-kafka:7.5.0 and cp-zookeeper:7.5.0.
  test.each([
    [
      'kafka.log<type=Log, name=LogEndOffset, topic=zakpos.sales, partition=2><>Value',
      'kafka_log_end_offset',
      { topic: 'zakpos.sales', partition: '2' },
    ],
    [
      'kafka.server<type=BrokerTopicMetrics, name=BytesInPerSec, topic=zakpos.sales><>Count',
      'kafka_bytes_in_total',
      { topic: 'zakpos.sales' },
    ],
    [
      'kafka.network<type=RequestMetrics, name=TotalTimeMs, request=Produce><>99thPercentile',
      'kafka_request_seconds',
      { request: 'Produce', quantile: '0.99' },
    ],
    [
      'kafka.controller<type=KafkaController, name=ActiveControllerCount><>Value',
      'kafka_controller_active',
      {},
    ],
  ])('%s is told', (attribute, name, labels) => {
    expect(told('kafka', attribute)).toMatchObject({ name, labels });
  });

  test('leaves out what is per second, since Prometheus works that out', () => {
    const attribute =
      'kafka.server<type=BrokerTopicMetrics, name=BytesInPerSec, topic=zakpos.sales><>OneMinuteRate';
    expect(told('kafka', attribute)).toBeUndefined();
  });

  const ZK = 'org.apache.ZooKeeperService';
  test.each([
    ['a leader', `${ZK}<name0=ReplicatedServer_id2, name1=replica.2, name2=Leader><>MinSessionTimeout`, 1],
    [
      'a follower',
      `${ZK}<name0=ReplicatedServer_id1, name1=replica.1, name2=Follower><>MinSessionTimeout`,
      0,
    ],
    ['one that is alone', `${ZK}<name0=StandaloneServer_port2181><>MinSessionTimeout`, 1],
  ])('knows %s', (_, attribute, value) => {
    expect(told('zookeeper', attribute)).toMatchObject({ name: 'zookeeper_is_leader', value });
  });

  test('says nothing of who leads while a server looks for the others', () => {
    const attribute = `${ZK}<name0=ReplicatedServer_id2, name1=replica.2, name2=LeaderElection><>MinSessionTimeout`;
    expect(told('zookeeper', attribute)).toBeUndefined();
  });
});

describe('the ends of certificates and the ages of Secrets', () => {
  const NAME = 'zakpos-expiry';

  test('are told by a pod that sees of certificates what everybody does, and talks to nobody', () => {
    expect(secretsOf(prod, NAME)).toEqual(
      Object.fromEntries(
        ['postgres', 'redis', 'kafka', 'kafka-admin', 'ingress']
          .map((of) => `zakpos-${of}-tls`)
          .map((name) => [`/run/certificates/${name}`, `${name}: tls.crt`]),
      ),
    );
    const policy = only(
      networkPolicies(prod).filter(({ name }) => name === NAME),
      'policy',
    );
    expect(policy.spec.egress).toBeUndefined();
    expect(mainContainer(prod, NAME).env.filter(({ valueFrom }) => valueFrom !== undefined)).toEqual([]);
  });

  test('wait for nothing: what is not there yet holds no pod up', () => {
    const { volumes } = workload(prod, NAME).pod;
    for (const { secret, configMap } of volumes) {
      if (secret !== undefined)
        expect([secret.secretName, secret.optional]).toEqual([secret.secretName, true]);
      if (configMap !== undefined) expect(configMap).toEqual({ name: 'zakpos-secret-ages', optional: true });
    }
  });

  test.each<[string, EnvironmentName, object, boolean]>([
    ['prod', 'prod', {}, true],
    ['cloud, which has a certificate of its ingress', 'cloud', {}, true],
    ['dev, whose Secrets are in its manifests', 'dev', {}, false],
    ['an image that does not know how', 'prod', { exporters: { expiryCommand: null } }, false],
  ])('are told in %s', (_, environment, own, expected) => {
    const each = render(environment, { monitoring: { mode: 'operator', ...own } });
    expect(workloads(each).some(({ name }) => name === NAME)).toBe(expected);
  });
});
