/** What the suites share: the cluster's name and ports, and ways to ask it things. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { execa, type Result } from 'execa';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../environments/load.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const NAMESPACE = 'zakpos';

/** dev on one node, or prod on three workers: run.sh says which. */
const PRODUCTION = ['prod', 'faults', 'monitoring'].includes(process.env.ZAKPOS_E2E ?? '');
export const ENVIRONMENT = PRODUCTION ? 'prod' : 'dev';
export const CLUSTER = PRODUCTION ? 'zakpos-e2e-prod' : 'zakpos-e2e';
export const CONTEXT = `kind-${CLUSTER}`;
export const NODE = `${CLUSTER}-control-plane`;
const VALUES = join(import.meta.dirname, PRODUCTION ? 'values.prod.yaml' : 'values.yaml');
export const config = loadConfig(ENVIRONMENT, { configFile: VALUES, onKind: true });
const SECURE = config.ingress.tls.source !== 'none';
const INGRESS_PORT = SECURE ? config.localPorts.https : config.localPorts.http;

/** An installation, and the port of 127.0.0.1 that leads to its API. */
export interface Shop {
  readonly namespace: string;
  readonly port: number;
}
export const SHOP: Shop = { namespace: NAMESPACE, port: INGRESS_PORT };
export const TILL = `http://${config.ingress.host}:${config.localPorts.http}`;

/** A file of values: those of the suites' cluster with `more` beside them. */
export function valuesFile(more: Readonly<Record<string, unknown>> = {}): string {
  const mapping = z.record(z.string(), z.unknown());
  const merged = mapping.parse(parse(readFileSync(VALUES, 'utf8')));
  for (const [key, value] of Object.entries(more)) {
    const below = mapping.safeParse(merged[key]);
    const over = mapping.safeParse(value);
    merged[key] = below.success && over.success ? { ...below.data, ...over.data } : value;
  }
  const file = join(mkdtempSync(join(tmpdir(), 'zakpos-e2e-')), 'values.yaml');
  writeFileSync(file, stringify(merged));
  return file;
}

export interface CliOptions {
  /**
   * Values beside those of the suites' cluster.
   * @default - none
   */
  readonly values?: Readonly<Record<string, unknown>>;
  /**
   * Variables of the command's environment.
   * @default - those of this process
   */
  readonly env?: Readonly<Record<string, string>>;
}

/** `npm run <command>` on the suites' cluster; both outputs together in `all`, whatever the exit code. */
export function zakpos(command: string, args: readonly string[] = [], options: CliOptions = {}) {
  return execa('npm', ['run', '--silent', command, '--', '--cluster', CLUSTER, ...args], {
    cwd: ROOT,
    reject: false,
    all: true,
    stdin: 'ignore',
    env: { ZAKPOS_CONFIG: valuesFile(options.values), ...options.env },
  });
}

/** Renders an environment with values of one's own, for an installation beside the first, and gives its folder. */
export async function rendered(
  environment: string,
  values: Readonly<Record<string, unknown>>,
): Promise<string> {
  const outdir = mkdtempSync(join(tmpdir(), 'zakpos-rendered-'));
  await execa('node', ['synth.mjs'], {
    cwd: ROOT,
    env: {
      ZAKPOS_ENV: environment,
      ZAKPOS_CONFIG: valuesFile(values),
      ZAKPOS_ON_KIND: 'true',
      CDK8S_OUTDIR: outdir,
    },
  });
  return join(outdir, environment);
}

/** Applies files or folders. */
export const apply = (...files: string[]) =>
  kubectl('apply', '--server-side', '--force-conflicts', ...files.flatMap((file) => ['-f', file]));

/** kubectl on the suites' cluster; throws when it fails. */
export const kubectl = (...args: string[]) =>
  execa('kubectl', ['--context', CONTEXT, ...args], { cwd: ROOT });

/** What runs in a container ends within this, or its command is named in the error. */
const EXEC_TIMEOUT_MS = 180_000;

const execInPod = (pod: string, command: readonly string[], namespace: string) =>
  execa('kubectl', ['--context', CONTEXT, '-n', namespace, 'exec', pod, '--', ...command], {
    timeout: EXEC_TIMEOUT_MS,
  });

