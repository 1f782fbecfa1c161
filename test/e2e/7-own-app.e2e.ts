/** An API of somebody's own in place of the reference app: from its Dockerfile, from its image, and back. */
import { join } from 'node:path';
import { execa } from 'execa';
import {
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

/** It answers through the ingress, as its own user, and has found its database by DATABASE_URL. */
async function expectOwn(): Promise<void> {
  // Traefik learns of the new pod within two seconds; until then it asks the old one, on a port that is closed now.
  const body = await eventually('the ingress leads to it', 30, async () => {
    const answer = await call('/api/v1/who');
    return answer.status === 200 ? answer.body : undefined;
  });
  expect(body).toEqual({ app: 'own', uid: 10001, role: 'zakpos_user', database: 'zakpos_db' });
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
  const token = await logIn();
  await sell(token, (await product(token)).id);
}, 600_000);
