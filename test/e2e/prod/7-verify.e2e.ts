/** `npm run verify` on production's cluster: three of everything, encrypted, with Secrets of its own. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newCertificate } from '../../../cli/certificates.ts';
import { CA_SECRET, storeCertificates, TLS_SECRETS } from '../../../environments/certificates.ts';
import { config, kubectl, NAMESPACE, secretValue, zakpos } from '../harness.ts';

const REPORT = join(mkdtempSync(join(tmpdir(), 'zakpos-verify-')), 'prod.md');
const ENV = ['--env', 'prod'];

async function verify() {
  const { all, exitCode } = await zakpos('verify', [...ENV, '--report', REPORT]);
  return { all, exitCode, report: readFileSync(REPORT, 'utf8') };
}

const expectDone = async (command: string, ...args: string[]): Promise<void> => {
  const { all, exitCode } = await zakpos(command, [...args, ...ENV]);
  if (exitCode !== 0) throw new Error(all);
};

/** Sets keys of a Secret. */
const patchSecret = (name: string, data: Readonly<Record<string, string>>) =>
  kubectl('-n', NAMESPACE, 'patch', 'secret', name, '-p', JSON.stringify({ stringData: data }));

// Other suites may have left it otherwise.
beforeAll(() => expectDone('up', '--no-smoke'));

test('finds nothing wrong, and says plainly what is off', async () => {
  const { all, exitCode, report } = await verify();
  expect([exitCode, exitCode === 0 ? '' : all]).toEqual([0, '']);
  expect(report).toMatch(
    /Everybody reaches whom it should, and nobody else \| ✔ passed \| \d\d arrows answered/,
  );
  expect(report).toMatch(/Certificates are valid \| ✔ passed \| 5 certificates/);
  expect(report).toContain('prod has no backups: backups.s3 is not set');
  expect(report).toContain('Monitoring of prod is off');
}, 180_000);

describe('what was broken by hand', () => {
  let broken: Awaited<ReturnType<typeof verify>>;
  let password: string;

  beforeAll(async () => {
    await kubectl('-n', NAMESPACE, 'delete', 'networkpolicy', 'zakpos-redis');
    // Read when the first user is made, and by nobody now.
    password = await secretValue('zakpos-admin', 'password');
    await patchSecret('zakpos-admin', { password: 'short' });
    // Shown by the Job of the topics alone.
    const spec = storeCertificates(config).find(({ secret }) => secret === TLS_SECRETS.kafkaAdmin);
    if (spec === undefined) throw new Error('no certificate of the administrator');
    const authority = {
      certificate: await secretValue(CA_SECRET, 'tls.crt'),
      key: await secretValue(CA_SECRET, 'tls.key'),
    };
    const { certificate, key } = await newCertificate(authority, spec, 3);
    await patchSecret(spec.secret, { 'tls.crt': certificate, 'tls.key': key });
    broken = await verify();
  }, 180_000);

  test.each([
    ['a policy that was deleted', 'NetworkPolicy zakpos-redis in zakpos is missing.'],
    ['an arrow that is cut off by that', 'zakpos-api to zakpos-redis:6379 does not connect'],
    ['a Secret that is weak', 'Secret zakpos-admin has under "password" fewer than'],
    ['a certificate that ends', 'Certificate zakpos-kafka-admin-tls ends in 2 days'],
  ])('names %s', (_, words) => {
    expect(broken.all).toContain(words);
    expect(broken.exitCode).toBe(1);
    expect(broken.all).not.toContain('"short"');
  });

  test('is mended by what it names', async () => {
    await patchSecret('zakpos-admin', { password });
    expect(broken.all).toContain('npm run secrets -- renew kafka-admin-tls');
    await expectDone('secrets', 'renew', 'kafka-admin-tls');
    await expectDone('up', '--no-smoke');
    const { all, exitCode } = await verify();
    expect([exitCode, exitCode === 0 ? '' : all]).toEqual([0, '']);
  }, 300_000);
});
