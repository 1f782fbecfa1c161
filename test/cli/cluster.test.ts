/** Which cluster a command is about, and what is there under its name. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterOf, KindCluster, type ClusterState } from '../../cli/cluster.ts';
import { targetOf } from '../../cli/target.ts';
import { ENVIRONMENTS } from '../../environments/schema.ts';
import { configWith } from '../manifests.ts';
import { failureOf, withTools, type Tools, withFastClock } from './fakes.ts';

withFastClock();

describe('the target of a command', () => {
  test('is a kind cluster of the environment, where nothing else is said', () => {
    expect(ENVIRONMENTS.map(clusterOf)).toEqual(['zakpos', 'zakpos-test', 'zakpos-prod', 'zakpos-cloud']);
    const { kind, kubectl } = targetOf({ env: 'prod' });
    expect([kind?.name, kubectl.context]).toEqual(['zakpos-prod', 'kind-zakpos-prod']);
  });

  test('is the kind cluster that is named', () => {
    const { kind, kubectl } = targetOf({ env: 'prod', cluster: 'shop' });
    expect([kind?.name, kubectl.context]).toEqual(['shop', 'kind-shop']);
  });

  test('is the context that is named, which is no kind cluster of ours whatever it is called', () => {
    const { kind, kubectl } = targetOf({ env: 'prod', context: 'kind-zakpos', cluster: 'shop' });
    expect([kind, kubectl.context]).toEqual([undefined, 'kind-zakpos']);
  });
});

/** Tools that find these containers, and nodes with these labels. */
const tools = (containers: readonly string[], labels: readonly object[], more: Tools = {}): Tools => ({
  docker: `case "$1" in ps) printf '%s\\n' ${containers.map((line) => `'${line}'`).join(' ')};; *) exit 1;; esac`,
  kind: 'exit 1',
  kubectl: `case "$*" in *nodes*) echo '${JSON.stringify({ items: labels.map((each) => ({ metadata: { labels: each } })) })}';; *storageclasses*) echo storageclass/standard;; esac`,
  ...more,
});
const OURS = { 'zakpos.io/cluster': 'shop' };
const CONTAINERS = [
  'worker shop-worker running',
  'worker shop-worker2 running',
  'control-plane shop-control-plane running',
];
const shop = new KindCluster('shop');

test('nodes are those of kind, the control plane first, and nothing else of it', async () => {
  const containers = [...CONTAINERS, 'external-load-balancer shop-external-load-balancer running'];
  expect(await withTools(tools(containers, []), () => shop.nodes())).toEqual([
    'shop-control-plane',
    'shop-worker',
    'shop-worker2',
  ]);
});

/** A cluster that runs and of which kubectl learns nothing but this, until kind has exported its credentials. */
const mute = (said: string, exported = '/nowhere/exported'): Tools => {
  const { docker = '', kubectl = '' } = tools(CONTAINERS, [OURS, OURS, OURS]);
  return {
    docker: docker.replace('*)', 'exec) exit 0;; inspect) echo {};; *)'),
    kind: `if [ "$1 $2" = "export kubeconfig" ]; then : > '${exported}'; fi`,
    kubectl: `if [ ! -e '${exported}' ]; then echo '${said}' >&2; exit 1; fi; ${kubectl}`,
  };
};

describe('a cluster of several nodes', () => {
  test.each<[string, ClusterState, Tools]>([
    ['each of them runs and carries our label', 'ours', tools(CONTAINERS, [OURS, OURS, OURS])],
    [
      'one of them is stopped',
      'stopped',
      tools([...CONTAINERS.slice(0, 2), 'control-plane shop-control-plane exited'], [OURS]),
    ],
    ['one of them lacks our label', 'foreign', tools(CONTAINERS, [OURS, {}, OURS])],
    [
      'no claim can be bound yet',
      'unfinished',
      tools(CONTAINERS, [OURS, OURS, OURS], {
        kubectl: `case "$*" in *nodes*) echo '{"items":[{"metadata":{"labels":{"zakpos.io/cluster":"shop"}}}]}';; esac`,
      }),
    ],
    ['there is none', 'absent', tools([''], [])],
    ['kubectl gets no answer', 'silent', mute('Unable to connect to the server: EOF')],
    ['kubectl has no context', 'unknown', mute('error: context "kind-shop" does not exist')],
    [
      'kubectl has no contexts at all',
      'unknown',
      mute('Error in configuration: context was not found for specified context: kind-shop'),
    ],
  ])('where %s is %s', async (_, state, found) => {
    expect(await withTools(found, () => shop.state())).toBe(state);
  });
});

describe("kubectl's configuration", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zakpos-kubeconfig-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const config = configWith('dev');
  const line = { note: () => undefined, rename: () => undefined };

  test.each(['error: context "kind-shop" does not exist', 'error: You must be logged in to the server'])(
    'is left as it is by who only needs the cluster: %s',
    async (said) => {
      const exported = join(folder, 'exported');
      const failure = await withTools(mute(said, exported), () => failureOf(() => shop.require()));
      expect(failure).toContain('`kind export kubeconfig --name shop`');
      expect(existsSync(exported)).toBe(false);
      // So does who is about to remove it.
      expect(await withTools(mute(said, exported), () => shop.isOurs())).toBe(true);
      expect(existsSync(exported)).toBe(false);
    },
  );

  test('is mended by who makes sure that it runs', async () => {
    const exported = join(folder, 'exported');
    const found = mute('error: context "kind-shop" does not exist', exported);
    expect(await withTools(found, () => failureOf(() => shop.ensure(config, line)))).toContain('other ports');
    expect(existsSync(exported)).toBe(true);
  });
});

describe('what to do about a cluster that is not there', () => {
  test.each([
    ['zakpos', 'npm run up -- --env dev'],
    ['zakpos-prod', 'npm run up -- --env prod'],
    ['shop', 'npm run up -- --cluster shop'],
  ])('names the command that makes %s', (name, command) => {
    expect(new KindCluster(name).refusal('absent').message).toBe(
      `There is no kind cluster "${name}".\n  Make it with \`${command}\`.`,
    );
  });
});
