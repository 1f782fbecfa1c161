/** A till: logs in, and sells, by the requests that the web till makes. */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const PREFIX = '/api/v1';
const TIMEOUT_MS = 15_000;
/** How long an API that has just started sells before it is measured: it is slower for a while. */
export const WARM_UP_SECONDS = 10;

const session = z.object({ accessToken: z.string() });
const products = z.array(z.object({ id: z.string(), stock: z.number() }));

/** What came of many sales. */
export interface Sales {
  readonly sold: number;
  readonly failed: number;
  readonly perSecond: number;
  /** Milliseconds from a request to its answer, for half of the sales. */
  readonly median: number;
  /** The same for 99 of 100 sales. */
  readonly p99: number;
}

/** Where an ingress, a proxy or the API itself answers, and who sells there. */
export interface Entrance {
  readonly address: string;
  readonly port: number;
  /** Name by which the shop is asked for. */
  readonly host: string;
  /**
   * Certificate of who signed the shop's.
   * @default - it is asked without TLS
   */
  readonly authority?: string;
  readonly email: string;
  readonly password: string;
}

export class Till {
  private readonly entrance: Entrance;
  private readonly agent: Agent;
  private token = '';
  private productId = '';

  constructor(entrance: Entrance) {
    this.entrance = entrance;
    const { authority, host } = entrance;
    this.agent =
      authority === undefined
        ? new Agent({ keepAlive: true })
        : new SecureAgent({ keepAlive: true, ca: authority, servername: host });
  }

  /** @throws {Error} as long as the shop does not serve it */
  async open(): Promise<void> {
    const { email, password } = this.entrance;
    this.token = session.parse(await this.ask('/auth/login', 200, { email, password })).accessToken;
    const inStock = products.parse(await this.ask('/products?limit=50', 200)).find(({ stock }) => stock > 0);
    if (inStock === undefined) throw new Error('no product is in stock');
    this.productId = inStock.id;
  }

  /** @throws {Error} with any answer but that of a sale */
  async sell(): Promise<void> {
    await this.ask('/sales', 201, { items: [{ productId: this.productId, quantity: 1 }], payment: 'cash' });
  }

  /** Sells for so many seconds by so many at once, each of which sells again when it has its answer. */
  sellFor(seconds: number, atOnce: number): Promise<Sales> {
    const ends = performance.now() + seconds * 1000;
    return this.sellWhile(() => performance.now() < ends, atOnce);
  }

  /** As {@link sellFor}, as long as something holds, which is told how many requests there were. */
  async sellWhile(goesOn: (requests: number) => boolean, atOnce: number): Promise<Sales> {
    const started = performance.now();
    const times: number[] = [];
    let failed = 0;
    const seller = async (): Promise<void> => {
      while (goesOn(times.length + failed)) {
        const began = performance.now();
        await this.sell().then(
          () => times.push(performance.now() - began),
          () => (failed += 1),
        );
      }
    };
    await Promise.all(Array.from({ length: atOnce }, seller));
    const elapsed = (performance.now() - started) / 1000;
    times.sort((a, b) => a - b);
    return {
      sold: times.length,
      failed,
      perSecond: times.length / elapsed,
      median: times[Math.floor(times.length / 2)] ?? NaN,
      p99: times[Math.floor(times.length * 0.99)] ?? NaN,
    };
  }

  close(): void {
    this.agent.destroy();
  }

  private ask(path: string, status: number, body?: unknown): Promise<unknown> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const { address, port, host, authority } = this.entrance;
    return new Promise((resolve, reject) => {
      const sent = (authority === undefined ? request : secureRequest)(
        {
          agent: this.agent,
          host: address,
          port,
          path: PREFIX + path,
          method: payload === undefined ? 'GET' : 'POST',
          timeout: TIMEOUT_MS,
          headers: {
            host,
            authorization: `Bearer ${this.token}`,
            'idempotency-key': randomUUID(),
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          },
        },
        (response) => {
          // Rejects where the answer breaks off, which the request doesn't tell.
          text(response)
            .then((body) => {
              if (response.statusCode === status) resolve(JSON.parse(body));
              else reject(new Error(`${path}: ${response.statusCode ?? 0}`));
            })
            .catch(reject);
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`${path}: no answer within ${TIMEOUT_MS / 1000} s`)));
      sent.on('error', reject);
      sent.end(payload);
    });
  }
}

/** Seconds until a shop has sold, asked again and again from the first moment on. */
export async function secondsToFirstSale(entrance: Entrance, withinSeconds: number): Promise<number> {
  const started = performance.now();
  for (;;) {
    const till = new Till(entrance);
    try {
      await till.open();
      await till.sell();
      return (performance.now() - started) / 1000;
    } catch (error) {
      if (performance.now() - started > withinSeconds * 1000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      till.close();
    }
  }
}
