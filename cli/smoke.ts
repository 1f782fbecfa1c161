/** Whether the running system does its job: a sale through the ingress, found again where it has to be. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { Config } from '../environments/schema.ts';
import { clock } from './clock.ts';
import { CliError, messageOf } from './errors.ts';
import type { Kubectl } from './kubectl.ts';
import { readSecrets } from './secrets.ts';
import type { Line } from './steps.ts';

const ANSWER_SECONDS = 10;
/** Requests from which a time is taken. */
const TIMES = 5;
/** How long a part that has just become ready may take until it does its work. */
export const PATIENCE_SECONDS = 60;

const session = z.object({ accessToken: z.string() });
const products = z.array(
  z.object({ id: z.string(), name: z.string(), stock: z.number(), active: z.boolean() }),
);
const sale = z.object({ id: z.string(), number: z.number(), createdAt: z.string(), totalMinor: z.number() });
const totals = z.object({ date: z.string(), count: z.number() });
const cachedTotals = totals.omit({ date: true });

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

interface Call {
  /** @default - the ingress host */
  readonly host?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
}

/** The product as its users reach it: 127.0.0.1 on kind, else the ingress host itself. */
export class SmokeTest {
  private readonly config: Config;
  private readonly kubectl: Kubectl;
  private readonly isLocal: boolean;
  private readonly patienceSeconds: number;
  /** Who signed the ingress's certificate, where the system doesn't know it. */
  private authority: string | undefined;

  constructor(config: Config, kubectl: Kubectl, isLocal: boolean, patienceSeconds = PATIENCE_SECONDS) {
    this.config = config;
    this.kubectl = kubectl;
    this.isLocal = isLocal;
    this.patienceSeconds = patienceSeconds;
  }

  /** The till's page and the API answer. */
  async read(): Promise<void> {
    const { tls } = this.config.ingress;
    if (tls.source === 'cli') {
      this.authority = (await readSecrets(this.kubectl, this.config)).get(tls.secret)?.['ca.crt'];
    }
    if (this.config.web.enabled) await this.until('the till', () => this.expect('/', 200));
    await this.until('the API', () => this.expect(this.path('auth/me'), 401));
  }

  /** How long each app takes to answer: the middle one of several times. */
  async times(): Promise<{ readonly what: string; readonly milliseconds: number }[]> {
    const { web, mobile, ingress } = this.config;
    const pages = [
      ...(web.enabled ? [{ what: 'the till', path: '/', status: 200 }] : []),
      { what: 'the API', path: this.path('auth/me'), status: 401 },
      ...(mobile.enabled
        ? [{ what: 'the mobile app', path: '/', status: 200, host: ingress.mobileHost }]
        : []),
    ];
    const times = [];
    for (const { what, path, status, ...call } of pages) {
      const milliseconds: number[] = [];
      for (let i = 0; i < TIMES; i += 1) {
        const began = performance.now();
        await this.expect(path, status, call);
        milliseconds.push(Math.round(performance.now() - began));
      }
      times.push({ what, milliseconds: milliseconds.sort((a, b) => a - b)[TIMES >> 1] ?? 0 });
    }
    return times;
  }

  /** Sells one product and reads the sale back from PostgreSQL, its total from Redis and its event from Kafka. */
  async sell(line: Line): Promise<void> {
    await this.read();
    line.note('logging in');
    const token = await this.until('log in', () => this.logIn());
    line.note('selling');
    const list = products.parse(
      JSON.parse((await this.expect(this.path('products?limit=50'), 200, { token })).body),
    );
    const product = list.find(({ stock, active }) => active && stock > 0);
    if (product === undefined) throw this.problem('no product is in stock, so nothing can be sold');
    const answer = await this.expect(this.path('sales'), 201, {
      token,
      idempotencyKey: randomUUID(),
      body: { items: [{ productId: product.id, quantity: 1 }], payment: 'cash' },
    });
    const sold = sale.parse(JSON.parse(answer.body));

    line.note(`sale #${sold.number}: looking in PostgreSQL, Redis and Kafka`);
    if (this.config.postgres.mode === 'statefulset') await this.findInPostgres(sold.id);
    await this.until('the total in Redis', () => this.findInRedis(token));
    if (this.config.reports.enabled && this.config.postgres.mode === 'statefulset') {
      const sales = Number(await this.sql('select count(*) from sales'));
      await this.until('the event in Kafka', () => this.findCounted(sales));
    }
    line.rename(
      `Sold one ${product.name}: sale #${sold.number} is in PostgreSQL, its total in Redis, its event was read from Kafka`,
    );
  }

