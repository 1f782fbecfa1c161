/**
 * A load of sales through the ingress: open loop, so that a slow answer doesn't slow what comes after it. Every request
 * counts and none is repeated; whatever isn't the expected answer has failed.
 */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import {
  config,
  eventually,
  ingressAuthority,
  kubectl,
  logIn,
  pods,
  product,
  saleAnswer,
  sell,
  SHOP,
  sql,
  type Sale,
  type Shop,
} from './harness.ts';

const TIMEOUT_MS = 15_000;
/** Shorter than the life of an access token, a quarter of an hour. */
const LOGGED_IN_MS = 10 * 60_000;

export interface Failure {
  /** Seconds after the start. */
  readonly at: number;
  readonly what: string;
  /** Status and the beginning of the body, or the network's error. */
  readonly answer: string;
  /**
   * Idempotency key, by which it can be sent again.
   * @default - it was no sale
   */
  readonly key?: string;
}

/** What came of one sale. */
export interface Outcome {
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly sold: boolean;
}

/** What came of a load. */
export interface Report {
  readonly sent: number;
  readonly failures: readonly Failure[];
  /** Those that were acknowledged. */
  readonly sales: readonly Sale[];
  /** Of all sales, in the order of their answers. */
  readonly outcomes: readonly Outcome[];
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly slowest: number;
  readonly seconds: number;
}

export interface LoadProps {
  /** Sales a second; there are as many requests that only read. */
  readonly salesPerSecond: number;
  /**
   * Where it sells.
   * @default - through the ingress of the suites' cluster
   */
  readonly shop?: Shop;
}

export class Load {
  private readonly shop: Shop;
  private readonly secure: boolean;
  private readonly agent: Agent;
  private readonly reads: readonly Read[];
  private token: string;
  private loggedInAt = Date.now();
  private readonly productId: string;
  private readonly started = Date.now();
  private readonly failures: Failure[] = [];
  private readonly sales: Sale[] = [];
  private readonly outcomes: Outcome[] = [];
  private readonly times: number[] = [];
  private readonly pending = new Set<Promise<void>>();
  private readonly timer: NodeJS.Timeout;
  private due = 0;

  private constructor(
    authority: string | undefined,
    token: string,
    productId: string,
    { salesPerSecond, shop = SHOP }: LoadProps,
  ) {
    this.shop = shop;
    this.secure = authority !== undefined;
    this.agent =
      authority === undefined
        ? new Agent({ keepAlive: true })
        : new SecureAgent({ keepAlive: true, ca: authority, servername: config.ingress.host });
    // Without the ingress, there are no pages.
    this.reads = READS.filter(([what]) => shop.port === SHOP.port || what !== 'page');
    this.token = token;
    this.productId = productId;
    this.timer = setInterval(() => {
      // Timers come late under load: what is due by now is sent now.
      const seconds = (Date.now() - this.started) / 1000;
      for (; this.due < dueBy(seconds, salesPerSecond); this.due += 1) this.fire(this.due);
    }, 500 / salesPerSecond);
  }

  static async start(props: LoadProps): Promise<Load> {
    const { shop = SHOP } = props;
    const token = await logIn(shop);
    const { id } = await product(token, shop);
    await sql(`update products set stock = 100000000 where id = '${id}'`, shop.namespace);
    const authority = shop.port === config.localPorts.https ? await ingressAuthority() : undefined;
    return new Load(authority, token, id, props);
  }

  /** Failures so far. */
  get failed(): number {
    return this.failures.length;
  }

  /** Sales that were answered since a time, in milliseconds since the epoch. */
  since(time: number): readonly Outcome[] {
    return this.outcomes.filter(({ answeredAt }) => answeredAt >= time);
  }

  /** Ends it, waits for what is on its way, and tells what came of it. */
  async stop(): Promise<Report> {
    clearInterval(this.timer);
    const seconds = (Date.now() - this.started) / 1000;
    await Promise.all(this.pending);
    this.agent.destroy();
    const sorted = [...this.times].sort((a, b) => a - b);
    const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
    return {
      sent: this.times.length,
      failures: this.failures,
      sales: this.sales,
      outcomes: this.outcomes,
      p50: at(0.5),
      p99: at(0.99),
      slowest: at(1),
      seconds: Math.round(seconds),
    };
  }

  /** Sends those that failed again, each with its own key, and gives the sales that they became. */
  async sellAgain(failures: readonly Failure[]): Promise<Sale[]> {
    const sales: Sale[] = [];
    for (const { key } of failures) {
      if (key !== undefined) sales.push(await sell(this.token, this.productId, key, this.shop));
    }
    return sales;
  }

  private fire(turn: number): void {
    this.stayLoggedIn();
    const key = randomUUID();
    this.track('sale', this.sell(key), key);
    const [what, path, token] = this.reads[turn % this.reads.length] ?? READS[0];
    this.track(
      what,
      this.send(path, { token }).then((answer) => {
        expectStatus(answer, 200);
      }),
    );
  }

  /** As a till does, before its token ends. */
  private stayLoggedIn(): void {
    if (Date.now() - this.loggedInAt < LOGGED_IN_MS) return;
    this.loggedInAt = Date.now();
    this.track(
      'log in',
      logIn(this.shop).then((token) => {
        this.token = token;
      }),
    );
  }

