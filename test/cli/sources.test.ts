/** The checkout's sources: where they can't be mounted, and volumes whose claim has gone. */
import { join } from 'node:path';
import { KindCluster } from '../../cli/cluster.ts';
import { Kubectl } from '../../cli/kubectl.ts';
import { giveUpReleased, refuseMounts } from '../../cli/sources.ts';
import type { Line } from '../../cli/steps.ts';
import { NODE_PORTS } from '../../environments/local-ports.ts';
import type { Config } from '../../environments/schema.ts';
import { configWith, ROOT } from '../manifests.ts';
import { FakeKubectl, failureOf, withTools } from './fakes.ts';

const IMAGES = { api: { sources: 'image' }, web: { sources: 'image' }, mobile: { sources: 'image' } };

describe('a cluster that is no kind cluster', () => {
  const shop = new Kubectl('shop');

  test('is told that it lacks the checkout, of each app that would run from it', async () => {
    const config = configWith('dev', { web: { image: 'example.com/web:1' } });
    expect(
      await failureOf(() => {
        refuseMounts(config, shop);
      }),
    ).toMatch(/^api, mobile would run from the sources .* context "shop" don't have\.\n {2}Run images there/);
  });

  test('runs images', () => {
    expect(() => {
      refuseMounts(configWith('dev', IMAGES), shop);
      refuseMounts(configWith('prod'), shop);
    }).not.toThrow();
  });
});

describe('a volume of the sources', () => {
  const objects = [
    { kind: 'PersistentVolume', metadata: { name: 'shop-sources' } },
    { kind: 'PersistentVolumeClaim', metadata: { name: 'zakpos-sources', namespace: 'shop' } },
  ];
  const deletions = async (phase: string | undefined): Promise<string[]> => {
    const kubectl = new FakeKubectl(([verb]) =>
      verb === 'get' && phase !== undefined
        ? { stdout: JSON.stringify({ kind: 'PersistentVolume', status: { phase } }) }
        : {},
    );
    await giveUpReleased(kubectl, objects);
    return kubectl.calls.map(({ args }) => args.join(' ')).filter((call) => call.startsWith('delete'));
  };

  test('is made anew when the claim that it was bound to is gone', async () => {
    expect(await deletions('Released')).toEqual(['delete persistentvolume shop-sources']);
  });

  test.each(['Bound', 'Available', undefined])('stays when it is %s', async (phase) => {
    expect(await deletions(phase)).toEqual([]);
  });
});

describe('a kind cluster', () => {
  const apps = join(ROOT, 'apps');
  const line: Line = { note: () => undefined, rename: () => undefined };
  const ensure = (config: Config, binds: readonly string[] | null, hostIp = '127.0.0.1') => {
    const ports = Object.fromEntries(
      Object.entries(config.localPorts).map(([field, port]) => [
        `${String(new Map(Object.entries(NODE_PORTS)).get(field))}/tcp`,
        [{ HostIp: hostIp, HostPort: String(port) }],
      ]),
    );
    const nodes = { items: [{ metadata: { labels: { 'zakpos.io/cluster': 'shop' } } }] };
    return withTools(
      {
        docker: `case "$*" in
          ps*) echo 'control-plane shop-control-plane running';;
          *PortBindings*) echo '${JSON.stringify(ports)}';;
          *Binds*) echo '${JSON.stringify(binds)}';;
        esac`,
        kubectl: `case "$*" in *nodes*) echo '${JSON.stringify(nodes)}';; *) echo storageclass/standard;; esac`,
      },
      () => new KindCluster('shop').ensure(config, line),
    );
  };

  test('that has this checkout mounted will do', async () => {
    const binds = ['/lib/modules:/lib/modules:ro', `${apps}:/zakpos/apps`];
    expect(await ensure(configWith('dev'), binds)).toBe('found');
    expect(await ensure(configWith('dev'), [`${apps}:/zakpos/apps:rslave`])).toBe('found');
  });

  test.each([
    [['/home/other/zakpos/apps:/zakpos/apps'], '/home/other/zakpos/apps'],
    [['/lib/modules:/lib/modules:ro'], 'no checkout'],
    [null, 'no checkout'],
  ])('that has %j mounted is refused, unless images run', async (binds, found) => {
    expect(await failureOf(() => ensure(configWith('dev'), binds))).toContain(
      `The kind cluster "shop" has ${found} mounted, not ${apps}.\n  Run the command in the checkout`,
    );
    expect(await ensure(configWith('dev', IMAGES), binds)).toBe('found');
  });

  test('that no phone reaches is refused when one is to', async () => {
    const config = configWith('dev', { mobile: { lanAddress: '192.168.1.20' } });
    const binds = [`${apps}:/zakpos/apps`];
    expect(await failureOf(() => ensure(config, binds))).toMatch(
      /mobile\.lanAddress is 192\.168\.1\.20, but .* made without it: no phone reaches it/,
    );
    expect(await ensure(config, binds, '0.0.0.0')).toBe('found');
  });
});
