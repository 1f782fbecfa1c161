import {
  NEVER_PRUNED,
  prune,
  PRUNED,
  selectUnwanted,
  type LabelledObject,
  type PruneScope,
} from '../../cli/prune.ts';
import type { Manifest } from '../manifests.ts';
import { rendered } from '../variants.ts';
import { FakeKubectl } from './fakes.ts';

const scope: PruneScope = { namespaces: ['zakpos', 'zakpos-system'], wholeCluster: true };

type Metadata = Partial<LabelledObject['metadata']>;
const object = (kind: string, name: string, metadata: Metadata = {}): LabelledObject => ({
  kind,
  metadata: { name, namespace: 'zakpos', ...metadata },
});
const clusterObject = (kind: string, name: string): LabelledObject => ({ kind, metadata: { name } });

const unwanted = (
  found: readonly LabelledObject[],
  wanted: readonly LabelledObject[] = [],
  within = scope,
): string[] => selectUnwanted(found, wanted, within).map(({ kind, metadata }) => `${kind}/${metadata.name}`);

describe('what is unwanted', () => {
  test('is what the manifests no longer hold', () => {
    const found = [object('Service', 'api'), object('Service', 'mobile')];
    expect(unwanted(found, [object('Service', 'api')])).toEqual(['Service/mobile']);
  });

  test('is told by kind, namespace and name together', () => {
    const found = [object('Service', 'api')];
    expect(unwanted(found, [object('Deployment', 'api')])).toEqual(['Service/api']);
    expect(unwanted(found, [object('Service', 'api', { namespace: 'zakpos-system' })])).toEqual([
      'Service/api',
    ]);
    expect(unwanted(found, [object('Service', 'web')])).toEqual(['Service/api']);
  });

  test('is nothing that something else owns: it goes with its owner', () => {
    const ownerReferences = [{ kind: 'CronJob', name: 'nightly' }];
    expect(unwanted([object('Job', 'nightly-1', { ownerReferences })])).toEqual([]);
  });

  test('is nothing that is on its way out already', () => {
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(unwanted([object('Job', 'topics-1', { deletionTimestamp })])).toEqual([]);
  });

  test.each(NEVER_PRUNED)('is no %s', (kind) => {
    expect(unwanted([object(kind, 'data'), clusterObject(kind, 'data')])).toEqual([]);
  });

  test('is nothing in a namespace of others', () => {
    const found = ['zakpos', 'zakpos-system', 'other'].map((namespace) =>
      object('Role', `in-${namespace}`, { namespace }),
    );
    expect(unwanted(found)).toEqual(['Role/in-zakpos', 'Role/in-zakpos-system']);
    expect(unwanted(found, [], { ...scope, namespaces: ['other'] })).toEqual(['Role/in-other']);
  });

  test('is something without a namespace, or in kube-system, only in a cluster of its own', () => {
    const found = [
      clusterObject('ClusterRole', 'traefik'),
      object('RoleBinding', 'auth', { namespace: 'kube-system' }),
    ];
    expect(unwanted(found)).toEqual(['ClusterRole/traefik', 'RoleBinding/auth']);
    expect(unwanted(found, [], { ...scope, wholeCluster: false })).toEqual([]);
  });
});

describe('the kinds', () => {
  const pruned: readonly string[] = [...PRUNED.namespaced, ...PRUNED.clusterScoped];
  const never: readonly string[] = NEVER_PRUNED;

  test('that hold what cannot be made again are never pruned', () => {
    expect(pruned.filter((kind) => never.includes(kind))).toEqual([]);
    for (const kind of ['Namespace', 'PersistentVolumeClaim', 'Secret', 'CustomResourceDefinition'])
      expect(never).toContain(kind);
    for (const kind of ['PersistentVolume', 'StorageClass', 'Node']) expect(pruned).not.toContain(kind);
  });

  /** How a kind of others is named in the list: its plural and its group. */
  const customName = ({ apiVersion, kind }: Manifest): string =>
    `${kind.toLowerCase()}s.${apiVersion.split('/')[0] ?? ''}`;
  const custom: readonly string[] = PRUNED.custom;
  const made = rendered.flatMap(({ objects }) => objects);

  test('that charts make are all pruned or never pruned', () => {
    const unknown = made.filter(
      (each) =>
        !pruned.includes(each.kind) && !custom.includes(customName(each)) && !never.includes(each.kind),
    );
    expect(new Set(unknown.map(({ kind }) => kind))).toEqual(new Set());
  });

  test('that are pruned are made by some chart, each of them', () => {
    const names = made.flatMap((each) => [each.kind, customName(each)]);
    expect([...pruned, ...custom].filter((name) => !names.includes(name))).toEqual([]);
  });

  test('are looked for where their objects are: in namespaces, or in the whole cluster', () => {
    const namespaced: readonly string[] = [...PRUNED.namespaced, ...PRUNED.custom];
    const clusterScoped: readonly string[] = PRUNED.clusterScoped;
    for (const each of made) {
      if (never.includes(each.kind)) continue;
      const list = each.namespace === undefined ? clusterScoped : namespaced;
      expect([each.kind, customName(each)].filter((name) => list.includes(name))).toHaveLength(1);
    }
  });

  test('of others that hold a database, or that a Secret goes with, are never pruned', () => {
    for (const kind of ['Cluster', 'ExternalSecret']) expect(never).toContain(kind);
    expect(custom.filter((name) => /^(clusters|externalsecrets)\./.test(name))).toEqual([]);
  });
});

