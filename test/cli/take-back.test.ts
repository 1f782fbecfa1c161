import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { readManifests, type Rendered } from '../../cli/environment.ts';
import { remember, takeBack } from '../../cli/take-back.ts';
import { FakeKubectl, withFastClock } from './fakes.ts';

withFastClock();

const object = (kind: string, name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'zakpos' },
  ...more,
});

/** An object in the cluster, of whose `data` kubectl has applied the key `ours`. */
const live = (kind: string, name: string, manager = 'kubectl') => ({
  ...object(kind, name, { data: { ours: 'old', theirs: 'x' } }),
  metadata: {
    name,
    namespace: 'zakpos',
    managedFields: [{ manager, operation: 'Apply', fieldsV1: { 'f:data': { 'f:ours': {} } } }],
  },
});

const named = (...names: readonly string[]) => names.map((name) => ({ metadata: { name } }));

let folder: string;
let release: Rendered;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-take-back-'));
  const objects = [
    object('Namespace', 'zakpos'),
    object('Secret', 'zakpos-postgres'),
    object('PersistentVolumeClaim', 'data'),
    object('ConfigMap', 'zakpos-web'),
    object('ConfigMap', 'zakpos-more'),
    object('ConfigMap', 'zakpos-theirs'),
    object('StatefulSet', 'zakpos-redis'),
  ];
  writeFileSync(join(folder, '10-all.yaml'), objects.map((each) => stringify(each)).join('---\n'));
  release = readManifests(folder);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const LIVE = [
  live('Secret', 'zakpos-postgres'),
  live('ConfigMap', 'zakpos-web'),
  live('ConfigMap', 'zakpos-theirs', 'argocd-controller'),
  live('StatefulSet', 'zakpos-redis'),
];

test('what was applied before is known, of all but Secrets, claims and the namespace', async () => {
  const kubectl = new FakeKubectl(() => ({ stdout: JSON.stringify({ kind: 'List', items: LIVE }) }));
  const before = await remember(kubectl, release);
  expect(before.objects).toEqual([
    object('ConfigMap', 'zakpos-web', { data: { ours: 'old' } }),
    object('StatefulSet', 'zakpos-redis', { data: { ours: 'old' } }),
  ]);
  expect(before.missing).toMatchObject(named('zakpos-more'));
  expect(before.unknown).toEqual(['ConfigMap/zakpos-theirs']);
  expect(kubectl.calls.map(({ args }) => args.join(' '))).toEqual([
    `get -f ${join(folder, '10-all.yaml')} --ignore-not-found --show-managed-fields -o json`,
  ]);
});

const pod = (name: string, revision: string, ready: boolean) => ({
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'zakpos',
    creationTimestamp: '2026-11-21T10:00:00Z',
    labels: { 'controller-revision-hash': revision },
    ownerReferences: [{ kind: 'StatefulSet', name: 'zakpos-redis' }],
  },
  spec: { containers: [] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});

test('it is applied, what was not there is deleted, and a pod that a StatefulSet waits for in vain makes way', async () => {
  const before = [
    object('ConfigMap', 'zakpos-web', { data: { ours: 'old' } }),
    object('StatefulSet', 'zakpos-redis'),
  ];
  let applied = '';
  const kubectl = new FakeKubectl((args) => {
    const text = args.join(' ');
    const file = args[args.indexOf('-f') + 1] ?? '';
    if (text.startsWith('apply ')) applied = readFileSync(file, 'utf8');
    if (text.startsWith('apply ')) return { stdout: applied };
    if (text.startsWith('get -f ')) {
      return {
        stdout: JSON.stringify({ kind: 'List', items: [live('ConfigMap', 'zakpos-web'), before[1]] }),
      };
    }
    if (text.includes(' get deployments,')) {
      const set = {
        kind: 'StatefulSet',
        metadata: { name: 'zakpos-redis', namespace: 'zakpos', generation: 3 },
        spec: { replicas: 3 },
        status: { observedGeneration: 3, updateRevision: 'good', currentRevision: 'good' },
      };
      const items = [
        set,
        pod('of-before', 'good', false),
        pod('serving', 'bad', true),
        pod('stuck', 'bad', false),
      ];
      return { stdout: JSON.stringify({ items }) };
    }
    return {};
  });
  const more = object('ConfigMap', 'zakpos-more');
  expect(await takeBack(kubectl, { objects: before, missing: [more], unknown: [] })).toMatchObject({
    created: [],
    changed: ['ConfigMap/zakpos-web'],
    deleted: ['ConfigMap/zakpos-more'],
  });
  expect(JSON.parse(applied)).toEqual({ apiVersion: 'v1', kind: 'List', items: before });
  const deletions = kubectl.calls.filter(({ args }) => args.includes('delete'));
  expect(deletions).toEqual([
    {
      args: ['delete', '--ignore-not-found', '--wait=false', '-f', '-'],
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [more] }),
    },
    {
      args: ['-n', 'zakpos', 'delete', 'pod', 'stuck', '--ignore-not-found', '--wait=false'],
      input: undefined,
    },
  ]);
});
