/** Each thing that keeps ZakPOS from working is found where it is, told with its fix, and not found where it isn't. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KindCluster } from '../../cli/cluster.ts';
import { clusterDns, networkPolicies, nodes, readiness, state } from '../../cli/doctor/cluster.ts';
import { dist, drift } from '../../cli/doctor/drift.ts';
import { examine, type Finding } from '../../cli/doctor/finding.ts';
import { checkout, disk, inotify, memory, node, tool } from '../../cli/doctor/machine.ts';
import { names, ports, proxy } from '../../cli/doctor/network.ts';
import { readManifests, ROOT } from '../../cli/environment.ts';
import { NODE_PORTS } from '../../environments/local-ports.ts';
import { loadConfig } from '../../environments/load.ts';
import { FakeKubectl, withTools, type Answer, type Tools } from './fakes.ts';

const config = loadConfig('dev');
const GIB = 2 ** 30;

/** Findings as one line each: outcome and fact, and the fix below it. */
const told = (found: Finding | readonly Finding[]): string =>
  [found]
    .flat()
    .map(({ outcome, fact, fix }) => `${outcome}: ${fact}${fix === undefined ? '' : `\n${fix}`}`)
    .join('\n');

describe('versions', () => {
  test('Node is measured by package.json', () => {
    expect(node('20.19.0').outcome).toBe('ok');
    expect(told(node('18.20.1'))).toMatch(
      /^problem: Node 18\.20\.1 is too old; 20\.19 is the oldest that works\./,
    );
  });

  test('a tool that is missing is a problem with its fix', async () => {
    const found = await withTools({}, () => examine('kind', () => tool('kind')));
    expect(told(found)).toMatch(/^problem: kind is not installed, or not in PATH\.\nInstall kind/);
    const there = await withTools({ kind: 'echo kind v0.31.0' }, () => examine('kind', () => tool('kind')));
    expect(told(there)).toBe('ok: 0.31.0');
  });
});

describe('memory and disk', () => {
  const docker = (total: number) => ({ MemTotal: total * GIB, DockerRootDir: '/docker' });
  const objects = [
    {
      kind: 'Deployment',
      metadata: { name: 'api' },
      spec: {
        replicas: 2,
        template: { spec: { containers: [{ resources: { requests: { memory: '512Mi' } } }] } },
      },
    },
  ];

  test.each<[string, number, number, string]>([
    ['enough', 8, 4, 'ok: docker has 8.0 GiB; Kubernetes and the pods ask for 2.0 GiB'],
    ['too little in docker', 1.5, 4, 'problem: docker has 1.5 GiB; Kubernetes and the pods ask for 2.0 GiB.'],
    ['too little that is free', 8, 1, 'advice: .* and 1.0 GiB of this machine are free.'],
  ])('%s', (_, total, available, fact) => {
    expect(told(memory(docker(total), objects, available * GIB))).toMatch(new RegExp(`^${fact}`));
  });

  test.each<[string, number | undefined, boolean, string]>([
    ['enough', 20, false, 'ok: 20.0 GiB are free in /docker'],
    ['too little for the images', 5, false, 'problem: 5.0 GiB are free in /docker; 12.0 GiB are needed.'],
    ['enough once they are there', 5, true, 'ok'],
    ['too little even then', 1, true, 'problem: 1.0 GiB are free in /docker; 3.0 GiB are needed.'],
    ['in a machine of its own', undefined, false, 'left out'],
  ])('disk: %s', async (_, free, hasCluster, fact) => {
    const freeOf = () => Promise.resolve(free === undefined ? undefined : free * GIB);
    expect(told(await disk(docker(8), hasCluster, freeOf))).toMatch(new RegExp(`^${fact}`));
  });
});

describe('files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zakpos-doctor-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const limits = (watches: number, instances: number): Finding => {
    writeFileSync(join(folder, 'max_user_watches'), `${watches}\n`);
    writeFileSync(join(folder, 'max_user_instances'), `${instances}\n`);
    return inotify(folder);
  };

  test('a low limit of inotify is named with the command that raises it', () => {
    expect(limits(524_288, 512).outcome).toBe('ok');
    expect(told(limits(524_288, 128))).toMatch(
      /^advice: fs\.inotify\.max_user_instances is 128, and kind asks for 512.*\n`sudo sysctl fs\.inotify\.max_user_instances=512`/,
    );
    expect(inotify(join(folder, 'absent')).outcome).toBe('left out');
  });

  test('a checkout on a drive of Windows is a problem under WSL alone', () => {
    expect(told(checkout('/mnt/c/src/zakpos', 'wsl'))).toMatch(/^problem: .* is on a drive of Windows/);
    expect(checkout('/mnt/c/src/zakpos', 'linux').outcome).toBe('ok');
    expect(checkout('/mnt/cache/zakpos', 'wsl').outcome).toBe('ok');
  });

  test('a file system that does not tell capitals from small letters is told of', () => {
    expect(checkout(folder, 'macos').outcome).toBe('ok');
    writeFileSync(join(folder, 'PACKAGE.JSON'), '{}');
    expect(checkout(folder, 'macos').outcome).toBe('advice');
  });
});

