/** Where users find the product: by name through the ingress, and by port on the laptop. */
import { adminOf, urlsOf } from '../../cli/urls.ts';
import { configWith } from '../manifests.ts';

const urls = (...args: Parameters<typeof configWith>): string[] => urlsOf(configWith(...args));
/** The URLs by name of an environment, without those by port. */
const names = (...args: Parameters<typeof configWith>): string[] =>
  urls(...args).map((line) => line.split(/ +/)[1] ?? '');

test('on a laptop each has a name and a port', () => {
  expect(urls('dev')).toEqual([
    'till     http://zakpos.localhost  or  http://localhost:41923',
    'mobile   http://mobile.zakpos.localhost  or  http://localhost:19006',
    'API      http://zakpos.localhost/api/v1/docs  or  http://localhost:39847/api/v1/docs',
  ]);
});

test('where there is TLS, names have it and ports of the laptop do not', () => {
  expect(urls('test')).toEqual([
    'till     https://zakpos.localhost  or  http://localhost:41923',
    'mobile   https://mobile.zakpos.localhost  or  http://localhost:19006',
    'API      https://zakpos.localhost/api/v1/docs  or  http://localhost:39847/api/v1/docs',
  ]);
});

test('prod has its own host, and on kind one of this machine', () => {
  const [till] = urls('prod');
  expect(till).toBe('till     https://zakpos.example.com');
  const [onKind] = urls('prod', { localPorts: { https: 8443 } }, true);
  expect(onKind).toBe('till     https://zakpos.localhost:8443  or  http://localhost:41923');
});

test('a port of the ingress that is not the usual one is in the URL', () => {
  expect(names('dev', { localPorts: { http: 8080 } })).toEqual([
    'http://zakpos.localhost:8080',
    'http://mobile.zakpos.localhost:8080',
    'http://zakpos.localhost:8080/api/v1/docs',
  ]);
});

test('with TLS it is the port of TLS that is in the URL, and only if it is not the usual one', () => {
  const tls = { ingress: { tls: { source: 'secret', secret: 'till-tls' } } };
  const [till] = names('dev', { ...tls, localPorts: { http: 8080 } });
  expect(till).toBe('https://zakpos.localhost');
  const [other] = names('dev', { ...tls, localPorts: { https: 8443 } });
  expect(other).toBe('https://zakpos.localhost:8443');
});

test("with another's ingress there are names only, whatever the laptop's ports are", () => {
  const own = {
    localPorts: { http: 8080 },
    ingress: { host: 'till.shop.com', tls: { source: 'secret', secret: 'till-tls' } },
  };
  const [till = ''] = urls('prod', own);
  expect(till).toBe('till     https://till.shop.com');
});

test('what does not run has no URL', () => {
  const lines = urls('dev', { web: { enabled: false }, mobile: { enabled: false } });
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['API']);
});

test('the API is found below its prefix', () => {
  expect(urls('prod', { api: { prefix: 'pos' } }).at(-1)).toMatch(/\/pos\/docs$/);
});

test('who logs in first is named, and where the password is, but never the password', () => {
  expect(adminOf(configWith('dev'))).toBe(
    'log in as admin@zakpos.example; the password is ADMIN_PASSWORD of .env, else secrets.values.adminPassword of environments/dev.ts',
  );
  expect(adminOf(configWith('prod', { api: { adminEmail: 'boss@shop.com' } }))).toBe(
    'log in as boss@shop.com; the password is in the Secret zakpos-admin',
  );
});
