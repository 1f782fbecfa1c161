/** A rotation while the system serves: nobody is ever locked out, also when it is cut off anywhere. */
import { Rotation, rotationsOf, ROTATED_AT } from '../../cli/rotation.ts';
import type { Config } from '../../environments/schema.ts';
import { configWith } from '../manifests.ts';
import { failureOf, FakeKubectl, withFastClock } from './fakes.ts';
import { World, type CutOff } from './world.ts';

withFastClock();

type Rotatable = ReturnType<typeof rotationsOf>[number];

const prod = configWith('prod');
const OLD = 'the-old-password-that-was-there-before';
const START: Readonly<Record<Rotatable, Readonly<Record<string, string>>>> = {
  superuser: { username: 'postgres', password: OLD },
  owner: { username: 'zakpos_owner', password: OLD },
  app: { username: 'zakpos_user', password: OLD },
  exporter: { username: 'zakpos_exporter', password: OLD },
  backup: { username: 'zakpos_backup', password: OLD },
  redis: { password: OLD },
  kafkaApi: { username: 'zakpos-api', password: OLD },
  kafkaReports: { username: 'zakpos-reports', password: OLD },
  jwt: { secret: OLD },
};
const ALL = Object.keys(START).flatMap((name) =>
  rotationsOf(prod, 'postgres')
    .concat(rotationsOf(prod, 'redis'), rotationsOf(prod, 'kafka'), rotationsOf(prod, 'jwt'))
    .filter((id) => id === name),
);

const world = (id: Rotatable, config: Config = prod): World => new World(config, id, START[id]);

/** Rotates, as the command does it, and answers which workloads were rolled and what was shown. */
async function rotate(of: World, id: Rotatable, config: Config = prod) {
  const notes: string[] = [];
  const line = { note: (text: string) => notes.push(text), rename: (text: string) => notes.push(text) };
  const rotation = new Rotation(of.kubectl, config, id, line);
  return { rolled: await rotation.run(), notes, name: rotation.secretName };
}

/** The name of the next login. */
const second = (login: string): string => (login.includes('_') ? `${login}_b` : `${login}-b`);

test('all that this project makes can be rotated, but for the password of the first user, which is a person', () => {
  expect(ALL).toEqual(Object.keys(START));
});

describe('the steps', () => {
  test.each<[Rotatable, string, string[]]>([
    ['owner', 'zakpos_owner', ['zakpos-api']],
    ['app', 'zakpos_user', ['zakpos-api', 'zakpos-reports']],
    ['exporter', 'zakpos_exporter', []],
    ['backup', 'zakpos_backup', []],
    ['kafkaApi', 'zakpos-api', ['zakpos-api']],
    ['kafkaReports', 'zakpos-reports', ['zakpos-reports']],
  ])(
    'of %s: the other login is let in, named, its users rolled, and then the one before ends',
    async (id, login, users) => {
      const of = world(id);
      const { rolled } = await rotate(of, id);
      expect(rolled).toEqual(users);
      expect(of.events).toEqual([
        `${second(login)} is let in`,
        `the Secret has another password and username (under way: ${login})`,
        ...users.map((user) => `restart ${user}`),
        ...users.map((user) => `status ${user}`),
        `${login} is not let in`,
        'the rotation is over',
      ]);
    },
  );

  test.each<[Rotatable]>([['app'], ['kafkaApi']])(
    'of %s lead back to the first login the next time',
    async (id) => {
      const of = world(id);
      await rotate(of, id);
      const login = START[id].username ?? '';
      expect(of.data.username).toBe(second(login));
      const before = of.data.password;
      await rotate(of, id);
      expect(of.data.username).toBe(login);
      expect([OLD, before]).not.toContain(of.data.password);
      expect(of.letIn).toEqual({ [login]: [of.data.password] });
    },
  );

  test('of the superuser are two, since nobody logs in over the network with it', async () => {
    const of = world('superuser');
    const { rolled } = await rotate(of, 'superuser');
    expect(rolled).toEqual([]);
    expect(of.events).toEqual([
      'postgres is let in',
      'the Secret has another password',
      'the rotation is over',
    ]);
    expect(of.letIn).toEqual({ postgres: [of.data.password] });
  });

  test('of Redis: it knows both passwords until its own files have the new one', async () => {
    const of = world('redis');
    const { rolled } = await rotate(of, 'redis');
    expect(rolled).toEqual(['zakpos-api']);
    expect(of.events).toEqual([
      '2 passwords are let in',
      'the Secret has another password and previous (under way: previous)',
      'restart zakpos-api',
      'status zakpos-api',
      "redis's own file is looked at",
      '1 passwords are let in',
      'the Secret has another previous (under way: previous)',
      'the rotation is over',
    ]);
    expect(Object.keys(of.data)).toEqual(['password']);
    expect(of.letIn).toEqual({ default: [of.data.password] });
  });

  test('of the signing key: all accept the new one before any signs with it, and the old one stays good', async () => {
    const of = world('jwt');
    const { rolled } = await rotate(of, 'jwt');
    expect(rolled).toEqual(['zakpos-api']);
    expect(of.events).toEqual([
      'the Secret has another previous (under way: accepted)',
      'restart zakpos-api',
      'status zakpos-api',
      'the Secret has another previous and secret (under way: signs)',
      'restart zakpos-api',
      'status zakpos-api',
      'the rotation is over',
    ]);
    expect(of.data.previous).toBe(OLD);
    expect(of.data.secret).not.toBe(OLD);
  });
});

