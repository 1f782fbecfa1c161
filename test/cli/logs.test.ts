/** Lines of logs: from several pods or from Loki, in the order of time, of one request, for people. */
import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { z } from 'zod';
import { componentsNamed, linesOf } from '../../cli/commands/logs.ts';
import { inOrder, mentions, pretty, readLine, timeOfNanoseconds, type LogLine } from '../../cli/log-lines.ts';
import { followNodes, linesOfLoki } from '../../cli/log-sources.ts';
import { configWith } from '../manifests.ts';
import { failureOf, FakeKubectl, type Answer } from './fakes.ts';

const api = { name: 'zakpos-api', namespace: 'zakpos' };
const ingress = { name: 'traefik', namespace: 'zakpos-system' };
const line = (text: string, at = '2026-11-21T14:34:32.867355064Z'): LogLine => ({
  at,
  pod: 'zakpos-api-1',
  container: 'api',
  text,
});

describe('a line of kubectl', () => {
  test('has its time, pod, container and text', () => {
    expect(readLine('[pod/zakpos-api-1/api] 2026-11-21T14:34:32.867355064Z {"a": "b c"}')).toEqual(
      line('{"a": "b c"}'),
    );
  });

  test.each([
    ['2026-11-21T14:34:32Z', '2026-11-21T14:34:32.000000000Z'],
    ['2026-11-21T14:34:32.5Z', '2026-11-21T14:34:32.500000000Z'],
    ['2026-11-21T15:34:32.5+01:00', '2026-11-21T14:34:32.500000000Z'],
  ])('of %s was written at %s', (time, at) => {
    expect(readLine(`[pod/p/c] ${time} x`)?.at).toBe(at);
  });

  test('may be empty', () => {
    expect(readLine('[pod/p/c] 2026-11-21T14:34:32Z ')?.text).toBe('');
    expect(readLine('[pod/p/c] 2026-11-21T14:34:32Z')?.text).toBe('');
  });

  test.each(['', 'error: container is waiting', '[pod/p/c] yesterday x', '2026-11-21T14:34:32Z x'])(
    'is not "%s"',
    (text) => {
      expect(readLine(text)).toBeUndefined();
    },
  );
});

test('lines are in the order of their times, and else as they came', () => {
  const [first, second, third] = [
    line('a', '2026-11-21T14:34:32.000000009Z'),
    line('b', '2026-11-21T14:34:32.000000010Z'),
    line('c', '2026-11-21T14:34:32.000000010Z'),
  ];
  expect(inOrder([second, third, first])).toEqual([first, second, third]);
  expect(timeOfNanoseconds('1795271672000000009')).toBe('2026-11-21T14:34:32.000000009Z');
});

test.each<[string, boolean]>([
  ['{"requestId":"till-7.1"}', true],
  ['{"downstream_X-Request-Id":"till-7.1","x":1}', true],
  ['request till-7.1 came', true],
  ['{"requestId":"till-7.12"}', false],
  ['{"requestId":"a-till-7.1"}', false],
  ['{"requestId":"till-7x1"}', false],
])('%s is of the request till-7.1: %s', (text, expected) => {
  expect(mentions(line(text), 'till-7.1')).toBe(expected);
});

test.each([
  ['text', 'text'],
  ['{broken', '{broken'],
  [
    '{"level":"info","time":"x","service":"s","msg":"request","status":201,"path":"/a b"}',
    'info request status=201 path="/a b"',
  ],
  ['{"level":"error","err":{"message":"no"}}', 'error err={"message":"no"}'],
  ['{"a":null,"b":""}', 'a=null b=""'],
])('%s is written as %s', (text, written) => {
  expect(pretty(line(text))).toBe(`2026-11-21T14:34:32.867Z zakpos-api-1/api ${written}`);
});

const podList = (...components: readonly string[]): Answer => ({
  stdout: JSON.stringify({
    items: components.map((name, i) => ({
      metadata: { name: `${name}-${i}`, labels: { 'app.kubernetes.io/name': name } },
      status: { phase: 'Running' },
    })),
  }),
});

