/** The API server is asked what it would make of the manifests, and nothing is written. */
import { compareWithCluster } from '../../cli/diff/cluster.ts';
import { dryRun } from '../../cli/diff/dry-run.ts';
import { reportOf } from '../../cli/diff/report.ts';
import type { Manifest } from '../../cli/environment.ts';
import { loadConfig } from '../../environments/load.ts';
import { z } from 'zod';
import { failureOf, FakeKubectl, type Answer } from './fakes.ts';

const object = (
  kind: string,
  name: string,
  spec: object = {},
  apiVersion = 'v1',
  namespace = 'zakpos',
): Manifest => ({
  apiVersion,
  kind,
  metadata: { name, namespace },
  spec,
});
const service = (name: string, spec: object = {}) => object('Service', name, spec);
const statefulSet = (size: string, image = 'postgres:16-alpine') =>
  object(
    'StatefulSet',
    'zakpos-postgres',
    {
      serviceName: 'postgres',
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: { app: 'postgres' } },
      template: { spec: { containers: [{ name: 'postgres', image }] } },
      volumeClaimTemplates: [
        { metadata: { name: 'data' }, spec: { resources: { requests: { storage: size } } } },
      ],
    },
    'apps/v1',
  );

const list = z.object({
  items: z.array(z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) })),
});
type Item = z.output<typeof list>['items'][number];

interface Cluster {
  readonly live?: readonly Manifest[];
  readonly namespaces?: readonly string[];
  /** What the API server says of an object that it refuses. */
  readonly refuses?: (item: Item) => string | undefined;
  readonly others?: (args: readonly string[]) => Answer | undefined;
}

const KINDS = `services        svc     v1             true    Service
secrets                 v1             true    Secret
statefulsets    sts     apps/v1        true    StatefulSet
ingressroutes           traefik.io/v1  true    IngressRoute`;

/** A cluster that would take what it is given as it is, but for what it refuses. */
const cluster = ({ live = [], namespaces = ['zakpos'], refuses = () => undefined, others }: Cluster) =>
  new FakeKubectl((args, input) => {
    const text = args.join(' ');
    const other = others?.(args);
    if (other !== undefined) return other;
    if (text === 'api-resources --no-headers') return { stdout: KINDS };
    if (text === 'get namespaces -o name')
      return { stdout: namespaces.map((name) => `namespace/${name}`).join('\n') };
    const items = input === undefined ? [] : list.parse(JSON.parse(input)).items;
    const print = (found: readonly object[]) => ({ stdout: JSON.stringify({ kind: 'List', items: found }) });
    if (text === 'get --ignore-not-found -o json -f -') {
      const names = items.map(({ metadata }) => metadata.name);
      return print(live.filter(({ metadata }) => names.includes(metadata.name)));
    }
    if (text === 'apply --server-side --force-conflicts --validate=false --dry-run=server -o json -f -') {
      const said = items.map(refuses).filter((each) => each !== undefined);
      return said.length === 0 ? print(items) : { ok: false, stderr: said.join('\n') };
    }
    return { stdout: text.includes('-o json') ? '{"items":[]}' : '' };
  });

const names = (objects: readonly { metadata: { name: string } }[]) =>
  objects.map(({ metadata }) => metadata.name);

test('what is there is compared with what the API server would make of the manifests', async () => {
  const kubectl = cluster({ live: [service('api', { a: 1 })] });
  const { before, after } = await dryRun(kubectl, [service('api', { a: 2 }), service('web')], []);
  expect([names(before), names(after)]).toEqual([['api'], ['api', 'web']]);
});

test('in a namespace that is not there, everything would be made, and it is not asked about', async () => {
  const kubectl = cluster({ namespaces: ['default'] });
  const { before, after, refused } = await dryRun(kubectl, [service('api'), service('web')], []);
  expect([before, names(after), refused]).toEqual([[], ['api', 'web'], []]);
  expect(kubectl.calls.map(({ args }) => args[0])).toEqual(['api-resources', 'get']);
});

test('a kind that nobody has defined is named, and the others go on; one that comes along is made', async () => {
  const definition = (group: string, kind: string): Manifest => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: kind },
    spec: { group, names: { kind } },
  });
  const objects = [
    object('Cluster', 'db', {}, 'postgresql.cnpg.io/v1'),
    object('Middleware', 'https', {}, 'traefik.io/v1alpha1'),
    object('IngressRoute', 'till', {}, 'traefik.io/v1alpha1'),
  ];
  const kubectl = cluster({});
  const { unknown, after } = await dryRun(kubectl, objects, [definition('traefik.io', 'Middleware')]);
  expect(names(unknown)).toEqual(['Middleware', 'db']);
  expect(names(after).sort()).toEqual(['https', 'till']);
});

test('what is refused is found among the others', async () => {
  const objects = Array.from({ length: 9 }, (_, i) => service(`s${i}`));
  const kubectl = cluster({
    refuses: ({ metadata: { name } }) =>
      ['s3', 's7'].includes(name)
        ? `The Service "${name}" is invalid: spec.clusterIP: field is immutable`
        : undefined,
  });
  const { refused, after } = await dryRun(kubectl, objects, []);
  expect(refused.map(({ wanted, said }) => [wanted.metadata.name, said])).toEqual([
    ['s3', 'The Service "s3" is invalid: spec.clusterIP: field is immutable'],
    ['s7', 'The Service "s7" is invalid: spec.clusterIP: field is immutable'],
  ]);
  expect(after).toHaveLength(7);
});

