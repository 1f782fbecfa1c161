/** What test's ingress does with requests before an app sees them, over TLS, as the suite before has left the cluster. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { chromium, type Browser } from 'playwright-core';
import { z } from 'zod';
import { loadConfig } from '../../environments/load.ts';
import { toBytes } from '../../environments/quantities.ts';
import {
  call,
  eventually,
  ingressAuthority,
  kubectl,
  NAMESPACE,
  NODE,
  secretValue,
  tryKubectl,
  valuesFile,
} from './harness.ts';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** An image with Node, which building the apps has left on this machine. */
const CLIENT_IMAGE = 'node:22-alpine';

const { ingress, localPorts, api } = loadConfig('test', { configFile: valuesFile() });
const HOSTS = [ingress.host, ingress.mobileHost];
const TILL = `https://${ingress.host}:${localPorts.https}`;
const API = `/${api.prefix}`;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

interface Asked {
  /** @default - the till's */
  readonly host?: string;
  /** @default true */
  readonly secure?: boolean;
  /** @default - GET, or POST with a body */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Versions that are offered. */
  readonly tls?: { readonly minVersion: 'TLSv1'; readonly maxVersion: 'TLSv1.1'; readonly ciphers: string };
}

/** One request to 127.0.0.1, as a browser would send it; over TLS, the certificate is checked. */
async function ask(
  path: string,
  { host = ingress.host, secure = true, ...asked }: Asked = {},
): Promise<Answer> {
  const ca = await ingressAuthority();
  const port = secure ? localPorts.https : localPorts.http;
  return new Promise((resolve, reject) => {
    const sent = (secure ? secureRequest : request)(
      {
        ...(secure ? { servername: host, ca, ...asked.tls } : {}),
        host: '127.0.0.1',
        port,
        path,
        method: asked.method ?? (asked.body === undefined ? 'GET' : 'POST'),
        timeout: 15_000,
        headers: { host: `${host}:${port}`, ...asked.headers },
      },
      (response) => {
        buffer(response)
          .then((body) => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
          })
          .catch(reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`${path}: no answer within 15 s`)));
    sent.on('error', reject);
    sent.end(asked.body);
  });
}

describe('TLS', () => {
  test.each(HOSTS)(
    'has a certificate of %s that the authority of the installation has signed',
    async (host) => {
      expect((await ask('/', { host })).status).toBe(200);
    },
  );

  test('is 1.2 at least', async () => {
    const tls = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    await expect(ask('/', { tls })).rejects.toThrow('alert protocol version');
  });

  test.each(HOSTS)('is where plain HTTP of %s leads, on its own port', async (host) => {
    const kept = ingress.tls.hstsSeconds > 0;
    const page = await ask('/x?y=z', { host, secure: false });
    expect(page.status).toBe(kept ? 301 : 302);
    expect(page.headers.location).toBe(`https://${host}:${localPorts.https}/x?y=z`);

    const sale = await ask(`${API}/sales`, { host, secure: false, body: Buffer.from('{}') });
    expect(sale.status).toBe(kept ? 308 : 307);
    expect(sale.headers.location).toBe(`https://${host}:${localPorts.https}${API}/sales`);
  });

  test('is not on the ports of this machine', async () => {
    for (const port of [localPorts.web, localPorts.mobile]) {
      expect((await call('/', { port, host: `localhost:${port}` })).status).toBe(200);
    }
    expect((await call('/health', { port: localPorts.api, host: 'localhost' })).status).toBe(200);
  });
});

describe('headers', () => {
  const pages: [string, Asked, string][] = [
    ['the till', {}, '/'],
    ['the mobile app', { host: ingress.mobileHost }, '/'],
    ['the API', {}, `${API}/auth/me`],
    ['the API on the mobile host', { host: ingress.mobileHost }, `${API}/auth/me`],
    ['what is refused', { body: Buffer.alloc(toBytes(ingress.maxBody) + 1) }, `${API}/sales`],
  ];

  test.each(pages)('of %s', async (_, asked, path) => {
    const { headers } = await ask(path, asked);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'permissions-policy': ingress.permissionsPolicy,
    });
    expect(headers['strict-transport-security']).toBe(
      ingress.tls.hstsSeconds > 0 ? `max-age=${ingress.tls.hstsSeconds}` : undefined,
    );
  });

  test("keep each app's own content security policy", async () => {
    const till = await ask('/');
    const nonce = /'nonce-([^']+)'/.exec(String(till.headers['content-security-policy']))?.[1];
    expect(nonce).toBeDefined();
    expect(till.body.toString()).toContain(`nonce="${String(nonce)}"`);
    for (const [path, host] of [['/', ingress.mobileHost] as const, [`${API}/docs`, ingress.host] as const]) {
      expect((await ask(path, { host })).headers['content-security-policy']).toContain("script-src 'self'");
    }
  });
});

test.each(['/', `${API}/docs-json`])('%s is compressed for who understands it', async (path) => {
  const plain = await ask(path);
  const packed = await ask(path, { headers: { 'accept-encoding': 'gzip, deflate, br, zstd' } });
  expect(plain.headers['content-encoding']).toBeUndefined();
  expect(packed.headers['content-encoding']).toBe('gzip');
  expect(packed.body.length).toBeLessThan(plain.body.length / 2);
  expect(gunzipSync(packed.body).toString().slice(0, 15)).toBe(plain.body.toString().slice(0, 15));
});

