import { connections } from '../../../cli/verify/connections.ts';
import { configWith } from '../../manifests.ts';
import { contextOf, Failure, LINE, list, told, type Answers } from './world.ts';

const IPS: Readonly<Record<string, string>> = {
  'zakpos-api': '10.0.0.1',
  'zakpos-web': '10.0.0.2',
  'zakpos-redis': '10.0.0.3',
  'zakpos-reports': '10.0.0.4',
  traefik: '10.0.1.1',
};
const pods = (namespace: string, names: readonly string[], ready = 'True') =>
  list(
    ...names.map((name) => ({
      metadata: { name: `${name}-0`, namespace, labels: { 'app.kubernetes.io/name': name } },
      status: { podIP: IPS[name], hostIP: '172.18.0.3', conditions: [{ type: 'Ready', status: ready }] },
    })),
  );
const PRODUCT = Object.keys(IPS).filter((name) => name !== 'traefik');

/** What the arrows of dev let through between these pods. */
const ARROWS = [
  'zakpos-api 10.0.0.3 6379',
  'traefik 10.0.0.1 3000',
  'traefik 10.0.0.2 3000',
  'traefik 10.96.0.1 443',
];

/** A network that lets these through, for pods whose scripts try what they name. */
const network = (lets: readonly string[], more: Answers = []): Answers => [
  ...more,
  [/-n kube-system get pods/, list()],
  [/-n zakpos-system get pods/, pods('zakpos-system', ['traefik'])],
  [/-n zakpos get pods/, pods('zakpos', PRODUCT)],
  [/get service kubernetes/, { spec: { clusterIP: '10.96.0.1' } }],
  [/get endpointslices/, list({ endpoints: [{ addresses: ['172.18.0.2'] }] })],
  [
    /exec \S+ -- sh -c/,
    (text) => {
      const [, from = ''] = /exec (\S+)-\d /.exec(text) ?? [];
      const numbers = [...text.matchAll(/^t (\d+) (\S+) (\d+) &$/gm)].flatMap(
        ([, number = '', ip = '', port = '']) => (lets.includes(`${from} ${ip} ${port}`) ? [number] : []),
      );
      return [...numbers, 'all tried'].join('\n');
    },
  ],
];
const judge = (answers: Answers) => connections.run(contextOf(answers), LINE);

test('pass when each arrow answers, and nothing else does', async () => {
  const verdict = await judge(network(ARROWS));
  expect(verdict).toMatchObject({ state: 'passed', findings: [] });
  // From five pods to Redis, the API, the till and the Kubernetes API, but for themselves and the arrows.
  expect(verdict.words).toBe('4 arrows answered, 13 other connections refused');
});

test('try nothing that no policy is asked about: a pod and the node that it is on', async () => {
  const onNode = list({ endpoints: [{ addresses: ['172.18.0.3'] }] });
  const verdict = await judge(network(ARROWS, [[/get endpointslices/, onNode]]));
  // Four pods fewer are tried against the Kubernetes API; Traefik's arrow to it still is.
  expect(verdict.words).toBe('4 arrows answered, 9 other connections refused');
});

test('fail for an arrow that does not answer', async () => {
  const verdict = await judge(network(ARROWS.slice(1)));
  expect(verdict.state).toBe('failed');
  expect(told(verdict)).toEqual([
    'zakpos-api to zakpos-redis:6379 does not connect within 3 s, though the architecture has it',
  ]);
});

/** Pods of one workload, at 10.0.3.0 and after, beside the API. */
const beside = (name: string, count: number) =>
  list(
    ...[{ name: 'zakpos-api', pod: 'zakpos-api-0', ip: '10.0.0.1' }]
      .concat(Array.from({ length: count }, (_, i) => ({ name, pod: `${name}-${i}`, ip: `10.0.3.${i}` })))
      .map(({ name, pod, ip }) => ({
        metadata: { name: pod, namespace: 'zakpos', labels: { 'app.kubernetes.io/name': name } },
        status: { podIP: ip, conditions: [{ type: 'Ready', status: 'True' }] },
      })),
  );

