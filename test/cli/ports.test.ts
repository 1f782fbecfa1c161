import { createServer, type Server } from 'node:net';
import { isTaken, requireFreePorts } from '../../cli/ports.ts';
import type { LocalPort } from '../../environments/local-ports.ts';
import { defined } from '../manifests.ts';
import { failureOf, withTools, type Tools } from './fakes.ts';

/** A server on a free port of this machine. */
function listen(): Promise<{ server: Server; port: number }> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      resolve({ server, port: address.port });
    });
  });
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });

let holder: { server: Server; port: number };
let free: readonly number[];

beforeAll(async () => {
  const servers = await Promise.all(Array.from({ length: 13 }, listen));
  const { port: taken } = (holder = defined(servers[0], 'server'));
  // Those next to the taken one are what a test is about.
  free = servers.map(({ port }) => port).filter((port) => port < taken || port > taken + 2);
  await Promise.all(servers.slice(1).map(({ server }) => close(server)));
});
afterAll(() => close(holder.server));

/** A free port for each field, but for those that are named. */
const ports = (own: Partial<Record<LocalPort, number>> = {}) => {
  const of = (index: number): number => defined(free[index], 'free port');
  return {
    http: of(0),
    https: of(1),
    api: of(2),
    web: of(3),
    mobile: of(4),
    apiDebug: of(5),
    webDebug: of(6),
    postgres: of(7),
    redis: of(8),
    kafka: of(9),
    ...own,
  };
};

const refusal = (own: Parameters<typeof ports>[0], tools: Tools = {}): Promise<string> =>
  withTools(tools, () => failureOf(() => requireFreePorts(ports(own))));

test('free ports pass', async () => {
  expect(await refusal({})).toBe('no error');
});

test('a port is taken while somebody listens on it, and free afterwards', async () => {
  const { server, port } = await listen();
  expect(await isTaken(port)).toBe(true);
  await close(server);
  expect(await isTaken(port)).toBe(false);
});

test('a taken port is named with its field and with another to choose', async () => {
  const { port } = holder;
  expect(await refusal({ redis: port })).toBe(
    `Port ${port} of this machine (localPorts.redis) is taken.\n` +
      `  Stop what holds it; or choose another port: a file with "localPorts: { redis: ${port + 1} }", ` +
      'named by ZAKPOS_CONFIG=<file> before the command.',
  );
});

test.each<[string, Tools, string]>([
  ['a container', { docker: 'echo zakpos-control-plane' }, 'the docker container zakpos-control-plane'],
  [
    'a process that ss knows',
    { docker: 'exit 1', ss: `echo 'LISTEN 0 511 *:1 *:* users:(("nginx",pid=4711,fd=18))'` },
    'nginx (process 4711)',
  ],
  ['a process that lsof knows', { lsof: `printf 'p4712\\ncpostgres\\nf5\\n'` }, 'postgres (process 4712)'],
])('who holds it is named: %s', async (_, tools, who) => {
  const [line] = (await refusal({ postgres: holder.port }, tools)).split('\n');
  expect(line).toBe(`Port ${holder.port} of this machine (localPorts.postgres) is taken by ${who}.`);
});

test('two fields with one port are refused, whether it is free or not', async () => {
  expect(await refusal({ web: 12345, kafka: 12345 })).toBe(
    'localPorts.web and localPorts.kafka are both 12345.\n' +
      '  Give each a port of its own in the file that ZAKPOS_CONFIG names.',
  );
});

test('the port to choose instead is none that another field has', async () => {
  const { port } = holder;
  const message = await refusal({ apiDebug: port, webDebug: port + 1 });
  expect(message).toContain(`"localPorts: { apiDebug: ${port + 2} }"`);
});
