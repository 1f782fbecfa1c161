/** Examples that break a rule: an environment that is as it should be, but for one thing. */
import type { Policy } from '../../policies/policy.ts';
import { judge } from '../../policies/verdict.ts';
import { called, defined, toManifest, type Manifest, type Rendered } from '../manifests.ts';

export type Change = (rendered: Rendered) => Rendered;

/** What is changed, and a part of the fact that is then told. */
export interface Example {
  readonly of: Rendered;
  readonly change: Change;
  readonly fact: string;
}

/** Tests that each rule of a policy refuses its examples, and that it has some. */
export function testExamples(policy: Policy, examples: Readonly<Record<string, readonly Example[]>>): void {
  describe(policy.name, () => {
    test('has an example of each rule', () => {
      expect(Object.keys(examples).sort()).toEqual(Object.keys(policy.rules).sort());
    });
    for (const [rule, each] of Object.entries(examples)) {
      test.each(each.map((example) => [example.fact, example] as const))(`${rule}: %s`, (_, example) => {
        const found = judge(example.change(example.of)).violations.filter(
          (violation) => violation.rule === `${policy.name}.${rule}`,
        );
        const facts = found.map(({ object, fact }) => `${object.path}: ${fact}`);
        expect(facts).toContainEqual(expect.stringContaining(example.fact));
        // Where to look for it, and what to do.
        for (const { object, fix } of found) {
          expect(object.path).toMatch(/^\d\d-[a-z-]+\/\S/);
          expect(fix).not.toBe('');
        }
      });
    }
  });
}

/** An object with another value at a path such as `spec containers 0 image`; `undefined` takes the field away. */
export const set =
  (object: string, path: string, value: unknown): Change =>
  (rendered) =>
    withObjects(rendered, (each) =>
      each === found(rendered, object)
        ? [toManifest(withValue(each.raw, path.split(' '), value), each.path)]
        : [each],
    );

/** Without an object. */
export const without =
  (object: string): Change =>
  (rendered) =>
    withObjects(rendered, (each) => (each === found(rendered, object) ? [] : [each]));

/** With an object once more, made by a construct beside it, and different at a path. */
export const once =
  (object: string, path?: string, value?: unknown): Change =>
  (rendered) =>
    withObjects(rendered, (each) =>
      each === found(rendered, object)
        ? [
            each,
            toManifest(
              path === undefined ? each.raw : withValue(each.raw, path.split(' '), value),
              `${each.path}-2`,
            ),
          ]
        : [each],
    );

/** The object that a text such as `Deployment zakpos-api` means; a Job's checksum may be left out. */
function found({ objects }: Rendered, name: string): Manifest {
  const object = objects.find((each) => called(each).replace(/(?<=^Job .*)-[0-9a-f]{8}$/, '') === name);
  return defined(object, name);
}

const withObjects = (rendered: Rendered, change: (each: Manifest) => Manifest[]): Rendered => ({
  ...rendered,
  objects: rendered.objects.flatMap(change),
});

function withValue(raw: unknown, [key, ...below]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const at = (old: unknown): unknown => withValue(old, below, value);
  if (Array.isArray(raw)) {
    const list: unknown[] = raw;
    return list.map((each, index) => (String(index) === key ? at(each) : each));
  }
  const fields: Record<string, unknown> = { ...(typeof raw === 'object' ? raw : {}) };
  const field = at(fields[key]);
  if (field === undefined) return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== key));
  return { ...fields, [key]: field };
}
