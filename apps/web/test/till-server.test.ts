import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http';

import { TillServer } from '../server/till-server';

interface Answer {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly body: string;
}

let port: number;
let agent: Agent;
let server: TillServer;
let rendering: ServerResponse | undefined;

beforeEach(async () => {
  agent = new Agent({ keepAlive: true });
  rendering = undefined;
  server = new TillServer((_request, response) => {
    rendering = response;
    return Promise.resolve();
  });
  port = await server.listen(0);
});

afterEach(async () => {
  agent.destroy();
  await server.drain(0).catch(() => undefined);
});

function ask(path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get({ port, path, agent }, (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (body += part));
      response.on('end', () => {
        resolve({ status: response.statusCode, connection: response.headers.connection, body });
      });
    }).on('error', reject);
  });
}

async function untilRendering(): Promise<ServerResponse> {
  while (rendering === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  return rendering;
}

test.each(['startup', 'ready', 'live'])('/health/%s answers without rendering', async (probe) => {
  expect(await ask(`/health/${probe}`)).toMatchObject({ status: 200, body: '{"status":"ok"}' });
  expect(rendering).toBeUndefined();
});

test('draining finishes the page in hand, ends its connection, and takes no new one', async () => {
  const page = ask('/');
  const response = await untilRendering();
  const drained = server.drain(5_000);
  await expect(ask('/health/ready')).rejects.toThrow('ECONNREFUSED');
  response.end('the page');
  expect(await page).toEqual({ status: 200, connection: 'close', body: 'the page' });
  await drained;
});

test('a response that was under way when draining began is finished too', async () => {
  const page = ask('/');
  const response = await untilRendering();
  response.write('the ');
  const drained = server.drain(5_000);
  response.end('page');
  expect(await page).toMatchObject({ status: 200, body: 'the page' });
  await drained;
});

test('draining cuts off what takes longer than its time', async () => {
  const page = ask('/');
  await untilRendering();
  await server.drain(50);
  await expect(page).rejects.toThrow('socket hang up');
});