/** kubectl, whatever its exit code. */
export const tryKubectl = (...args: string[]): Promise<Result<{ all: true; reject: false }>> =>
  execa('kubectl', ['--context', CONTEXT, ...args], { cwd: ROOT, reject: false, all: true });

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        uid: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
        deletionTimestamp: z.string().optional(),
      }),
      spec: z.object({ nodeName: z.string().default('') }),
      status: z.object({
        podIP: z.string().optional(),
        phase: z.string(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
        containerStatuses: z.array(z.object({ restartCount: z.number() })).default([]),
      }),
    }),
  ),
});

export interface Pod {
  readonly name: string;
  readonly uid: string;
  readonly workload: string;
  /** Where it runs; empty while it is nowhere. */
  readonly node: string;
  readonly ip: string;
  readonly ready: boolean;
  readonly restarts: number;
}

/** Pods that are not on their way out and not at their end. */
export async function pods(namespace = NAMESPACE): Promise<Pod[]> {
  const { stdout } = await kubectl('-n', namespace, 'get', 'pods', '-o', 'json');
  return podList
    .parse(JSON.parse(stdout))
    .items.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined && !['Succeeded', 'Failed'].includes(status.phase),
    )
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      uid: metadata.uid,
      workload: metadata.labels['app.kubernetes.io/name'] ?? '',
      node: spec.nodeName,
      ip: status.podIP ?? '',
      ready: status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
      restarts: status.containerStatuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
    }));
}

/** The one ready pod of a workload, or the first of several. */
export async function podOf(workload: string, namespace = NAMESPACE): Promise<Pod> {
  const pod = (await pods(namespace)).find((candidate) => candidate.workload === workload && candidate.ready);
  if (pod === undefined) throw new Error(`no pod of ${workload} is ready`);
  return pod;
}

/** Runs a shell line in a pod and gives its output. */
export async function inPod(pod: string, script: string, namespace = NAMESPACE): Promise<string> {
  return (await execInPod(pod, ['sh', '-c', script], namespace)).stdout;
}

/** SIGKILL from the node's process table to all processes of a pod but the one that holds its namespaces. */
export async function killNine({ node, uid }: Pod): Promise<void> {
  const script = `
    for pid in $(grep -lE '${uid}|${uid.replaceAll('-', '_')}' /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3); do
      [ "$(cat /proc/$pid/comm 2>/dev/null)" = pause ] || kill -9 $pid 2>/dev/null
    done
    true`;
  // What is waited for is what it does: a restart.
  await execa('docker', ['exec', '--detach', node, 'sh', '-c', script], { timeout: EXEC_TIMEOUT_MS });
}

/** The same pod, ready again after its containers were restarted; undefined until then. */
export async function restarted({ uid, restarts }: Pod, namespace = NAMESPACE): Promise<Pod | undefined> {
  return (await pods(namespace)).find((pod) => pod.uid === uid && pod.ready && pod.restarts > restarts);
}

/** Rows of a query on the product's database, fields separated by `|`. */
export async function sql(query: string, namespace = NAMESPACE): Promise<string[]> {
  const psql = ['psql', '-U', 'postgres', '-d', 'zakpos_db', '-At', '-c', query];
  const { stdout } = await execInPod('zakpos-postgres-0', psql, namespace);
  return stdout.split('\n').filter((line) => line !== '');
}

export const redis = (command: string): Promise<string> =>
  inPod('zakpos-redis-0', `sh /usr/local/etc/redis/cli.sh ${command}`);

