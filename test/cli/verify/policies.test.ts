import { policies } from '../../../cli/verify/policies.ts';
import { contextOf, LINE, named, told } from './world.ts';

const policy = (name: string, namespace = 'zakpos') => ({
  kind: 'NetworkPolicy',
  metadata: { name, namespace },
});
const objects = [policy('default-deny'), policy('zakpos-redis'), policy('default-deny', 'zakpos-system')];
const judge = (...names: readonly string[]) =>
  policies.run(
    contextOf(
      [
        [/-n zakpos get networkpolicies/, named(...names)],
        [/-n zakpos-system get networkpolicies/, named('default-deny')],
      ],
      { objects },
    ),
    LINE,
  );

test('pass when they are just those of the manifests', async () => {
  expect((await judge('default-deny', 'zakpos-redis')).state).toBe('passed');
});

test('fail for one that is missing, and for one that nobody has written down', async () => {
  const verdict = await judge('default-deny', 'allow-all');
  expect(verdict.state).toBe('failed');
  expect(told(verdict)).toEqual([
    'NetworkPolicy zakpos-redis in zakpos is missing',
    'NetworkPolicy allow-all in zakpos is not of this project, and policies only ever add to what is let through',
  ]);
  expect(verdict.findings.map(({ fix }) => fix)).toEqual([
    '`npm run up -- --env dev` puts it back.',
    '`kubectl --context fake -n zakpos delete networkpolicy allow-all`; or add its arrow to charts/architecture.ts.',
  ]);
});
