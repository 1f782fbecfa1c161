/** @jest-environment ./test/fakes/browser-environment.mjs */
import { SessionEnded } from '../src/api/errors';
import { LiveFeed } from '../src/api/live-feed';
import { FakeSocket } from './fakes/fake-socket';

const listener = { ready: jest.fn(), sale: jest.fn(), lost: jest.fn() };
const accessToken = jest.fn<Promise<string>, []>();
let feed: LiveFeed;

beforeEach(async () => {
  jest.useFakeTimers();
  FakeSocket.opened.length = 0;
  accessToken.mockResolvedValue('token');
  feed = new LiveFeed('ws://shop.test/live', accessToken, listener, (url) => new FakeSocket(url));
  feed.open();
  await jest.advanceTimersByTimeAsync(0);
});

afterEach(() => {
  feed.close();
  jest.useRealTimers();
});

test('a lost connection comes back with a fresh token', async () => {
  FakeSocket.latest().open();
  FakeSocket.latest().tell({ type: 'ready' });
  accessToken.mockResolvedValue('newer token');
  FakeSocket.latest().drop();
  expect(listener.lost).toHaveBeenCalledTimes(1);
  await jest.advanceTimersByTimeAsync(1_000);

  expect(FakeSocket.opened).toHaveLength(2);
  FakeSocket.latest().open();
  FakeSocket.latest().tell({ type: 'ready' });
  expect(FakeSocket.latest().sent[0]).toContain('newer token');
  expect(listener.ready).toHaveBeenCalledTimes(2);
});

test('it waits longer after each failure, up to half a minute', async () => {
  for (let failure = 0; failure < 10; failure += 1) {
    FakeSocket.latest().drop();
    await jest.advanceTimersByTimeAsync(30_000);
  }
  const before = FakeSocket.opened.length;
  FakeSocket.latest().drop();
  await jest.advanceTimersByTimeAsync(14_000);
  expect(FakeSocket.opened).toHaveLength(before);
  await jest.advanceTimersByTimeAsync(16_000);
  expect(FakeSocket.opened).toHaveLength(before + 1);
});

test('messages of unknown kinds are passed over', () => {
  FakeSocket.latest().tell({ type: 'news' });
  FakeSocket.latest().tell('no object');
  expect(listener.sale).not.toHaveBeenCalled();
});

test('a closed feed stays closed, and so does one whose session has ended', async () => {
  feed.close();
  FakeSocket.latest().drop();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.opened).toHaveLength(1);

  accessToken.mockRejectedValue(new SessionEnded());
  feed.open();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.opened).toHaveLength(1);
});
