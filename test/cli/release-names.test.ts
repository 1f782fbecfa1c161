import { keepRelease, releaseBefore } from '../../cli/release-names.ts';
import { FakeKubectl } from './fakes.ts';

/** A namespace with annotations, and what is annotated by deploying one release after the other. */
async function afterDeploying(...releases: readonly string[]): Promise<Record<string, string>> {
  const annotations: Record<string, string> = {};
  const kubectl = new FakeKubectl((args) => {
    if (args[0] === 'annotate') {
      for (const change of args.slice(4)) {
        const [key = '', value] = change.split('=');
        if (value === undefined) Reflect.deleteProperty(annotations, key.slice(0, -1));
        else annotations[key] = value;
      }
    }
    return { stdout: JSON.stringify({ metadata: { annotations } }) };
  });
  for (const release of releases) await keepRelease(kubectl, 'zakpos', release);
  expect(await releaseBefore(kubectl, 'zakpos')).toBe(annotations['zakpos.io/release-before']);
  return annotations;
}

test.each([
  [['v1'], 'v1', undefined],
  [['v1', 'v2'], 'v2', 'v1'],
  [['v1', 'v2', 'v2'], 'v2', 'v1'],
  [['v1', 'v2', 'v3'], 'v3', 'v2'],
  // Taken back: the next one that goes back must not run the bad one again.
  [['v1', 'v2', 'v1'], 'v1', undefined],
  [['v1', 'v2', 'v1', 'v3'], 'v3', 'v1'],
])('after %j, %s runs and the one before is %s', async (releases, runs, before) => {
  expect(await afterDeploying(...releases)).toEqual({
    'zakpos.io/release': runs,
    ...(before === undefined ? {} : { 'zakpos.io/release-before': before }),
  });
});