test.each<Record<string, string>>([{}, { 'transfer-encoding': 'chunked' }])(
  'a body that is too large ends at the ingress (%j)',
  async (more) => {
    const headers = { 'content-type': 'application/json', ...more };
    const limit = toBytes(ingress.maxBody);
    const tooLarge = await ask(`${API}/auth/login`, { body: Buffer.alloc(limit + 1, ' '), headers });
    expect(tooLarge.status).toBe(413);
    expect(tooLarge.body.toString()).toBe('Request Entity Too Large');
    // What isn't reaches the API, which has its own word for what is wrong with it.
    const passed = await ask(`${API}/auth/login`, { body: Buffer.alloc(limit / 4, ' '), headers });
    expect(passed.headers['content-type']).toContain('application/problem+json');
    expect(passed.status).toBe(400);
  },
);

/** Asks through the node's port from a container on its network; answers the status and the container's address. */
async function askFromElsewhere(
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; address: string }> {
  const format = '{{(index .NetworkSettings.Networks "kind").IPAddress}}';
  const { stdout: host } = await execa('docker', ['inspect', NODE, '--format', format]);
  const script = `
    const { request } = require('node:https');
    const sent = request({ ...JSON.parse(process.env.REQUEST), ca: process.env.CA }, (answer) => {
      const address = answer.socket.localAddress;
      console.log(JSON.stringify({ status: answer.statusCode, address }));
      answer.resume();
    });
    sent.end();`;
  const asked = {
    host,
    port: 30443,
    servername: ingress.host,
    path,
    headers: { host: ingress.host, ...headers },
  };
  const variables = ['--env', `REQUEST=${JSON.stringify(asked)}`, '--env', `CA=${await ingressAuthority()}`];
  const command = ['node', '-e', script];
  const { stdout } = await execa('docker', [
    ...['run', '--rm', '--network', 'kind', ...variables, CLIENT_IMAGE, ...command],
  ]);
  return z.object({ status: z.number(), address: z.string() }).parse(JSON.parse(stdout));
}

/** The client of a request, as the API has logged it. */
const clientOf = (path: string): Promise<string> =>
  eventually(`the API has logged ${path}`, 20, async () => {
    const selector = ['-l', 'app.kubernetes.io/name=zakpos-api', '-c', 'api', '--tail', '-1'];
    const { all } = await tryKubectl('-n', NAMESPACE, 'logs', ...selector);
    const line = all.split('\n').find((candidate) => candidate.includes(path));
    return line === undefined ? undefined : z.object({ client: z.string() }).parse(JSON.parse(line)).client;
  });

describe('the client', () => {
  test.each<[string, Record<string, string>]>([
    ['says nothing of where it comes from', {}],
    ['says that it comes from elsewhere', { 'X-Forwarded-For': '192.0.2.1', 'X-Real-Ip': '192.0.2.1' }],
    [
      'says so and has it taken as a header of one hop',
      { 'X-Forwarded-For': '192.0.2.1, 192.0.2.2', Connection: 'X-Forwarded-For, X-Real-Ip' },
    ],
  ])('is known to the API by its own address when it %s', async (_, headers) => {
    const path = `${API}/auth/me?${randomUUID()}`;
    const { status, address } = await askFromElsewhere(path, headers);
    expect(status).toBe(401);
    expect(await clientOf(path)).toBe(address);
  });
});

describe('too many requests', () => {
  const setLimit = (rateLimit: { average: number; burst: number }) =>
    kubectl(
      ...['-n', NAMESPACE, 'patch', 'middlewares.traefik.io', 'zakpos-rate-limit', '--type', 'merge'],
      ...['-p', JSON.stringify({ spec: { rateLimit } })],
    );
  // The suites' own limit is for one client that is many.
  beforeAll(() => setLimit({ average: 1, burst: 5 }));
  afterAll(async () => {
    await setLimit(ingress.rateLimit);
    await eventually('nobody is refused any more', 30, async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/icon.svg')));
      return answers.every(({ status }) => status === 200) || undefined;
    });
  });

  test('of one address are answered 429, and nobody else is', async () => {
    const refused = await eventually('an answer is 429', 30, async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/icon.svg')));
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
      return answers.find(({ status }) => status === 429);
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(0);
    expect(refused.headers['x-content-type-options']).toBe('nosniff');
    expect((await askFromElsewhere('/icon.svg')).status).toBe(200);
  });
});

describe('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: EXECUTABLE,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    });
  });
  afterAll(() => browser.close());

  test("the till's live feed runs through TLS, and no policy is in its way", async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB' });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    const feeds: string[] = [];
    page.on('websocket', (socket) => feeds.push(socket.url()));
    const admin = { email: api.adminEmail, password: await secretValue('zakpos-admin', 'password') };

    await page.goto(TILL);
    await page.getByLabel('Email').fill(admin.email);
    await page.getByLabel('Password').fill(admin.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('[data-feed=live]').waitFor();

    // Sold elsewhere, so that the page has it from the feed alone.
    const port = localPorts.api;
    const session = await call(`${API}/auth/login`, { port, body: admin });
    const { accessToken: token } = z.object({ accessToken: z.string() }).parse(session.body);
    const products = await call(`${API}/products?limit=50`, { port, token });
    const product = z
      .array(z.object({ id: z.string(), stock: z.number() }))
      .parse(products.body)
      .find(({ stock }) => stock > 0);
    const sale = await call(`${API}/sales`, {
      port,
      token,
      headers: { 'idempotency-key': randomUUID() },
      body: { items: [{ productId: product?.id, quantity: 1 }], payment: 'cash' },
    });
    const { number } = z.object({ number: z.number() }).parse(sale.body);
    await page
      .getByRole('list', { name: 'Live sales' })
      .getByText(new RegExp(`#${number}\\b`))
      .waitFor({ timeout: 15_000 });
    expect(feeds).toEqual([`wss://${ingress.host}:${localPorts.https}${API}/live`]);
    expect(errors).toEqual([]);
  });
});