describe('every rotation', () => {
  test.each(ALL)('of %s locks nobody out, and ends with one credential that is new', async (id) => {
    const of = world(id);
    await rotate(of, id);
    expect(of.outages).toEqual([]);
    const { password, secret = password } = of.data;
    expect(secret).not.toBe(OLD);
    expect(secret?.length).toBeGreaterThanOrEqual(id === 'jwt' ? 48 : 32);
    expect(Object.values(of.letIn).flat()).toEqual([id === 'jwt' ? OLD : password]);
    expect(Object.keys(of.annotations)).toEqual([ROTATED_AT]);
    expect(Date.now() - Date.parse(of.annotations[ROTATED_AT] ?? '')).toBeLessThan(60_000);
  });

  test.each(ALL)('of %s shows no password to anybody: in no argument, on no line', async (id) => {
    const of = world(id);
    const { notes, rolled, name } = await rotate(of, id);
    expect(of.passwords.size).toBeGreaterThanOrEqual(2);
    const seen = [...of.kubectl.calls.flatMap(({ args }) => args), ...notes, ...rolled, name].join('\n');
    for (const password of of.passwords) {
      expect(seen.includes(password)).toBe(false);
      expect(seen.includes(Buffer.from(password).toString('base64'))).toBe(false);
    }
  });

  test.each(ALL)('of %s rolls Deployments that use the Secret, and no others', async (id) => {
    const of = world(id);
    await rotate(of, id);
    const rolls = of.kubectl.calls.flatMap(({ args }) => args.filter((arg) => arg.startsWith('deployment/')));
    for (const name of ['zakpos-web', 'zakpos-mobile', 'zakpos-pgbouncer', 'other-app'])
      expect(rolls).not.toContain(`deployment/${name}`);
  });

  test('says what it is doing', async () => {
    const { notes } = await rotate(world('app'), 'app');
    expect(notes).toEqual([
      'zakpos_user_b is let in beside zakpos_user',
      'rolling zakpos-api',
      'rolling zakpos-reports',
      'zakpos_user is no longer let in',
    ]);
  });
});

describe('cut off at any call of kubectl, before or after it, and run again,', () => {
  /** Calls that a whole rotation takes. */
  async function callsOf(id: Rotatable): Promise<number> {
    const of = world(id);
    await rotate(of, id);
    return of.kubectl.calls.length;
  }

  test.each(ALL)('one of %s locks nobody out, and ends as if it had not been', async (id) => {
    const count = await callsOf(id);
    const cuts = Array.from({ length: count }, (_, i) =>
      (['before', 'after'] as const).map((when): CutOff => ({ call: i + 1, when })),
    ).flat();
    for (const cut of cuts) {
      const of = world(id);
      of.cutOff(cut);
      expect(await failureOf(() => rotate(of, id))).toBe('cut off');
      const finished = of.annotations[ROTATED_AT] !== undefined;
      of.cutOff({ call: 0, when: 'before' });
      if (!finished) await rotate(of, id);
      expect({ cut, outages: of.outages }).toEqual({ cut, outages: [] });
      expect({ cut, left: Object.keys(of.annotations) }).toEqual({ cut, left: [ROTATED_AT] });
      if (id === 'jwt') {
        expect({ cut, previous: of.data.previous }).toEqual({ cut, previous: OLD });
        continue;
      }
      expect(of.data.password).not.toBe(OLD);
      expect({ cut, letIn: of.letIn }).toEqual({
        cut,
        letIn: { [of.data.username ?? 'default']: [of.data.password] },
      });
    }
  });

  test('one that is under way is not begun anew: its password stays', async () => {
    const of = world('app');
    of.broken.add('zakpos-reports');
    await failureOf(() => rotate(of, 'app'));
    const { password, username } = of.data;
    of.broken.clear();
    await rotate(of, 'app');
    expect(of.data).toEqual({ password, username });
    expect(of.events.filter((event) => event.endsWith('is let in'))).toEqual(['zakpos_user_b is let in']);
  });
});

