/** What asks the stores for their statistics: how it logs in, by what it knows the server, and what it asks. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  allContainers,
  configFile,
  defined,
  envOf,
  mainContainer,
  workload,
  type Rendered,
} from './manifests.ts';
import { environments, variants } from './variants.ts';

const dev = variants['dev with metrics'];
const prod = variants['prod on kind with metrics'];
const external = variants['prod with existing stores of an authority and metrics'];
const plain = variants['prod with existing stores without encryption and metrics'];
const operated = variants['prod with CloudNativePG and metrics'];

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
