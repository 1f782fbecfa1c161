import { CLUSTER, eventually, kubectl, NAMESPACE } from '../harness.ts';
import { describeReport, expectNothingLost, Load, salesInPostgres, untilWhole } from '../load.ts';

const WORKERS = ['worker', 'worker2', 'worker3'].map((name) => `${CLUSTER}-${name}`);

const nodeOf = async (pod: string): Promise<string> =>
  (await kubectl('-n', NAMESPACE, 'get', 'pod', pod, '-o', 'jsonpath={.spec.nodeName}')).stdout;

const drain = (node: string) =>
  kubectl('drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=300s');

afterAll(async () => {
  for (const node of WORKERS) await kubectl('uncordon', node);
});

/** Seconds that sales fail for when postgres has to come back on its own node: its end and its start. */
const LONGEST_OUTAGE_SECONDS = 60;

describe('draining each worker in turn, under a load of sales', () => {
  test.each(WORKERS)('%s: nothing fails but what only postgres can do', async (node) => {
    await untilWhole();
    const holdsPostgres = (await nodeOf('zakpos-postgres-0')) === node;
    const holdsRedis = (await nodeOf('zakpos-redis-0')) === node;
    const before = await salesInPostgres();
    const load = await Load.start({ salesPerSecond: 10 });
    await drain(node);
    // A store's volume is on its node, so the store is away until the node is back.
    await kubectl('uncordon', node);
    await untilWhole();
    const report = await load.stop();
    const holds = [holdsPostgres ? 'postgres' : '', holdsRedis ? 'redis' : ''].filter(Boolean).join(' and ');
    console.log(describeReport(`drain of ${node}${holds === '' ? '' : ` with ${holds}`}`, report));

    if (holdsPostgres) {
      const [first, last] = [report.failures.at(0)?.at ?? 0, report.failures.at(-1)?.at ?? 0];
      expect(last - first).toBeLessThan(LONGEST_OUTAGE_SECONDS);
      for (const { answer } of report.failures) expect(answer).toMatch(/^503 .*database/i);
    } else expect(report.failures).toEqual([]);
    await expectNothingLost(before, report);
    await eventually('api and web are on more than one node again', 60, async () => {
      const { stdout } = await kubectl(
        ...['-n', NAMESPACE, 'get', 'pods', '-l', 'app.kubernetes.io/name=zakpos-api'],
        ...['-o', 'jsonpath={.items[*].status.phase}'],
      );
      return stdout.split(' ').filter((phase) => phase === 'Running').length >= 2 ? true : undefined;
    });
  });
});
