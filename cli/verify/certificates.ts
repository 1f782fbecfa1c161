/** Whether each certificate is whole, in time, for its names and by its authority; and which one the ingress shows. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import {
  cliCertificates,
  ingressCertificate,
  secondsToSpare,
  watchedCertificates,
  type CertificateSpec,
} from '../../environments/certificates.ts';
import { messageOf } from '../errors.ts';
import { readSecrets } from '../secrets.ts';
import { count, judge, skipped, type Check, type Context, type Finding } from './check.ts';

const DAY_MS = 86_400_000;
const ANSWER_MS = 10_000;

export const certificates: Check = {
  title: 'Certificates are valid',
  run: async (context) => {
    const { kubectl, config } = context;
    const specs = watchedCertificates(config);
    const ingress = ingressCertificate(config);
    if (specs.length === 0 && ingress === undefined) return skipped('no connection is encrypted here');
    const live = await readSecrets(kubectl, config);
    const wrong = specs.flatMap((spec) =>
      factsOf(live.get(spec.secret), spec, config.certificates.days).map((fact): Finding => ({
        thing: `Certificate ${spec.secret}`,
        fact,
        fix: fixOf(context, spec),
      })),
    );
    const ends = specs.flatMap(({ secret }) => {
      const leaf = leafOf(live.get(secret)?.['tls.crt']);
      return leaf === undefined ? [] : [Date.parse(leaf.validTo)];
    });
    const shown =
      ingress === undefined
        ? []
        : await shownFindings(context, ingress, live.get(ingress.secret)?.['tls.crt']);
    const soonest = ends.length === 0 ? '' : `, the first ends in ${daysUntil(Math.min(...ends))} days`;
    return judge(`${count(specs.length, 'certificate')}${soonest}`, [...wrong, ...shown]);
  },
};

/** What is wrong with a certificate in a Secret. */
export function factsOf(
  secret: Readonly<Record<string, string>> | undefined,
  { dnsNames }: CertificateSpec,
  days: number,
): string[] {
  if (secret === undefined) return ['is missing'];
  let chain: X509Certificate[];
  try {
    chain = chainOf(secret['tls.crt']);
  } catch {
    return ['has under "tls.crt" what is no certificate'];
  }
  const [leaf] = chain;
  if (leaf === undefined) return ['lacks the key "tls.crt"'];
  return [
    ...timeFacts(leaf, days),
    ...nameFacts(leaf, dnsNames),
    ...(isKeyOf(leaf, secret['tls.key'] ?? '') ? [] : ['is not for the key beside it']),
    ...chainFacts(chain, secret['ca.crt'] ?? ''),
  ];
}

/** The certificates of a PEM text, the server's own first. */
const chainOf = (text = ''): X509Certificate[] =>
  (
    text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? (text === '' ? [] : [text])
  ).map((pem) => new X509Certificate(pem));

/** The server's own; nothing where the text is no certificate, which {@link factsOf} tells. */
function leafOf(text: string | undefined): X509Certificate | undefined {
  try {
    return chainOf(text)[0];
  } catch {
    return undefined;
  }
}

const daysUntil = (time: number): number => Math.floor((time - Date.now()) / DAY_MS);

function timeFacts({ validFrom, validTo }: X509Certificate, days: number): string[] {
  const left = Date.parse(validTo) - Date.now();
  if (Date.parse(validFrom) > Date.now()) return [`is not valid before ${validFrom}`];
  if (left < 0) return [`has expired on ${validTo}`];
  return left / 1000 < secondsToSpare(days)
    ? [`ends in ${daysUntil(Date.parse(validTo))} days, on ${validTo}`]
    : [];
}

function nameFacts(leaf: X509Certificate, names: readonly string[]): string[] {
  // A wildcard is for itself; any other name may be for a wildcard of the certificate.
  const own = (leaf.subjectAltName ?? '').split(', ').map((each) => each.replace(/^DNS:/, ''));
  const unnamed = names.filter((name) => !own.includes(name) && leaf.checkHost(name) === undefined);
  return unnamed.length === 0 ? [] : [`is not for ${unnamed.join(', ')}`];
}

function isKeyOf(leaf: X509Certificate, key: string): boolean {
  try {
    return leaf.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** Each is signed by the next, and the last by the authority beside it, where there is one. */
function chainFacts(chain: readonly X509Certificate[], authority: string): string[] {
  let issuers: X509Certificate[];
  try {
    issuers = [...chain.slice(1), ...chainOf(authority).slice(0, 1)];
  } catch {
    return ['has under "ca.crt" what is no certificate'];
  }
  const broken = chain.some((each, i) => {
    const issuer = issuers[i];
    return (
      issuer !== undefined &&
      each.fingerprint256 !== issuer.fingerprint256 &&
      !(each.checkIssued(issuer) && each.verify(issuer.publicKey))
    );
  });
  return broken ? ['is not signed by the authority beside it'] : [];
}

function fixOf({ config, kubectl, flags }: Context, { secret }: CertificateSpec): string {
  if (cliCertificates(config).some((each) => each.secret === secret)) {
    return `\`npm run secrets -- renew ${secret.replace(/^zakpos-/, '')} ${flags}\` makes it anew; no pod is restarted.`;
  }
  const isIngress = secret === config.ingress.tls.secret;
  return isIngress && config.ingress.tls.source === 'secret'
    ? `Have it made anew, and put it into the Secret: \`${kubectl.command(`-n ${config.namespace} create secret tls ${secret} --cert=FILE --key=FILE --dry-run=client -o yaml`)}\`, then apply that.`
    : `\`${kubectl.command(`-n ${config.namespace} describe certificate ${secret}`)}\` tells why cert-manager does not renew it.`;
}

/** What the ingress shows to a browser is what its Secret holds, or good by itself where that is elsewhere. */
async function shownFindings(
  { config, onKind, flags }: Context,
  spec: CertificateSpec,
  wanted: string | undefined,
): Promise<Finding[]> {
  const { host } = config.ingress;
  const thing = `The ingress at ${host}`;
  const fix = `\`npm run logs -- ingress ${flags}\` tells what its controller says; it reads the Secret ${spec.secret}.`;
  let shown: X509Certificate;
  try {
    shown = await shownBy(
      host,
      onKind ? { host: '127.0.0.1', port: config.localPorts.https } : { host, port: 443 },
    );
  } catch (error) {
    return [{ thing, fact: `shows no certificate: ${messageOf(error)}`, fix }];
  }
  const held = leafOf(wanted);
  const facts = [
    ...timeFacts(shown, config.certificates.days),
    ...nameFacts(shown, [host]),
    ...(held !== undefined && held.fingerprint256 !== shown.fingerprint256
      ? [`shows another certificate than its Secret ${spec.secret} holds: ${shown.subject}`]
      : []),
  ];
  return facts.map((fact) => ({
    thing,
    fact: /^(is|has|ends)/.test(fact) ? `shows a certificate that ${fact}` : fact,
    fix,
  }));
}

function shownBy(
  servername: string,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    // Whatever it is, it is looked at.
    const socket = connect({ host, port, servername, rejectUnauthorized: false, timeout: ANSWER_MS }, () => {
      const { raw } = socket.getPeerCertificate();
      socket.end();
      resolve(new X509Certificate(raw));
    });
    socket.on('timeout', () => socket.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)));
    socket.on('error', reject);
  });
}