describe('a component', () => {
  const config = configWith('dev');
  const kubectl = new FakeKubectl((args) =>
    args[1] === 'zakpos' ? podList('zakpos-api', 'zakpos-api', 'zakpos-web') : podList('traefik'),
  );

  test.each([
    [['api'], [api]],
    [
      ['zakpos-api', 'ingress'],
      [api, ingress],
    ],
    [['traefik'], [ingress]],
    [[], [api, { name: 'zakpos-web', namespace: 'zakpos' }, ingress]],
  ])('%j is found', async (names, expected) => {
    expect(await componentsNamed(kubectl, config, names)).toEqual(expected);
  });

  test('that no pod has is named with those that there are', async () => {
    expect(await failureOf(() => componentsNamed(kubectl, config, ['database']))).toBe(
      'No pod of "database" is in the cluster.\n  There are those of api, traefik, web.',
    );
    const empty = new FakeKubectl(() => podList());
    expect(await failureOf(() => componentsNamed(empty, config, ['api']))).toContain('`npm run up` brings');
  });
});

const written = (pod: string, second: number, text: string): string =>
  `[pod/${pod}/c] 2026-11-21T14:34:${String(second).padStart(2, '0')}Z ${text}`;

describe('from the nodes', () => {
  const config = configWith('dev');
  const kubectl = new FakeKubectl((args) => ({
    stdout: args.includes('app.kubernetes.io/name=traefik')
      ? [written('traefik-1', 2, 'second'), 'error: nothing'].join('\n')
      : [written('zakpos-api-1', 1, 'first'), written('zakpos-api-2', 3, 'third')].join('\n'),
  }));

  test('lines of several components are put together', async () => {
    const lines = await linesOf(kubectl, config, [api, ingress], { since: '600s' });
    expect(lines.map(({ text }) => text)).toEqual(['first', 'second', 'third']);
    expect(kubectl.calls.map(({ args }) => args.slice(0, 3).join(' '))).toEqual([
      '-n zakpos logs',
      '-n zakpos-system logs',
    ]);
    for (const { args } of kubectl.calls) {
      expect(args).toEqual(expect.arrayContaining(['--all-containers', '--since=600s', '--tail=-1']));
    }
  });

  test('are followed, those of pods that are there, until it is enough', async () => {
    const controller = new AbortController();
    const live = new FakeKubectl((args) => {
      if (args.includes('pods')) return podList('zakpos-api', 'zakpos-web');
      return { stdout: [written('zakpos-api-0', 2, 'later'), written('zakpos-api-0', 1, 'now')].join('\n') };
    });
    const seen: string[] = [];
    await followNodes(live, [api], '10s', controller.signal, (lines) => {
      seen.push(...lines.map(({ text }) => text));
      if (seen.length > 0) controller.abort();
    });
    expect(seen).toEqual(['now', 'later']);
    const followed = live.calls.filter(({ args }) => args.includes('--follow'));
    expect(followed.map(({ args }) => [args[3], args.at(-1)])).toEqual([['zakpos-api-0', '--since=10s']]);
  });
});

describe('a pod that is followed', () => {
  const first = '[pod/zakpos-api-0/api] 2026-11-21T14:34:32.1Z first';
  const second = '[pod/zakpos-api-0/api] 2026-11-21T14:34:33.1Z second';

  test('is followed on when its container is started anew, from its last line, and each line is told once', async () => {
    const controller = new AbortController();
    const lives = [first, [first, second].join('\n')];
    const live = new FakeKubectl((args) => {
      if (args.includes('pods')) return podList('zakpos-api');
      return { stdout: lives.shift() ?? '' };
    });
    const seen: string[] = [];
    await followNodes(live, [api], '10s', controller.signal, (lines) => {
      seen.push(...lines.map(({ text }) => text));
      if (seen.includes('second')) controller.abort();
    });
    expect(seen).toEqual(['first', 'second']);
    const begins = live.calls.filter(({ args }) => args.includes('--follow')).map(({ args }) => args.at(-1));
    expect(begins.slice(0, 2)).toEqual(['--since=10s', '--since-time=2026-11-21T14:34:32.100000000Z']);
  });

  test('whose log may not be read is said', async () => {
    const controller = new AbortController();
    const live = new FakeKubectl((args) =>
      args.includes('pods') ? podList('zakpos-api') : { stderr: 'pods/log is forbidden', ok: false },
    );
    const warned: string[] = [];
    await followNodes(
      live,
      [api],
      '10s',
      controller.signal,
      () => undefined,
      (text) => {
        warned.push(text);
        controller.abort();
      },
    );
    expect(warned[0]).toContain("The logs of zakpos-api-0 can't be followed: pods/log is forbidden");
  });
});

