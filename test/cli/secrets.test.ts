import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { newAuthority, newCertificate, type KeyPair } from '../../cli/certificates.ts';
import {
  authorityOf,
  describeProblem,
  makeMissing,
  newCertificateSecret,
  newSecret,
  problemsOf,
  problemsToMend,
  readSecrets,
  requireForeign,
  requirePasswordsOfVolume,
  type LiveSecrets,
} from '../../cli/secrets.ts';
import { cliCertificates } from '../../environments/certificates.ts';
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

type Data = Readonly<Record<string, string>>;
let authority: KeyPair;
/** Secrets with certificates, and the one that is for its owner to make. */
let certificates: ReadonlyMap<string, Data>;

const asData = ({ certificate, key }: KeyPair): Data => ({
  'tls.crt': certificate,
  'tls.key': key,
  'ca.crt': authority.certificate,
});
beforeAll(async () => {
  authority = await newAuthority('test');
  const secrets = await Promise.all(
    cliCertificates(config).map(async (spec) =>
      manifest.parse((await newCertificateSecret(config, authority, spec)).manifest),
    ),
  );
  certificates = new Map([
    ...secrets.map(({ metadata, stringData }) => [metadata.name, stringData] as const),
    ['zakpos-ca', asData(authority)],
    ['zakpos-ingress-tls', { 'tls.crt': 'yours', 'tls.key': 'yours' }],
  ]);
});

/** Secrets as they are in a cluster where all is well. */
const healthy = (): Map<string, Data> =>
  new Map([
    ...made().map(({ metadata, stringData }) => [metadata.name, stringData] as const),
    ...certificates,
  ]);
const withRedis = (data: Record<string, string>): LiveSecrets => healthy().set('zakpos-redis', data);

const lines = (live: LiveSecrets): string[] => problemsOf(config, live).map(describeProblem);
const documented = defined(dev.secrets?.values?.redisPassword, 'password of dev');