  private async sell(key: string): Promise<void> {
    const sentAt = Date.now();
    let sold = false;
    try {
      const answer = await this.send('/api/v1/sales', {
        token: true,
        key,
        body: JSON.stringify({ items: [{ productId: this.productId, quantity: 1 }], payment: 'cash' }),
      });
      expectStatus(answer, 201);
      this.sales.push(saleAnswer.parse(JSON.parse(answer.body)));
      sold = true;
    } finally {
      this.outcomes.push({ sentAt, answeredAt: Date.now(), sold });
    }
  }

  private track(what: string, work: Promise<void>, key?: string): void {
    const sent = Date.now();
    const tracked = work
      .catch((error: unknown) => {
        const answer = error instanceof Error ? error.message : String(error);
        const failure = { at: (sent - this.started) / 1000, what, answer };
        this.failures.push(key === undefined ? failure : { ...failure, key });
      })
      .finally(() => {
        this.times.push(Date.now() - sent);
        this.pending.delete(tracked);
      });
    this.pending.add(tracked);
  }

  private send(
    path: string,
    { token, key, body }: { readonly token: boolean; readonly key?: string; readonly body?: string },
  ): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const sent = (this.secure ? secureRequest : request)(
        {
          agent: this.agent,
          host: '127.0.0.1',
          port: this.shop.port,
          path,
          method: body === undefined ? 'GET' : 'POST',
          timeout: TIMEOUT_MS,
          headers: {
            host: config.ingress.host,
            ...(token ? { authorization: `Bearer ${this.token}` } : {}),
            ...(key === undefined ? {} : { 'idempotency-key': key }),
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          },
        },
        (response) => {
          text(response)
            .then((body) => {
              resolve({ status: response.statusCode ?? 0, body });
            })
            .catch(reject);
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

/** Seconds in which the load grows to its rate, since tills don't open all at once. */
const RAMP_SECONDS = 5;

/** How many sales are due by a time. */
const dueBy = (seconds: number, perSecond: number): number =>
  seconds < RAMP_SECONDS
    ? (perSecond * seconds ** 2) / (2 * RAMP_SECONDS)
    : perSecond * (seconds - RAMP_SECONDS / 2);

type Read = readonly [what: string, path: string, token: boolean];
/** What a till asks beside its sales. */
const READS: readonly [Read, ...Read[]] = [
  ['page', '/', false],
  ['products', '/api/v1/products?limit=20', true],
  ['totals', '/api/v1/reports/today', true],
];

function expectStatus(
  { status, body }: { readonly status: number; readonly body: string },
  expected: number,
): void {
  if (status !== expected) throw new Error(`${status} ${body.slice(0, 160)}`);
}

/** One line for people, with the failures by kind. */
export function describeReport(
  what: string,
  { sent, failures, sales, p50, p99, slowest, seconds }: Report,
): string {
  const kinds = new Map<string, number>();
  for (const failure of failures) {
    const kind = `${failure.what}: ${failure.answer.slice(0, 100)}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const listed = [...kinds].map(([kind, count]) => `\n  ${count} × ${kind}`).join('');
  const [first, last] = [failures.at(0), failures.at(-1)];
  const span =
    first === undefined || last === undefined
      ? ''
      : `, from ${first.at.toFixed(1)} s to ${last.at.toFixed(1)} s`;
  return `${what}: ${sent} requests in ${seconds} s (${sales.length} sales), ${failures.length} failed${span}; p50 ${p50} ms, p99 ${p99} ms, slowest ${slowest} ms${listed}`;
}

const count = async (query: string, namespace?: string): Promise<number> =>
  Number((await sql(query, namespace))[0]);

/** Sales in the database, before a load and after it. */
export const salesInPostgres = (namespace?: string): Promise<number> =>
  count('select count(*) from sales', namespace);

/**
 * No sale was lost and none doubled: each answered one is there once, and there are no others than those that were
 * answered or failed. No event was lost or counted twice: the worker's count becomes that of the sales.
 */
export async function expectNothingLost(before: number, { sales, failures }: Report): Promise<void> {
  const ids = new Set(sales.map(({ id }) => id));
  expect(ids.size).toBe(sales.length);
  const added = (await salesInPostgres()) - before;
  const uncertain = failures.filter(({ what }) => what === 'sale').length;
  expect(added).toBeGreaterThanOrEqual(sales.length);
  expect(added).toBeLessThanOrEqual(sales.length + uncertain);
  const found = await sql(`select count(*) from sales where id in ('${[...ids].join("','")}')`);
  expect(found).toEqual([String(ids.size)]);
  await eventually('the outbox is empty', 120, async () =>
    (await count('select count(*) from outbox')) === 0 ? true : undefined,
  );
  await eventually('the worker has counted every sale once', 120, async () => {
    const [counts] = await sql(
      'select (select coalesce(sum(sales), 0) from sales_hourly), (select count(*) from sales)',
    );
    const [counted, sold] = (counts ?? '').split('|');
    if (counted !== sold) throw new Error(`${counted} of ${sold} sales are counted`);
    return true;
  });
}

/** Waits until every partition has all its copies in sync, and all pods are ready. */
export async function untilWhole(): Promise<void> {
  await eventually('all partitions are in sync', 240, async () => {
    const { stdout } = await kubectl(
      ...['-n', 'zakpos', 'exec', 'zakpos-kafka-0', '--', 'bash', '/opt/zakpos/tool.sh'],
      ...['kafka-topics', '--describe', '--under-replicated-partitions'],
    );
    return stdout.trim() === '' ? true : undefined;
  });
  await eventually('all pods are ready', 180, async () =>
    (await pods()).every(({ ready }) => ready) ? true : undefined,
  );
}
