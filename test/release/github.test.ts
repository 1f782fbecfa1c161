import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { login } from '../../release/cluster.ts';
import { comment, fetchRelease, issue, publish, waitForCi } from '../../release/github.ts';
import { callsOf, failureOf, quiet } from '../cli/fakes.ts';

quiet();

const { KUBECONFIG } = process.env;
let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'zakpos-github-test-'));
});
afterEach(() => {
  if (KUBECONFIG === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = KUBECONFIG;
  rmSync(work, { recursive: true });
});

test('a release waits for the run of ci of its very commit', async () => {
  const gh = `[ "$2" = list ] && echo '[{"databaseId":17}]'`;
  expect(await callsOf({ gh: `${gh}; true` }, () => waitForCi({ commit: 'c0ffee' }))).toEqual([
    'gh run list --workflow ci.yml --commit c0ffee --json databaseId --limit 1',
    'gh run watch 17 --exit-status --interval 30',
  ]);
});

test('a ci that failed ends it', async () => {
  const gh = `[ "$2" = list ] && echo '[{"databaseId":17}]' && exit 0; echo 'run failed' >&2; exit 1`;
  let said = '';
  await callsOf({ gh }, async () => {
    said = await failureOf(() => waitForCi({ commit: 'c0ffee' }));
  });
  expect(said).toMatch(/^`gh run watch` failed: run failed\n/);
});

test('an archive is kept with its tag, and fetched with its signature', async () => {
  const archive = join(work, 'release/zakpos.tar.gz');
  const calls = await callsOf({ gh: '' }, async () => {
    await publish({ release: 'v1.2.0', archive });
    await fetchRelease({ env: 'prod', release: 'v1.2.0', archive });
  });
  expect(calls).toEqual([
    `gh release create v1.2.0 ${archive} ${archive}.sigstore.json --title v1.2.0 --verify-tag --generate-notes`,
    `gh release download v1.2.0 --pattern *.tar.gz --output ${archive} --clobber`,
    `gh release download v1.2.0 --pattern *.sigstore.json --output ${archive}.sigstore.json --clobber`,
  ]);
});

test('without a name it is the release that ran before, where the cluster knows one', async () => {
  const archive = join(work, 'zakpos.tar.gz');
  const fetch = (): Promise<void> => fetchRelease({ env: 'prod', context: 'shop', release: '', archive });
  const calls = await callsOf(
    { gh: '', kubectl: `echo '{"metadata":{"annotations":{"zakpos.io/release-before":"v1.1.0"}}}'` },
    fetch,
  );
  expect(calls[0]).toContain('kubectl --context shop get namespace zakpos ');
  expect(calls[1]).toContain('gh release download v1.1.0 ');
  let said = '';
  await callsOf({ gh: '', kubectl: `echo '{"metadata":{}}'` }, async () => {
    said = await failureOf(fetch);
  });
  expect(said).toMatch(/^Nobody knows a release before the present one in the cluster of context shop\./);
});

describe('what is told on a pull request', () => {
  const tell = async (before: object): Promise<readonly string[]> => {
    const file = join(work, 'diff.md');
    writeFileSync(file, 'one pod is rolled');
    const gh = `[ "$2" = --paginate ] && printf '%s' '${JSON.stringify([before])}' && exit 0; cat > '${join(work, 'body')}'`;
    return callsOf({ gh }, () => comment({ pullRequest: '7', file }));
  };

  test('is one comment', async () => {
    expect((await tell([{ id: 1, body: 'nice' }]))[1]).toBe(
      'gh api --method POST repos/{owner}/{repo}/issues/7/comments --input -',
    );
    expect(JSON.parse(readFileSync(join(work, 'body'), 'utf8'))).toEqual({
      body: '<!-- zakpos: manifests -->\none pod is rolled',
    });
  });

  test('takes the place of what was told before', async () => {
    const before = [{ id: 4, body: '<!-- zakpos: manifests -->\ntwo pods are rolled' }];
    expect((await tell(before))[1]).toBe(
      'gh api --method PATCH repos/{owner}/{repo}/issues/comments/4 --input -',
    );
  });
});

test('what fails each night is one issue', async () => {
  const of = (open: object): Promise<readonly string[]> =>
    callsOf({ gh: `echo '${JSON.stringify(open)}'` }, () => issue({ title: 'drill', body: 'run 5' }));
  expect((await of([{ number: 3, title: 'other' }]))[1]).toBe('gh issue create --title drill --body run 5');
  expect((await of([{ number: 3, title: 'drill' }]))[1]).toBe('gh issue comment 3 --body run 5');
});

const kubeconfig = z.object({
  'current-context': z.string(),
  users: z.array(
    z.object({ user: z.object({ exec: z.object({ command: z.string(), args: z.array(z.string()) }) }) }),
  ),
});

describe('the identity of a workflow', () => {
  const VARIABLES = {
    ZAKPOS_CLUSTER_SERVER: 'https://cluster.example.com',
    ZAKPOS_CLUSTER_CA: 'Y2E=',
    ZAKPOS_CLUSTER_AUDIENCE: 'shop',
  };
  const before = process.env;
  beforeEach(() => {
    process.env = { ...before, ...VARIABLES, KUBECONFIG: join(work, 'kube/config') };
  });
  afterEach(() => {
    process.env = before;
  });

  test('logs in to the cluster: kubectl asks GitHub for it each time, and no key is kept', async () => {
    const claims = Buffer.from(JSON.stringify({ exp: 1_800_000_000 })).toString('base64url');
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.headers.authorization ?? ''} ${request.url ?? ''}`);
      response.end(JSON.stringify({ value: `head.${claims}.signature` }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      login({ context: 'production' });
      const text = readFileSync(join(work, 'kube/config'), 'utf8');
      const { users, ...config } = kubeconfig.parse(JSON.parse(text));
      expect(config['current-context']).toBe('production');
      expect(text).toContain('https://cluster.example.com');
      const { command, args } = users[0]?.user.exec ?? { command: '', args: [] };
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const { stdout } = await promisify(execFile)(command, args, {
        env: {
          ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2`,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-run',
        },
      });
      expect(asked).toEqual(['Bearer of-the-run /token?api-version=2&audience=shop']);
      expect(JSON.parse(stdout)).toEqual({
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status: { token: `head.${claims}.signature`, expirationTimestamp: '2027-01-15T08:00:00.000Z' },
      });
    } finally {
      server.close();
    }
  });

  test('takes the place of no kubeconfig of somebody else', async () => {
    const file = join(work, 'mine');
    writeFileSync(file, '{"contexts":[]}');
    process.env.KUBECONFIG = file;
    expect(
      await failureOf(() => {
        login({ context: 'production' });
      }),
    ).toMatch(/^KUBECONFIG names \S+mine, which is there and not of this command/);
    expect(readFileSync(file, 'utf8')).toBe('{"contexts":[]}');
  });

  test('is missing without the permission, and so is what the environment does not set', async () => {
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', 'release/token.ts', 'shop'], {
      env: {},
    });
    await expect(run).rejects.toThrow('the job needs the permission `id-token: write`');
    delete process.env.ZAKPOS_CLUSTER_CA;
    expect(
      await failureOf(() => {
        login({ context: 'production' });
      }),
    ).toMatch(/^The variable ZAKPOS_CLUSTER_CA is not set\./);
  });
});
