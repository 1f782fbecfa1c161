import { z } from 'zod';
import {
  describeProblem,
  makeMissing,
  newSecret,
  problemsOf,
  readSecrets,
  type LiveSecrets,
} from '../../cli/secrets.ts';
import { dev } from '../../environments/dev.ts';
import { neededSecrets, openText } from '../../environments/secrets.ts';
import { configWith, defined } from '../manifests.ts';
import { failureOf, FakeKubectl } from './fakes.ts';

const config = configWith('prod');
const needed = neededSecrets(config);

const manifest = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Secret'),
  metadata: z.strictObject({
    name: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()),
  }),
  type: z.string(),
  stringData: z.record(z.string(), z.string()),
});
const made = () => needed.map((spec) => manifest.parse(newSecret(config, spec)));

/** Secrets as they are in a cluster where all is well. */
const healthy = (): Map<string, Readonly<Record<string, string>>> =>
  new Map(made().map(({ metadata, stringData }) => [metadata.name, stringData]));
const withRedis = (data: Record<string, string>): LiveSecrets => healthy().set('zakpos-redis', data);

const lines = (live: LiveSecrets): string[] => problemsOf(config, live).map(describeProblem);
const documented = defined(dev.secrets?.values?.redisPassword, 'password of dev');

describe('the problems of Secrets', () => {
  test('are none where each is as it is made here', () => {
    expect(lines(healthy())).toEqual([]);
  });

  test('name every Secret that is missing, and who uses it', () => {
    const problems = problemsOf(config, new Map());
    expect(problems.map(({ secret }) => secret.name)).toEqual(needed.map(({ name }) => name));
    expect(problems.every(({ missing }) => missing)).toBe(true);
    expect(problems.map(describeProblem)).toContain(
      'Secret zakpos-redis is missing (used by zakpos-redis, zakpos-api)',
    );
  });

  test.each<[string, Record<string, string>, string]>([
    ['a key that it lacks', { other: 'a-long-enough-password' }, 'lacks the key "password"'],
    ['a key without a value', { password: '' }, 'lacks the key "password"'],
    ['a value that is short', { password: 'eleven-char' }, 'has under "password" fewer than 12 characters'],
    [
      'a value that dev shows to everyone',
      { password: documented },
      'has under "password" a value that dev\'s documentation shows',
    ],
  ])('name %s', (_, data, fact) => {
    expect(lines(withRedis(data))).toEqual([
      `Secret zakpos-redis ${fact} (used by zakpos-redis, zakpos-api)`,
    ]);
    expect(problemsOf(config, withRedis(data)).map(({ missing }) => missing)).toEqual([false]);
  });

  test('are none with twelve characters that nobody knows', () => {
    expect(lines(withRedis({ password: 'twelve-chars' }))).toEqual([]);
  });

  test.each(Object.entries(dev.secrets?.values ?? {}))(
    'count the %s of dev as known to all, wherever it is used',
    (_, value) => {
      expect(lines(withRedis({ password: value }))).toHaveLength(1);
    },
  );

  test('are not that a user name is short: it is no secret', () => {
    const live = healthy();
    const password = live.get('zakpos-admin')?.password ?? '';
    expect(lines(live.set('zakpos-admin', { username: 'a@b.c', password }))).toEqual([]);
    expect(lines(live.set('zakpos-admin', { password }))).toEqual([
      'Secret zakpos-admin lacks the key "username" (used by zakpos-api)',
    ]);
  });

  test('show nothing of what the Secrets hold', () => {
    const live = new Map(
      needed.map(({ name, keys }) => [
        name,
        Object.fromEntries(Object.keys(keys).map((key) => [key, 'hunter2'])),
      ]),
    );
    for (const values of [live, withRedis({ password: documented })]) {
      const text = lines(values).join('\n');
      expect(text).not.toBe('');
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain(documented);
    }
  });

  test('are none for a Secret that nobody uses', () => {
    const external = configWith('cloud');
    const names = neededSecrets(external).map(({ name }) => name);
    expect(problemsOf(external, new Map()).map(({ secret }) => secret.name)).toEqual(names);
    expect(names).not.toContain('zakpos-postgres-superuser');
  });
});

