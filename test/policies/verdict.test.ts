/** The verdict: nothing breaks a rule that the schema accepts, waivers are heard, and forms that nobody knows are told. */
import { POLICIES } from '../../policies/all.ts';
import { UnreadableError } from '../../policies/rendered.ts';
import { judge } from '../../policies/verdict.ts';
import { called, render } from '../manifests.ts';
import { rendered } from '../variants.ts';
import { set } from './examples.ts';

const dev = render('dev');
const API = 'Deployment zakpos-api';
const waiver = (rule: string) => `metadata annotations waiver.zakpos.io/${rule}`;
const MAY_WRITE = 'pod-security.read-only-root';
const writable = set(
  API,
  'spec template spec containers 0 securityContext readOnlyRootFilesystem',
  false,
)(dev);

test.each(rendered.map((each) => [each.title, each] as const))('%s breaks no policy', (_, each) => {
  const { violations, waived } = judge(each);
  expect(violations.map(({ rule, object, fact }) => `${rule}: ${called(object)} ${fact}`)).toEqual([]);
  // Nothing but the log collector is excused from anything.
  const excused = new Set(waived.map(({ rule, object }) => `${rule}: ${called(object)}`));
  expect([...excused]).toEqual(
    each.objects.some(({ name }) => name === 'zakpos-log-collector')
      ? [
          'pod-security.restricted: DaemonSet zakpos-log-collector',
          'pod-security.namespaces: Namespace zakpos-node-agents',
        ]
      : [],
  );
});

test('rules have names of their own, which annotations can name', () => {
  const names = POLICIES.flatMap(({ name, rules }) => Object.keys(rules).map((rule) => `${name}.${rule}`));
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z-]+\.[a-z-]{1,50}$/);
});

test('a waiver with a reason excuses its object from its rule, and is told', () => {
  expect(judge(writable)).toMatchObject({ violations: [{ rule: MAY_WRITE }], waived: [] });
  const { violations, waived } = judge(set(API, waiver(MAY_WRITE), 'it keeps a cache')(writable));
  expect(violations).toEqual([]);
  expect(waived).toMatchObject([
    { rule: MAY_WRITE, object: { name: 'zakpos-api' }, reason: 'it keeps a cache' },
  ]);
});

test('a waiver excuses no other object and no other rule', () => {
  const other = set('Deployment zakpos-web', waiver(MAY_WRITE), 'a cache')(writable);
  expect(judge(other).violations.map(({ rule }) => rule)).toEqual([MAY_WRITE, 'policies.waivers']);
  const another = set(API, waiver('images.tag'), 'a cache')(writable);
  expect(judge(another).violations.map(({ rule }) => rule)).toEqual([MAY_WRITE, 'policies.waivers']);
});

test.each([
  ['without a reason', writable, MAY_WRITE, ' ', `waives ${MAY_WRITE} without a reason`],
  ['that nothing needs', dev, MAY_WRITE, 'a cache', `waives ${MAY_WRITE}, which it doesn't break`],
  ['of a rule that is none', dev, 'images.size', 'small', "waives images.size, which it doesn't break"],
])('a waiver %s is a violation itself', (_, each, rule, reason, fact) => {
  const { violations } = judge(set(API, waiver(rule), reason)(each));
  expect(violations).toContainEqual(expect.objectContaining({ rule: 'policies.waivers', fact }));
});

test.each([
  [
    'Namespace zakpos',
    'metadata annotations count',
    3,
    'metadata.annotations.count: Invalid input: expected string',
  ],
  ['Deployment zakpos-api', 'metadata name', undefined, 'metadata.name: Invalid input: expected string'],
])(
  'what lacks the form of every object is named by its construct: %s without %s',
  (object, path, value, fact) => {
    expect(() => set(object, path, value)(dev)).toThrow(UnreadableError);
    expect(() => set(object, path, value)(dev)).toThrow(
      new RegExp(`^\\d\\d-\\S+ \\(\\S+ .*\\) breaks policies\\.readable: ${fact}`),
    );
  },
);

test('a pod of a form that the restricted profile does not know is told', () => {
  const { violations } = judge(set(API, 'spec template spec hostNetwork', 'yes')(dev));
  expect(violations).toMatchObject([{ rule: 'policies.readable', object: { name: 'zakpos-api' } }]);
  expect(violations[0]?.fact).toContain('spec.hostNetwork: Invalid input: expected boolean');
});

test('an object of a form that no policy knows is told, instead of passing unseen', () => {
  const { violations } = judge(set('NetworkPolicy zakpos-api', 'spec egress 0 except', ['x'])(dev));
  expect(violations.map(({ rule }) => rule)).toEqual(['policies.readable']);
  expect(violations[0]?.object.path).toMatch(/^20-network-policies\//);
  expect(violations[0]?.fact).toContain('spec.egress.0: Unrecognized key: "except"');
});
