/** Which cluster a command is about, and what is there under its name. */
import { clusterOf, KindCluster, type ClusterState } from '../../cli/cluster.ts';
import { targetOf } from '../../cli/target.ts';
import { ENVIRONMENTS } from '../../environments/schema.ts';
import { withTools, type Tools } from './fakes.ts';

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
  ])('where %s is %s', async (_, state, found) => {
    expect(await withTools(found, () => shop.state())).toBe(state);
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