describe('a rotation is not finished', () => {
  test('while new pods do not come up: both credentials stay good, and that is said', async () => {
    const of = world('app');
    of.broken.add('zakpos-reports');
    const message = await failureOf(() => rotate(of, 'app'));
    expect(message).toMatch(
      /^zakpos-reports does not come up with the new credential: error: timed out waiting for the condition\n {2}Both credentials are good meanwhile/,
    );
    expect(of.outages).toEqual([]);
    expect(Object.keys(of.letIn)).toEqual(['zakpos_user', 'zakpos_user_b']);
    expect(of.annotations).toEqual({ 'zakpos.io/rotation': 'zakpos_user' });
  });

  test('when somebody else has changed the Secret meanwhile, whose change stays', async () => {
    const of = world('app');
    const kubectl = new FakeKubectl((args) =>
      args[0] === 'replace'
        ? { ok: false, stderr: 'Operation cannot be fulfilled: the object has been modified' }
        : { stdout: JSON.stringify({ metadata: { name: 'zakpos-postgres-app' }, data: {} }) },
    );
    const line = { note: () => undefined, rename: () => undefined };
    expect(await failureOf(() => new Rotation(kubectl, prod, 'app', line).run())).toContain(
      'the object has been modified',
    );
    expect(kubectl.calls.at(-1)?.args).toEqual(['replace', '-f', '-']);
    // What is replaced is what was read: its version is in it.
    await rotate(of, 'app');
    const versions = of.kubectl.calls.flatMap(({ args, input }) =>
      args[0] === 'replace' ? [/"resourceVersion":"(\d+)"/.exec(input ?? '')?.[1]] : [],
    );
    expect(versions).toEqual(['1', '2']);
  });

  test('when Redis does not take the password, which is not shown even so', async () => {
    const kubectl = new FakeKubectl((args, input) =>
      args.includes('/usr/local/etc/redis/cli.sh')
        ? { stdout: `ERR Error in ACL SETUSER modifier '${input?.trim().split(' ').at(-1) ?? ''}': no\n` }
        : { stdout: '{"metadata":{},"data":{}}' },
    );
    const line = { note: () => undefined, rename: () => undefined };
    expect(await failureOf(() => new Rotation(kubectl, prod, 'redis', line).run())).toBe(
      'redis answered "ERR Error in ACL SETUSER modifier \'(a password)\': no".\n' +
        '  Look at its log, then run the same command again.',
    );
    expect(kubectl.calls.some(({ args }) => args[0] === 'replace')).toBe(false);
  });

  test('of a Secret that is not there', async () => {
    const line = { note: () => undefined, rename: () => undefined };
    const rotation = new Rotation(new FakeKubectl(() => ({})), prod, 'redis', line);
    expect(await failureOf(() => rotation.run())).toBe(
      'There is no Secret zakpos-redis in the namespace zakpos.\n  Make it with `npm run secrets`.',
    );
  });
});

describe('through a pooler', () => {
  const pooled = configWith('prod', { postgres: { pooler: { enabled: true } } });

  test('nobody shows a login before each pooler knows it, and the poolers are not rolled', async () => {
    const of = world('app', pooled);
    expect((await rotate(of, 'app', pooled)).rolled).toEqual(['zakpos-api', 'zakpos-reports']);
    expect(of.outages).toEqual([]);
    expect(of.events).toEqual([
      'zakpos_user_b is let in',
      'the Secret has another password and username (under way: zakpos_user)',
      'pooler 0 does not know zakpos_user_b',
      'pooler 0 knows zakpos_user_b',
      'pooler 1 does not know zakpos_user_b',
      'pooler 1 knows zakpos_user_b',
      'restart zakpos-api',
      'restart zakpos-reports',
      'status zakpos-api',
      'status zakpos-reports',
      'zakpos_user is not let in',
      'the rotation is over',
    ]);
  });

  test('nor the next time, when poolers know the login from before with the password of before', async () => {
    const of = world('app', pooled);
    await rotate(of, 'app', pooled);
    await rotate(of, 'app', pooled);
    expect(of.outages).toEqual([]);
    expect(of.events).toContain('pooler 0 does not know zakpos_user');
    expect(of.data.username).toBe('zakpos_user');
  });

  test('is nothing that the owner goes', async () => {
    const of = world('owner', pooled);
    await rotate(of, 'owner', pooled);
    expect(of.events.filter((event) => event.startsWith('pooler'))).toEqual([]);
  });
});