test.each([
  'Error from server (BadRequest): error when creating "STDIN": unknown field "spec.x"',
  'Error from server (Forbidden): pods "a" is forbidden: violates PodSecurity "restricted:latest"',
  'Error from server: error when creating "STDIN": admission webhook "x" denied the request: no owner',
])('%s is about the object', async (said) => {
  const kubectl = cluster({ refuses: ({ metadata: { name } }) => (name === 'a' ? said : undefined) });
  const { refused, after } = await dryRun(kubectl, [service('a'), service('b')], []);
  expect([refused.map((each) => each.said), names(after)]).toEqual([[said], ['b']]);
});

test.each([
  ['no answer', 'Unable to connect to the server: dial tcp 127.0.0.1:6443', /does not answer/],
  [
    'no right to ask',
    'Error from server (Forbidden): services "api" is forbidden: User "ci" cannot patch',
    /may not do this/,
  ],
  [
    'an admission that is away',
    'Error from server (InternalError): Internal error occurred: failed calling webhook "x": context deadline exceeded',
    /failed calling webhook/,
  ],
  ['an API server that is busy', 'Error from server (TooManyRequests): slow down', /slow down/],
  [
    'a failure beside a refusal',
    'The Service "a" is invalid: x\nError from server (ServiceUnavailable): wait',
    /wait/,
  ],
])('%s ends it at once', async (_, said, message) => {
  const kubectl = cluster({ refuses: () => said });
  expect(await failureOf(() => dryRun(kubectl, [service('a'), service('b'), service('c')], []))).toMatch(
    message,
  );
  expect(kubectl.calls.filter(({ args }) => args[0] === 'apply')).toHaveLength(1);
});

describe('in words', () => {
  const config = loadConfig('prod');
  const told = async (objects: readonly Manifest[], state: Cluster): Promise<string> => {
    const kubectl = cluster(state);
    const comparison = await compareWithCluster(
      config,
      { objects, definitions: [], digest: '' },
      { kubectl, onKind: false, flags: '--env prod --context fake' },
    );
    expect(
      kubectl.calls.filter(({ args }) => args[0] === 'apply' && !args.includes('--dry-run=server')),
    ).toEqual([]);
    return reportOf(comparison, { subject: 'prod' });
  };

  test('a claim that would grow comes with the command that grows it', async () => {
    const text = await told([statefulSet('40Gi')], {
      live: [statefulSet('20Gi')],
      refuses: () =>
        'The StatefulSet "zakpos-postgres" is invalid: spec: Forbidden: updates to statefulset spec',
    });
    expect(text).toContain(`Can't be changed
  StatefulSet zakpos-postgres: volumeClaimTemplates.data.size is "20Gi" in the cluster and would become "40Gi"
    Put the old value back; or \`npm run resize -- postgres --env prod --context fake\``);
  });

  test('anything else that is refused comes with what the API server says, but a Secret with nothing that it may quote', async () => {
    const live = [service('api'), object('Secret', 'zakpos-jwt')];
    const text = await told(live, {
      live,
      refuses: ({ metadata }) => `The ${metadata.name} is invalid: "hunter2": field is immutable`,
    });
    expect(text).toContain(
      'Service api: The api is invalid: "hunter2": field is immutable\n    Put the old value back; or `kubectl --context fake -n zakpos delete service api`',
    );
    expect(text).toContain('Secret zakpos-jwt: the API server refuses it\n    Put the old value back.');
  });

  test.each([
    [
      'what holds data',
      'StatefulSet "zakpos-postgres" is invalid: x: field is immutable',
      statefulSet('20Gi'),
    ],
    ['what is refused for something else', 'Service "api" is invalid: x: must be a number', service('api')],
  ])('nobody is told to delete %s', async (_, said, each) => {
    const text = await told([each], { live: [each], refuses: () => said });
    expect(text).toContain(said);
    expect(text).not.toContain('delete');
  });

  test('a database of another major version is no plain roll', async () => {
    const text = await told([statefulSet('20Gi', 'postgres:17-alpine')], { live: [statefulSet('20Gi')] });
    expect(text).toContain(`Can't be changed
  The database is one of PostgreSQL 16 (postgres:16-alpine), and the manifests have postgres:17-alpine: its server can't read those files.
    \`npm run upgrade -- postgres --env prod --context fake\` takes the data along`);
  });

  test('what up would prune, and Secrets that are missing', async () => {
    const text = await told([service('api')], {
      live: [service('api')],
      others: (args) =>
        args.includes('-l') && args.includes('zakpos')
          ? {
              stdout: JSON.stringify({
                items: [{ kind: 'Deployment', metadata: { name: 'old', namespace: 'zakpos' } }],
              }),
            }
          : undefined,
    });
    expect(text).toContain('Deleted by `npm run up`; kubectl leaves them\n  Deployment old');
    expect(text).toMatch(/Secrets to put right first\n {2}Secret zakpos-\S+ is missing \(used by /);
  });
});
