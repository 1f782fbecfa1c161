/** An API of somebody's own in place of the reference app: from its Dockerfile, from its image, and back. */
import { join } from 'node:path';
import { execa } from 'execa';
import {
  type Answer,
  call,
  CLUSTER,
  eventually,
  kubectl,
  logIn,
  NAMESPACE,
  podOf,
  product,
  ROOT,
  sell,
  zakpos,
} from './harness.ts';

const CONTEXT = join(ROOT, 'test/e2e/own-app');
const IMAGE = 'registry.example.com/acme/pos-api:2.3.1';
/** What docs/how-to/own-app.md says of an app that knows nothing of this project. */
const OWN = {
  port: 8080,
  uid: 10001,
  gid: 10001,
  health: { startup: '/healthz', ready: '/healthz', live: '/healthz' },
  migrations: null,
  secretsAs: 'env',
  metrics: false,
};

async function up(api: object | undefined): Promise<string> {
  const values =
    api === undefined
      ? {}
      : {
          api: { ...OWN, ...api },
          reports: { enabled: false },
          monitoring: { exporters: { expiryCommand: null } },
        };
  const { all, exitCode } = await zakpos('up', api === undefined ? [] : ['--no-smoke'], { values });
  if (exitCode !== 0) throw new Error(all);
  return all;
}

const imageOfApi = async (): Promise<string> => {
  const { stdout } = await kubectl(
    ...['-n', NAMESPACE, 'get', 'deployment', 'zakpos-api', '-o'],
    'jsonpath={.spec.template.spec.containers[0].image}',
  );
  return stdout;
};

/** Answers so each time: Traefik takes turns, and asks a pod of before until it learns of its end, on a port that is closed by then. */
const answered = (path: string, status: number): Promise<unknown> =>
  eventually(`the ingress leads to the new pod at ${path}`, 30, async () => {
    const answers: Answer[] = [];
    while (answers.length < 3) answers.push(await call(path));
    return answers.every((answer) => answer.status === status) ? answers[0]?.body : undefined;
  });

/** It answers through the ingress, as its own user, and has found its database by DATABASE_URL. */
async function expectOwn(): Promise<void> {
  expect(await answered('/api/v1/who', 200)).toEqual({
    app: 'own',
    uid: 10001,
    role: 'zakpos_user',
    database: 'zakpos_db',
  });
  await podOf('zakpos-api');
}

afterAll(async () => {
  await up(undefined);
}, 600_000);

test('a Dockerfile is built under the hash of its sources, loaded, and runs in place of the reference app', async () => {
  const all = await up({ build: { context: CONTEXT } });
  const image = await imageOfApi();
  expect(image).toMatch(/^zakpos-api:[0-9a-f]{12}$/);
  expect(all).toContain(`loaded ${image}`);
  await expectOwn();
  await execa('docker', ['tag', image, IMAGE]);
}, 600_000);

test('what needs the reference app says that it is not there', async () => {
  const { all, exitCode } = await zakpos('seed', [], {
    values: { api: { ...OWN, build: { context: CONTEXT } } },
  });
  expect(exitCode).toBe(1);
  expect(all).toContain(`The image of the API is built from ${CONTEXT}, which need not have dist/seed.js.`);
});

test('an image is taken as it is named', async () => {
  await execa('kind', ['load', 'docker-image', IMAGE, '--name', CLUSTER]);
  await up({ image: IMAGE });
  expect(await imageOfApi()).toBe(IMAGE);
  await expectOwn();
}, 600_000);

test('without either, the reference app is back, and sells', async () => {
  await up(undefined);
  await answered('/api/v1/auth/me', 401);
  const token = await logIn();
  await sell(token, (await product(token)).id);
}, 600_000);
