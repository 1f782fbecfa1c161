/** Certificates as they are made, looked at with Node's own eyes. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { factsOf, newAuthority, newCertificate, type KeyPair } from '../../cli/certificates.ts';
import type { CertificateSpec } from '../../environments/certificates.ts';

const spec = (own: Partial<CertificateSpec> = {}): CertificateSpec => ({
  secret: 'zakpos-kafka-tls',
  commonName: 'zakpos-kafka',
  dnsNames: ['zakpos-kafka', '*.zakpos-kafka-headless.zakpos.svc', 'localhost'],
  usages: ['server auth', 'client auth'],
  usedBy: [],
  ...own,
});
const SERVER = '1.3.6.1.5.5.7.3.1';
const CLIENT = '1.3.6.1.5.5.7.3.2';

let authority: KeyPair;
let made: KeyPair;
let ca: X509Certificate;
let certificate: X509Certificate;

beforeAll(async () => {
  authority = await newAuthority('zakpos shop');
  made = await newCertificate(authority, spec(), 90);
  ca = new X509Certificate(authority.certificate);
  certificate = new X509Certificate(made.certificate);
});

const daysLeft = (of: X509Certificate): number => (Date.parse(of.validTo) - Date.now()) / 86_400_000;

describe('an authority', () => {
  test('signs itself, by its name, and may sign others', () => {
    expect([ca.subject, ca.issuer]).toEqual(['CN=zakpos shop', 'CN=zakpos shop']);
    expect(ca.ca).toBe(true);
    expect(ca.verify(ca.publicKey)).toBe(true);
  });

  test('is valid for ten years', () => {
    expect(Math.round(daysLeft(ca))).toBe(3650);
  });

  test('is another one each time', async () => {
    const other = new X509Certificate((await newAuthority('zakpos shop')).certificate);
    expect(other.serialNumber).not.toBe(ca.serialNumber);
    expect(other.verify(ca.publicKey)).toBe(false);
  });
});

describe('a certificate', () => {
  test('is signed by the authority, and no authority itself', () => {
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
  });

  test('is for its common name and its DNS names, and no other', () => {
    expect(certificate.subject).toBe('CN=zakpos-kafka');
    expect(certificate.subjectAltName).toBe(
      'DNS:zakpos-kafka, DNS:*.zakpos-kafka-headless.zakpos.svc, DNS:localhost',
    );
    expect(certificate.checkHost('zakpos-kafka-2.zakpos-kafka-headless.zakpos.svc')).toBeDefined();
    expect(certificate.checkHost('zakpos-kafka')).toBeDefined();
    expect(certificate.checkHost('a.b.zakpos-kafka-headless.zakpos.svc')).toBeUndefined();
    expect(certificate.checkHost('zakpos-redis')).toBeUndefined();
  });

  test.each<[string, Partial<CertificateSpec>, string[]]>([
    ['servers', { usages: ['server auth'] }, [SERVER]],
    ['clients', { usages: ['client auth'], dnsNames: [] }, [CLIENT]],
    ['both', {}, [SERVER, CLIENT]],
  ])('is for %s', async (_, own, usages) => {
    const { certificate: pem } = await newCertificate(authority, spec(own), 90);
    expect(new X509Certificate(pem).keyUsage).toEqual(usages);
  });

  test('has no DNS names where there are none', async () => {
    const { certificate: pem } = await newCertificate(authority, spec({ dnsNames: [] }), 90);
    expect(new X509Certificate(pem).subjectAltName).toBeUndefined();
  });

  test.each([2, 90, 825])('is valid for %i days, from a minute ago, since clocks differ', async (days) => {
    const { certificate: pem } = await newCertificate(authority, spec(), days);
    const parsed = new X509Certificate(pem);
    expect(Math.round(daysLeft(parsed))).toBe(days);
    const age = (Date.now() - Date.parse(parsed.validFrom)) / 1000;
    expect(age).toBeGreaterThanOrEqual(59);
    expect(age).toBeLessThan(120);
  });

  test('comes with its own key, which nobody else has', async () => {
    expect(certificate.checkPrivateKey(createPrivateKey(made.key))).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(authority.key))).toBe(false);
    const other = await newCertificate(authority, spec(), 90);
    expect(certificate.checkPrivateKey(createPrivateKey(other.key))).toBe(false);
  });

  test('has a serial number of its own, positive and of at most 20 bytes, as RFC 5280 wants it', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => newCertificate(authority, spec(), 90)));
    const numbers = [certificate, ...others.map(({ certificate: pem }) => new X509Certificate(pem))].map(
      ({ serialNumber }) => serialNumber,
    );
    expect(new Set(numbers).size).toBe(6);
    for (const number of numbers) {
      expect(number.length).toBeLessThanOrEqual(40);
      expect(Number.parseInt(number.slice(0, 2), 16)).toBeLessThan(0x80);
    }
  });
});

describe('as files', () => {
  test('a certificate is PEM that ends with a line break, so that another may follow', () => {
    for (const { certificate: pem } of [authority, made])
      expect(pem).toMatch(/^-----BEGIN CERTIFICATE-----\n[\s\S]*\n-----END CERTIFICATE-----\n$/);
  });

  test('a key is PKCS #8, as Kafka reads it, of the curve P-256', () => {
    for (const { key } of [authority, made]) {
      expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n[\s\S]*\n-----END PRIVATE KEY-----\n$/);
      const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(key);
      expect([asymmetricKeyType, asymmetricKeyDetails?.namedCurve]).toEqual(['ec', 'prime256v1']);
    }
  });
});

describe('the facts of a certificate', () => {
  test('are its names, its end and its number', () => {
    const { dnsNames, notAfter, serialNumber } = factsOf(made.certificate);
    expect(dnsNames).toEqual(spec().dnsNames);
    expect(notAfter.getTime()).toBe(Date.parse(certificate.validTo));
    expect(serialNumber.toUpperCase()).toBe(certificate.serialNumber.toUpperCase());
  });

  test('are not those of a text that is none', () => {
    expect(() => factsOf('not a certificate')).toThrow();
    expect(() => factsOf(made.key)).toThrow();
  });
});