describe('where a workload has several pods', () => {
  const redis: Answers = [
    [/-n zakpos get pods/, beside('zakpos-redis', 3)],
    [/-n zakpos-system get pods/, list()],
  ];
  const toApi = (i: number) => `zakpos-api 10.0.3.${i} 6379`;

  test('each of them has to answer', async () => {
    expect(told(await judge(network([0, 1, 2].map(toApi), redis)))).toEqual([]);
    expect(told(await judge(network([toApi(1)], redis)))).toEqual([
      'zakpos-api to zakpos-redis:6379 does not connect to zakpos-redis-0, zakpos-redis-2 within 3 s, though the architecture has it',
    ]);
  });

  describe('of which one leads', () => {
    const config = configWith('dev', { zookeeper: { replicas: 3 } });
    const zookeeper: Answers = [
      [/-n zakpos get pods/, beside('zakpos-zookeeper', 3)],
      [/-n zakpos-system get pods/, list()],
    ];
    const among = (port: number, ends: readonly number[]) =>
      ends.map((i) => `zakpos-zookeeper 10.0.3.${i} ${port}`);
    const judgeEnsemble = (lets: readonly string[]) =>
      connections.run(contextOf(network(lets, zookeeper), { config }), LINE);

    test('only that one has to answer on its port', async () => {
      const verdict = await judgeEnsemble([...among(2888, [1]), ...among(3888, [0, 1, 2])]);
      expect(told(verdict)).toEqual([]);
      // The API is refused at the leader's port, and at that for elections of the first.
      expect(verdict.words).toBe('2 arrows answered, 2 other connections refused');
      expect(told(await judgeEnsemble(among(3888, [0, 1, 2])))).toEqual([
        'zakpos-zookeeper to zakpos-zookeeper:2888 does not connect within 3 s, though the architecture has it',
      ]);
    });

    test('nobody else reaches it, whichever that is', async () => {
      const lets = [...among(2888, [2]), ...among(3888, [0, 1, 2]), 'zakpos-api 10.0.3.2 2888'];
      expect(told(await judgeEnsemble(lets))).toEqual([
        'zakpos-api to zakpos-zookeeper:2888 connects, though the architecture has no such arrow',
      ]);
    });
  });
});

test('fail for a connection that there is no arrow for', async () => {
  const verdict = await judge(network([...ARROWS, 'zakpos-web 10.0.0.3 6379']));
  expect(told(verdict)).toEqual([
    'zakpos-web to zakpos-redis:6379 connects, though the architecture has no such arrow',
  ]);
});

test('count no refusal by who answers nobody', async () => {
  const verdict = await judge(network(ARROWS.slice(1)));
  // Nobody has seen Redis answer, so that three who were refused prove nothing.
  expect(verdict.words).toBe('3 arrows answered, 10 other connections refused');
});

test('name pods whose images have nothing to try with', async () => {
  const none = new Failure('OCI runtime exec failed: exec: "sh": executable file not found in $PATH');
  expect((await judge(network(ARROWS, [[/exec zakpos-web-0/, none]]))).words).toMatch(
    /; nothing to try with in zakpos-web$/,
  );
  expect((await judge(network(ARROWS, [[/exec zakpos-web-0/, 'nothing to try with']]))).words).toMatch(
    /; nothing to try with in zakpos-web$/,
  );
});

test('end at a call that fails for another reason', async () => {
  const lost = new Failure('The connection to the server was refused');
  await expect(judge(network(ARROWS, [[/exec zakpos-web-0/, lost]]))).rejects.toThrow('does not answer');
});

test('take nothing for refused that may not have been tried, though kubectl succeeds', async () => {
  await expect(judge(network(ARROWS, [[/exec zakpos-web-0/, '1\n3']]))).rejects.toThrow(
    'The connection to zakpos-web-0 was lost',
  );
});