/** Waits until `check` gives something; the last error is told when it doesn't within `seconds`. */
export async function eventually<T>(
  what: string,
  seconds: number,
  check: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last = 'nothing yet';
  for (;;) {
    try {
      const result = await check();
      if (result !== undefined) return result;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s; ${last}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface CallOptions {
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** @default - the ingress host */
  readonly host?: string;
  /** @default - the ingress port */
  readonly port?: number;
}

/** Key of a Secret of the product. */
export async function secretValue(name: string, key: string, namespace = NAMESPACE): Promise<string> {
  const { stdout } = await kubectl('-n', namespace, 'get', 'secret', name, '-o', 'json');
  const { data } = z.object({ data: z.record(z.string(), z.string()) }).parse(JSON.parse(stdout));
  return Buffer.from(data[key] ?? '', 'base64').toString();
}

const secretList = z.object({
  items: z.array(z.object({ data: z.record(z.string(), z.string()).default({}) })),
});

/** Everything that is secret in the Secrets of a namespace: no names of users or keys, and no certificates. */
export async function secretTexts(namespace = NAMESPACE): Promise<string[]> {
  const { stdout } = await kubectl('-n', namespace, 'get', 'secrets', '-o', 'json');
  return secretList
    .parse(JSON.parse(stdout))
    .items.flatMap(({ data }) => Object.entries(data))
    .filter(([key]) => !/username$|\.crt$|^access-key-id$/.test(key))
    .map(([, value]) => Buffer.from(value, 'base64').toString().trim());
}

/** Who signed the ingress's certificate, asked once. */
let authority: Promise<string> | undefined;
export const ingressAuthority = (): Promise<string> =>
  (authority ??= secretValue(config.ingress.tls.secret, 'ca.crt'));

/** One request to 127.0.0.1 under the ingress host's name; through TLS where the ingress has it and no port is named. */
export async function call(path: string, options: CallOptions = {}): Promise<Answer> {
  const payload = options.body === undefined ? undefined : JSON.stringify(options.body);
  const secure = SECURE && (options.port === undefined || options.port === config.localPorts.https);
  const tls = secure ? { servername: config.ingress.host, ca: await ingressAuthority() } : {};
  return new Promise((resolve, reject) => {
    const sent = (secure ? secureRequest : request)(
      {
        ...tls,
        host: '127.0.0.1',
        port: options.port ?? INGRESS_PORT,
        path,
        method: options.method ?? (payload === undefined ? 'GET' : 'POST'),
        timeout: 15_000,
        headers: {
          host: options.host ?? config.ingress.host,
          ...(payload === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
          ...options.headers,
        },
      },
      (response) => {
        // Rejects where the answer breaks off, which the request doesn't tell.
        text(response)
          .then((body) => {
            const json = String(response.headers['content-type']).includes('json');
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: json ? JSON.parse(body) : body,
            });
          })
          .catch(reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`${path}: no answer within 15 s`)));
    sent.on('error', reject);
    sent.end(payload);
  });
}

const loginAnswer = z.object({ accessToken: z.string() });
const productList = z.array(
  z.object({ id: z.string(), name: z.string(), stock: z.number(), priceMinor: z.number() }),
);
export const saleAnswer = z.object({
  id: z.string(),
  number: z.number(),
  totalMinor: z.number(),
  currency: z.string(),
});
export type Sale = z.output<typeof saleAnswer>;

export const ADMIN = { email: config.api.adminEmail, password: config.secrets.values.adminPassword ?? '' };

/** The first user's credentials: dev's are known, the others are in a Secret. */
const credentials = async (namespace: string): Promise<typeof ADMIN> =>
  ADMIN.password === ''
    ? { ...ADMIN, password: await secretValue('zakpos-admin', 'password', namespace) }
    : ADMIN;

export async function logIn({ namespace, port }: Shop = SHOP): Promise<string> {
  const answer = await call('/api/v1/auth/login', { port, body: await credentials(namespace) });
  if (answer.status !== 200) throw new Error(`log in: ${answer.status} ${JSON.stringify(answer.body)}`);
  return loginAnswer.parse(answer.body).accessToken;
}

/** Some product that is in stock. */
export async function product(token: string, { port }: Shop = SHOP) {
  const answer = await call('/api/v1/products?limit=50', { token, port });
  const found = productList.parse(answer.body).find(({ stock }) => stock > 10);
  if (found === undefined) throw new Error('no product is in stock');
  return found;
}

/** Sells one of a product; throws on any answer but 201. */
export async function sell(
  token: string,
  productId: string,
  key: string = randomUUID(),
  { port }: Shop = SHOP,
): Promise<Sale> {
  const answer = await call('/api/v1/sales', {
    token,
    port,
    headers: { 'idempotency-key': key },
    body: { items: [{ productId, quantity: 1 }], payment: 'cash' },
  });
  if (answer.status !== 201) throw new Error(`sale: ${answer.status} ${JSON.stringify(answer.body)}`);
  return saleAnswer.parse(answer.body);
}

/** Where the first `up` left what it said, for the suite that looks at it. */
export const FIRST_UP = join(tmpdir(), `${CLUSTER}-first-up.json`);

/** Makes the cluster with its environment on it, or brings an existing one up to date. */
export async function createCluster(): Promise<void> {
  const started = Date.now();
  const result = await zakpos('up', ['--env', ENVIRONMENT]);
  writeFileSync(
    FIRST_UP,
    JSON.stringify({ seconds: (Date.now() - started) / 1000, exitCode: result.exitCode, output: result.all }),
  );
  if (result.exitCode !== 0) throw new Error(`npm run up failed:\n${result.all}`);
}
