import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { resolveAddresses } from '../src/config/addresses';
import { contentSecurityPolicy } from '../src/config/content-security-policy';
import { currentPublicConfig } from '../src/config/current';
import { readPublicConfig } from '../src/config/public-config';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-web-'));
  file = join(folder, 'public.json');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const write = (content: object): void => {
  writeFileSync(file, JSON.stringify(content));
};

describe('reading', () => {
  test('without a file or variables the API is at /api/v1 of the same origin', () => {
    expect(readPublicConfig({})).toEqual({ shopName: 'ZakPOS', apiUrl: '/api/v1', wsUrl: '' });
  });

  test('the file comes before the variables, and the variables before the defaults', () => {
    write({ NEXT_PUBLIC_API_URL: 'https://api.shop.test/v1/' });
    const env = { ZAKPOS_PUBLIC_CONFIG: file, NEXT_PUBLIC_API_URL: '/elsewhere', SHOP_NAME: 'Corner Shop' };
    expect(readPublicConfig(env)).toEqual({
      shopName: 'Corner Shop',
      apiUrl: 'https://api.shop.test/v1',
      wsUrl: '',
    });
  });

  test.each([
    [
      { NEXT_PUBLIC_API_URL: 'api.shop.test' },
      'NEXT_PUBLIC_API_URL in FILE is "api.shop.test": expected a path',
    ],
    [{ NEXT_PUBLIC_API_URL: 5 }, 'NEXT_PUBLIC_API_URL in FILE is 5'],
    [{ NEXT_PUBLIC_WS_URL: 'http://x' }, 'NEXT_PUBLIC_WS_URL in FILE is "http://x": expected a ws(s) URL'],
    [{ SHOP_NAME: ' ' }, 'SHOP_NAME in FILE is " ": expected a name'],
    [[], "FILE isn't a JSON object"],
  ])('%j is refused by name', (content, message) => {
    write(content);
    expect(() => readPublicConfig({ ZAKPOS_PUBLIC_CONFIG: file })).toThrow(message.replace('FILE', file));
  });

  test('a file that is named and missing is an error, a variable that is wrong is named as one', () => {
    expect(() => readPublicConfig({ ZAKPOS_PUBLIC_CONFIG: file })).toThrow(`${file} can't be read`);
    expect(() => readPublicConfig({ SHOP_NAME: '' })).toThrow('The variable SHOP_NAME is ""');
  });
});

test('a changed file holds from the next request on, a broken one changes nothing', () => {
  const complaint = jest.spyOn(console, 'error').mockImplementation();
  process.env.ZAKPOS_PUBLIC_CONFIG = file;
  write({ SHOP_NAME: 'Before' });
  expect(currentPublicConfig().shopName).toBe('Before');

  const next = join(folder, 'next.json');
  writeFileSync(next, JSON.stringify({ SHOP_NAME: 'After' }));
  renameSync(next, file);
  expect(currentPublicConfig().shopName).toBe('After');

  writeFileSync(file, '{');
  expect(currentPublicConfig().shopName).toBe('After');
  expect(complaint).toHaveBeenCalledWith(expect.stringContaining('The last good values stay in use'));
  delete process.env.ZAKPOS_PUBLIC_CONFIG;
});

test.each([
  ['/api/v1', '', 'https://shop.test/api/v1', 'wss://shop.test/api/v1/live'],
  ['http://localhost:39847/api/v1', '', 'http://localhost:39847/api/v1', 'ws://localhost:39847/api/v1/live'],
  ['/api/v1', 'ws://localhost:39847', 'https://shop.test/api/v1', 'ws://localhost:39847/api/v1/live'],
  ['/api/v1', 'wss://feed.test/sales', 'https://shop.test/api/v1', 'wss://feed.test/sales'],
])('API %j with feed %j', (apiUrl, wsUrl, api, live) => {
  expect(resolveAddresses({ apiUrl, wsUrl }, 'https://shop.test/')).toEqual({ api, live });
});

describe('the content security policy', () => {
  const policy = (apiUrl: string): string =>
    contentSecurityPolicy({ shopName: '', apiUrl, wsUrl: '' }, 'http://shop.test/', 'abc', false);

  test('allows connections to this origin and the configured API alone', () => {
    expect(policy('/api/v1')).toContain("connect-src 'self';");
    expect(policy('https://api.test/v1')).toContain("connect-src 'self' https://api.test wss://api.test;");
  });

  test('allows scripts by nonce and none inline', () => {
    expect(policy('/api/v1')).toContain("script-src 'self' 'nonce-abc' 'strict-dynamic';");
    expect(policy('/api/v1')).not.toContain('unsafe');
  });
});