describe('names', () => {
  const resolving = (known: Readonly<Record<string, string>>) => (name: string) => {
    const address = known[name];
    return Promise.resolve(address === undefined ? [] : [address]);
  };
  const LOOPBACK = {
    localhost: '127.0.0.1',
    'zakpos.localhost': '::1',
    'mobile.zakpos.localhost': '127.0.0.1',
  };

  test('lead to this machine, or are known to browsers alone', async () => {
    expect(told(await names(config, resolving(LOOPBACK)))).toMatch(
      /^ok: localhost, zakpos\.localhost, .* lead to/,
    );
    expect(told(await names(config, resolving({ localhost: '127.0.0.1' })))).toBe(
      'ok: nobody captures it; zakpos.localhost, mobile.zakpos.localhost are known to browsers and curl alone',
    );
  });

  test('that somebody captures are named with where they lead', async () => {
    const found = await names(config, resolving({ ...LOOPBACK, 'zakpos.localhost': '10.8.0.1' }));
    expect(told(found)).toMatch(
      /^problem: zakpos\.localhost leads to 10\.8\.0\.1 and not to this machine.*\n.*"127\.0\.0\.1 zakpos\.localhost"/,
    );
  });

  test('that nobody has and that are answered for all the same', async () => {
    const found = await names(config, resolving({ ...LOOPBACK, 'zakpos-doctor.invalid': '192.0.2.1' }));
    expect(told(found)).toMatch(/^problem: A name that can't exist leads to 192\.0\.2\.1/);
  });
});

test.each<[string, Record<string, string>, Finding['outcome']]>([
  ['none', {}, 'ok'],
  ['one without exceptions', { HTTPS_PROXY: 'http://proxy:3128' }, 'problem'],
  ['one in small letters', { http_proxy: 'http://proxy:3128' }, 'problem'],
  ['one that spares something else', { HTTP_PROXY: 'http://proxy', NO_PROXY: 'example.com' }, 'problem'],
  ['one that spares this machine', { HTTP_PROXY: 'http://proxy', no_proxy: 'localhost, 127.0.0.1' }, 'ok'],
  ['one that spares a whole range', { HTTP_PROXY: 'http://proxy', NO_PROXY: '.localhost,127.0.0.0/8' }, 'ok'],
  ['one that spares all', { HTTP_PROXY: 'http://proxy', NO_PROXY: '*' }, 'ok'],
])('proxy: %s', (_, variables, outcome) => {
  expect(proxy(variables).outcome).toBe(outcome);
});

test('each port that is taken is a problem of its own', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const found = await withTools({ docker: 'echo other-postgres' }, () => ports({ postgres: address.port }));
  expect(told(found)).toContain(
    `problem: Port ${address.port} of this machine (localPorts.postgres) is taken by the docker container other-postgres.\nStop`,
  );
  server.close();
  await new Promise((resolve) => server.once('close', resolve));
  expect(told(await ports({ postgres: address.port }))).toBe(`ok: ${address.port} are free`);
});