describe('the problems of Secrets', () => {
  test('are none where each is as it is made here', () => {
    expect(lines(healthy())).toEqual([]);
  });

  test('name every Secret that is missing, and who uses it', () => {
    const problems = problemsOf(config, new Map());
    expect(problems.map(({ secret }) => secret.name)).toEqual([
      ...needed.map(({ name }) => name),
      'zakpos-postgres-tls',
      'zakpos-redis-tls',
      'zakpos-kafka-tls',
      'zakpos-kafka-admin-tls',
      'zakpos-ingress-tls',
    ]);
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

describe('the problems of certificates', () => {
  const redis = () => {
    const spec = cliCertificates(config).find(({ secret }) => secret === 'zakpos-redis-tls');
    return defined(spec, 'certificate of Redis');
  };
  const withTls = (data: Data): LiveSecrets => healthy().set('zakpos-redis-tls', data);
  const RENEW = ': `npm run secrets renew zakpos-redis-tls`';
  const USED = '(used by zakpos-redis, zakpos-api)';

  test('name one that is missing, and who shows it or trusts it', () => {
    const live = healthy();
    live.delete('zakpos-kafka-tls');
    expect(lines(live)).toEqual([
      'Secret zakpos-kafka-tls is missing (used by zakpos-kafka, zakpos-api, zakpos-reports, zakpos-kafka-topics)',
    ]);
  });

  test.each([
    ['ca.crt', 'lacks the key "ca.crt"'],
    ['tls.key', 'lacks the key "tls.key"'],
  ])('name a key that it lacks: %s', (key, fact) => {
    const data = { ...defined(certificates.get('zakpos-redis-tls'), 'Secret'), [key]: '' };
    expect(lines(withTls(data))).toEqual([`Secret zakpos-redis-tls ${fact} ${USED}`]);
  });

  test('name all keys at once that it lacks', () => {
    expect(lines(withTls({ 'ca.crt': 'x' }))).toEqual([
      `Secret zakpos-redis-tls lacks the key "tls.crt", "tls.key" ${USED}`,
    ]);
  });

  test('name what is no certificate, and show nothing of it', () => {
    const data = { 'tls.crt': 'hunter2', 'tls.key': 'hunter2', 'ca.crt': 'hunter2' };
    expect(lines(withTls(data))).toEqual([
      `Secret zakpos-redis-tls has under "tls.crt" what is no certificate ${USED}`,
    ]);
  });

  test.each([
    [-1, `has expired${RENEW}`],
    [0.5, `expires in 0 days${RENEW}`],
    [5, `expires in 4 days${RENEW}`],
    [9.9, `expires in 9 days${RENEW}`],
    [10.1, undefined],
  ])('name one that ends in %d days', async (days, fact) => {
    const live = withTls(asData(await newCertificate(authority, redis(), days)));
    expect(lines(live)).toEqual(fact === undefined ? [] : [`Secret zakpos-redis-tls ${fact} ${USED}`]);
  });

  test.each([2, 5, 9, 12])(
    'name none that has just been made for %i days, however short that is',
    async (days) => {
      const own = configWith('prod', { certificates: { days } });
      const live = withTls(asData(await newCertificate(authority, redis(), days)));
      expect(problemsOf(own, live).map(describeProblem)).toEqual([]);
    },
  );

  test('name the hosts that it is not for', async () => {
    const spec = { ...redis(), dnsNames: redis().dnsNames.slice(1) };
    const live = withTls(asData(await newCertificate(authority, spec, 90)));
    expect(lines(live)).toEqual([`Secret zakpos-redis-tls is not for zakpos-redis${RENEW} ${USED}`]);
    const moved = configWith('prod', { namespace: 'shop' });
    expect(problemsOf(moved, healthy()).map(describeProblem)).toContain(
      `Secret zakpos-redis-tls is not for zakpos-redis.shop, zakpos-redis.shop.svc${RENEW} ${USED}`,
    );
  });

  test('name one that is for others to make, and what it lacks', () => {
    const live = healthy();
    live.delete('zakpos-ingress-tls');
    expect(lines(live)).toEqual([
      'Secret zakpos-ingress-tls is missing, and is yours to make (used by the ingress controller)',
    ]);
    expect(lines(healthy().set('zakpos-ingress-tls', { 'tls.crt': 'x' }))).toEqual([
      'Secret zakpos-ingress-tls lacks the key "tls.key" (used by the ingress controller)',
    ]);
  });

  test('name the authority of an existing store that is missing', () => {
    const own = configWith('prod', {
      redis: { mode: 'external', external: { host: 'redis.example.com', caSecret: 'redis-authority' } },
    });
    expect(problemsOf(own, healthy()).map(describeProblem)).toEqual([
      'Secret redis-authority is missing, and is yours to make (used by zakpos-api)',
    ]);
  });

  test('are none of certificates that somebody else makes and renews', () => {
    const live = new Map(made().map(({ metadata, stringData }) => [metadata.name, stringData]));
    const own = configWith('prod', {
      certificates: { source: 'cert-manager' },
      ingress: { tls: { source: 'cert-manager' } },
    });
    expect(problemsOf(own, live)).toEqual([]);
  });

  test('are those alone that this project can mend where passwords come from a store', () => {
    const own = configWith('prod', { secrets: { source: 'external-secrets' } });
    const names = (problems: readonly { readonly secret: { readonly name: string } }[]) =>
      problems.map(({ secret }) => secret.name);
    expect(names(problemsToMend(own, new Map()))).toEqual([
      'zakpos-postgres-tls',
      'zakpos-redis-tls',
      'zakpos-kafka-tls',
      'zakpos-kafka-admin-tls',
      'zakpos-ingress-tls',
    ]);
    expect(names(problemsOf(own, new Map()))).toContain('zakpos-jwt');
    expect(problemsToMend(config, new Map())).toEqual(problemsOf(config, new Map()));
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

  /** What was made, by name. */
  const madeBy = ({ calls }: FakeKubectl): Map<string, Data> => {
    const creations = calls.filter(({ args }) => args[0] === 'create');
    expect(creations.map(({ args }) => args.join(' '))).toEqual(creations.map(() => 'create -f -'));
    return new Map(
      creations.flatMap(({ input }) =>
        created
          .parse(JSON.parse(defined(input, 'input')))
          .items.map(({ metadata, stringData }) => [metadata.name, stringData] as const),
      ),
    );
  };
  const parsed = (data: Data | undefined): X509Certificate =>
    new X509Certificate(defined(data?.['tls.crt'], 'certificate'));

  test('certificates are made with an authority, where there is none, and signed by it', async () => {
    const fake = kubectl(new Map([['zakpos-ingress-tls', { 'tls.crt': 'yours', 'tls.key': 'yours' }]]));
    const names = await makeMissing(fake, config);
    const secrets = madeBy(fake);
    expect([...secrets.keys()].sort()).toEqual([...names, 'zakpos-ca'].sort());
    const ca = parsed(secrets.get('zakpos-ca'));
    expect([ca.ca, ca.subject]).toEqual([true, 'CN=zakpos zakpos']);
    for (const { secret } of cliCertificates(config)) {
      const data = secrets.get(secret);
      expect(parsed(data).verify(ca.publicKey)).toBe(true);
      expect(data?.['ca.crt']).toBe(secrets.get('zakpos-ca')?.['tls.crt']);
    }
  });

  test('the authority that there is signs what is made later, and stays as it is', async () => {
    const live = healthy();
    live.delete('zakpos-redis-tls');
    const fake = kubectl(live);
    expect(await makeMissing(fake, config)).toEqual(['zakpos-redis-tls']);
    const secrets = madeBy(fake);
    expect([...secrets.keys()]).toEqual(['zakpos-redis-tls']);
    expect(parsed(secrets.get('zakpos-redis-tls')).verify(parsed(live.get('zakpos-ca')).publicKey)).toBe(
      true,
    );
    expect(authorityOf(live)).toEqual(authority);
  });

  test('no key and no password is in an argument', async () => {
    const fake = kubectl(new Map([['zakpos-ingress-tls', { 'tls.crt': 'yours', 'tls.key': 'yours' }]]));
    await makeMissing(fake, config);
    const values = [...madeBy(fake).values()].flatMap((data) =>
      Object.entries(data).flatMap(([key, text]) => (key === 'username' ? [] : [text])),
    );
    expect(values.length).toBeGreaterThan(20);
    const args = fake.calls.flatMap((call) => call.args).join(' ');
    expect(values.filter((value) => args.includes(value))).toEqual([]);
    expect(args).not.toContain('BEGIN');
  });

  test('the certificate of the hosts is made where that is wanted', async () => {
    const own = configWith('prod', { ingress: { tls: { source: 'cli' } } });
    const live = healthy();
    live.delete('zakpos-ingress-tls');
    const fake = kubectl(live);
    expect(await makeMissing(fake, own)).toEqual(['zakpos-ingress-tls']);
    const certificate = parsed(madeBy(fake).get('zakpos-ingress-tls'));
    for (const host of ['zakpos.example.com', 'mobile.zakpos.example.com'])
      expect(certificate.checkHost(host)).toBeDefined();
  });

  test('only certificates are made where passwords come from a store', async () => {
    const own = configWith('prod', {
      secrets: { source: 'external-secrets' },
      ingress: { tls: { source: 'cli' } },
    });
    const fake = kubectl(new Map());
    await makeMissing(fake, own);
    expect([...madeBy(fake).keys()].sort()).toEqual([
      'zakpos-ca',
      'zakpos-ingress-tls',
      'zakpos-kafka-admin-tls',
      'zakpos-kafka-tls',
      'zakpos-postgres-tls',
      'zakpos-redis-tls',
    ]);
  });

  test('nothing is made while one is missing that is for its owner to make', async () => {
    const live = healthy();
    for (const name of ['zakpos-ingress-tls', 'zakpos-jwt', 'zakpos-redis-tls']) live.delete(name);
    const fake = kubectl(live);
    const message = await failureOf(() => makeMissing(fake, config));
    expect(message).toMatch(
      /^Secret zakpos-ingress-tls is missing, and is yours to make \(used by the ingress controller\)\n {2}Make it with `kubectl --context fake -n zakpos create secret tls /,
    );
    expect(fake.calls).toHaveLength(1);
  });

  test('nothing is made while a certificate has expired, which is renewed by its name', async () => {
    const live = healthy();
    live.delete('zakpos-jwt');
    const spec = defined(cliCertificates(config)[0], 'certificate');
    live.set(spec.secret, asData(await newCertificate(authority, spec, -1)));
    const fake = kubectl(live);
    expect(await failureOf(() => makeMissing(fake, config))).toContain(
      `Secret ${spec.secret} has expired: \`npm run secrets renew ${spec.secret}\``,
    );
    expect(fake.calls).toHaveLength(1);
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

describe("passwords of dev's manifests", () => {
  const dev = configWith('dev');
  const values = (own: Record<string, string> = {}) => configWith('dev', { secrets: { values: own } });
  /** A cluster with these Secrets, and maybe a database's volume. */
  const cluster = (claim: string, live: LiveSecrets) =>
    new FakeKubectl((args) =>
      args.includes('pvc')
        ? { stdout: claim }
        : {
            stdout: JSON.stringify({
              items: [...live].map(([name, data]) => ({
                metadata: { name },
                data: Object.fromEntries(
                  Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
                ),
              })),
            }),
          },
    );
  const live = new Map(
    neededSecrets(dev).map(({ name, keys }) => {
      const of = (value: (typeof keys)[string]): string =>
        value.kind !== 'secret' ? openText(value) : ((value.field && dev.secrets.values[value.field]) ?? '');
      return [
        name,
        Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, of(value)])),
      ] as const;
    }),
  );
  const CLAIM = 'persistentvolumeclaim/data-zakpos-postgres-0\n';
  const refusal = (config: typeof dev, claim = CLAIM): Promise<string> =>
    failureOf(() => requirePasswordsOfVolume(cluster(claim, live), config));

  test('are fine where there is no volume yet, or they are those that it was made with', async () => {
    expect(await refusal(values({ postgresPassword: 'another-password' }), '')).toBe('no error');
    expect(await refusal(dev)).toBe('no error');
  });

  test('are refused where the volume has others, by name and without showing any', async () => {
    const message = await refusal(
      values({ postgresPassword: 'another-password', postgresOwnerPassword: 'and-another-one' }),
    );
    expect(message).toMatch(
      /^The password of Secret zakpos-postgres-owner, Secret zakpos-postgres-app differs from the one that the database on claim data-zakpos-postgres-0 was made with\.\n/,
    );
    expect(message).toContain('`\\password zakpos_owner`');
    for (const text of ['another-password', 'and-another-one', 'zakpos_secure_password_2024'])
      expect(message).not.toContain(text);
  });

  test('are no matter of other stores, nor of environments without them', async () => {
    expect(await refusal(values({ redisPassword: 'another-password' }))).toBe('no error');
    expect(await refusal(config)).toBe('no error');
  });
});

describe('Secrets that are for the operator to make', () => {
  const s3 = { bucket: 'till', secret: 'till-s3' };
  const refusal = (own: object, live: LiveSecrets): Promise<string> =>
    failureOf(() => {
      requireForeign(new FakeKubectl(() => ({})), configWith('prod', own), live);
    });
  const INGRESS = new Map([['zakpos-ingress-tls', { 'tls.crt': 'yours', 'tls.key': 'yours' }]]);

  test('are named with the line that makes them, from files, so that no value is typed', async () => {
    expect(await refusal({ backups: { s3 } }, INGRESS)).toBe(
      'Secret till-s3 is missing, and is yours to make (used by zakpos-backup, zakpos-backup-daily, zakpos-restore-drill)\n' +
        '  Make it with `kubectl --context fake -n zakpos create secret generic till-s3 --from-file=access-key-id=FILE --from-file=secret-access-key=FILE`; then run this again.',
    );
    expect(await refusal({}, new Map())).toContain(
      '`kubectl --context fake -n zakpos create secret tls zakpos-ingress-tls --cert=FILE --key=FILE`',
    );
    expect(await refusal({ backups: { s3 } }, new Map())).toMatch(
      /create secret tls zakpos-ingress-tls .*` and `.* create secret generic till-s3 /,
    );
  });

  test('are named with the key that they lack, and with nothing that they hold', async () => {
    const live = new Map<string, Data>([
      ...INGRESS,
      ['till-s3', { 'access-key-id': 'AKIA-of-till', 'secret-access-key': '' }],
    ]);
    const message = await refusal({ backups: { s3 } }, live);
    expect(message).toMatch(/^Secret till-s3 lacks the key "secret-access-key" \(used by zakpos-backup,/);
    expect(message).not.toContain('AKIA');
  });

  test('are asked for where they are used alone, and not when they are there', async () => {
    const there = new Map<string, Data>([
      ...INGRESS,
      ['till-s3', { 'access-key-id': 'a', 'secret-access-key': 'b' }],
    ]);
    expect(await refusal({ backups: { s3 } }, there)).toBe('no error');
    expect(await refusal({}, INGRESS)).toBe('no error');
    const external = { postgres: { mode: 'external', external: { host: 'p.example.com' } }, backups: { s3 } };
    expect(await refusal(external, INGRESS)).toBe('no error');
    const operated = { postgres: { mode: 'cloudnativepg' }, backups: { s3 } };
    expect(await refusal(operated, INGRESS)).toContain(
      'Secret till-s3 is missing, and is yours to make (used by CloudNativePG)',
    );
  });

  test('stop what makes the others, before it makes one', async () => {
    const kubectl = new FakeKubectl(() => ({ stdout: '{"items":[]}' }));
    expect(await failureOf(() => makeMissing(kubectl, configWith('prod', { backups: { s3 } })))).toContain(
      'Secret till-s3 is missing, and is yours to make',
    );
    expect(kubectl.calls.every(({ args }) => args.includes('get'))).toBe(true);
  });
});
