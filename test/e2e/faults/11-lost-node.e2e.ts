/** The node of the database is lost for good with its volumes, in the middle of sales. It comes last: the node stays away. */
import { execa } from 'execa';
import { z } from 'zod';
import { eventually, kubectl, NAMESPACE, podOf, product, logIn, sell, sql, zakpos } from '../harness.ts';
import { Load } from '../load.ts';
import { S3 } from '../s3.ts';

const SALES_PER_SECOND = 5;

let s3: S3;
const run = (command: string, ...args: string[]) =>
  zakpos(command, ['--env', 'prod', ...args], { values: { backups: s3.values } });

async function expectDone(command: string, ...args: string[]): Promise<string> {
  const { all, exitCode } = await run(command, ...args);
  if (exitCode !== 0) throw new Error(all);
  return all;
}

const volumeList = z.object({
  items: z.array(
    z.object({
      spec: z.object({
        claimRef: z.object({ namespace: z.string(), name: z.string() }),
        nodeAffinity: z.looseObject({}),
      }),
    }),
  ),
});

/** Claims of the product whose volumes are on a node. */
async function claimsOn(node: string): Promise<string[]> {
  const { stdout } = await kubectl('get', 'persistentvolumes', '-o', 'json');
  return volumeList
    .parse(JSON.parse(stdout))
    .items.filter(({ spec }) => JSON.stringify(spec.nodeAffinity).includes(`"${node}"`))
    .filter(({ spec }) => spec.claimRef.namespace === NAMESPACE)
    .map(({ spec }) => spec.claimRef.name);
}

beforeAll(async () => {
  s3 = await S3.start();
  await s3.giveCredentials();
  await expectDone('up', '--no-smoke');
  await expectDone('backup');
}, 900_000);

afterAll(() => s3.stop());

test('sales up to a minute before it are restored onto another node', async () => {
  const { node } = await podOf('zakpos-postgres');
  const claims = await claimsOn(node);
  expect(claims).toContain('data-zakpos-postgres-0');
  const load = await Load.start({ salesPerSecond: SALES_PER_SECOND });
  await eventually('a minute of sales is made', 120, () =>
    Promise.resolve(
      load.since(0).filter(({ sold }) => sold).length > 40 * SALES_PER_SECOND ? true : undefined,
    ),
  );

  const lostAt = Date.now();
  await execa('docker', ['rm', '--force', '--volumes', node]);
  const { sales, failures } = await load.stop();
  await kubectl('delete', 'node', node);
  console.log(`lost with ${node}: ${claims.join(', ')}`);
  await expectDone(
    'restore',
    ...['--into', NAMESPACE, '--confirm', NAMESPACE],
    ...claims.flatMap((claim) => ['--replace-claim', claim]),
  );
  await eventually('a sale goes through', 300, async () => {
    const token = await logIn();
    return (await sell(token, (await product(token)).id)).id;
  });
  const recovered = Date.now();

  const found = new Set(await sql('select id from sales'));
  const lost = sales.filter(({ id }) => !found.has(id));
  const times = await sql(
    `select extract(epoch from max(created_at)) from sales where created_at < to_timestamp(${lostAt / 1000} + 1)`,
  );
  const pointSeconds = lostAt / 1000 - Number(times[0]);
  console.log(
    [
      `node lost: ${sales.length} sales acknowledged, ${failures.length} requests failed,`,
      `${sales.length - lost.length} found, ${lost.length} lost;`,
      `recovery point ${pointSeconds.toFixed(1)} s, recovery time ${((recovered - lostAt) / 1000).toFixed(0)} s`,
    ].join(' '),
  );
  expect(pointSeconds).toBeLessThanOrEqual(60);
  // What is lost is the end, and no hole in the middle.
  const numbers = sales.filter(({ id }) => found.has(id)).map(({ number }) => number);
  const last = Math.max(...numbers);
  expect(lost.filter(({ number }) => number < last)).toEqual([]);
}, 1_800_000);