describe('a new Secret', () => {
  test('has each of its keys, secret ones in the length that is asked for', () => {
    for (const [index, { name, keys, type }] of needed.entries()) {
      const secret = defined(made()[index], `Secret ${name}`);
      expect({ name: secret.metadata.name, type: secret.type }).toEqual({ name, type });
      expect(Object.keys(secret.stringData)).toEqual(Object.keys(keys));
      for (const [key, value] of Object.entries(keys)) {
        const text = secret.stringData[key] ?? '';
        if (value.kind !== 'secret') expect(text).toBe(openText(value));
        else expect(`${name} ${key} ${text.length}`).toBe(`${name} ${key} ${value.length}`);
      }
    }
  });

  test('has values that fit into a URL as they are', () => {
    for (const { stringData } of made())
      for (const [key, text] of Object.entries(stringData))
        if (key !== 'username') expect(encodeURIComponent(text)).toBe(text);
  });

  test('is never the same twice, nor has it a value that another has', () => {
    const values = [...made(), ...made()].flatMap(({ stringData }) =>
      Object.entries(stringData).flatMap(([key, text]) => (key === 'username' ? [] : [text])),
    );
    expect(new Set(values).size).toBe(values.length);
    expect(values).toHaveLength(2 * needed.length);
  });

  test('is in the namespace of the product and carries its labels', () => {
    const own = configWith('prod', { namespace: 'shop' });
    for (const spec of needed) {
      expect(manifest.parse(newSecret(own, spec)).metadata).toEqual({
        name: spec.name,
        namespace: 'shop',
        labels: { 'app.kubernetes.io/part-of': 'zakpos', 'app.kubernetes.io/managed-by': 'zakpos' },
      });
    }
  });
});

describe('in the cluster', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const kubectl = (live: LiveSecrets) =>
    new FakeKubectl(([first]) =>
      first === 'create'
        ? {}
        : {
            stdout: JSON.stringify({
              items: [...live].map(([name, data]) => ({
                metadata: { name },
                data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])),
              })),
            }),
          },
    );
  const created = z.object({ items: z.array(manifest) });

  test('Secrets are read as they were written', async () => {
    const live = healthy();
    expect(await readSecrets(kubectl(live), config)).toEqual(live);
    expect(await readSecrets(new FakeKubectl(() => ({})), config)).toEqual(new Map());
  });

  test('only those that are missing are made, and their values go to stdin alone', async () => {
    const live = healthy();
    live.delete('zakpos-jwt');
    const fake = kubectl(live);
    expect(await makeMissing(fake, config)).toEqual(['zakpos-jwt']);
    const call = defined(fake.calls.at(-1), 'call');
    expect(call.args).toEqual(['create', '-f', '-']);
    const { items } = created.parse(JSON.parse(defined(call.input, 'input')));
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['zakpos-jwt']);
  });

  test('nothing is made where nothing is missing', async () => {
    const fake = kubectl(healthy());
    expect(await makeMissing(fake, config)).toEqual([]);
    expect(fake.calls).toHaveLength(1);
  });

  test('nothing is made while one that exists is weak, which is never overwritten', async () => {
    const live = new Map([['zakpos-redis', { password: 'hunter2' }]]);
    const fake = kubectl(live);
    const message = await failureOf(() => makeMissing(fake, config));
    expect(message).toContain('Secret zakpos-redis has under "password" fewer than 12 characters');
    expect(message).toContain('An existing Secret is never overwritten');
    expect(message).not.toContain('hunter2');
    expect(fake.calls).toHaveLength(1);
  });
});
