import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { kubectl, logIn, NAMESPACE, product, rendered, sell, zakpos } from './harness.ts';

const list = z.object({
  items: z.array(
    z.looseObject({
      kind: z.string(),
      metadata: z.looseObject({ name: z.string() }),
      spec: z.unknown().optional(),
      data: z.unknown().optional(),
    }),
  ),
});

/** All that a deployment may change, but what counts its changes. */
async function state(): Promise<Record<string, unknown>> {
  const kinds = 'deployment,statefulset,service,configmap,ingress,networkpolicy,horizontalpodautoscaler';
  const { stdout } = await kubectl('-n', NAMESPACE, 'get', kinds, '-o', 'json');
  return Object.fromEntries(
    list
      .parse(JSON.parse(stdout))
      .items.map(({ kind, metadata, spec, data }) => [`${kind}/${metadata.name}`, { spec, data }]),
  );
}

const shopName = async (): Promise<string> =>
  (await kubectl('-n', NAMESPACE, 'get', 'configmap', 'zakpos-web', '-o', 'jsonpath={.data.public\\.json}'))
    .stdout;

interface Deployed {
  readonly exitCode: number | undefined;
  readonly all: string;
  readonly seconds: number;
  /** What the page of the workflow's run shows. */
  readonly summary: string;
}

async function deploy(manifests: string, ...options: readonly string[]): Promise<Deployed> {
  const summary = join(mkdtempSync(join(tmpdir(), 'zakpos-summary-')), 'summary.md');
  writeFileSync(summary, '');
  const started = Date.now();
  const { exitCode, all } = await zakpos('deploy', ['--manifests', manifests, ...options], {
    env: { GITHUB_STEP_SUMMARY: summary },
  });
  const seconds = Math.round((Date.now() - started) / 1000);
  const text = readFileSync(summary, 'utf8');
  console.log(`${seconds} s\n${all}\n${text}`);
  return { exitCode, all, seconds, summary: text };
}

/** Sells about ten a second until it is told to stop; every sale has to be made. */
function keepSelling(token: string): { stop: () => Promise<number> } {
  const stopped = new AbortController();
  const work = (async () => {
    let sold = 0;
    for (; !stopped.signal.aborted; sold++) {
      await sell(token, (await product(token)).id);
      // No faster than a shop is stocked for.
      await sleep(100);
    }
    return sold;
  })();
  return {
    stop: () => {
      stopped.abort();
      return work;
    },
  };
}

describe('a deployment', () => {
  let before: Record<string, unknown>;
  let good: string;

  beforeAll(async () => {
    before = await state();
    good = await rendered('dev', {});
  });

  test('of what runs already changes nothing, and says so', async () => {
    const { exitCode, summary } = await deploy(good);
    expect(exitCode).toBe(0);
    expect(summary).toMatch(/^### Deployment to dev: done\n/);
    expect(summary).toContain('- applied: 0 created, 0 changed');
    expect(await state()).toEqual(before);
  });

  test('whose API does not get ready is taken back by itself, while sales go on', async () => {
    const bad = await rendered('dev', {
      shop: { name: 'Bad shop' },
      api: { env: { DATABASE_SSL_MODE: 'perhaps' } },
    });
    const token = await logIn();
    const selling = keepSelling(token);
    const { exitCode, all, summary } = await deploy(bad);
    const sold = await selling.stop();
    expect(exitCode).toBe(1);
    expect(all).toContain('DATABASE_SSL_MODE is "perhaps"');
    expect(all).toContain('It was rolled back, and what ran before is ready: ');
    expect(summary).toMatch(/^### Deployment to dev: rolled back\n/);
    expect(summary).toMatch(/^- taken back: .*ConfigMap\/zakpos-web/m);
    expect(await state()).toEqual(before);
    expect(sold).toBeGreaterThan(10);
  });

  test("whose smoke test fails is taken back, the web's ConfigMap and what was not there included", async () => {
    const name = await shopName();
    const bad = await rendered('dev', {
      shop: { name: 'Other shop' },
      api: { env: { API_PREFIX: 'elsewhere' } },
      ingress: { mobileHost: 'other.zakpos.localhost' },
    });
    writeFileSync(
      join(bad, '99-more.yaml'),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'zakpos-e2e-more', namespace: NAMESPACE },
        data: { is: 'not there before' },
      }),
    );
    const { exitCode, all, summary } = await deploy(bad, '--smoke-timeout', '5');
    expect(exitCode).toBe(1);
    expect(all).toContain('the smoke test failed: ');
    expect(summary).toMatch(/^### Deployment to dev: rolled back\n/);
    expect(summary).toContain('ConfigMap/zakpos-e2e-more deleted');
    expect(await shopName()).toBe(name);
    expect(await state()).toEqual(before);
    const token = await logIn();
    await sell(token, (await product(token)).id);
  });
});
