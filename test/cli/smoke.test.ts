/** The smoke test against a till of this machine: by name, over TLS where there is TLS, and with whom it trusts. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import { newAuthority, newCertificate, type KeyPair } from '../../cli/certificates.ts';
import { SmokeTest } from '../../cli/smoke.ts';
import { ingressCertificate } from '../../environments/certificates.ts';
import { configWith, defined } from '../manifests.ts';
import { FakeKubectl } from './fakes.ts';

const requests: string[] = [];
/** The till's page is for all, the API for whoever has logged in. */
const till: RequestListener = ({ method, url, headers }, response) => {
  requests.push(`${method ?? ''} ${headers.host ?? ''}${url ?? ''}`);
  response.writeHead(url === '/' ? 200 : 401).end('{}');
};
const READ = ['GET zakpos.localhost/', 'GET zakpos.localhost/api/v1/auth/me'];

let server: Server | SecureServer | undefined;
/** Listens on a free port, and answers which. */
function listen(on: Server | SecureServer): Promise<number> {
  server = on;
  return new Promise((resolve) => {
    on.listen(0, '127.0.0.1', () => {
      const address = on.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      resolve(address.port);
    });
  });
}

let authority: KeyPair;
beforeAll(async () => {
  authority = await newAuthority('ours');
});
beforeEach(() => {
  requests.length = 0;
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A cluster whose Secret of the ingress names an authority. */
const kubectlWith = (ca: string) =>
  new FakeKubectl(() => ({
    stdout: JSON.stringify({
      items: [
        { metadata: { name: 'zakpos-ingress-tls' }, data: { 'ca.crt': Buffer.from(ca).toString('base64') } },
      ],
    }),
  }));
const hosts = () => defined(ingressCertificate(configWith('test')), 'certificate');
const contextOf = ({ certificate, key }: KeyPair) => ({ cert: certificate, key });

test('over TLS, the till and the API answer by the name of the host, as the installation knows it', async () => {
  const secure = createSecureServer(contextOf(await newCertificate(authority, hosts(), 90)), till);
  const config = configWith('test', { localPorts: { https: await listen(secure) } });
  await new SmokeTest(config, kubectlWith(authority.certificate), true).read();
  expect(requests).toEqual(READ);
});

test('nobody else is taken for the till: not under another name, nor by another authority', async () => {
  const [foreign, misnamed, good] = await Promise.all([
    newAuthority('theirs').then((other) => newCertificate(other, hosts(), 90)),
    newCertificate(authority, { ...hosts(), dnsNames: ['till.example.com'] }, 90),
    newCertificate(authority, hosts(), 90),
  ]);
  const secure = createSecureServer(contextOf(foreign), till);
  const next = [misnamed, good];
  const seen: number[] = [];
  secure.on('connection', () => {
    seen.push(requests.length);
    const context = next.shift();
    if (context !== undefined) secure.setSecureContext(contextOf(context));
  });
  const config = configWith('test', { localPorts: { https: await listen(secure) } });
  await new SmokeTest(config, kubectlWith(authority.certificate), true).read();
  // Two connections came to nothing before the first request.
  expect(seen.slice(0, 3)).toEqual([0, 0, 0]);
  expect(requests).toEqual(READ);
});

test('without TLS, no authority is looked for', async () => {
  const config = configWith('dev', { localPorts: { http: await listen(createServer(till)) } });
  const kubectl = new FakeKubectl(() => ({}));
  await new SmokeTest(config, kubectl, true).read();
  expect(requests).toEqual(READ);
  expect(kubectl.calls).toEqual([]);
});

test('a till that does not run is not asked for', async () => {
  const own = { web: { enabled: false }, localPorts: { http: await listen(createServer(till)) } };
  await new SmokeTest(configWith('dev', own), new FakeKubectl(() => ({})), true).read();
  expect(requests).toEqual(READ.slice(1));
});

test('an answer that breaks off is asked for again', async () => {
  let broken = 0;
  const breaksOnce: RequestListener = (request, response) => {
    if (broken++ > 0) {
      till(request, response);
      return;
    }
    response.writeHead(200, { 'content-length': '2' });
    response.write('{', () => response.destroy());
  };
  const config = configWith('dev', { localPorts: { http: await listen(createServer(breaksOnce)) } });
  await new SmokeTest(config, new FakeKubectl(() => ({})), true).read();
  expect(requests).toEqual(READ);
});
