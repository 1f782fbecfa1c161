/** Stores that somebody else runs: those of one namespace serve the apps of another, which know only names and Secrets. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { apply, CONTEXT, eventually, kubectl, rendered, zakpos } from './harness.ts';

const STORES = 'zakpos-stores';
const APPS = 'zakpos-apps';
const SHARED_SECRETS = [
  'zakpos-postgres-app',
  'zakpos-postgres-owner',
  'zakpos-redis',
  'zakpos-kafka-api',
  'zakpos-kafka-reports',
];

const withoutAddons = { traefik: { enabled: false }, metricsServer: { enabled: false } };
const storesValues = { namespace: STORES, addons: withoutAddons };
const server = (name: string): string => `${name}.${STORES}.svc`;
const appsValues = {
  namespace: APPS,
  addons: withoutAddons,
  postgres: { mode: 'external', external: { host: server('zakpos-postgres'), caSecret: 'stores-ca' } },
  redis: { mode: 'external', external: { host: server('zakpos-redis'), caSecret: 'stores-ca' } },
  kafka: {
    mode: 'external',
    external: { brokers: [`${server('zakpos-kafka')}:9092`], caSecret: 'stores-ca' },
  },
};

const secretSchema = z.object({
  type: z.string(),
  metadata: z.object({ name: z.string() }),
  data: z.record(z.string(), z.string()),
});

async function secretOf(name: string): Promise<z.output<typeof secretSchema>> {
  const { stdout } = await kubectl('-n', STORES, 'get', 'secret', name, '-o', 'json');
  return secretSchema.parse(JSON.parse(stdout));
}

/** What whoever runs the stores hands over: logins, and the authority to trust. */
async function handOver(): Promise<void> {
  const logins = await Promise.all(SHARED_SECRETS.map(secretOf));
  const { data } = await secretOf('zakpos-postgres-tls');
  const items = [
    ...logins.map(({ type, metadata, data }) => ({ type, name: metadata.name, data })),
    { type: 'Opaque', name: 'stores-ca', data: { 'ca.crt': data['ca.crt'] ?? '' } },
  ].map(({ type, name, data }) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    type,
    metadata: { name, namespace: APPS },
    data,
  }));
  await execa('kubectl', ['--context', CONTEXT, 'apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  });
}

const sold = z.object({ login: z.number(), sale: z.number() });

beforeAll(async () => {
  const stores = await rendered('test', storesValues);
  await apply(join(stores, '00-namespace.yaml'));
  expect((await zakpos('secrets', ['--env', 'test'], { values: storesValues })).exitCode).toBe(0);
  await apply(
    ...readdirSync(stores)
      .filter((file) => /postgres|redis|zookeeper|kafka/.test(file))
      .map((file) => join(stores, file)),
  );
  const apps = await rendered('test', appsValues);
  await apply(join(apps, '00-namespace.yaml'));
  await handOver();
  expect((await zakpos('secrets', ['--env', 'test'], { values: appsValues })).exitCode).toBe(0);
  await apply(apps);
  await kubectl('-n', APPS, 'rollout', 'status', 'deployment/zakpos-api', '--timeout=280s');
});
afterAll(() => kubectl('delete', 'namespace', STORES, APPS, '--wait=false'));

test('no store runs beside the apps', async () => {
  const { stdout } = await kubectl(
    '-n',
    APPS,
    'get',
    'statefulsets,persistentvolumeclaims,jobs',
    '-o',
    'name',
  );
  expect(stdout).toBe('');
});

test('a sale goes through, is in their PostgreSQL, and its event is counted', async () => {
  const script = `
    import { readFileSync } from 'node:fs';
    import { randomUUID } from 'node:crypto';
    const api = 'http://127.0.0.1:3000/api/v1';
    const call = async (path, token, body, headers) => {
      const answer = await fetch(api + path, { method: body ? 'POST' : 'GET', body: body && JSON.stringify(body), headers: { 'content-type': 'application/json', ...(token && { authorization: 'Bearer ' + token }), ...headers } });
      return { status: answer.status, body: await answer.json() };
    };
    const [email, password] = readFileSync(0, 'utf8').split('\\n');
    const login = await call('/auth/login', '', { email, password });
    const { accessToken } = login.body;
    const [product] = (await call('/products?limit=1', accessToken)).body;
    const sale = await call('/sales', accessToken, { items: [{ productId: product.id, quantity: 1 }], payment: 'cash' }, { 'idempotency-key': randomUUID() });
    console.log(JSON.stringify({ login: login.status, sale: sale.status }));`;
  const { stdout: name } = await kubectl(
    ...['-n', APPS, 'get', 'secret', 'zakpos-admin', '-o', 'jsonpath={.data.username} {.data.password}'],
  );
  const credentials = name.split(' ').map((text) => Buffer.from(text, 'base64').toString());
  const answer = await execa(
    'kubectl',
    [
      '--context',
      CONTEXT,
      '-n',
      APPS,
      'exec',
      '-i',
      'deploy/zakpos-api',
      '--',
      'node',
      '--input-type=module',
      '-e',
      script,
    ],
    { input: `${credentials.join('\n')}\n` },
  );
  expect(sold.parse(JSON.parse(answer.stdout))).toEqual({
    login: 200,
    sale: 201,
  });

  await eventually('the event is counted', 60, async () => {
    const { stdout } = await kubectl(
      ...[
        '-n',
        STORES,
        'exec',
        'zakpos-postgres-0',
        '--',
        'psql',
        '-U',
        'postgres',
        '-d',
        'zakpos_db',
        '-Atc',
      ],
      'select (select coalesce(sum(sales), 0) from sales_hourly), (select count(*) from sales)',
    );
    return stdout === '1|1' ? true : undefined;
  });
});

test('every connection to their PostgreSQL is encrypted', async () => {
  const { stdout } = await kubectl(
    ...['-n', STORES, 'exec', 'zakpos-postgres-0', '--', 'psql', '-U', 'postgres', '-d', 'zakpos_db', '-Atc'],
    'select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) where client_addr is not null',
  );
  expect(stdout).toBe('t');
});
