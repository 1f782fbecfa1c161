import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { WebSocket } from 'ws';

import { type Api, eventually, Shop } from './harness.js';

interface FeedMessage {
  readonly type: string;
  readonly sale?: { readonly id: string; readonly totalMinor: number };
}

/** A client of the feed and what it has been told. */
class Listener {
  readonly messages: FeedMessage[] = [];
  readonly closed: Promise<number>;
  private readonly socket: WebSocket;

  constructor(api: Api, firstMessage?: unknown) {
    this.socket = new WebSocket(`ws://127.0.0.1:${api.port}/api/v1/live`);
    this.socket.on('open', () => {
      if (firstMessage !== undefined) this.socket.send(JSON.stringify(firstMessage));
    });
    this.socket.on('message', (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString()));
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', resolve);
    });
  }

  async ready(): Promise<void> {
    await eventually(() => {
      assert.equal(this.messages[0]?.type, 'ready');
    });
  }

  get sales(): (string | undefined)[] {
    return this.messages.filter((message) => message.type === 'sale').map((message) => message.sale?.id);
  }
}

describe('live feed', () => {
  let shop: Shop;
  let api: Api;
  let other: Api;
  let token: string;

  before(async () => {
    shop = await Shop.open();
    assert.equal(await shop.migrate().exit, 0);
    [api, other] = await Promise.all([shop.api(), shop.api()]);
    token = await api.login();
  });
  after(() => shop.close());

  it('tells the clients of every process about each sale, once and in order', async () => {
    const near = new Listener(api, { type: 'auth', token });
    const far = new Listener(other, { type: 'auth', token });
    await Promise.all([near.ready(), far.ready()]);
    const product = await api.newProduct(token, 10);
    const sold: string[] = [];
    for (let index = 0; index < 3; index += 1) sold.push((await api.sell(token, product)).body.id);
    await eventually(() => {
      assert.deepEqual(near.sales, sold);
      assert.deepEqual(far.sales, sold);
    });
  });

  it('closes on clients without a valid token', async () => {
    const forger = new Listener(api, { type: 'auth', token: 'nonsense' });
    const babbler = new Listener(api, 'hello');
    const silent = new Listener(api);
    assert.deepEqual(await Promise.all([forger.closed, babbler.closed, silent.closed]), [4401, 4401, 4401]);
    assert.deepEqual([...forger.messages, ...babbler.messages, ...silent.messages], []);
  });

  it('closes with 1001 when the server stops', async () => {
    const listener = new Listener(other, { type: 'auth', token });
    await listener.ready();
    assert.equal(await other.stop(), 0);
    assert.equal(await listener.closed, 1001);
  });
});
