import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Admin, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka';
import pg from 'pg';

import { StoreContainers } from './stores.js';

/** Long enough on a machine that is busy with other things. */
const START_WITHIN_MS = 60_000;
const SOURCES = join(import.meta.dirname, '../../src');
const containerPrefix = process.env['TEST_CONTAINERS'];

/** Only there when the run started the stores itself. */
export const containers = containerPrefix === undefined ? undefined : new StoreContainers(containerPrefix);

export const ADMIN = { email: 'admin@zakpos.test', password: 'admin-password' };

function needed(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: start with npm run test:integration`);
  return value;
}

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface ProductBody {
  readonly id: string;
  readonly name: string;
  readonly stock: number;
}

export interface SaleBody {
  readonly id: string;
  readonly number: number;
  readonly totalMinor: number;
}

export interface ProblemBody {
  readonly detail: string;
  readonly status: number;
}

/** One process of the product and what it has printed. */
export class Program {
  output = '';
  readonly exit: Promise<number | NodeJS.Signals>;

  constructor(
    readonly child: ChildProcess,
    readonly name: string,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
    this.exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(code ?? signal ?? -1);
      });
    });
  }

  async printed(text: string | RegExp, withinMs = 15_000): Promise<string> {
    return eventually(() => {
      const line = this.output.split('\n').find((each) => each.search(text) >= 0);
      assert.ok(line !== undefined, `${this.name} did not print ${String(text)}:\n${this.output}`);
      return line;
    }, withinMs);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.exit;
  }
}

export class Api extends Program {
  port = 0;

  async call<Body>(
    method: string,
    path: string,
    { token, body, headers = {} }: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer<Body>> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? null : JSON.parse(text),
    };
  }

  async login(email = ADMIN.email, password = ADMIN.password): Promise<string> {
    const { status, body } = await this.call<{ accessToken: string }>('POST', '/api/v1/auth/login', {
      body: { email, password },
    });
    assert.equal(status, 200);
    return body.accessToken;
  }

  async newProduct(token: string, stock: number, priceMinor = 250): Promise<string> {
    const sku = randomUUID();
    const { status, body } = await this.call<ProductBody>('POST', '/api/v1/products', {
      token,
      body: { name: `Product ${sku}`, sku, priceMinor, stock },
    });
    assert.equal(status, 201);
    return body.id;
  }

  sell<Body = SaleBody>(
    token: string,
    productId: string,
    { key = randomUUID(), quantity = 1 }: { key?: string; quantity?: number } = {},
  ): Promise<Answer<Body>> {
    return this.call('POST', '/api/v1/sales', {
      token,
      headers: { 'idempotency-key': key },
      body: { items: [{ productId, quantity }], payment: 'cash' },
    });
  }
}

/** A database and topics of one's own, and the processes that use them. */
export class Shop {
  private readonly programs: Program[] = [];

  private constructor(
    readonly environment: Readonly<Record<string, string>>,
    readonly sql: pg.Pool,
  ) {}

  /** `deadNeeds` is how many replicas must have a dead letter, from the first on; the topic has one. */
  static async open({ deadNeeds = 1 }: { readonly deadNeeds?: number } = {}): Promise<Shop> {
    const suffix = randomBytes(4).toString('hex');
    const url = new URL(needed('TEST_DATABASE_URL'));
    const server = new pg.Pool({ connectionString: url.href, max: 1 });
    await eventually(() => server.query('select 1'), 30_000);
    await server.query(`create database shop_${suffix}`);
    await server.end();
    url.pathname = `/shop_${suffix}`;

    const [sales, products, dead] = [
      `test.sales.${suffix}`,
      `test.products.${suffix}`,
      `test.dead.${suffix}`,
    ];
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [needed('TEST_KAFKA_BROKERS')] });
    const spread = { partitions: 3, replicas: 1 };
    await admin.createTopics({ topics: [sales, products], ...spread });
    const configs = [{ name: 'min.insync.replicas', value: String(deadNeeds) }];
    await admin.createTopics({ topics: [dead], ...spread, configs });
    await admin.close();

    const sql = new pg.Pool({ connectionString: url.href, max: 2 });
    sql.on('error', () => undefined);
    return new Shop(
      {
        PATH: process.env['PATH'] ?? '',
        NODE_ENV: 'test',
        PORT: '0',
        DATABASE_URL: url.href,
        REDIS_URL: `${needed('TEST_REDIS_URL')}/${Math.floor(Math.random() * 15) + 1}`,
        KAFKA_BROKERS: needed('TEST_KAFKA_BROKERS'),
        KAFKA_TOPIC_SALES: sales,
        KAFKA_TOPIC_PRODUCTS: products,
        KAFKA_TOPIC_SALES_DLQ: dead,
        JWT_SECRET: 'a test secret of more than 32 characters',
        RATE_LIMIT_PER_MINUTE: '100000',
        RATE_LIMIT_LOGIN_PER_MINUTE: '1000',
        BOOTSTRAP_ADMIN_EMAIL: ADMIN.email,
        BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
      },
      sql,
    );
  }

  get topics() {
    const { KAFKA_TOPIC_SALES: sales = '', KAFKA_TOPIC_SALES_DLQ: dead = '' } = this.environment;
    return { sales, dead };
  }

  migrate(environment: Record<string, string> = {}, ...args: string[]): Program {
    return this.run('migrate', environment, ...args);
  }

  /** An entry that does its work and ends. */
  run(entry: string, environment: Record<string, string> = {}, ...args: string[]): Program {
    return this.keep(new Program(this.spawn(`${entry}.js`, environment, args), entry));
  }

  async api(environment: Record<string, string> = {}): Promise<Api> {
    const api = this.keep(new Api(this.spawn('main.js', environment), 'api'));
    const line = await api.printed('ZakPOS API is listening', START_WITHIN_MS);
    api.port = Number(/"port":(\d+)/.exec(line)?.[1]);
    return api;
  }

  async worker(environment: Record<string, string> = {}): Promise<Api> {
    const worker = this.keep(new Api(this.spawn('worker.js', environment), 'worker'));
    const line = await worker.printed('worker is running', START_WITHIN_MS);
    worker.port = Number(/"port":(\d+)/.exec(line)?.[1]);
    return worker;
  }

  async close(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.stop('SIGKILL')));
    await this.sql.end();
  }

  async count(table: string): Promise<number> {
    const { rows } = await this.sql.query<{ count: number }>(`select count(*)::int from ${table}`);
    return rows[0]?.count ?? -1;
  }

  /** How many replicas of a topic must have a message, as the broker heeds a moment later; each topic has one. */
  async requireReplicas(topic: string, count: number): Promise<void> {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [needed('TEST_KAFKA_BROKERS')] });
    await admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: topic,
          configs: [
            {
              name: 'min.insync.replicas',
              configOperation: IncrementalAlterConfigOperationTypes.SET,
              value: String(count),
            },
          ],
        },
      ],
    });
    await admin.close();
  }

  private spawn(entry: string, environment: Record<string, string>, args: readonly string[] = []) {
    return spawn(process.execPath, ['--enable-source-maps', join(SOURCES, entry), ...args], {
      env: { ...this.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  private keep<Kind extends Program>(program: Kind): Kind {
    this.programs.push(program);
    return program;
  }
}

/** Repeats what fails until it succeeds or time is up. */
export async function eventually<Result>(
  attempt: () => Result | Promise<Result>,
  withinMs = 15_000,
): Promise<Result> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() >= deadline) throw error;
      await sleep(100);
    }
  }
}