describe('the cluster', () => {
  const kind = new KindCluster('zakpos');

  test('that is not there leaves it out, and one that is stopped is a problem', () => {
    expect(told(state(kind, 'absent'))).toBe(
      'left out: There is no kind cluster "zakpos". Make it with `npm run up -- --env dev`.',
    );
    expect(told(state(kind, 'stopped'))).toBe(
      'problem: The kind cluster "zakpos" is stopped.\nStart it with `npm run up -- --env dev`.',
    );
    expect(state(kind, 'ours').outcome).toBe('ok');
  });

  interface Node {
    readonly binds?: readonly string[];
    readonly address?: string;
    readonly ready?: string;
    readonly http?: number;
  }
  const tools = ({
    binds = [`${join(ROOT, 'apps')}:/zakpos/apps`],
    address = '172.18.0.2',
    ready = 'True',
    http = 80,
  }: Node): Tools => {
    const own = { ...config.localPorts, http };
    const bindings = Object.fromEntries(
      Object.entries(NODE_PORTS).flatMap(([field, port]) => {
        const found = Object.entries(own).find(([name]) => name === field);
        return found === undefined ? [] : [[`${port}/tcp`, [{ HostPort: String(found[1]) }]]];
      }),
    );
    const container = {
      Name: '/zakpos-control-plane',
      HostConfig: { Binds: binds },
      NetworkSettings: { Networks: { kind: { IPAddress: '172.18.0.2' } } },
    };
    const item = {
      metadata: { name: 'zakpos-control-plane' },
      status: {
        addresses: [{ type: 'InternalIP', address }],
        conditions: [{ type: 'Ready', status: ready, message: 'kubelet stopped posting node status' }],
      },
    };
    return {
      docker: `case "$*" in ps*) echo control-plane zakpos-control-plane running;; *PortBindings*) echo '${JSON.stringify(bindings)}';; inspect*) echo '${JSON.stringify([container])}';; esac`,
      kubectl: `echo '${JSON.stringify({ items: [item] })}'`,
    };
  };

  test.each<[string, Node, RegExp]>([
    ['as it was made', {}, /^ok: 1, as they were made$/],
    [
      'with other ports',
      { http: 8080 },
      /^problem: The kind cluster "zakpos" was made with other ports: localPorts\.http is 80, in the cluster 8080/,
    ],
    [
      'of another checkout',
      { binds: ['/elsewhere/apps:/zakpos/apps'] },
      /^problem: .* was made without \S+\/apps:\/zakpos\/apps/,
    ],
    [
      'with another address',
      { address: '172.18.0.7' },
      /^problem: The node zakpos-control-plane was restarted with the address 172\.18\.0\.2, and the cluster knows it by 172\.18\.0\.7\.\n`docker restart/,
    ],
    [
      'that is not ready',
      { ready: 'Unknown' },
      /^problem: The node zakpos-control-plane is not ready: kubelet stopped posting/,
    ],
  ])('%s', async (_, found, said) => {
    expect(told(await withTools(tools(found), () => examine('nodes', () => nodes(kind, config))))).toMatch(
      said,
    );
  });

  /** Pods that are ready, and what a shell says in each. */
  const cluster = (says: Readonly<Record<string, string>>) =>
    new FakeKubectl((args): Answer => {
      const [, workload] = /name=(\S+)/.exec(args.join(' ')) ?? [];
      if (workload === undefined) return { stdout: says[args[3] ?? ''] ?? '' };
      const pod = `${workload}-0`;
      const conditions = [{ type: 'Ready', status: 'True' }];
      const items =
        pod in says ? [{ metadata: { name: pod }, status: { podIP: '10.244.0.5', conditions } }] : [];
      return { stdout: JSON.stringify({ items }) };
    });

  test.each<[string, Record<string, string>, Finding['outcome']]>([
    ['a connection that is denied', { 'zakpos-postgres-0': 'open', 'zakpos-redis-0': 'closed' }, 'ok'],
    ['a connection that is not', { 'zakpos-postgres-0': 'open', 'zakpos-redis-0': 'open' }, 'problem'],
    [
      'a server that nobody could reach',
      { 'zakpos-postgres-0': 'closed', 'zakpos-redis-0': 'closed' },
      'left out',
    ],
    ['a pod that says nothing', { 'zakpos-postgres-0': 'open', 'zakpos-redis-0': '' }, 'left out'],
    ['no pod to try from', { 'zakpos-postgres-0': 'open' }, 'left out'],
  ])('network policies: %s', async (_, says, outcome) => {
    expect((await networkPolicies(cluster(says), config)).outcome).toBe(outcome);
  });

  test.each<[string, Record<string, string>, Finding['outcome']]>([
    ['an answer', { 'zakpos-api-0': '10.96.0.1 kubernetes.default' }, 'ok'],
    ['none', { 'zakpos-api-0': 'unknown' }, 'problem'],
    ['no program to ask with', { 'zakpos-api-0': '' }, 'left out'],
    ['nobody to ask', {}, 'left out'],
  ])('DNS inside: %s', async (_, says, outcome) => {
    expect((await clusterDns(cluster(says), config)).outcome).toBe(outcome);
  });

  test('components that are not ready are named', () => {
    expect(readiness([], '--env dev').outcome).toBe('ok');
    expect(told(readiness(['zakpos-api'], '--env dev'))).toBe(
      'problem: Not ready: zakpos-api.\n`npm run status -- --env dev` says why.',
    );
  });
});

describe('drift', () => {
  test('of dist from the sources', () => {
    const folder = mkdtempSync(join(tmpdir(), 'zakpos-doctor-'));
    process.env.CDK8S_OUTDIR = folder;
    try {
      const rendered = { objects: [], definitions: [], digest: 'another' };
      expect(dist(config, rendered).outcome).toBe('left out');
      mkdirSync(join(folder, 'dev'));
      writeFileSync(join(folder, 'dev/00-namespace.yaml'), 'kind: Namespace\nmetadata: { name: zakpos }\n');
      expect(told(dist(config, rendered))).toMatch(/^advice: .*\/dev is older than the sources/);
      const { digest } = readManifests(join(folder, 'dev'));
      expect(dist(config, { ...rendered, digest }).outcome).toBe('ok');
    } finally {
      delete process.env.CDK8S_OUTDIR;
      rmSync(folder, { recursive: true });
    }
  });

  test('of the cluster from what is rendered, with the first few by name', () => {
    const changes = Array.from({ length: 7 }, (_, i) => ({ kind: 'Service', name: `s${i}` }));
    expect(drift({ changes: [], facts: [], compared: 9 }, '--env dev').outcome).toBe('ok');
    expect(told(drift({ changes, facts: [], compared: 9 }, '--env dev'))).toBe(
      'problem: The cluster is not what is rendered: Service s0, Service s1, Service s2, Service s3, Service s4 and 2 more.\n' +
        '`npm run diff -- --env dev` shows how, `npm run up -- --env dev` applies it.',
    );
  });
});
