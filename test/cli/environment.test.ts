import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig, readManifests, synthesize } from '../../cli/environment.ts';
import { withFile } from '../manifests.ts';

let folder: string;

const manifest = (kind: string, name: string): string =>
  `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n  namespace: shop\n`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-manifests-'));
  writeFileSync(join(folder, '10-b.yaml'), manifest('Service', 'b'));
  writeFileSync(
    join(folder, '00-a.yaml'),
    `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n---\n${manifest('Role', 'a')}`,
  );
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('the objects of all files are read, in the order of the files', () => {
  const apiVersion = 'v1';
  expect(readManifests(folder).objects).toEqual([
    { apiVersion, kind: 'Namespace', metadata: { name: 'shop' } },
    { apiVersion, kind: 'Role', metadata: { name: 'a', namespace: 'shop' } },
    { apiVersion, kind: 'Service', metadata: { name: 'b', namespace: 'shop' } },
  ]);
});

test('of an object all is kept, since a StatefulSet is compared with the one in the cluster', () => {
  writeFileSync(
    join(folder, '20-c.yaml'),
    `${manifest('StatefulSet', 'c')}spec: { serviceName: c-headless }\n`,
  );
  expect(readManifests(folder).objects.at(-1)).toEqual({
    apiVersion: 'v1',
    kind: 'StatefulSet',
    metadata: { name: 'c', namespace: 'shop' },
    spec: { serviceName: 'c-headless' },
  });
});

test('the folder is the one that kubectl is to be given', () => {
  expect(readManifests(folder)).toMatchObject({ folder, crds: undefined });
});

test('files that are no manifests are left alone', () => {
  const { objects, digest } = readManifests(folder);
  writeFileSync(join(folder, 'notes.txt'), 'nothing to apply');
  expect(readManifests(folder)).toMatchObject({ objects, digest });
});

test('CRDs have a folder of their own and are no objects of the environment', () => {
  mkdirSync(join(folder, 'crds'));
  writeFileSync(join(folder, 'crds/till.yaml'), manifest('CustomResourceDefinition', 'tills'));
  const { crds, objects } = readManifests(folder);
  expect(crds).toBe(join(folder, 'crds'));
  expect(objects.map(({ kind }) => kind)).not.toContain('CustomResourceDefinition');
});

test('the digest stays as long as every byte does', () => {
  const { digest } = readManifests(folder);
  expect(digest).toMatch(/^[0-9a-f]{16}$/);
  expect(readManifests(folder).digest).toBe(digest);
  writeFileSync(join(folder, '10-b.yaml'), `${manifest('Service', 'b')}# a comment\n`);
  expect(readManifests(folder).digest).not.toBe(digest);
});

test('what is no object at all is refused', () => {
  writeFileSync(join(folder, '20-c.yaml'), 'kind: Service\n');
  expect(() => readManifests(folder)).toThrow(/metadata/);
});

test('the configuration is that of the environment with the file that ZAKPOS_CONFIG names', () => {
  withFile('own.yaml', 'namespace: shop\n', (path) => {
    process.env.ZAKPOS_CONFIG = path;
    try {
      expect(readConfig({ env: 'prod', context: 'production' })).toMatchObject({
        environment: 'prod',
        namespace: 'shop',
      });
    } finally {
      delete process.env.ZAKPOS_CONFIG;
    }
  });
  expect(readConfig({ env: 'prod', context: 'production' }).namespace).toBe('zakpos');
});

describe('without a context of its own, an environment is for a kind cluster', () => {
  test('and is configured for one', () => {
    const [onKind, elsewhere] = [
      readConfig({ env: 'prod' }),
      readConfig({ env: 'prod', context: 'production' }),
    ];
    expect([onKind.addons.traefik.enabled, onKind.ingress.host]).toEqual([true, 'zakpos.localhost']);
    expect([elsewhere.addons.traefik.enabled, elsewhere.ingress.host]).toEqual([false, 'zakpos.example.com']);
  });

  test('and is synthesized for one, with the CRDs that it lacks', async () => {
    process.env.CDK8S_OUTDIR = folder;
    try {
      const options = { env: 'prod' };
      const { objects, crds, folder: written } = await synthesize(readConfig(options), options);
      expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toContain('Deployment traefik');
      expect([written, crds]).toEqual([join(folder, 'prod'), join(folder, 'prod/crds')]);
    } finally {
      delete process.env.CDK8S_OUTDIR;
    }
  }, 30_000);
});

test('an environment that there is not is named with those that there are', () => {
  expect(() => readConfig({ env: 'production' })).toThrow(
    '"production" is no environment; choose one of dev, test, prod, cloud',
  );
});

test('what registers a Service with the Kubernetes API comes after all other files', () => {
  writeFileSync(join(folder, '05-c.yaml'), manifest('APIService', 'c'));
  const { files, registrations, objects } = readManifests(folder);
  expect(files).toEqual([join(folder, '00-a.yaml'), join(folder, '10-b.yaml')]);
  expect(registrations).toEqual([join(folder, '05-c.yaml')]);
  expect(objects.map(({ kind }) => kind)).toContain('APIService');
});
