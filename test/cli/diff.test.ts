/** What would change is told in words, then as YAML; defaults, bookkeeping and values of Secrets are not. */
import { z } from 'zod';
import { changesBetween } from '../../cli/diff/changes.ts';
import { differingFields } from '../../cli/diff/fields.ts';
import { isEmpty, reportOf, type Comparison } from '../../cli/diff/report.ts';
import type { Manifest } from '../../cli/environment.ts';

const object = (kind: string, name: string, parts: object = {}, metadata: object = {}): Manifest => ({
  apiVersion: kind === 'Deployment' || kind === 'StatefulSet' ? 'apps/v1' : 'v1',
  kind,
  metadata: { name, namespace: 'zakpos', ...metadata },
  ...parts,
});

interface Parts {
  readonly image?: string;
  readonly env?: readonly object[];
  readonly checksum?: string;
  readonly memory?: string;
  readonly replicas?: number;
}
const deployment = ({ image = 'api:1', env = [], checksum = 'a', memory = '1Gi', replicas }: Parts = {}) =>
  object('Deployment', 'zakpos-api', {
    spec: {
      replicas,
      template: {
        metadata: { annotations: { 'zakpos.io/config-checksum': checksum } },
        spec: {
          containers: [{ name: 'api', image, env, resources: { limits: { memory } } }],
          volumes: [
            { name: 'config', configMap: { name: 'zakpos-api' } },
            { name: 'password', projected: { sources: [{ secret: { name: 'zakpos-jwt' } }] } },
          ],
        },
      },
    },
  });
const configMap = (text: string, name = 'zakpos-api') =>
  object('ConfigMap', name, { data: { 'api.json': text } });
const secret = (data: Readonly<Record<string, string>>) => object('Secret', 'zakpos-jwt', { data });

const compare = (before: readonly Manifest[], after: readonly Manifest[]): Comparison => ({
  changes: changesBetween(before, after),
  facts: [],
  compared: after.length,
});
const report = (before: readonly Manifest[], after: readonly Manifest[], markdown = false): string =>
  reportOf(compare(before, after), { subject: 'dev', markdown });
/** The words, without the YAML. */
const words = (before: readonly Manifest[], after: readonly Manifest[]): string[] =>
  (report(before, after).split('\n\n---')[0] ?? '').split('\n').filter(Boolean).slice(1);

describe('nothing would change', () => {
  test('and that is said', () => {
    const comparison = compare([deployment()], [deployment()]);
    expect(isEmpty(comparison)).toBe(true);
    expect(reportOf(comparison, { subject: 'dev' })).toBe(
      'Nothing would change: 1 objects of dev are as they are rendered.',
    );
  });

  test('where the API server and controllers have only kept their books', () => {
    const kept = {
      ...deployment(),
      metadata: {
        name: 'zakpos-api',
        namespace: 'zakpos',
        uid: '1',
        generation: 4,
        resourceVersion: '77',
        creationTimestamp: '2026-11-22T06:00:00Z',
        managedFields: [{ manager: 'kubectl' }],
        annotations: { 'deployment.kubernetes.io/revision': '3' },
      },
      status: { readyReplicas: 1 },
    };
    expect(isEmpty(compare([kept], [deployment()]))).toBe(true);
  });

  test('where only the version differs in which a kind is written down, that is told of the same object', () => {
    const [change] = changesBetween(
      [{ ...object('HorizontalPodAutoscaler', 'api'), apiVersion: 'autoscaling/v1' }],
      [{ ...object('HorizontalPodAutoscaler', 'api'), apiVersion: 'autoscaling/v2' }],
    );
    expect(change?.before).toBeDefined();
    expect(change?.after).toBeDefined();
  });
});

describe('what is rolled comes with the reason', () => {
  test.each<[string, Parts, string]>([
    ['an image', { image: 'api:2' }, 'image api:1 → api:2'],
    ['a variable', { env: [{ name: 'LOG_LEVEL', value: 'debug' }] }, 'env LOG_LEVEL of api'],
    ['a limit', { memory: '2Gi' }, 'containers.api.resources.limits.memory 1Gi → 2Gi'],
    ['contents that nothing else tells of', { checksum: 'b' }, 'configuration'],
  ])('%s', (_, parts, reason) => {
    const before = deployment({ env: [{ name: 'LOG_LEVEL', value: 'info' }] });
    const after = deployment({ env: [{ name: 'LOG_LEVEL', value: 'info' }], ...parts });
    expect(words([before], [after])).toEqual([
      'Rolled: their pods are replaced',
      `  Deployment zakpos-api: ${reason}`,
    ]);
  });

  test('of changed contents, those that its pods use are named, with their keys', () => {
    const before = [deployment(), configMap('{}'), configMap('{}', 'zakpos-web'), secret({ secret: 'b2xk' })];
    const after = [
      deployment({ checksum: 'b' }),
      configMap('{"a":1}'),
      configMap('{"a":1}', 'zakpos-web'),
      secret({ secret: 'bmV3' }),
    ];
    expect(words(before, after).slice(0, 2)).toEqual([
      'Rolled: their pods are replaced',
      '  Deployment zakpos-api: ConfigMap zakpos-api (api.json), Secret zakpos-jwt (secret)',
    ]);
  });
});

