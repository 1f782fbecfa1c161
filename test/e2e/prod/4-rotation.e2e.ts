import { connect, type TLSSocket } from 'node:tls';
import { connect as connectPlain } from 'node:net';
import { execa } from 'execa';
import {
  call,
  CONTEXT,
  ENVIRONMENT,
  eventually,
  kubectl,
  logIn,
  NAMESPACE,
  pods,
  secretValue,
  zakpos,
} from '../harness.ts';
import { describeReport, expectNothingLost, Load, salesInPostgres, untilWhole } from '../load.ts';

/** Names of the pods of each workload: those that a rotation rolls have other names afterwards. */
async function podsByWorkload(): Promise<Map<string, string>> {
  const byWorkload = new Map<string, string[]>();
  for (const { workload, name, uid } of await pods()) {
    byWorkload.set(workload, [...(byWorkload.get(workload) ?? []), `${name} ${uid}`]);
  }
  return new Map([...byWorkload].map(([workload, names]) => [workload, names.sort().join()]));
}

async function rolledSince(before: ReadonlyMap<string, string>): Promise<string[]> {
  const after = await podsByWorkload();
  return [...after]
    .filter(([workload, names]) => before.get(workload) !== names)
    .map(([workload]) => workload);
}

const rotate = (name: string) => zakpos('secrets', ['rotate', name, '--env', ENVIRONMENT]);

describe('a rotation under a load of sales', () => {
  test.each([
    ['postgres-owner', 'zakpos-postgres-owner', 'password', ['zakpos-api']],
    ['postgres-app', 'zakpos-postgres-app', 'password', ['zakpos-api', 'zakpos-reports']],
    ['redis', 'zakpos-redis', 'password', ['zakpos-api']],
    ['kafka-api', 'zakpos-kafka-api', 'password', ['zakpos-api']],
    ['kafka-reports', 'zakpos-kafka-reports', 'password', ['zakpos-reports']],
    ['jwt', 'zakpos-jwt', 'secret', ['zakpos-api']],
  ])('of %s fails no request, and rolls only what uses it', async (name, secret, key, users) => {
    await untilWhole();
    const [old, token] = [await secretValue(secret, key), await logIn()];
    const [before, sold] = [await podsByWorkload(), await salesInPostgres()];
    const load = await Load.start({ salesPerSecond: 10 });
    const rotation = await rotate(name);
    const rolled = await rolledSince(before);
    const report = await load.stop();
    console.log(`${rotation.all}\n${describeReport(`rotation of ${name}`, report)}`);
    expect(rotation.exitCode).toBe(0);
    expect(report.failures).toEqual([]);
    expect(rolled.sort()).toEqual(users);

    const now = await secretValue(secret, key);
    expect(now).not.toBe(old);
    for (const value of [old, now]) expect(rotation.all).not.toContain(value);
    // What was signed before the rotation is good for its lifetime, and nobody had to log in again.
    expect(await call('/api/v1/auth/me', { token })).toMatchObject({ status: 200 });
    await expectNothingLost(sold, report);
  });

  test('of the signing key twice within the life of a token is refused', async () => {
    const again = await rotate('jwt');
    expect(again.exitCode).toBe(1);
    expect(again.all).toMatch(/rotated \d+ minutes ago/);
  });

  test('of a name that there is not lists those that there are', async () => {
    const unknown = await rotate('nix');
    expect(unknown.exitCode).toBe(1);
    expect(unknown.all).toContain('"nix" is no Secret that can be rotated.');
    expect(unknown.all).toContain('zakpos-kafka-api');
  });
});