describe('pruning', () => {
  const CRDS = 'customresourcedefinitions';
  /** A cluster that knows these kinds of others; like any output, the list of them has no line break at its end. */
  const withCrds = (crds: readonly string[], ...items: LabelledObject[]) =>
    new FakeKubectl(([verb, what]) => {
      if (verb !== 'get') return {};
      const names = crds.map((name) => `customresourcedefinition.apiextensions.k8s.io/${name}`);
      return { stdout: what === CRDS ? names.join('\n') : JSON.stringify({ items }) };
    });
  const kubectl = (...items: LabelledObject[]) => withCrds([], ...items);
  const deletions = ({ calls }: FakeKubectl): string[] =>
    calls.filter(({ args }) => args[0] === 'delete').map(({ args }) => args.join(' '));
  const reads = ({ calls }: FakeKubectl): string[] =>
    calls.filter(({ args }) => args[0] === 'get' && args[1] !== CRDS).map(({ args }) => args.join(' '));

  test('deletes by name, a call for each namespace, and answers the names', async () => {
    const fake = kubectl(
      object('Service', 'mobile'),
      object('Deployment', 'mobile'),
      clusterObject('ClusterRole', 'traefik'),
    );
    expect(await prune(fake, [], scope)).toEqual([
      'Service/mobile',
      'Deployment/mobile',
      'ClusterRole/traefik',
    ]);
    expect(deletions(fake)).toEqual([
      'delete --namespace zakpos --ignore-not-found --wait=false Service/mobile Deployment/mobile',
      'delete --ignore-not-found --wait=false ClusterRole/traefik',
    ]);
  });

  test('deletes nothing where all is wanted', async () => {
    const api = object('Service', 'api');
    const fake = kubectl(api);
    expect(await prune(fake, [api], scope)).toEqual([]);
    expect(deletions(fake)).toEqual([]);
  });

  test("looks only for what carries the product's labels", async () => {
    const fake = kubectl();
    await prune(fake, [], scope);
    expect(reads(fake)).toHaveLength(1);
    expect(reads(fake)[0]).toMatch(
      / -l app\.kubernetes\.io\/part-of=zakpos,app\.kubernetes\.io\/managed-by=zakpos -o json$/,
    );
  });

  test.each([
    [[], []],
    [
      ['middlewares.traefik.io', 'issuers.cert-manager.io', 'clusters.postgresql.cnpg.io'],
      ['issuers.cert-manager.io', 'middlewares.traefik.io'],
    ],
    [
      ['xtlsoptions.traefik.io', 'httproutes.gateway.networking.k8s.io'],
      ['httproutes.gateway.networking.k8s.io'],
    ],
  ])('looks for kinds of others only where they are known: of %j for %j', async (crds, expected) => {
    for (const wholeCluster of [true, false]) {
      const fake = withCrds(crds);
      await prune(fake, [], { ...scope, wholeCluster });
      for (const call of reads(fake)) {
        const kinds = call.split(' ')[1]?.split(',') ?? [];
        expect(kinds.filter((kind) => kind.includes('.')).sort()).toEqual(expected);
      }
    }
  });

  test("looks only into its own namespaces in somebody else's cluster", async () => {
    const fake = kubectl();
    await prune(fake, [], { ...scope, wholeCluster: false });
    expect(reads(fake).map((call) => /--namespace (\S+)/.exec(call)?.[1])).toEqual([
      'zakpos',
      'zakpos-system',
    ]);
    for (const call of reads(fake)) expect(call).not.toMatch(/ClusterRole|--all-namespaces/);
  });
});
