import { createServer, type Server } from 'node:tls';
import { newAuthority, newCertificate, type KeyPair } from '../../../cli/certificates.ts';
import { certificates, factsOf } from '../../../cli/verify/certificates.ts';
import type { CertificateSpec } from '../../../environments/certificates.ts';
import { configWith } from '../../manifests.ts';
import { contextOf, encoded, LINE, list, told } from './world.ts';

const spec: CertificateSpec = {
  secret: 'zakpos-redis-tls',
  commonName: 'zakpos-redis',
  dnsNames: ['zakpos-redis', '*.zakpos-redis-headless'],
  usages: ['server auth'],
  usedBy: [],
};
let authority: KeyPair;
let other: KeyPair;

beforeAll(async () => {
  [authority, other] = await Promise.all([newAuthority('ours'), newAuthority('theirs')]);
});

const secretOf = ({ certificate, key }: KeyPair, ca = authority): Record<string, string> => ({
  'tls.crt': certificate,
  'tls.key': key,
  'ca.crt': ca.certificate,
});
const make = (days = 90, own: Partial<CertificateSpec> = {}): Promise<KeyPair> =>
  newCertificate(authority, { ...spec, ...own }, days);

test('nothing is wrong with one that was just made', async () => {
  expect(factsOf(secretOf(await make()), spec, 90)).toEqual([]);
});

test.each<[string, () => Promise<Record<string, string> | undefined>, RegExp]>([
  ['is missing', async () => Promise.resolve(undefined), /^is missing$/],
  ['is empty', async () => Promise.resolve({}), /^lacks the key "tls.crt"$/],
  [
    'is none',
    async () => Promise.resolve({ 'tls.crt': 'x' }),
    /^has under "tls.crt" what is no certificate$/,
  ],
  ['has ended', async () => secretOf(await make(-1)), /^has expired on /],
  ['ends soon', async () => secretOf(await make(3)), /^ends in [23] days, on /],
  [
    'is for others',
    async () => secretOf(await make(90, { dnsNames: ['zakpos-redis'] })),
    /^is not for \*\.zakpos-redis-headless$/,
  ],
  [
    'has the key of another',
    async () => ({ ...secretOf(await make()), 'tls.key': (await make()).key }),
    /^is not for the key beside it$/,
  ],
  [
    'is by another authority',
    async () => secretOf(await make(), other),
    /^is not signed by the authority beside it$/,
  ],
])('is told when it %s', async (_, secret, fact) => {
  const facts = factsOf(await secret(), spec, 90);
  expect(facts).toHaveLength(1);
  expect(facts[0]).toMatch(fact);
});

test('are left out where nothing is encrypted', async () => {
  expect(await certificates.run(contextOf([]), LINE)).toMatchObject({ state: 'skipped' });
});

describe('what the ingress shows', () => {
  const config = configWith('test', {
    certificates: { source: 'none' },
    ingress: { host: 'shop.localhost' },
  });
  let server: Server;
  let shown: KeyPair;

  beforeAll(async () => {
    shown = await make(90, { dnsNames: [config.ingress.host, config.ingress.mobileHost] });
    server = createServer({ cert: shown.certificate, key: shown.key });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.close();
  });

  const judge = (held: Pick<KeyPair, 'certificate'> & Partial<KeyPair>) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const data = encoded(secretOf({ key: '', ...held }));
    return certificates.run(
      contextOf([[/get secrets/, list({ metadata: { name: config.ingress.tls.secret }, data })]], {
        config: { ...config, localPorts: { ...config.localPorts, https: address.port } },
      }),
      LINE,
    );
  };

  test('passes when it is what the Secret holds', async () => {
    const verdict = await judge(shown);
    expect(verdict).toMatchObject({ state: 'passed', findings: [] });
    expect(verdict.words).toMatch(/^1 certificate, the first ends in (89|90) days$/);
  });

  test('is looked at, too, where the Secret holds what is no certificate', async () => {
    const verdict = await judge({ certificate: 'x' });
    expect([verdict.state, ...told(verdict)]).toEqual([
      'failed',
      `Certificate ${config.ingress.tls.secret} has under "tls.crt" what is no certificate`,
    ]);
  });

  test('fails when it is another one', async () => {
    const verdict = await judge(
      await make(90, { dnsNames: [config.ingress.host, config.ingress.mobileHost] }),
    );
    expect([verdict.state, ...told(verdict)]).toEqual([
      'failed',
      `The ingress at shop.localhost shows another certificate than its Secret ${config.ingress.tls.secret} holds: CN=zakpos-redis`,
    ]);
  });
});