describe('after a rotation', () => {
  test('the login of before is refused by postgres, and the one of now is let in', async () => {
    const user = await secretValue('zakpos-postgres-app', 'username');
    const password = await secretValue('zakpos-postgres-app', 'password');
    const other = user.endsWith('_b') ? user.slice(0, -2) : `${user}_b`;
    const logInAs = (name: string) =>
      execa(
        'kubectl',
        [
          ...['--context', CONTEXT, '-n', NAMESPACE, 'exec', '-i', 'zakpos-postgres-0', '--', 'sh', '-c'],
          `read -r PGPASSWORD; export PGPASSWORD; psql "host=zakpos-postgres hostaddr=127.0.0.1 user=${name} dbname=zakpos_db sslmode=require" -Atc 'select current_user'`,
        ],
        { input: `${password}\n`, reject: false, all: true, env: {} },
      );
    expect((await logInAs(user)).all).toBe('zakpos_user');
    expect((await logInAs(other)).exitCode).not.toBe(0);
  });
});

/** The serial number of the certificate that a port of a pod shows. */
async function serialShownBy(pod: string, port: number): Promise<string> {
  const forward = execa('kubectl', ['--context', CONTEXT, '-n', NAMESPACE, 'port-forward', pod, `:${port}`], {
    reject: false,
  });
  try {
    const local = await new Promise<number>((resolve, reject) => {
      forward.stdout.on('data', (chunk: Buffer) => {
        const [, found] = /127\.0\.0\.1:(\d+)/.exec(chunk.toString()) ?? [];
        if (found !== undefined) resolve(Number(found));
      });
      forward.then(() => {
        reject(new Error(`${pod}: the port can't be forwarded`));
      }, reject);
    });
    return await serialOf(local, port === 5432);
  } finally {
    forward.kill();
  }
}

function serialOf(port: number, postgres: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const plain = connectPlain({ host: '127.0.0.1', port });
    plain.once('error', reject);
    const secure = (): void => {
      const socket: TLSSocket = connect({ socket: plain, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.once('error', reject);
    };
    if (!postgres) {
      plain.once('connect', secure);
      return;
    }
    // SSLRequest of PostgreSQL's protocol: its length, and its code.
    plain.once('connect', () => plain.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
    plain.once('data', secure);
  });
}

describe('a renewed certificate', () => {
  test.each([
    ['postgres-tls', ['zakpos-postgres-0'], 5432],
    ['redis-tls', ['zakpos-redis-0'], 6379],
    ['kafka-tls', ['zakpos-kafka-0', 'zakpos-kafka-1', 'zakpos-kafka-2'], 9092],
  ] as const)('of %s is shown without a restart, under a load of sales', async (name, servers, port) => {
    await untilWhole();
    const [first] = servers;
    const old = await serialShownBy(first, port);
    const [before, sold] = [await podsByWorkload(), await salesInPostgres()];
    const restarts = (await pods()).map(({ name: pod, restarts: count }) => `${pod} ${count}`).sort();
    const load = await Load.start({ salesPerSecond: 10 });
    const started = Date.now();
    const renewal = await zakpos('secrets', ['renew', name, '--env', ENVIRONMENT]);
    expect(renewal.exitCode).toBe(0);
    for (const server of servers) {
      await eventually(`${server} shows the new certificate`, 60, async () =>
        (await serialShownBy(server, port)) === old ? undefined : true,
      );
    }
    const seconds = Math.round((Date.now() - started) / 1000);
    const report = await load.stop();
    console.log(`${renewal.all}\n${describeReport(`renewal of ${name}, shown after ${seconds} s`, report)}`);
    expect(report.failures).toEqual([]);
    expect(await rolledSince(before)).toEqual([]);
    expect((await pods()).map(({ name: pod, restarts: count }) => `${pod} ${count}`).sort()).toEqual(
      restarts,
    );
    await expectNothingLost(sold, report);
  });

  test('of the ingress is shown without a restart', async () => {
    const before = await podsByWorkload();
    expect((await zakpos('secrets', ['renew', 'ingress-tls', '--env', ENVIRONMENT])).exitCode).toBe(0);
    await eventually('the till answers under it', 60, async () =>
      (await call('/')).status === 200 ? true : undefined,
    );
    expect(await rolledSince(before)).toEqual([]);
    await kubectl('-n', 'zakpos-system', 'rollout', 'status', 'deployment/traefik', '--timeout=5s');
  });
});
