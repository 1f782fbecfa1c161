import { join } from 'node:path';
import { build, builtImages, fullName, load } from '../../cli/images.ts';
import { configWith, defined } from '../manifests.ts';
import { withToolFolder } from './fakes.ts';

test.each([
  ['zakpos-api:1', 'docker.io/library/zakpos-api:1'],
  ['acme/zakpos-api:1', 'docker.io/acme/zakpos-api:1'],
  ['docker.io/acme/zakpos-api:1', 'docker.io/acme/zakpos-api:1'],
  ['ghcr.io/acme/zakpos-api:1', 'ghcr.io/acme/zakpos-api:1'],
  ['localhost/zakpos-api:1', 'localhost/zakpos-api:1'],
  ['registry:5000/zakpos-api:1', 'registry:5000/zakpos-api:1'],
  ['localhosts/zakpos-api:1', 'docker.io/localhosts/zakpos-api:1'],
])('%s is %s in full', (image, full) => {
  expect(fullName(image)).toBe(full);
});

test('the images of all apps that run are built, under a tag that is a hash', () => {
  expect(builtImages(configWith('test')).map(({ name }) => name)).toEqual(['api', 'web', 'mobile']);
  for (const { name, image } of builtImages(configWith('dev')))
    expect(image).toMatch(new RegExp(`^zakpos-${name}:[0-9a-f]{12}$`));
});

test('an app that does not run, or has an image of its own, is not built', () => {
  const config = configWith('dev', { mobile: { enabled: false }, web: { image: 'example.com/web:2' } });
  expect(builtImages(config).map(({ name }) => name)).toEqual(['api-dev']);
});

test('the agent of Java servers is built where there are some and somebody asks for metrics', () => {
  const builds = (own: object) => builtImages(configWith('dev', own)).map(({ name }) => name);
  const monitoring = { mode: 'operator' };
  expect(builds({ monitoring })).toEqual(['api-dev', 'web-dev', 'mobile-dev', 'jmx-agent']);
  const image = 'example.com/agent:1';
  expect(builds({ monitoring: { ...monitoring, exporters: { jmxAgentImage: image } } })).not.toContain(
    'jmx-agent',
  );
  const kafka = { mode: 'external', external: { brokers: ['kafka:9092'], sasl: false } };
  expect(builds({ monitoring, kafka })).not.toContain('jmx-agent');
});

test('an image is loaded onto the nodes that lack it, and onto no other', async () => {
  const docker = '[ "$2" = full ] && echo docker.io/library/zakpos-api:1; echo other:1';
  await withToolFolder({ docker, kind: '' }, async ({ path, calls }) => {
    const before = process.env.PATH;
    process.env.PATH = path;
    try {
      expect(await load('zakpos-api:1', 'shop', ['full', 'empty'])).toEqual(['empty']);
      expect(await load('zakpos-api:1', 'shop', ['full'])).toEqual([]);
    } finally {
      process.env.PATH = before;
    }
    expect(calls().filter((call) => call.startsWith('kind'))).toEqual([
      'kind load docker-image zakpos-api:1 --name shop --nodes empty',
    ]);
  });
});

test("sources of one's own are built with their Dockerfile and stage, under the tag of their hash", async () => {
  const context = join(import.meta.dirname, '../e2e/own-app');
  const config = configWith('dev', { api: { build: { context, target: 'stage' } } });
  const [image] = builtImages(config);
  expect(image?.image).toMatch(/^zakpos-api:[0-9a-f]{12}$/);
  await withToolFolder({ docker: '' }, async ({ path, calls }) => {
    const before = process.env.PATH;
    process.env.PATH = path;
    try {
      await build(defined(image, 'image'), { note: () => undefined, rename: () => undefined });
    } finally {
      process.env.PATH = before;
    }
    expect(calls()).toEqual([
      `docker build --progress=plain -t ${image?.image ?? ''} --target stage -f ${context}/Dockerfile ${context}`,
    ]);
  });
});
