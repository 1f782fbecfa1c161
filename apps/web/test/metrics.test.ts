import { spawnSync } from 'node:child_process';
import type { Server } from 'node:http';
import { matchesGlob, relative } from 'node:path';

import { loadedByServer } from '../next.config';
import { type Answered, Metrics, routeOf, serveMetrics } from '../server/metrics';
import { TillServer } from '../server/till-server';

test.each([
  ['/', '/'],
  ['/icon.svg', '/icon.svg'],
  ['/_next/static/chunks/1a2b.js', '/_next'],
  ['/health/ready', '/health'],
  ['/metrics', 'unknown'],
  ['/wp-login.php', 'unknown'],
  ['/_nextish', 'unknown'],
  ['//evil.example/health/x', 'unknown'],
])('%s is of the route %s', (path, route) => {
  expect(routeOf(path)).toBe(route);
});

describe('the server', () => {
  let till: TillServer;
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
    await till.drain(0);
  });

  test('tells of each answer, with the status and the path that was asked for', async () => {
    const answers: Answered[] = [];
    till = new TillServer(
      (_request, response) => {
        response.writeHead(404).end('nothing here');
        return Promise.resolve();
      },
      (answered) => answers.push(answered),
    );
    const port = await till.listen(0);
    await (await fetch(`http://127.0.0.1:${port}/nowhere?of=interest`)).text();
    await (await fetch(`http://127.0.0.1:${port}/health/ready`, { method: 'POST' })).text();
    while (answers.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(answers).toMatchObject([
      { method: 'GET', path: '/nowhere', status: 404 },
      { method: 'POST', path: '/health/ready', status: 200 },
    ]);
    for (const { seconds } of answers) expect(seconds).toBeLessThan(5);
  });

  test('answers Prometheus on a port of its own, and there nothing else', async () => {
    const metrics = new Metrics();
    till = new TillServer((_request, response) => {
      response.writeHead(404).end();
      return Promise.resolve();
    });
    const [tillPort, port] = [await till.listen(0), 0];
    server = await serveMetrics(metrics, port);
    const address = server.address();
    const base = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
    metrics.observe({ method: 'GET', path: '/', status: 200, seconds: 0.02 });
    metrics.observe({ method: 'GET', path: '/.env', status: 404, seconds: 0.001 });
    metrics.observe({ method: 'GET', path: '/.git/config', status: 404, seconds: 0.001 });

    const text = await (await fetch(`${base}/metrics`)).text();
    expect(text).toContain('http_request_duration_seconds_count{method="GET",route="/",status="200"} 1');
    expect(text).toContain(
      'http_request_duration_seconds_count{method="GET",route="unknown",status="404"} 2',
    );
    expect(text).toContain('nodejs_eventloop_lag_seconds ');
    expect(text).not.toContain('.env');
    expect((await fetch(`${base}/`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${tillPort}/metrics`)).status).toBe(404);
  });
});

test('the standalone output has every file that the metrics load', () => {
  const script = "require('prom-client'); console.log(Object.keys(require.cache).join('\\n'))";
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  const loaded = stdout
    .trim()
    .split('\n')
    .map((file) => relative(process.cwd(), file));
  expect(loaded).toContain('node_modules/prom-client/index.js');
  expect(loaded.filter((file) => !loadedByServer.some((glob) => matchesGlob(file, glob)))).toEqual([]);
});
