/** The tag of an app's image is a hash of what the image is made from, and of nothing else. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  APPS,
  buildsOf,
  builtImage,
  imageOf,
  referenceBuild,
  buildOf,
  sourceHash,
} from '../environments/images.ts';
import { configWith, ROOT } from './manifests.ts';

let root: string;
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'zakpos-images-')), 'repository');
  for (const app of APPS) {
    write(`dockerfiles/${app}.Dockerfile`, 'FROM scratch\nCOPY . .\n');
    write(
      `apps/${app}/.dockerignore`,
      '# not for the image\nnode_modules\ntest\n*.md\n**/*.tmp\n\n!KEEP.md\n',
    );
    write(`apps/${app}/.gitignore`, 'next-env.d.ts\n*.tsbuildinfo\n');
    write(`apps/${app}/package.json`, '{}');
    write(`apps/${app}/src/main.ts`, 'start();');
  }
});
afterEach(() => {
  rmSync(dirname(root), { recursive: true });
});

const hash = (): string => sourceHash(buildOf('api', configWith('dev')), root);

test('it is 12 hexadecimal digits, and the same for the same files', () => {
  const before = hash();
  expect(before).toMatch(/^[0-9a-f]{12}$/);
  utimesSync(join(root, 'apps/api/src/main.ts'), 0, 0);
  expect(hash()).toBe(before);
});

test.each<[string, () => void]>([
  [
    'a source changes',
    () => {
      write('apps/api/src/main.ts', 'stop();');
    },
  ],
  [
    'a source is new',
    () => {
      write('apps/api/src/new.ts', '');
    },
  ],
  [
    'a source is renamed',
    () => {
      renameSync(join(root, 'apps/api/src/main.ts'), join(root, 'apps/api/src/index.ts'));
    },
  ],
  [
    'a source is gone',
    () => {
      rmSync(join(root, 'apps/api/src/main.ts'));
    },
  ],
  [
    'the Dockerfile changes',
    () => {
      write('dockerfiles/api.Dockerfile', 'FROM scratch\n');
    },
  ],
  [
    'the list of ignored files changes',
    () => {
      write('apps/api/.dockerignore', 'node_modules\n');
    },
  ],
  [
    'a file that is ignored but at the top changes, as Docker has it',
    () => {
      write('apps/api/src/test/ids.ts', '');
    },
  ],
  [
    'a file that is kept in spite of a pattern changes',
    () => {
      write('apps/api/KEEP.md', '');
    },
  ],
])('it changes when %s', (_, change) => {
  const before = hash();
  change();
  expect(hash()).not.toBe(before);
});

test.each([
  'apps/api/node_modules/zod/index.js',
  'apps/api/test/sales.test.ts',
  'apps/api/README.md',
  'apps/api/src/deep/notes.tmp',
  'apps/api/next-env.d.ts',
  'apps/api/tsconfig.tsbuildinfo',
  'apps/web/src/main.ts',
  'dockerfiles/web.Dockerfile',
  'README.md',
])('it stays when %s changes', (path) => {
  const before = hash();
  write(path, 'changed');
  expect(hash()).toBe(before);
});

test('two files do not hash as one of the same text', () => {
  write('apps/api/a', 'b');
  const before = hash();
  rmSync(join(root, 'apps/api/a'));
  write('apps/api/ab', '');
  expect(hash()).not.toBe(before);
});

const hashes = {
  api: 'aaaaaaaaaaaa',
  web: 'bbbbbbbbbbbb',
  mobile: 'cccccccccccc',
  'api-dev': '111111111111',
  'web-dev': '222222222222',
  'mobile-dev': '333333333333',
  'jmx-agent': 'dddddddddddd',
};

test('an image that is built is tagged with the hash, below the registry of the configuration', () => {
  expect(imageOf(configWith('test'), 'web', hashes)).toBe('zakpos-web:bbbbbbbbbbbb');
  const own = configWith('prod', { imageRegistry: 'ghcr.io/acme' });
  expect(imageOf(own, 'api', hashes)).toBe('ghcr.io/acme/zakpos-api:aaaaaaaaaaaa');
});

