/** Certificates of an installation's own authority, made in memory and kept in Secrets. */
// @peculiar/x509 wants it to be there first.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  AuthorityKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { CertificateSpec } from '../environments/certificates.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Days that an authority is valid: replacing it means trusting two for a while, so it comes up rarely. */
const AUTHORITY_DAYS = 3650;

/** A certificate with its key, both as PEM; the key is PKCS #8, as Java wants it. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** A new authority. */
export async function newAuthority(name: string): Promise<KeyPair> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(AUTHORITY_DAYS),
    serialNumber: newSerialNumber(),
    name: `CN=${name}`,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate.rawData, 'CERTIFICATE'), key: await exportKey(keys) };
}

/** A new certificate that the authority has signed. */
export async function newCertificate(
  authority: KeyPair,
  { commonName, dnsNames, usages }: CertificateSpec,
  days: number,
): Promise<KeyPair> {
  const issuer = new X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    PemConverter.decodeFirst(authority.key),
    ALGORITHM,
    false,
    ['sign'],
  );
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    ...validity(days),
    serialNumber: newSerialNumber(),
    subject: `CN=${commonName}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(
        usages.map((usage) =>
          usage === 'server auth' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
        ),
      ),
      ...(dnsNames.length > 0
        ? [new SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value })))]
        : []),
      await AuthorityKeyIdentifierExtension.create(issuer),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate.rawData, 'CERTIFICATE'), key: await exportKey(keys) };
}

/** What people and checks want to know of a certificate. */
export interface CertificateFacts {
  readonly dnsNames: readonly string[];
  readonly notAfter: Date;
  readonly serialNumber: string;
}

/**
 * Reads a certificate.
 * @throws {Error} when the text is none
 */
export function factsOf(pem: string): CertificateFacts {
  const certificate = new X509Certificate(pem);
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  return {
    dnsNames: names.filter(({ type }) => type === 'dns').map(({ value }) => value),
    notAfter: certificate.notAfter,
    serialNumber: certificate.serialNumber,
  };
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const exportKey = async ({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> =>
  pem(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');

const pem = (data: ArrayBuffer, tag: string): string => `${PemConverter.encode(data, tag)}\n`;

/** From a minute ago, since clocks differ. */
const validity = (days: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - 60_000),
  notAfter: new Date(Date.now() + days * DAY_MS),
});

/** Positive, as RFC 5280 wants it. */
const newSerialNumber = (): string => `01${randomBytes(15).toString('hex')}`;
