/** PostgreSQL 16 to 17 and back, while tills try to sell: the commands are those of docs/how-to/upgrade.md, as they are there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  CLUSTER,
  eventually,
  kubectl,
  logIn,
  NAMESPACE,
  ROOT,
  sql,
  tryKubectl,
  valuesFile,
  zakpos,
} from '../harness.ts';
import { Load } from '../load.ts';
import { S3 } from '../s3.ts';

const IMAGE_17 = 'postgres:17-alpine';
const LOAD = { salesPerSecond: 4 };

const page = readFileSync(join(ROOT, 'docs/how-to/upgrade.md'), 'utf8');
interface Block {
  readonly language: string;
  readonly text: string;
}
/** Blocks below a heading of the page, in their order. */
function blocks(heading: string): Block[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const [below = ''] = section.split('\n## ');
  return [...below.matchAll(/```(\w+).*\n([\s\S]*?)```/g)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
}

let s3: S3;
/** What the shop's file of values says, beside the suites' own. */
let values: Readonly<Record<string, unknown>>;
/** Does what stands below a heading, step by step, on the suites' cluster. Answers what the commands said. */
async function follow(heading: string): Promise<string> {
  const mapping = z.record(z.string(), z.unknown());
  const said: string[] = [];
  for (const { language, text } of blocks(heading)) {
    if (language === 'yaml') values = { ...values, ...mapping.parse(parse(text)) };
    if (language !== 'sh') continue;
    const script = text.replaceAll('--env prod --context my-cluster', `--env dev --cluster ${CLUSTER}`);
    const { all, exitCode } = await execa('bash', ['-e', '-c', script], {
      cwd: ROOT,
      reject: false,
      all: true,
      stdin: 'ignore',
      env: { ZAKPOS_CONFIG: valuesFile(values) },
    });
    said.push(all);
    if (exitCode !== 0) throw new Error(`${script}\n${all}`);
  }
  expect(said).not.toEqual([]);
  return said.join('\n');
}

const version = async (): Promise<string> => (await sql('show server_version_num'))[0]?.slice(0, 2) ?? '';
/** Rows and checksums of all tables, and sequences: by the script of the upgrade itself. */
const CHECKSUMS = readFileSync(join(ROOT, 'backup/checksums.sql'), 'utf8');
const contents = async (): Promise<string[]> =>
  (await sql(CHECKSUMS)).filter((line) => /^(table|sequence) /.test(line)).sort();
const stopApps = (replicas: number) =>
  kubectl(
    '-n',
    NAMESPACE,
    'scale',
    'deployment/zakpos-api',
    'deployment/zakpos-reports',
    `--replicas=${replicas}`,
  );
const sold = async (ids: readonly string[]): Promise<number> =>
  ids.length === 0
    ? 0
    : Number(
        (await sql(`select count(*) from sales where id in (${ids.map((id) => `'${id}'`).join(', ')})`))[0],
      );

/** The longest time between two sales that were acknowledged, in seconds. */
const longestGap = (times: readonly number[]): number =>
  Math.max(0, ...times.map((time, i) => (time - (times[i - 1] ?? time)) / 1000));

beforeAll(async () => {
  await execa('bash', [join(import.meta.dirname, 'postgres-17/build'), IMAGE_17]);
  await execa('kind', ['load', 'docker-image', IMAGE_17, '--name', CLUSTER]);
  s3 = await S3.start();
  values = { backups: s3.values };
  await s3.giveCredentials();
  const { all, exitCode } = await zakpos('up', ['--no-smoke'], { values });
  if (exitCode !== 0) throw new Error(all);
}, 600_000);

afterAll(async () => {
  await tryKubectl('-n', NAMESPACE, 'delete', 'secret', 'zakpos-backup-s3', '--ignore-not-found');
  await s3.stop();
});

test("a server that can't read the files is refused before anything is applied", async () => {
  const { all, exitCode } = await zakpos('up', ['--no-smoke'], {
    values: { ...values, postgres: { image: IMAGE_17 } },
  });
  expect(exitCode).toBe(1);
  expect(all).toContain('The database is one of PostgreSQL 16');
  expect(all).toContain('nothing was applied');
  expect(await version()).toBe('16');
});

test('one that was applied by hand says so, and touches nothing', async () => {
  const before = await contents();
  const image = (tag: string) =>
    kubectl('-n', NAMESPACE, 'set', 'image', 'statefulset/zakpos-postgres', `postgres=postgres:${tag}`);
  await image('17-alpine');
  await eventually('it says why it does not start', 120, async () => {
    const { all } = await tryKubectl('-n', NAMESPACE, 'logs', 'zakpos-postgres-0');
    return all.includes('The files on the volume are of PostgreSQL 16') ? true : undefined;
  });
  await image('16-alpine');
  await kubectl('-n', NAMESPACE, 'delete', 'pod', 'zakpos-postgres-0', '--force', '--grace-period=0');
  await eventually('16 runs again', 180, async () => ((await version()) === '16' ? true : undefined));
  const tables = (lines: readonly string[]) =>
    lines.filter((line) => / public\.(sales|sale_items|products|users) /.test(line));
  expect(tables(await contents())).toEqual(tables(before));
  await eventually('the API has found it again', 60, () => logIn());
}, 400_000);

test('16 becomes 17 while tills try to sell: every sale that was acknowledged is there, once', async () => {
  const count = async (): Promise<number> => Number((await sql('select count(*) from sales'))[0]);
  const before = await count();
  const load = await Load.start(LOAD);
  await eventually('sales are made', 60, async () => ((await count()) > before + 20 ? true : undefined));
  const said = await follow('PostgreSQL 16 to 17');
  const report = await load.stop();
  expect(said).toContain('all of them the same');
  expect(await version()).toBe('17');
  const acknowledged = report.sales.map(({ id }) => id);
  expect(await sold(acknowledged)).toBe(acknowledged.length);
  const times = report.outcomes.filter((outcome) => outcome.sold).map(({ answeredAt }) => answeredAt);
  const elsewise = report.failures.filter(({ answer }) => !/^(503|429)/.test(answer));
  console.log(
    `${acknowledged.length} sales; nothing was sold for ${longestGap(times).toFixed(1)} s; ${report.failures.length} requests refused, of which ${elsewise.length} with something else than 503`,
  );
  expect(longestGap(times)).toBeGreaterThan(1);
}, 900_000);

test('the way back has all that was there before, and what was sold since is kept beside it', async () => {
  await stopApps(0);
  const [last = ''] = await sql('select max(number) from sales');
  await follow('Back to 16');
  expect(await version()).toBe('16');
  const [then = ''] = await sql('select max(number) from sales');
  expect(Number(then)).toBeLessThan(Number(last));
  const { stdout } = await kubectl(
    '-n',
    NAMESPACE,
    'exec',
    'zakpos-postgres-0',
    '--',
    'sh',
    '-c',
    'ls /var/lib/postgresql/data',
  );
  expect(stdout).toMatch(/^pgdata\.17-/m);
}, 900_000);
