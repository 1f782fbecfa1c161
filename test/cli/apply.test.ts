import { apply, compare } from '../../cli/apply.ts';
import { failureOf, FakeKubectl } from './fakes.ts';

interface Parts {
  readonly name?: string;
  readonly namespace?: string;
  readonly spec?: object;
  readonly status?: object;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly managedFields?: readonly object[];
}

const object = (kind: string, { name = 'api', namespace = 'zakpos', spec, status, ...rest }: Parts = {}) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, namespace, ...rest },
  spec: spec ?? { replicas: 1 },
  ...(status === undefined ? {} : { status }),
});

const unchanged = { created: [], changed: [], unchanged: 1 };

test('what was not there is created, in the order in which it was applied', () => {
  const after = [object('Service'), object('Deployment'), object('Deployment', { name: 'web' })];
  expect(compare([object('Deployment')], after)).toEqual({
    created: ['Service/api', 'Deployment/web'],
    changed: [],
    unchanged: 1,
  });
});

test('the same name in another namespace is another object', () => {
  expect(compare([object('Role', { namespace: 'other' })], [object('Role')]).created).toEqual(['Role/api']);
});

test.each<[string, Parts]>([
  ['spec', { spec: { replicas: 2 } }],
  ['labels', { labels: { tier: 'front' } }],
  ['annotations', { annotations: { note: 'new' } }],
])('an object with other %s is changed', (_, parts) => {
  expect(compare([object('Deployment')], [object('Deployment', parts)])).toEqual({
    created: [],
    changed: ['Deployment/api'],
    unchanged: 0,
  });
});

test('data of a ConfigMap counts, too', () => {
  const configMap = (text: string) => ({ ...object('ConfigMap'), data: { 'a.conf': text } });
  expect(compare([configMap('a')], [configMap('b')]).changed).toEqual(['ConfigMap/api']);
  expect(compare([configMap('a')], [configMap('a')])).toEqual(unchanged);
});

test.each<[string, Parts]>([
  ['its status', { status: { readyReplicas: 1 } }],
  ['the number of its rollout', { annotations: { 'deployment.kubernetes.io/revision': '2' } }],
  ['who wrote which field', { managedFields: [{ manager: 'kubectl' }] }],
])('an object with nothing new but %s is unchanged', (_, parts) => {
  expect(compare([object('Deployment')], [object('Deployment', parts)])).toEqual(unchanged);
});

test('what is there but was not applied is no change', () => {
  expect(compare([object('Deployment'), object('Job')], [object('Deployment')])).toEqual(unchanged);
});

describe('apply', () => {
  const files = ['/out/dev/00-a.yaml', '/out/dev/10-b.yaml'];
  const list = (...items: object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const kubectl = (before: string, after: string, stderr = '') =>
    new FakeKubectl(([verb]) => (verb === 'get' ? { stdout: before } : { stdout: after, stderr }));

  test('reads what kubectl prints of none, of one and of several objects', async () => {
    const one = JSON.stringify(object('Deployment'));
    const several = list(object('Deployment'), object('Service'));
    expect(await apply(kubectl('', one), files)).toMatchObject({ created: ['Deployment/api'] });
    expect(await apply(kubectl(one, several), files)).toMatchObject({
      created: ['Service/api'],
      unchanged: 1,
    });
    expect(await apply(kubectl(several, several), files)).toMatchObject({ unchanged: 2 });
  });

  test('tells the warnings of the API server, and nothing else that it says', async () => {
    const said = 'Warning: would violate PodSecurity "restricted"\nThrottling request took 1s';
    const { warnings } = await apply(kubectl('', list(), said), files);
    expect(warnings).toEqual(['Warning: would violate PodSecurity "restricted"']);
  });

  const verbs = ({ calls }: FakeKubectl): string[][] =>
    calls.map(({ args }) => [args[0] ?? '', ...args.filter((arg) => arg.startsWith('/'))]);

  test('makes CRDs known before what is made of them, and looks again at what was of no kind before', async () => {
    let isKnown = false;
    const fake = new FakeKubectl(([verb]) => {
      if (verb === 'get' && !isKnown) return { ok: false, stderr: 'no matches for kind "Middleware"' };
      isKnown ||= verb === 'wait';
      return { stdout: list(object('Deployment')) };
    });
    expect(await apply(fake, files, '/out/dev/crds')).toMatchObject({ created: [], unchanged: 1 });
    expect(verbs(fake)).toEqual([
      ['get', ...files],
      ['apply', '/out/dev/crds'],
      ['wait', '/out/dev/crds'],
      ['get', ...files],
      ['apply', ...files],
    ]);
  });

  test('looks once where all kinds are known, and waits for none', async () => {
    const fake = kubectl(list(object('Deployment')), list(object('Deployment')));
    await apply(fake, files, '/out/dev/crds');
    expect(verbs(fake)).toEqual([
      ['get', ...files],
      ['apply', '/out/dev/crds'],
      ['apply', ...files],
    ]);
  });

  test('says what to do about a field that must not change', async () => {
    const stderr =
      'The StatefulSet "zakpos-redis" is invalid: spec: Forbidden: updates to statefulset spec for fields';
    const fake = new FakeKubectl(([verb]) => (verb === 'get' ? {} : { ok: false, stderr }));
    expect(await failureOf(() => apply(fake, files))).toMatch(
      /^A field changed that Kubernetes does not let change: The StatefulSet "zakpos-redis".*\n {2}Put the old value back/,
    );
  });
});