describe('the signing key', () => {
  const again = (of: World): Promise<string> => failureOf(() => rotate(of, 'jwt'));

  test('is not rotated while there may be tokens of the one before it', async () => {
    const of = world('jwt');
    await rotate(of, 'jwt');
    const { data } = of;
    const events = of.events.length;
    expect(await again(of)).toBe(
      'The signing key was rotated 0 minutes ago; tokens of the key before it are good for 15 minutes.\n' +
        '  Wait until then, or everybody has to log in again.',
    );
    expect(of.data).toEqual(data);
    expect(of.events).toHaveLength(events);
  });

  test('is rotated again when these have ended', async () => {
    const of = world('jwt');
    await rotate(of, 'jwt');
    const { secret } = of.data;
    of.age();
    expect(await again(of)).toBe('no error');
    expect(of.outages).toEqual([]);
    expect(of.data.previous).toBe(secret);
  });
});

describe('the name of a rotation', () => {
  test.each([
    ['postgres', ['superuser', 'owner', 'app', 'exporter', 'backup']],
    ['redis', ['redis']],
    ['kafka', ['kafkaApi', 'kafkaReports']],
    ['jwt', ['jwt']],
    ['zakpos-postgres-app', ['app']],
    ['postgres-owner', ['owner']],
    ['zakpos-kafka-reports', ['kafkaReports']],
  ])('%s stands for %j', (name, ids) => {
    expect(rotationsOf(prod, name)).toEqual(ids);
  });

  test('stands for what is in use alone', () => {
    expect(rotationsOf(configWith('prod', { reports: { enabled: false } }), 'kafka')).toEqual(['kafkaApi']);
  });

  const SECRETS =
    'zakpos-postgres-superuser, zakpos-postgres-owner, zakpos-postgres-app, zakpos-postgres-exporter, zakpos-postgres-backup, zakpos-redis, zakpos-kafka-api, zakpos-kafka-reports, zakpos-jwt';

  test.each(['admin', 'zakpos-admin', 'zakpos-redis-tls', 'postgre', ''])('"%s" is none', async (name) => {
    expect(await failureOf(() => rotationsOf(prod, name))).toBe(
      `"${name}" is no Secret that can be rotated.\n  Name one of ${SECRETS}; or postgres, redis, kafka or jwt for all of it.`,
    );
  });

  const EXTERNAL = { mode: 'external' };
  test.each<[string, Config, string, string]>([
    [
      'literal',
      configWith('dev'),
      'redis',
      "zakpos-redis is not this project's to rotate: it is in the manifests (.env, secrets.values)",
    ],
    [
      'from a store',
      configWith('prod', {
        secrets: { source: 'external-secrets', store: { kind: 'SecretStore', name: 'vault' } },
      }),
      'jwt',
      "zakpos-jwt is not this project's to rotate: it comes from SecretStore vault",
    ],
    [
      'of an existing Redis',
      configWith('prod', { redis: { ...EXTERNAL, external: { host: 'redis.example.com' } } }),
      'redis',
      "zakpos-redis is not this project's to rotate: redis is external",
    ],
    [
      'of an existing PostgreSQL',
      configWith('prod', {
        postgres: { ...EXTERNAL, external: { host: 'p.example.com', appSecret: 'theirs' } },
      }),
      'theirs',
      "theirs is not this project's to rotate: PostgreSQL is external",
    ],
    [
      'of an existing Kafka',
      configWith('prod', { kafka: { ...EXTERNAL, external: { brokers: ['b:9096'] } } }),
      'kafka',
      "zakpos-kafka-api is not this project's to rotate: Kafka is external",
    ],
    [
      "of CloudNativePG's roles",
      configWith('prod', { postgres: { mode: 'cloudnativepg' } }),
      'postgres',
      "zakpos-postgres-owner is not this project's to rotate: CloudNativePG sets it in the database",
    ],
  ])('of a Secret that is %s is refused, with how to change it there', async (_, config, name, problem) => {
    const message = await failureOf(() => rotationsOf(config, name));
    expect(message).toMatch(/^The Secret .*\n {2}Change it there: /);
    expect(message).toContain(`The Secret ${problem}.\n`);
  });

  test('of the signing key stays ours where all stores are others', () => {
    const cloud = configWith('cloud', { secrets: { source: 'cluster' } });
    expect(rotationsOf(cloud, 'jwt')).toEqual(['jwt']);
  });
});
