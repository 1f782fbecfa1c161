import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deploy } from '../../cli/commands/deploy.ts';
import { callsOf, failureOf, quiet, withFastClock } from './fakes.ts';

quiet();

withFastClock();

const folder = mkdtempSync(join(tmpdir(), 'zakpos-deploy-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test('manifests of another environment are refused before the cluster is asked anything', async () => {
  writeFileSync(
    join(folder, '00-namespace.yaml'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'zakpos', labels: { 'zakpos.io/environment': 'prod' } },
    }),
  );
  const calls = await callsOf({ kubectl: 'exit 1' }, async () => {
    const options = { env: 'dev', context: 'shop', manifests: folder, timeout: 1, smokeTimeout: 1 };
    expect(await failureOf(() => deploy(options))).toBe(
      '--env is "dev", and the manifests are of environment "prod".\n  Say `--env prod`, or name other manifests.',
    );
  });
  expect(calls).toEqual([]);
});
