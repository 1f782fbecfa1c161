/** What looks inside the pods: shells, and the clients of the stores. */
import { execa } from 'execa';
import { z } from 'zod';
import {
  CLUSTER,
  config,
  eventually,
  logIn,
  NODE,
  podOf,
  product,
  ROOT,
  secretTexts,
  sell,
  sql,
  valuesFile,
  zakpos,
} from './harness.ts';

/** The same with something on its stdin. */
const piped = (command: string, input: string, ...args: readonly string[]) =>
  execa('npm', ['run', '--silent', command, '--', '--cluster', CLUSTER, ...args], {
    cwd: ROOT,
    reject: false,
    input,
    env: { ZAKPOS_CONFIG: valuesFile() },
  });

describe('npm run shell', () => {
  test('runs a program in a pod of the component, and ends as it did', async () => {
    const { name } = await podOf('zakpos-api');
    expect((await zakpos('shell', ['api', '--', 'hostname'])).stdout).toBe(name);
    expect((await zakpos('shell', ['zookeeper', '--', 'sh', '-c', 'exit 7'])).exitCode).toBe(7);
  });

  test('is a shell that reads what is typed', async () => {
    const { stdout, exitCode } = await piped('shell', 'hostname; exit 5\n', 'kafka');
    expect([stdout, exitCode]).toEqual(['zakpos-kafka-0', 5]);
  });

  test.each(['reports', 'web', 'mobile', 'postgres', 'redis', 'ingress'])('is there in %s', async (name) => {
    expect((await piped('shell', 'echo "here in $((40 + 2))"\n', name)).stdout).toBe('here in 42');
  });
});

describe('npm run db', () => {
  test('is psql as the app, on the database that sells', async () => {
    const [sales] = await sql('select count(*) from sales');
    const asked = await zakpos('db', ['-Atc', 'select current_user, count(*) from sales']);
    expect(asked.stdout).toBe(`zakpos_user|${String(sales)}`);
  });

  test('reads a script from stdin, as another role', async () => {
    const script = "select current_user, has_schema_privilege('public', 'create');\n";
    expect((await piped('db', script, '-At')).stdout).toBe('zakpos_user|f');
    expect((await piped('db', script, '--as', 'owner', '-At')).stdout).toBe('zakpos_owner|t');
  });

  test('ends as psql did', async () => {
    const { all, exitCode } = await zakpos('db', ['-c', 'select nothing']);
    expect(all).toContain('column "nothing" does not exist');
    expect(exitCode).toBe(1);
  });
});

describe('npm run redis', () => {
  test('is redis-cli, logged in', async () => {
    expect((await zakpos('redis', ['ping'])).stdout).toBe('PONG');
    expect((await piped('redis', 'acl whoami\ndbsize\n')).stdout).toMatch(/^default\n\d+$/);
  });
});

const saleEvent = z.object({ type: z.literal('sale.created'), sale: z.object({ id: z.string() }) });

describe('npm run kafka', () => {
  test('lists the topics of the configuration, all in sync', async () => {
    const { stdout } = await zakpos('kafka', ['topics']);
    for (const { name, partitions } of config.kafka.topics) {
      expect(stdout).toMatch(
        new RegExp(`^${name.replaceAll('.', '\\.')} +${partitions} +1 +all +.*cleanup\\.policy=`, 'm'),
      );
    }
  });

  test('shows the group that counts sales, and how many it has before it', async () => {
    expect((await zakpos('kafka', ['groups'])).all).toMatch(
      /^zakpos-reports +zakpos\.sales +\d +\d+ +\d+ +\d+ /m,
    );
  });

  test('prints as many of the oldest records as it is asked for, and ends', async () => {
    const { stdout, exitCode } = await zakpos('kafka', [
      ...['tail', 'zakpos.sales', '--from-beginning', '--max', '2'],
    ]);
    const lines = stdout.split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(saleEvent.safeParse(JSON.parse(line)).error).toBeUndefined();
    expect(exitCode).toBe(0);
  });

  test('prints a sale as it is made, until Ctrl-C, and leaves nothing behind in the broker', async () => {
    // Without npm around it, so that the signal is for the command.
    const command = ['cli.mjs', 'kafka', 'tail', 'zakpos.sales', '--cluster', CLUSTER];
    const tail = execa('node', command, { cwd: ROOT, reject: false, env: { ZAKPOS_CONFIG: valuesFile() } });
    await eventually('a consumer in the broker', 60, async () =>
      (await consumers()) > 0 ? true : undefined,
    );
    const token = await logIn();
    const { id: productId } = await product(token);
    // It begins with what comes after it has joined, a moment after it is there.
    const seen = new Promise<void>((resolve) => {
      tail.stdout.once('data', () => {
        resolve();
      });
    });
    const selling = setInterval(() => void sell(token, productId).catch(() => undefined), 1000);
    await seen;
    clearInterval(selling);
    expect(await consumers()).toBe(1);
    tail.kill('SIGINT');
    await tail;
    await eventually('no consumer', 20, async () => ((await consumers()) === 0 ? true : undefined));
  });

  test('knows the topics that there are', async () => {
    const { all, exitCode } = await zakpos('kafka', ['tail', 'zakpos.nothing']);
    expect(all).toMatch(/There is no topic "zakpos\.nothing"\.\n {2}Name one of .*zakpos\.sales/);
    expect(exitCode).toBe(1);
  });
});

test('no process has a secret among its arguments while they run, here or on the node', async () => {
  const running = [
    zakpos('db', ['-c', 'select pg_sleep(20)']),
    zakpos('redis', ['-r', '20', '-i', '1', 'ping']),
    zakpos('kafka', ['tail', 'zakpos.products', '--from-beginning', '--max', '1']),
  ];
  const marks = ['select pg_sleep(20)', 'redis-cli --no-auth-warning', 'kafka-console-consumer'];
  const texts = await eventually('all of them on the node', 40, async () => {
    const there = await processes();
    return marks.every((mark) => there.onNode.includes(mark)) ? there : undefined;
  });
  const secrets = (await secretTexts()).filter((text) => text !== '');
  expect(secrets.length).toBeGreaterThan(5);
  for (const [i, secret] of secrets.entries()) {
    expect([i, texts.here.includes(secret), texts.onNode.includes(secret)]).toEqual([i, false, false]);
  }
  await Promise.all(running);
});

/** Arguments of all processes of this machine, and of those on the node, those in its pods among them. */
async function processes(): Promise<{ readonly here: string; readonly onNode: string }> {
  const [here, onNode] = await Promise.all([
    execa('ps', ['axww', '-o', 'args']),
    execa('docker', ['exec', NODE, 'sh', '-c', "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"]),
  ]);
  return { here: here.stdout, onNode: onNode.stdout };
}

/** How many programs read a topic inside the broker. */
async function consumers(): Promise<number> {
  const { stdout } = await execa('docker', [
    ...[
      'exec',
      NODE,
      'sh',
      '-c',
      "grep -lz '^kafka.tools.ConsoleConsumer$' /proc/[0-9]*/cmdline 2>/dev/null | wc -l",
    ],
  ]);
  return Number(stdout);
}
