import { secrets } from '../../../cli/verify/secrets.ts';
import { newSecret } from '../../../cli/secrets.ts';
import { rotatableSecrets } from '../../../cli/rotation.ts';
import { dev } from '../../../environments/dev.ts';
import type { Config } from '../../../environments/schema.ts';
import { neededSecrets } from '../../../environments/secrets.ts';
import { z } from 'zod';
import { configWith } from '../../manifests.ts';
import { contextOf, encoded, LINE, list, minutesAgo, told } from './world.ts';

const made = z.object({
  metadata: z.object({ name: z.string() }),
  stringData: z.record(z.string(), z.string()),
});
type Change = (
  data: Readonly<Record<string, string>>,
  name: string,
) => Readonly<Record<string, string>> | undefined;

/** All Secrets of an environment as they would be made, with a change to some. */
const secretsOf = (config: Config, change: Change, days: number) =>
  list(
    ...neededSecrets(config).flatMap((spec) => {
      const { metadata, stringData } = made.parse(newSecret(config, spec));
      const data = change(stringData, metadata.name);
      if (data === undefined) return [];
      return [
        {
          metadata: { ...metadata, creationTimestamp: minutesAgo(days * 24 * 60) },
          data: encoded(data),
        },
      ];
    }),
  );
const judge = (config: Config, change: Change = (data) => data, days = 1) =>
  secrets.run(contextOf([[/get secrets/, secretsOf(config, change, days)]], { config }), LINE);

const prod = configWith('prod', { certificates: { source: 'none' }, ingress: { tls: { source: 'none' } } });
const of =
  (wanted: string, change: Change): Change =>
  (data, name) =>
    name === wanted ? change(data, name) : data;

test('pass when all are there', async () => {
  expect((await judge(prod)).state).toBe('passed');
  expect((await judge(configWith('dev'))).words).toMatch(
    /^\d+ Secrets, with the known values of the manifests$/,
  );
});

test.each<[string, Change, string]>([
  ['is missing', () => undefined, 'is missing'],
  ['lacks a key', () => ({}), 'lacks the key "password"'],
  ['is weak', () => ({ password: 'short' }), 'has under "password" fewer than'],
  [
    'is known to all',
    () => ({ password: dev.secrets?.values?.redisPassword ?? '' }),
    'has under "password" a value that dev\'s documentation shows',
  ],
])('fail when one %s, without its value', async (_, change, fact) => {
  const verdict = await judge(prod, of('zakpos-redis', change));
  expect(verdict.state).toBe('failed');
  expect(told(verdict)[0]).toContain(`Secret zakpos-redis ${fact}`);
  expect(JSON.stringify(verdict)).not.toMatch(/"short"|redis_secure/);
});

test('take the known values of dev where they are meant to be', async () => {
  const known = of('zakpos-redis', () => ({ password: dev.secrets?.values?.redisPassword ?? '' }));
  expect((await judge(configWith('dev'), known)).state).toBe('passed');
  expect(
    (
      await judge(
        configWith('dev'),
        of('zakpos-redis', () => ({})),
      )
    ).state,
  ).toBe('failed');
});

test('warn of those that are to be rotated', async () => {
  const verdict = await judge(prod, (data) => data, 200);
  expect(verdict.state).toBe('warned');
  expect(verdict.findings).toHaveLength(rotatableSecrets(prod).length);
  expect(told(verdict)[0]).toMatch(/^Secret \S+ has had its value since \d{4}-\d\d-\d\d, longer than 180d$/);
});