describe('from Loki', () => {
  const config = configWith('dev', { monitoring: { mode: 'bundled' } });
  const NOON = 1_795_262_400;
  type Entry = readonly [nanoseconds: string, text: string];
  const asked: URLSearchParams[] = [];

  /** A Loki with some lines of one container, asked as often as it takes. */
  async function withLoki<T>(entries: readonly Entry[], use: (url: string) => Promise<T>): Promise<T> {
    asked.length = 0;
    const server = createServer((request: IncomingMessage, response) => {
      const url = new URL(request.url ?? '', 'http://loki');
      asked.push(url.searchParams);
      const { start, end, limit } = z
        .object({ start: z.coerce.bigint(), end: z.coerce.bigint(), limit: z.coerce.number() })
        .parse(Object.fromEntries(url.searchParams));
      const values = entries.filter(([time]) => BigInt(time) >= start && BigInt(time) < end).slice(0, limit);
      const stream = { k8s_pod_name: 'zakpos-api-1', k8s_container_name: 'api', level: 'info' };
      response.writeHead(url.pathname === '/loki/api/v1/query_range' ? 200 : 404);
      response.end(
        JSON.stringify({ status: 'success', data: { resultType: 'streams', result: [{ stream, values }] } }),
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      return await use(`http://127.0.0.1:${address.port}`);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  }
  const at = (index: number): string => `${NOON}${String(index).padStart(9, '0')}`;

  test('all lines are read, page by page, each of them once', async () => {
    const entries = Array.from({ length: 12_000 }, (_, i): Entry => [at(i - (i % 2)), `line ${i}`]);
    const lines = await withLoki(entries, (url) =>
      linesOfLoki(url, [api], { since: NOON * 1000, containing: undefined }),
    );
    expect(lines).toHaveLength(12_000);
    expect(lines[0]).toEqual({
      at: '2026-11-21T12:00:00.000000000Z',
      pod: 'zakpos-api-1',
      container: 'api',
      text: 'line 0',
    });
    expect(asked.map((parameters) => parameters.get('limit'))).toEqual(['5000', '5000', '5000']);
  });

  test('is asked for the components, since when, and for what a line contains', async () => {
    const kubectl = (url: string) => new FakeKubectl(() => ({ stdout: url }));
    await withLoki([], (url) =>
      linesOf(kubectl(url), config, [api, ingress], { since: '60s', request: 'till-7"1' }),
    );
    const [parameters] = asked;
    expect(parameters?.get('query')).toBe(
      '{service_name=~"zakpos-api|traefik",k8s_namespace_name=~"zakpos|zakpos-system"} |= "till-7\\"1"',
    );
    const start = Number(parameters?.get('start')) / 1e9;
    expect(Math.abs(Date.now() / 1000 - 60 - start)).toBeLessThan(10);
  });

  test('that does not answer, they are taken from the nodes, which is said', async () => {
    const kubectl = new FakeKubectl((args) =>
      args.includes('port-forward')
        ? { ok: false, stderr: 'error: pods "zakpos-loki" not found' }
        : { stdout: written('zakpos-api-1', 1, 'from the node') },
    );
    const said: string[] = [];
    const lines = await linesOf(kubectl, config, [api], { since: '60s' }, (text) => said.push(text));
    expect(lines.map(({ text }) => text)).toEqual(['from the node']);
    expect(said.join()).toContain('pods "zakpos-loki" not found');
  });

  test('is not asked where it is not wanted', async () => {
    const kubectl = new FakeKubectl(() => ({ stdout: written('zakpos-api-1', 1, 'x') }));
    await linesOf(kubectl, config, [api], { since: '60s', nodes: true });
    expect(kubectl.calls.map(({ args }) => args[2])).toEqual(['logs']);
  });
});
