/** What Prometheus is told of pods and nodes, and by what server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { restartMetrics } from '../../discovery/restarts.ts';
import { nodeTargets, podTargets } from '../../discovery/targets.ts';
import { ROOT } from '../manifests.ts';

const pod = {
  metadata: {
    name: 'zakpos-api-7d9-x',
    namespace: 'zakpos',
    labels: { 'app.kubernetes.io/name': 'zakpos-api', other: 'x' },
  },
  spec: {
    containers: [
      { name: 'api', ports: [{ name: 'http', containerPort: 3000 }] },
      { name: 'helper' },
      { name: 'proxy', ports: [{ containerPort: 80 }, { name: 'metrics', containerPort: 9100 }] },
    ],
  },
  status: { phase: 'Running', podIP: '10.244.1.7' },
};
const node = (addresses: unknown, kubelet?: number) => ({
  metadata: { name: 'worker' },
  status: {
    addresses,
    ...(kubelet === undefined ? {} : { daemonEndpoints: { kubeletEndpoint: { Port: kubelet } } }),
  },
});

describe('a pod', () => {
  test('is a target by each of its ports, under the labels of Prometheus own discovery', () => {
    const found = podTargets({ items: [pod] });
    expect(found.map(({ targets }) => targets)).toEqual([
      ['10.244.1.7:3000'],
      ['10.244.1.7:80'],
      ['10.244.1.7:9100'],
    ]);
    expect(found[0]?.labels).toEqual({
      __meta_kubernetes_namespace: 'zakpos',
      __meta_kubernetes_pod_name: 'zakpos-api-7d9-x',
      __meta_kubernetes_pod_phase: 'Running',
      __meta_kubernetes_pod_label_app_kubernetes_io_name: 'zakpos-api',
      __meta_kubernetes_pod_container_name: 'api',
      __meta_kubernetes_pod_container_port_name: 'http',
    });
    expect(found[1]?.labels.__meta_kubernetes_pod_container_port_name).toBe('');
  });

  test('is none before it has an address, and one of IPv6 is in brackets', () => {
    expect(podTargets({ items: [{ ...pod, status: { phase: 'Pending' } }] })).toEqual([]);
    const [first] = podTargets({ items: [{ ...pod, status: { podIP: 'fd00::7' } }] });
    expect(first?.targets).toEqual(['[fd00::7]:3000']);
  });
});

test('a node is a target by its kubelet, at its address in the cluster', () => {
  const addresses = [
    { type: 'Hostname', address: 'worker' },
    { type: 'InternalIP', address: '172.18.0.3' },
  ];
  const labels = { __meta_kubernetes_node_name: 'worker' };
  expect(nodeTargets({ items: [node(addresses)] })).toEqual([{ targets: ['172.18.0.3:10250'], labels }]);
  expect(nodeTargets({ items: [node(addresses, 10_350)] })).toEqual([
    { targets: ['172.18.0.3:10350'], labels },
  ]);
  expect(nodeTargets({ items: [node([]), { metadata: { name: 'new' } }] })).toEqual([]);
});

test.each([undefined, null, 'text', { items: null }, { items: ['x', {}] }])(
  'an answer such as %j has no targets',
  (list) => {
    expect([...podTargets(list), ...nodeTargets(list)]).toEqual([]);
  },
);

test('a container has its restarts, and why it last ended, by the names of kube-state-metrics', () => {
  const told = {
    ...pod,
    status: {
      containerStatuses: [
        { name: 'api', restartCount: 4, lastState: { terminated: { reason: 'OOMKilled' } } },
        { name: 'helper', restartCount: 0, lastState: {} },
      ],
      initContainerStatuses: [{ name: 'migrate', restartCount: 1, lastState: {} }],
    },
  };
  const of = (container: string) => `namespace="zakpos",pod="zakpos-api-7d9-x",container="${container}"`;
  expect(restartMetrics([{ items: [told] }]).split('\n')).toEqual([
    '# TYPE kube_pod_container_status_restarts_total counter',
    `kube_pod_container_status_restarts_total{${of('api')}} 4`,
    `kube_pod_container_status_restarts_total{${of('helper')}} 0`,
    `kube_pod_container_status_restarts_total{${of('migrate')}} 1`,
    '# TYPE kube_pod_container_status_last_terminated_reason gauge',
    `kube_pod_container_status_last_terminated_reason{${of('api')},reason="OOMKilled"} 1`,
    '',
  ]);
});

describe('the server', () => {
  const asked: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
  let status = 200;
  let api: Server;
  let server: ChildProcess;
  let own = '';
  let said = '';

  const portOf = (listening: Server): number =>
    z.object({ port: z.number() }).parse(listening.address()).port;
  const get = async (path: string) => {
    const response = await fetch(`${own}${path}`);
    const body: unknown = await response.json();
    return { status: response.status, body };
  };

  beforeAll(async () => {
    api = createServer(({ url = '', headers }, response) => {
      asked.push({ url, headers });
      response.writeHead(status).end(JSON.stringify({ items: [pod] }));
    }).listen(0);
    await once(api, 'listening');
    const free = createServer().listen(0);
    await once(free, 'listening');
    const port = portOf(free);
    free.close();
    await once(free, 'close');
    own = `http://localhost:${port}`;
    const token = join(mkdtempSync(join(tmpdir(), 'zakpos-discovery-')), 'token');
    writeFileSync(token, 'a-token\n');
    server = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'discovery/server.ts')], {
      cwd: ROOT,
      env: {
        ...process.env,
        PORT: String(port),
        NAMESPACES: 'zakpos,zakpos-system',
        KUBERNETES_API: `http://localhost:${portOf(api)}`,
        TOKEN_FILE: token,
      },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    server.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    for (;;) {
      const up = await fetch(`${own}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (up) break;
      if (server.exitCode !== null) throw new Error(said);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  afterAll(async () => {
    server.kill('SIGTERM');
    await once(server, 'exit');
    api.close();
  });

  test('asks the API with the token, once for all that is asked at once, and answers with the targets', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => get('/pods/shop')));
    for (const answer of answers) expect(answer).toEqual({ status: 200, body: podTargets({ items: [pod] }) });
    expect(asked.map(({ url }) => url)).toEqual(['/api/v1/namespaces/shop/pods?resourceVersion=0']);
    expect(asked[0]?.headers.authorization).toBe('Bearer a-token');
  });

  test('tells how often containers of its namespaces were started anew', async () => {
    const response = await fetch(`${own}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await response.text()).toBe(restartMetrics([{ items: [pod] }, { items: [pod] }]));
    // Both at once, so that either may come first.
    expect(new Set(asked.slice(-2).map(({ url }) => url))).toEqual(
      new Set(['zakpos', 'zakpos-system'].map((name) => `/api/v1/namespaces/${name}/pods?resourceVersion=0`)),
    );
  });

  test('does not pass on any other question', async () => {
    const before = asked.length;
    for (const path of ['/', '/secrets', '/pods/', '/pods/zakpos/log', '/pods/..%2Fsecrets', '/pods/A'])
      expect((await get(path)).status).toBe(404);
    expect(asked.length).toBe(before);
  });

  test('is no answer while the API has none, so that Prometheus keeps what it knows, and says why', async () => {
    status = 403;
    expect((await get('/nodes')).status).toBe(502);
    status = 200;
    expect(await get('/nodes')).toEqual({ status: 200, body: [] });
    expect(said).toContain('GET nodes: 403');
    expect(said).not.toContain('a-token');
  });
});