test("an image of one's own is taken as it is named", () => {
  const own = configWith('prod', { imageRegistry: 'ghcr.io/acme', mobile: { image: 'example.com/app:1.0' } });
  expect(imageOf(own, 'mobile', hashes)).toBe('example.com/app:1.0');
  expect(builtImage(own, 'mobile', hashes)).toBe('ghcr.io/acme/zakpos-mobile:cccccccccccc');
});

test("sources of one's own are hashed like an app's, and their stage with them", () => {
  write('../my-api/Dockerfile', 'FROM scratch\nCOPY . .\n');
  const hashOf = (build: object): string =>
    sourceHash(
      buildOf('api', configWith('dev', { api: { build: { context: join(root, '../my-api'), ...build } } })),
      root,
    );
  const before = hashOf({});
  expect(before).not.toBe(hash());
  expect(hashOf({ target: 'debug' })).not.toBe(before);
  write('../my-api/server.js', 'serve();');
  expect(hashOf({})).not.toBe(before);
});

describe('an app that runs from the sources of the checkout', () => {
  test('runs in an image of its packages, the worker and the tasks in that of the API', () => {
    expect(imageOf(configWith('dev'), 'web', hashes)).toBe('zakpos-web-dev:222222222222');
    expect(buildsOf(configWith('dev'))).toEqual(['api-dev', 'web-dev', 'mobile-dev']);
    const own = { web: { image: 'example.com/web:1' }, mobile: { sources: 'image' } };
    expect(buildsOf(configWith('dev', own))).toEqual(['mobile', 'api-dev']);
  });

  test('leaves the image of the API to what has no memory for a compiler', () => {
    const config = configWith('dev', {
      monitoring: { mode: 'operator' },
      secrets: { source: 'cluster', values: {} },
    });
    expect(imageOf(config, 'expiry', hashes)).toBe('zakpos-api:aaaaaaaaaaaa');
    expect(buildsOf(config)).toEqual(['api', 'api-dev', 'web-dev', 'mobile-dev', 'jmx-agent']);
  });

  test.each([
    ['package.json', true],
    ['package-lock.json', true],
    ['.npmrc', true],
    ['src/main.ts', false],
    ['tsconfig.json', false],
    ['.dockerignore', false],
  ])('has an image that %s makes another one: %s', (path, changes) => {
    const before = sourceHash(referenceBuild('api-dev'), root);
    write(`apps/api/${path}`, '{ "changed": true }');
    expect(sourceHash(referenceBuild('api-dev'), root) !== before).toBe(changes);
  });

  test('has another image when its Dockerfile is another', () => {
    const before = sourceHash(referenceBuild('api-dev'), root);
    write('dockerfiles/api.Dockerfile', 'FROM scratch AS dev\n');
    expect(sourceHash(referenceBuild('api-dev'), root)).not.toBe(before);
  });
});

test('the agent of Java servers is built, or named, like an app', () => {
  expect(imageOf(configWith('prod'), 'jmx-agent', hashes)).toBe('zakpos-jmx-agent:dddddddddddd');
  const exporters = { jmxAgentImage: 'example.com/agent:1' };
  expect(imageOf(configWith('prod', { monitoring: { exporters } }), 'jmx-agent', hashes)).toBe(
    'example.com/agent:1',
  );
  const agent = buildOf('jmx-agent', configWith('prod'));
  const before = sourceHash(agent, ROOT);
  expect(before).toMatch(/^[0-9a-f]{12}$/);
  for (const { file, of } of [
    { file: 'exporters/jmx-agent/pom.xml', of: 'its version' },
    { file: 'dockerfiles/jmx-agent.Dockerfile', of: 'its checksum' },
  ]) {
    write('exporters/jmx-agent/pom.xml', '<project/>');
    write('dockerfiles/jmx-agent.Dockerfile', 'FROM scratch');
    const known = sourceHash(agent, root);
    write(file, of);
    expect(sourceHash(agent, root)).not.toBe(known);
  }
});

test.each(APPS)('the image of %s leaves out what is installed, tested and secret', (app) => {
  const patterns = readFileSync(join(ROOT, 'apps', app, '.dockerignore'), 'utf8').split('\n');
  expect(patterns).toEqual(expect.arrayContaining(['node_modules', 'test', '.env']));
});
