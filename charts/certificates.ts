import type { Construct } from 'constructs';
import {
  CA_SECRET,
  ingressCertificate,
  storeCertificates,
  type CertificateSpec,
} from '../environments/certificates.ts';
import type { Config } from '../environments/schema.ts';
import { Certificate, Issuer, type CertificateSpec as CertManagerSpec } from '../imports/cert-manager.io.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Days that an authority is valid; trusting two for a while is what its end would take. */
const AUTHORITY_DAYS = 3650;
/** Issuer of the authority's own certificate. */
const SELF_SIGNED = 'zakpos-selfsigned';

type IssuerRef = CertManagerSpec['issuerRef'];

/** A certificate that cert-manager makes, and who signs it. */
interface IssuedCertificate extends CertificateSpec {
  readonly issuer: IssuerRef;
  /**
   * Days that it is valid.
   * @default - as the issuer has it: public ones don't let themselves be asked
   */
  readonly days?: number;
}

/** The certificates that cert-manager makes in an environment; those of a Gateway are its operator's. */
export function issuedCertificates(config: Config): IssuedCertificate[] {
  const { certificates, ingress } = config;
  const { source, days, issuer = { name: CA_SECRET, kind: 'Issuer' } } = certificates;
  const ofHosts =
    ingress.tls.source === 'cert-manager' && ingress.api === 'ingress'
      ? ingressCertificate(config)
      : undefined;
  return [
    ...(source === 'cert-manager'
      ? storeCertificates(config).map((spec) => ({ ...spec, issuer, days }))
      : []),
    ...(ofHosts === undefined ? [] : [{ ...ofHosts, issuer: ingress.tls.issuer }]),
  ];
}

/** Certificates by cert-manager. Servers load renewed ones as they run, so nothing has to roll for that. */
export class CertificatesChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const issued = issuedCertificates(props.config);
    if (issued.some(({ issuer }) => issuer.kind === 'Issuer' && issuer.name === CA_SECRET)) this.authority();
    for (const { secret, commonName, dnsNames, usages, issuer, days } of issued) {
      new Certificate(this, secret, {
        metadata: { name: secret },
        spec: {
          secretName: secret,
          issuerRef: issuer,
          // X.509 has room for 64 characters there; clients look at the other names.
          ...(commonName.length > 64 ? {} : { commonName }),
          ...(dnsNames.length > 0 ? { dnsNames: [...dnsNames] } : {}),
          usages: ['digital signature', ...usages],
          ...(days === undefined ? {} : validity(days)),
          privateKey: { ...KEY, rotationPolicy: 'Always' },
        },
      });
    }
  }

  /** An authority of the installation's own. */
  private authority(): void {
    new Issuer(this, 'self-signed', { metadata: { name: SELF_SIGNED }, spec: { selfSigned: {} } });
    new Certificate(this, 'authority', {
      metadata: { name: CA_SECRET },
      spec: {
        secretName: CA_SECRET,
        issuerRef: { name: SELF_SIGNED, kind: 'Issuer' },
        isCa: true,
        commonName: CA_SECRET,
        usages: ['cert sign', 'crl sign'],
        ...validity(AUTHORITY_DAYS),
        // With another key, what it signs would not be trusted where the certificate before is still in use.
        privateKey: { ...KEY, rotationPolicy: 'Never' },
      },
    });
    new Issuer(this, 'issuer', { metadata: { name: CA_SECRET }, spec: { ca: { secretName: CA_SECRET } } });
  }
}

/** PKCS #8 is how Kafka reads keys. */
const KEY = { algorithm: 'ECDSA', size: 256, encoding: 'PKCS8' } as const;

/** Renewed when a third is left. */
const validity = (days: number): Pick<CertManagerSpec, 'duration' | 'renewBefore'> => ({
  duration: `${days * 24}h`,
  renewBefore: `${days * 8}h`,
});
