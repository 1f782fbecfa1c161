/** What the cluster is told of how old Secrets are: names and times of those that can be rotated, and no value. */
import { writeSecretAges } from '../../cli/secret-ages.ts';
import { rotatableSecrets, ROTATED_AT } from '../../cli/rotation.ts';
import { configWith } from '../manifests.ts';
import { FakeKubectl } from './fakes.ts';

const METRICS = { monitoring: { mode: 'operator' } };
const MADE = '2026-03-01T10:00:00Z';
const ROTATED = '2026-10-02T03:04:05.678Z';
const VALUE = 'a value that nobody may see';

const secret = (name: string, annotations?: Readonly<Record<string, string>>) => ({
  metadata: { name, creationTimestamp: MADE, ...(annotations === undefined ? {} : { annotations }) },
  data: { password: Buffer.from(VALUE).toString('base64') },
});
const cluster = () =>
  new FakeKubectl((args) =>
    args.includes('get')
      ? {
          stdout: JSON.stringify({
            items: [
              secret('zakpos-redis'),
              secret('zakpos-jwt', { [ROTATED_AT]: ROTATED, other: 'x' }),
              secret('zakpos-postgres-tls'),
              secret('zakpos-admin'),
              secret('zakpos-backup-key'),
              secret('of-somebody-else'),
            ],
          }),
        }
      : {},
  );

test('is when each was rotated last, or made, in a ConfigMap that nothing prunes', async () => {
  const kubectl = cluster();
  await writeSecretAges(kubectl, configWith('prod', METRICS));
  const [, written] = kubectl.calls;
  expect(written?.args).toEqual([
    'apply',
    '--server-side',
    '--force-conflicts',
    '--validate=false',
    '-f',
    '-',
  ]);
  expect(JSON.parse(written?.input ?? '')).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'zakpos-secret-ages',
      namespace: 'zakpos',
      labels: { 'app.kubernetes.io/managed-by': 'zakpos' },
    },
    data: { 'zakpos-redis': MADE, 'zakpos-jwt': ROTATED },
  });
  const said = kubectl.calls.map(({ args, input = '' }) => [...args, input].join()).join();
  for (const text of [VALUE, Buffer.from(VALUE).toString('base64')]) expect(said).not.toContain(text);
});

test.each<[string, 'dev' | 'prod', object]>([
  ['nobody watches', 'prod', {}],
  ['an operator fetches them', 'prod', { ...METRICS, secrets: { source: 'external-secrets' } }],
  ['they are in the manifests', 'dev', METRICS],
])('is nothing where %s', async (_, environment, own) => {
  const kubectl = cluster();
  await writeSecretAges(kubectl, configWith(environment, own));
  expect(kubectl.calls).toEqual([]);
});

test('leaves out what others rotate, and what nobody uses', () => {
  const of = (own: object) => rotatableSecrets(configWith('prod', { ...METRICS, ...own }));
  expect(of({})).toEqual([
    'zakpos-postgres-superuser',
    'zakpos-postgres-owner',
    'zakpos-postgres-app',
    'zakpos-postgres-exporter',
    'zakpos-postgres-backup',
    'zakpos-redis',
    'zakpos-kafka-api',
    'zakpos-kafka-reports',
    'zakpos-jwt',
  ]);
  const external = { mode: 'external', external: { host: 'stores.example.com' } };
  expect(of({ postgres: external, redis: external })).toEqual([
    'zakpos-kafka-api',
    'zakpos-kafka-reports',
    'zakpos-jwt',
  ]);
});