  private async logIn(): Promise<string> {
    const admin = (await readSecrets(this.kubectl, this.config)).get('zakpos-admin');
    const body = { email: admin?.username, password: admin?.password };
    return session.parse(JSON.parse((await this.expect(this.path('auth/login'), 200, { body })).body))
      .accessToken;
  }

  private async findInPostgres(id: string): Promise<void> {
    const rows = await this.sql(`select count(*) from sales where id = '${id}'`);
    if (rows !== '1')
      throw this.problem(`the sale ${id} was answered with 201 but PostgreSQL has ${rows} of it`);
  }

  /** An answer leaves the day's total in the cache, for the next one who asks; another sale may have changed it by then. */
  private async findInRedis(token: string): Promise<void> {
    const answer = await this.expect(this.path('reports/today'), 200, { token });
    const { date, count } = totals.parse(JSON.parse(answer.body));
    if (this.config.redis.mode !== 'statefulset') {
      const again = await this.expect(this.path('reports/today'), 200, { token });
      if (again.headers['x-cache'] === 'HIT') return;
      throw this.problem(
        `today's total is not from the cache (X-Cache: ${String(again.headers['x-cache'])})`,
      );
    }
    const stored = await this.exec('zakpos-redis-0', [
      ...['sh', '/usr/local/etc/redis/cli.sh', '--raw', 'get', `zakpos:totals:${date}`],
    ]);
    const cached = stored === '' ? undefined : cachedTotals.parse(JSON.parse(stored));
    if (cached === undefined || cached.count < count) {
      throw this.problem(`Redis has "${stored}" for ${date}, with ${count} sales that day`);
    }
  }

  /** The worker has read the events of as many sales from Kafka as there were; others may be made meanwhile. */
  private async findCounted(sales: number): Promise<void> {
    const counted = await this.sql('select coalesce(sum(sales), 0) from sales_hourly');
    if (Number(counted) < sales) throw this.problem(`the worker has counted ${counted} of ${sales} sales`);
  }

  private sql(query: string): Promise<string> {
    return this.exec('zakpos-postgres-0', [
      'psql',
      '-U',
      'postgres',
      '-d',
      this.config.postgres.database,
      '-Atc',
      query,
    ]);
  }

  private async exec(pod: string, command: readonly string[]): Promise<string> {
    return (await this.kubectl.run(['-n', this.config.namespace, 'exec', pod, '--', ...command])).trim();
  }

  private path(rest: string): string {
    return `/${this.config.api.prefix}/${rest}`;
  }

  private async expect(path: string, status: number, call: Call = {}): Promise<Answer> {
    const answer = await this.call(path, call);
    if (answer.status === status) return answer;
    // What is no refusal may be what nobody is to read: a session, a customer.
    const why = answer.status < 400 ? '' : `: ${answer.body.slice(0, 200)}`;
    throw this.problem(`${path} answered ${answer.status} instead of ${status}${why}`);
  }

  private call(path: string, { host, token, body, idempotencyKey }: Call): Promise<Answer> {
    const { ingress, localPorts } = this.config;
    const name = host ?? ingress.host;
    const secure = ingress.tls.source !== 'none';
    const [localPort, usualPort] = secure ? [localPorts.https, 443] : [localPorts.http, 80];
    const ca = this.authority;
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = (secure ? secureRequest : request)(
        {
          // Names below localhost are for browsers: not every resolver knows them.
          host: this.isLocal ? '127.0.0.1' : name,
          port: this.isLocal ? localPort : usualPort,
          servername: name,
          ...(ca === undefined ? {} : { ca }),
          path,
          method: payload === undefined ? 'GET' : 'POST',
          timeout: ANSWER_SECONDS * 1000,
          headers: {
            host: name,
            ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
          },
        },
        (response) => {
          // Rejects where the answer breaks off, which the request doesn't tell.
          text(response)
            .then((body) => {
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
            })
            .catch(reject);
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`${path} did not answer within ${ANSWER_SECONDS} s`)));
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  private problem(fact: string): CliError {
    return new CliError(
      `Everything is ready, but the smoke test failed: ${fact}`,
      '`npm run status` shows the components; the log of zakpos-api tells more: ' +
        `\`${this.kubectl.command(`-n ${this.config.namespace} logs deploy/zakpos-api`)}\`.`,
    );
  }

  private async until<T>(what: string, check: () => Promise<T>): Promise<T> {
    const deadline = clock.now() + this.patienceSeconds * 1000;
    for (;;) {
      try {
        return await check();
      } catch (error) {
        if (clock.now() > deadline) {
          throw error instanceof CliError ? error : this.problem(`${what}: ${messageOf(error)}`);
        }
      }
      await clock.sleep(500);
    }
  }
}