test('what rolls nothing is told apart: pods more or less, other fields, labels alone', () => {
  const before = [
    deployment({ replicas: 1 }),
    object('Service', 'zakpos-api', { spec: { type: 'ClusterIP' } }),
    object('Role', 'zakpos-api', {}, { labels: { tier: 'back' } }),
  ];
  const after = [
    deployment({ replicas: 3 }),
    object('Service', 'zakpos-api', { spec: { type: 'NodePort' } }),
    object('Role', 'zakpos-api', {}, { labels: { tier: 'front' } }),
  ];
  expect(words(before, after)).toEqual([
    'Scaled',
    '  Deployment zakpos-api: replicas 1 → 3',
    'Changed in place',
    '  Service zakpos-api: type ClusterIP → NodePort',
    'Only labels or annotations change',
    '  Role zakpos-api: metadata.labels.tier back → front',
  ]);
});

test('what comes and goes is listed by kind; a Job runs, and a claim stays', () => {
  const before = [configMap('{}', 'old'), configMap('{}', 'older'), object('PersistentVolumeClaim', 'data')];
  const after = [object('Service', 'web'), object('Service', 'api'), object('Job', 'topics-1a2b')];
  expect(words(before, after)).toEqual([
    'Run once',
    '  Job topics-1a2b',
    'Created',
    '  Service web, api',
    'Deleted by `npm run up`; kubectl leaves them',
    '  ConfigMap old, older',
    'No longer rendered, and there until somebody deletes them',
    '  PersistentVolumeClaim data',
  ]);
});

describe('YAML', () => {
  test('is a patch of what is there, in the order of the alphabet on both sides', () => {
    const before = object('Service', 'api', { spec: { type: 'ClusterIP', ports: [{ port: 1 }] } });
    const after = object('Service', 'api', { spec: { ports: [{ port: 2 }], type: 'ClusterIP' } });
    const [, patch] = report([before], [after]).split('\n\n---');
    expect(patch?.split('\n').filter((line) => /^[+-]/.test(line))).toEqual([
      '+++ Service/api\tafter',
      '-    - port: 1',
      '+    - port: 2',
    ]);
  });

  test('of a first apply there is none', () => {
    expect(report([], [deployment(), configMap('{}')])).not.toContain('---');
  });
});

test('no value of a Secret is shown, only its keys and whether they change', () => {
  const before = { same: 'c2FtZQ==', changed: 'b2xk', removed: 'Z29uZQ==' };
  const after = { same: 'c2FtZQ==', changed: 'bmV3', added: 'bW9yZQ==' };
  const text = report([secret(before), configMap('{}')], [secret(after), configMap('{}')]);
  for (const value of [...Object.values(before), ...Object.values(after)]) expect(text).not.toContain(value);
  expect(text).toContain('Secret zakpos-jwt: data.changed, data.removed is removed, data.added is added');
  const shown = text.split('\n').filter((line) => /^[ +-] {2}\w.*\)$/.test(line));
  expect(shown.sort()).toEqual([
    '   same: (hidden)',
    '+  added: (hidden)',
    '+  changed: (changed)',
    '-  changed: (hidden)',
    '-  removed: (hidden)',
  ]);
});

test('a comment of a pull request has the words as lists and the YAML folded away', () => {
  const text = report([deployment()], [deployment({ image: 'api:2' })], true);
  expect(text).toContain(
    '**Rolled: their pods are replaced**\n\n- Deployment zakpos-api: image api:1 → api:2',
  );
  expect(text).toMatch(/<details><summary>As YAML<\/summary>\n\n````diff\n---[^]+\n````\n\n<\/details>$/);
});

describe('fields', () => {
  const named = (...names: string[]) => names.map((name) => ({ name, value: name }));
  test.each<[string, unknown, unknown, string[]]>([
    [
      'items by their names',
      named('a', 'b'),
      [
        { name: 'b', value: 'c' },
        { name: 'a', value: 'a' },
      ],
      ['b.value'],
    ],
    ['an order', named('a', 'b'), named('b', 'a'), ['']],
    ['items without names', [1, 2], [1, 3], ['']],
    ['items that share a name', [...named('a'), ...named('a')], named('a'), ['']],
    ['what is added below', {}, { a: { b: 1 } }, ['a']],
  ])('%s', (_, before, after, paths) => {
    expect(differingFields(before, after).map(({ path }) => path.join('.'))).toEqual(paths);
  });
});

test('an object that is no Kubernetes object is an error and no difference', () => {
  expect(() => changesBetween([], [{ kind: 'Service', metadata: { name: 'api' } }])).toThrow(z.ZodError);
});
