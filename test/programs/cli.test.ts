/** The program as it is run, several at a time: mistakes end it with 1 and one message, before anything is touched. */
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { newAuthority, type KeyPair } from '../../cli/certificates.ts';
import { defined, ROOT } from '../manifests.ts';
import { withToolFolder, type Tools } from '../cli/fakes.ts';
import { runNode, type Run as NodeRun } from './node.ts';

interface Run extends NodeRun {
  /** What the tools were called with, a line each. */
  readonly calls: readonly string[];
}

let folder: string;
let authority: KeyPair;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-main-'));
  authority = await newAuthority('ours');
  // Bundled once, not by several at a time.
  await zakpos(['--help']);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a command where there are no tools but the stand-ins. */
const zakpos = (
  args: readonly string[],
  tools: Tools = {},
  variables: Readonly<Record<string, string>> = {},
): Promise<Run> =>
  withToolFolder(tools, async ({ path, calls }) => ({
    ...(await runNode(['cli.mjs', ...args], ROOT, { PATH: path, ...variables })),
    calls: calls(),
  }));

const KUBECTL = 'echo \'{"clientVersion":{"gitVersion":"v1.34.1"}}\'';

/** A message as people see it: no line of a stack trace, and no call of a tool before it. */
function expectMistake({ code, stderr, calls }: Run): void {
  expect({ code, calls }).toEqual({ code: 1, calls: [] });
  expect(stderr).not.toMatch(/^\s+at /m);
}

test.concurrent('an unknown environment is named with those that there are', async () => {
  const run = await zakpos(['up', '--env', 'production']);
  expect(run.stderr).toBe('\n"production" is no environment; choose one of dev, test, prod, cloud\n');
  expect(run.stdout).toBe('');
  expectMistake(run);
});

test.concurrent('an unknown option is named, and the usage is shown', async () => {
  const run = await zakpos(['down', '--force']);
  expect(run.stderr).toMatch(/^error: unknown option '--force'\n\nUsage: zakpos down \[options\]\n/);
  expectMistake(run);
});

test.concurrent('a time that is no number of seconds is named', async () => {
  const run = await zakpos(['up', '--timeout', '5m']);
  expect(run.stderr).toMatch(/^error: .*'5m' is invalid\. a whole number of seconds is expected\n/);
  expectMistake(run);
});

test.concurrent(
  'configuration that cannot be used is named with its field, and nothing is looked for',
  async () => {
    const own = join(folder, 'own.yaml');
    writeFileSync(own, 'environment: cloud\nzookeeper: { replicas: 2 }\n');
    const run = await zakpos(['up', '--env', 'cloud'], { kubectl: KUBECTL }, { ZAKPOS_CONFIG: own });
    expect(run.stderr).toBe(
      `\nThe configuration of cloud (environments/cloud.ts + environments/kind.ts + ${own}) can't be used:\n` +
        '  zookeeper.replicas: is 2, expected an odd number, so that a majority survives a split\n',
    );
    expectMistake(run);
  },
);

test.concurrent('a tool that is missing is named once, with how to install it', async () => {
  const run = await zakpos(['up', '--context', 'nowhere']);
  expect(run.stderr.match(/kubectl is not installed, or not in PATH\./g)).toHaveLength(1);
  expect(run.stderr).toMatch(/\n {2}Install kubectl/);
  expectMistake(run);
});

describe('logs', () => {
  const pods = {
    items: [
      {
        metadata: { name: 'zakpos-api-1', labels: { 'app.kubernetes.io/name': 'zakpos-api' } },
        status: { phase: 'Running' },
      },
    ],
  };
  const line = (second: number, text: string): string =>
    `[pod/zakpos-api-1/api] 2026-11-21T14:34:0${second}Z ${text}`;
  const kubectl = `case "$*" in
    *' get pods '*) echo '${JSON.stringify(pods)}';;
    *) echo '${line(2, '{"level":"info","msg":"sold","requestId":"till-7-0001"}')}'
       echo '${line(1, '{"level":"warn","msg":"slow","requestId":"till-7-0001","path":"/a"}')}'
       echo '${line(3, '{"level":"info","msg":"other","requestId":"till-7-0002"}')}';;
  esac`;
  const of = (...args: readonly string[]): Promise<Run> =>
    zakpos(['logs', 'api', '--context', 'shop', ...args], { kubectl });

  test.concurrent('of one request are in order, and for people', async () => {
    const { code, stdout, calls } = await of('--request', 'till-7-0001', '--since', '2h');
    expect(stdout).toBe(
      '2026-11-21T14:34:01.000Z zakpos-api-1/api warn slow requestId=till-7-0001 path=/a\n' +
        '2026-11-21T14:34:02.000Z zakpos-api-1/api info sold requestId=till-7-0001\n',
    );
    expect(code).toBe(0);
    expect(calls.filter((call) => call.includes(' logs '))).toEqual([
      expect.stringContaining('-n zakpos logs -l app.kubernetes.io/name=zakpos-api '),
    ]);
    expect(calls.at(-1)).toContain(' --since=7200s ');
  });

  test.concurrent('are as they were written with --json', async () => {
    const { stdout } = await of('--json');
    expect(
      stdout
        .split('\n')
        .slice(0, 3)
        .map((text) => z.object({ msg: z.string() }).parse(JSON.parse(text)).msg),
    ).toEqual(['slow', 'sold', 'other']);
  });

  test.concurrent('of a component that is not there, or since no time, are refused', async () => {
    const [nobody, never] = await Promise.all([
      zakpos(['logs', 'till', '--context', 'shop'], { kubectl }),
      of('--since', '10'),
    ]);
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain('No pod of "till" is in the cluster.');
    expect(never.stderr).toContain("'10' is invalid. a whole number with s, m, h or d is expected");
    expectMistake(never);
  });
});

describe('down', () => {
  const NODES = '{"items":[{"metadata":{"labels":{"zakpos.io/cluster":"zakpos"}}}]}';
  const CLAIMS =
    '{"items":[{"metadata":{"name":"data-zakpos-postgres-0","namespace":"zakpos"},"spec":{"resources":{"requests":{"storage":"2Gi"}}}}]}';
  const tools = (nodes: string, containers = 'control-plane shop-control-plane running'): Tools => ({
    docker: `case "$1" in version) echo 27.3.1;; ps) echo '${containers}';; esac`,
    kind: 'echo kind v0.31.0 go1.25.5 linux/amd64',
    kubectl: `case "$*" in *nodes*) echo '${nodes}';; *storageclasses*) echo storageclass/standard;; *claims*) echo '${CLAIMS}';; esac`,
  });
  const isDeletion = (call: string): boolean => call.startsWith('kind delete');
  const down = (...args: string[]): readonly string[] => ['down', '--cluster', 'shop', ...args];

  test.concurrent('says what is lost, and without anybody to ask it removes nothing', async () => {
    const { code, stdout, stderr, calls } = await zakpos(down(), tools(NODES));
    expect(stdout).toBe(
      'The kind cluster "shop" is removed with everything in it:\n  zakpos/data-zakpos-postgres-0 (2Gi)\n',
    );
    expect(stderr).toBe(
      '\nNobody is there to confirm it.\n  Say it on the command line: `npm run down -- --yes`.\n',
    );
    expect({ code, deletions: calls.filter(isDeletion) }).toEqual({ code: 1, deletions: [] });
  });

  test.concurrent('removes the cluster, by its name, when told yes', async () => {
    const { code, calls } = await zakpos(down('--yes'), tools(NODES));
    expect({ code, deletions: calls.filter(isDeletion) }).toEqual({
      code: 0,
      deletions: ['kind delete cluster --name shop'],
    });
  });

  test.concurrent("never removes another's cluster", async () => {
    const foreign = '{"items":[{"metadata":{"labels":{}}}]}';
    const { code, stderr, calls } = await zakpos(down('--yes'), tools(foreign));
    expect(stderr).toMatch(/^\nThe kind cluster "shop" is not this project's: /);
    expect({ code, deletions: calls.filter(isDeletion) }).toEqual({ code: 1, deletions: [] });
  });

  test.concurrent('has nothing to do where there is no cluster', async () => {
    const { code, stdout } = await zakpos(down('--yes'), tools(NODES, ''));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'There is no kind cluster "shop": nothing to remove.\n',
    });
  });
});

/** kubectl that answers to the first of some patterns that its arguments match, and to anything else nothing. */
const kubectl = (answers: Readonly<Record<string, string>>): Tools => ({
  kubectl: `case "$*" in ${Object.entries(answers)
    .map(([pattern, script]) => `*"${pattern}"*) ${script};;`)
    .join(' ')} esac`,
});
const print = (value: unknown): string => {
  const file = join(folder, `answer-${Math.random().toString(36).slice(2)}.json`);
  writeFileSync(file, JSON.stringify(value));
  return `/bin/cat ${file}`;
};
const SHOP = ['--context', 'shop'];

describe('rollback', () => {
  const deployment = (name: string, reason = 'NewReplicaSetAvailable', observedGeneration = 2) => ({
    metadata: { name, generation: 2 },
    // Of two pods one is away, which is no matter of the rollout.
    status: { observedGeneration, readyReplicas: 1, conditions: [{ type: 'Progressing', reason }] },
  });
  const rollouts = ({ calls }: Run): string[] =>
    calls.flatMap((call) => / rollout (.*)$/.exec(call)?.[1] ?? []);

  test.concurrent('has nothing to do where every rollout is complete', async () => {
    const items = [deployment('zakpos-api'), deployment('zakpos-web')];
    const run = await zakpos(['rollback', ...SHOP], kubectl({ 'get deployments': print({ items }) }));
    expect(run).toMatchObject({
      code: 0,
      stdout:
        'Every rollout is complete: there is nothing to take back. Name an app to take its last one back.\n',
    });
    expect(rollouts(run)).toEqual([]);
  });

  test.concurrent('takes those back that do not come up, and no other', async () => {
    const items = [
      deployment('zakpos-mobile'),
      deployment('zakpos-api', 'ReplicaSetUpdated'),
      deployment('zakpos-web', 'ProgressDeadlineExceeded'),
      deployment('zakpos-reports', 'NewReplicaSetAvailable', 1),
      deployment('zakpos-grafana', 'ReplicaSetUpdated'),
    ];
    const run = await zakpos(
      ['rollback', '--timeout', '7', ...SHOP],
      kubectl({ 'get deployments': print({ items }) }),
    );
    expect(run.code).toBe(0);
    expect(run.calls[0]).toMatch(
      /^kubectl --context shop -n zakpos get deployments -l app\.kubernetes\.io\/part-of=zakpos /,
    );
    expect(rollouts(run)).toEqual(
      ['zakpos-api', 'zakpos-web', 'zakpos-reports'].flatMap((name) => [
        `undo deployment/${name}`,
        `status deployment/${name} --timeout=7s`,
      ]),
    );
    expect(run.stdout).toContain('The next `npm run up` brings back what the configuration says');
  });

  test.concurrent('takes the one back that is named, whether it came up or not', async () => {
    const run = await zakpos(['rollback', 'reports', ...SHOP], kubectl({}));
    expect(run.code).toBe(0);
    expect(rollouts(run)).toEqual([
      'undo deployment/zakpos-reports',
      'status deployment/zakpos-reports --timeout=300s',
    ]);
  });

  test.concurrent('says when the pods of before do not come up either', async () => {
    const run = await zakpos(
      ['rollback', 'api', ...SHOP],
      kubectl({ 'rollout status': 'echo "error: timed out" >&2; exit 1' }),
    );
    expect(run.code).toBe(1);
    expect(run.stderr).toBe(
      '\nzakpos-api is not what it was within 300 s: error: timed out\n' +
        '  `npm run status` tells why; `kubectl --context shop -n zakpos rollout history deployment/zakpos-api` lists the revisions there are.\n',
    );
  });

  test.concurrent.each([['postgres'], ['zakpos-api']])(
    'knows no app "%s", and touches nothing',
    async (name) => {
      const run = await zakpos(['rollback', name, ...SHOP], kubectl({}));
      expect(run.stderr).toMatch(
        new RegExp(`^\\n"${name}" is no app with rollouts\\.\\n {2}Name one of api, reports, web, mobile\\.`),
      );
      expectMistake(run);
    },
  );
});

describe('secrets', () => {
  const EMPTY = (): string => print({ items: [] });

  test.concurrent('of dev are in its manifests', async () => {
    const run = await zakpos(['secrets', ...SHOP]);
    expect(run).toMatchObject({
      code: 0,
      calls: [],
      stdout: 'The Secrets of dev are in its manifests; .env sets their values.\n',
    });
  });

  test.concurrent('that are missing are named by --check, which makes none', async () => {
    const run = await zakpos(
      ['secrets', '--check', '--env', 'prod', ...SHOP],
      kubectl({ 'get secrets': EMPTY() }),
    );
    expect(run.code).toBe(1);
    expect(run.stdout).toMatch(/^Secret zakpos-redis is missing \(used by zakpos-redis, zakpos-api\)$/m);
    expect(run.stdout).toMatch(/^Secret zakpos-kafka-tls is missing /m);
    expect(run.calls).toEqual(['kubectl --context shop -n zakpos get secrets --ignore-not-found -o json']);
  });

  test.concurrent('that come from a store are not made here', async () => {
    const run = await zakpos(['secrets', '--env', 'cloud', ...SHOP], kubectl({}));
    expect(run.stderr).toBe(
      '\nThe Secrets of cloud are fetched from ClusterSecretStore zakpos.\n' +
        '  Put them there; `--check` tells which are missing in the cluster.\n',
    );
    expectMistake(run);
  });

  test.concurrent.each([
    [['rotate', 'admin', '--env', 'prod', ...SHOP]],
    [['--env', 'prod', 'rotate', 'admin', ...SHOP]],
  ])('are rotated by a name that there is, wherever the options are: %j', async (args) => {
    const run = await zakpos(['secrets', ...args], kubectl({}));
    expect(run.stderr).toMatch(
      /^\n"admin" is no Secret that can be rotated\.\n {2}Name one of .*zakpos-kafka-api/,
    );
    expectMistake(run);
  });

  test.concurrent('of dev are rotated in .env', async () => {
    const run = await zakpos(['secrets', 'rotate', 'redis', ...SHOP], kubectl({}));
    expect(run.stderr).toMatch(
      /zakpos-redis is not this project's to rotate: it is in the manifests \(\.env/,
    );
    expectMistake(run);
  });

  describe('that hold certificates', () => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64');

    /** Renews with a cluster whose pods see what was applied; answers also what that was. */
    async function renew(name: string, pods: readonly string[]): Promise<Run & { applied: string }> {
      const { certificate, key } = authority;
      const applied = join(folder, `applied-${name}.json`);
      const data = { 'tls.crt': base64(certificate), 'tls.key': base64(key) };
      const secrets = { items: [{ metadata: { name: 'zakpos-ca' }, data }] };
      const hash = `${process.execPath} -e 'const s = JSON.parse(require("fs").readFileSync("${applied}")); console.log(require("crypto").createHash("sha256").update(s.stringData["tls.crt"]).digest("hex"))'`;
      const run = await zakpos(
        ['secrets', 'renew', name, '--env', 'prod', ...SHOP],
        kubectl({
          'get secrets': print(secrets),
          'apply --server-side': `/bin/cat > ${applied}`,
          'get pods': pods.map((pod) => `echo pod/${pod}`).join('; ') || ':',
          sha256sum: hash,
        }),
      );
      return { ...run, applied: existsSync(applied) ? readFileSync(applied, 'utf8') : '' };
    }
    const manifest = z.object({
      metadata: z.object({ name: z.string(), namespace: z.string() }),
      type: z.literal('kubernetes.io/tls'),
      stringData: z.object({ 'tls.crt': z.string(), 'tls.key': z.string(), 'ca.crt': z.string() }),
    });

    test.concurrent.each([
      ['zakpos-kafka-tls', 'zakpos-kafka', ['zakpos-kafka-0', 'zakpos-kafka-1']],
      ['kafka-admin-tls', 'zakpos-kafka-admin', []],
    ])('%s is signed again by the authority, and no pod is restarted', async (name, workload, pods) => {
      const run = await renew(name, pods);
      expect([run.code, run.stderr]).toEqual([0, '']);
      const { metadata, stringData } = manifest.parse(JSON.parse(run.applied));
      const certificate = new X509Certificate(stringData['tls.crt']);
      expect(metadata.name).toBe(`zakpos-${name.replace('zakpos-', '')}`);
      expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
      expect(stringData['ca.crt']).toBe(authority.certificate);
      const until = new Date(certificate.validTo).toISOString().slice(0, 10);
      expect(run.stdout).toContain(`Renewed ${metadata.name} until ${until}; no pod was restarted`);
      expect(run.calls).toEqual(
        [
          '-n zakpos get secrets --ignore-not-found -o json',
          'apply --server-side --force-conflicts --validate=false -f -',
          `-n zakpos get pods -l app.kubernetes.io/name=${workload} --field-selector=status.phase=Running -o name`,
          ...pods.map((pod) => `-n zakpos exec pod/${pod} -- sha256sum /run/secrets/tls/tls.crt`),
        ].map((call) => `kubectl --context shop ${call}`),
      );
      const shown = [...run.calls, run.stdout].join('\n');
      for (const line of stringData['tls.key'].split('\n').filter(Boolean)) expect(shown).not.toContain(line);
    });

    test.concurrent('are not renewed where the authority is gone', async () => {
      const run = await zakpos(
        ['secrets', 'renew', 'zakpos-redis-tls', '--env', 'prod', ...SHOP],
        kubectl({ 'get secrets': EMPTY() }),
      );
      expect(run.code).toBe(1);
      expect(run.stderr).toMatch(
        /^\nThe Secret zakpos-ca, with which certificates are signed, is missing\.\n {2}/,
      );
      expect(run.calls).toHaveLength(1);
    });

    test.concurrent('have names, and others are refused', async () => {
      const run = await zakpos(['secrets', 'renew', 'zakpos-redis', '--env', 'prod', ...SHOP], kubectl({}));
      expect(run.stderr).toBe(
        '\n"zakpos-redis" is no certificate that this command makes.\n' +
          '  Name one of zakpos-postgres-tls, zakpos-redis-tls, zakpos-kafka-tls, zakpos-kafka-admin-tls.\n',
      );
      expectMistake(run);
    });

    test.concurrent('are renewed by whoever makes them', async () => {
      const own = join(folder, 'cert-manager.yaml');
      writeFileSync(own, 'environment: prod\ncertificates: { source: cert-manager }\n');
      const run = await zakpos(
        ['secrets', 'renew', 'zakpos-redis-tls', '--env', 'prod', ...SHOP],
        kubectl({}),
        { ZAKPOS_CONFIG: own },
      );
      expect(run.stderr).toMatch(
        /is no certificate that this command makes\.\n {2}cert-manager, or whoever made it, renews it\.\n$/,
      );
      expectMistake(run);
    });
  });
});

test.concurrent('a store that was stopped is told by status, with what starts it', async () => {
  const database = {
    kind: 'StatefulSet',
    metadata: { name: 'zakpos-postgres', namespace: 'zakpos' },
    spec: { replicas: 0 },
    status: {},
  };
  const tools = kubectl({ '--raw': 'exit 1', 'get deployments,': print({ items: [database] }) });
  const run = await zakpos(['status', ...SHOP], tools, { CDK8S_OUTDIR: join(folder, 'dist-of-status') });
  expect(run.stdout).toMatch(
    /^zakpos-postgres +0\/0 .* stopped; `npm run up` starts it, or says what it waits for$/m,
  );
  expect(run.stdout).toMatch(/^zakpos-redis +0\/\? .* has no pod yet$/m);
  expect(run.code).toBe(1);
});

describe('where the stores alone run', () => {
  const tools = () =>
    kubectl({
      '--raw': 'exit 1',
      'io/only': 'echo infra',
      'io/environment': 'echo dev',
      'get deployments,': print({ items: [] }),
    });

  test.concurrent('status misses no apps, and names the stores', async () => {
    const run = await zakpos(['status', ...SHOP], tools(), { CDK8S_OUTDIR: join(folder, 'dist-of-stores') });
    expect(run.stdout).toMatch(/^zakpos-redis +0\/\? .* has no pod yet$/m);
    expect(run.stdout).not.toContain('zakpos-api');
    expect(run.stdout).toContain('PostgreSQL localhost:5432');
  });

  test.concurrent('verify says that most is not there to be checked', async () => {
    const run = await zakpos(['verify', ...SHOP], tools());
    expect(run.stderr).toBe(
      '\nOnly the stores of dev run in context shop, by `npm run up -- --only infra`.\n' +
        '  `npm run up -- --env dev --context shop` brings the rest; `npm run status -- --env dev --context shop` shows what is there.\n',
    );
    expect(run.code).toBe(1);
  });
});

describe('a restore onto the live database', () => {
  /** kubectl of a cluster where a restore goes on for ever; the end of each call is noted, too. */
  const cluster = (state: string): string => `
    for last; do :; done
    job= status='{}'
    [ ! -e ${state}.job ] || read job < ${state}.job
    case $job in plan-*) status='{"succeeded":1,"conditions":[{"type":"Complete","status":"True"}]}';; esac
    case "$*" in
      *apply*)
        case "$last" in *plan*) prefix=plan-;; *) prefix=;; esac
        /bin/sed -n "/^kind: Job/,/^---/s/^  name: /$prefix/p" "$last" > ${state}.job;;
      *"delete jobs"*) /bin/rm ${state}.job;;
      *"get deployments,"* | *"get jobs"* | *"get jobs,pods"*)
        [ "$job" ] || { echo '{"items":[]}'; exit; }
        printf '{"items":[{"kind":"Job","metadata":{"name":"%s","namespace":"zakpos"},"spec":{"template":{"spec":{"containers":[]}}},"status":%s}]}' "\${job#plan-}" "$status";;
      *"get pvc"*) echo persistentvolumeclaim/data-zakpos-postgres-0;;
      *logs*) printf 'kind base\nid 20261121T030000Z\nfinished x\nfile base 1 0\n';;
      *" wait "*) /bin/sleep 2;;
    esac
    echo "$*" >> ${state}.ended`;
  const CHANGE = /^--context shop (?:-n zakpos )?((?:scale|wait|apply|delete) .*)$/;

  test.concurrent.each<[string, RegExp, 'SIGHUP' | 'SIGINT' | 'SIGTERM']>([
    ['while the database ends', / wait --for=delete pod/, 'SIGINT'],
    ['by a terminal that is closed', / wait --for=delete pod/, 'SIGHUP'],
    ['while its Job works', /40-restore\.yaml/, 'SIGTERM'],
  ])('that is interrupted %s starts it again', async (what, moment, signal) => {
    const state = join(folder, what.replaceAll(' ', '-'));
    const own = `${state}.yaml`;
    writeFileSync(own, 'environment: prod\nbackups: { s3: { bucket: till } }\n');
    const { code, stderr } = await withToolFolder({ kubectl: cluster(state) }, async ({ path, calls }) => {
      const args = ['restore', '--env', 'prod', '--into', 'zakpos', '--confirm', 'zakpos'];
      const child = spawn(
        process.execPath,
        ['cli.mjs', ...args, ...SHOP, '--at', '2026-01-01T00:00Z'],
        // A process group of its own, as a terminal gives it to what is run there.
        {
          cwd: ROOT,
          env: { PATH: path, ZAKPOS_CONFIG: own },
          stdio: ['ignore', 'ignore', 'pipe'],
          detached: true,
        },
      );
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
      const end = new Promise<number | null>((resolve) => child.on('close', resolve));
      while (!calls().some((call) => moment.test(call))) {
        if (child.exitCode !== null) throw new Error(stderr);
        await sleep(50);
      }
      // Ctrl-C and the end of a terminal reach all of the group.
      const pid = defined(child.pid, 'pid');
      process.kill(signal === 'SIGTERM' ? pid : -pid, signal);
      return { code: await end, stderr };
    });
    expect(stderr).toContain(
      '\nThe restore was interrupted.\n  The database starts with its files of before',
    );
    expect(code).toBe(1);
    const changes = readFileSync(`${state}.ended`, 'utf8')
      .split('\n')
      .flatMap((call) => CHANGE.exec(call)?.[1] ?? []);
    const ofJob: unknown[] = [
      expect.stringMatching(/^apply .*40-restore\.yaml$/),
      expect.stringMatching(/^delete jobs zakpos-restore-\w+ .*--wait$/),
    ];
    expect(changes.slice(changes.findIndex((call) => call.startsWith('scale')))).toEqual([
      'scale statefulset zakpos-postgres --replicas=0',
      'wait --for=delete pod/zakpos-postgres-0 --timeout=120s',
      ...(signal === 'SIGTERM' ? ofJob : []),
      'scale statefulset zakpos-postgres --replicas=1',
    ]);
  });
});

describe('what changes volumes', () => {
  const claim = 'data-zakpos-postgres-0';
  const items = (...list: readonly object[]): string => print({ items: list });
  const isReady = { conditions: [{ type: 'Ready', status: 'True' }] };
  const cluster = (): Tools =>
    kubectl({
      'get configmap': ':',
      'get statefulset zakpos-postgres': print({
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: 'zakpos-postgres', namespace: 'zakpos' },
        spec: {
          selector: { matchLabels: {} },
          template: {},
          volumeClaimTemplates: [
            { metadata: { name: 'data' }, spec: { resources: { requests: { storage: '2Gi' } } } },
          ],
        },
      }),
      'get pods': items({
        metadata: {
          name: 'zakpos-postgres-0',
          ownerReferences: [{ kind: 'StatefulSet', name: 'zakpos-postgres' }],
        },
        spec: { nodeName: 'node-a' },
        status: isReady,
      }),
      'get nodes': items(
        ...['node-a', 'node-b'].map((name) => ({ metadata: { name, labels: {} }, status: isReady })),
      ),
      'get persistentvolumes': items({
        metadata: { name: 'pv-1' },
        spec: { capacity: { storage: '2Gi' }, persistentVolumeReclaimPolicy: 'Delete' },
      }),
      'get storageclasses': items({
        metadata: {
          name: 'standard',
          annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
        },
        provisioner: 'rancher.io/local-path',
      }),
      'get persistentvolumeclaims': items({
        kind: 'PersistentVolumeClaim',
        metadata: { name: claim, namespace: 'zakpos', creationTimestamp: '2026-01-01T00:00:00Z' },
        spec: { volumeName: 'pv-1', resources: { requests: { storage: '2Gi' } } },
      }),
    });
  const dist = () => ({ CDK8S_OUTDIR: join(folder, `dist-${Math.random().toString(36).slice(2)}`) });
  const changes = ({ calls }: Run): string[] => calls.filter((call) => !call.includes(' get '));

  test.concurrent.each([
    [[], `Nobody is there to confirm it.\n  Say it on the command line: \`--claim ${claim}\`.`],
    [
      ['--claim', claim, '--claim', 'data-zakpos-redis-0'],
      `Expected \`--claim ${claim}\`, not "${claim} data-zakpos-redis-0".\n  Nothing was changed.`,
    ],
  ])('asks for the names of claims that a move deletes: %j', async (args, said) => {
    const run = await zakpos(
      ['move', 'postgres', '--to-node', 'node-b', ...args, ...SHOP],
      cluster(),
      dist(),
    );
    expect(run.stdout).toMatch(
      /^zakpos-postgres-0 moves its data:\n {2}data-zakpos-postgres-0: from volume pv-1 into a new one of 2Gi and class standard on node-b\n/,
    );
    expect(run.stderr).toBe(`\n${said}\n`);
    expect({ code: run.code, changes: changes(run) }).toEqual({ code: 1, changes: [] });
  });

  test.concurrent('knows its stores', async () => {
    const run = await zakpos(['snapshot', 'api', ...SHOP], kubectl({}), dist());
    expect(run.stderr).toBe(
      '\n"api" is no store with claims in this environment.\n  Name one of postgres, redis, zookeeper, kafka.\n',
    );
    expectMistake(run);
  });

  test.concurrent('does nothing beside a move that is under way', async () => {
    const tools = kubectl({ 'get configmaps -l zakpos.io/move': 'echo configmap/zakpos-kafka-move' });
    const run = await zakpos(['resize', 'postgres', ...SHOP], tools, dist());
    expect(run.stderr).toMatch(/^\nA move of zakpos-kafka is under way; nothing was applied\.\n/);
    expect({ code: run.code, changes: changes(run) }).toEqual({ code: 1, changes: [] });
  });

  test.concurrent('has nothing to give up where no move is under way', async () => {
    const run = await zakpos(['move', 'redis', '--cancel', ...SHOP], cluster(), dist());
    expect(run).toMatchObject({ code: 0, stdout: 'No move of zakpos-redis is under way.\n' });
    expect(changes(run)).toEqual([]);
  });

  test.concurrent('leaves claims that are only listed as they are', async () => {
    const tools = kubectl({
      'get persistentvolumeclaims': items({
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'leftover', namespace: 'zakpos', creationTimestamp: '2026-01-01T00:00:00Z' },
        spec: { resources: { requests: { storage: '2Gi' } } },
      }),
      'get ': items(),
    });
    const run = await zakpos(['status', '--claims', ...SHOP], tools, dist());
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('kubectl --context shop -n zakpos delete pvc leftover\n');
    expect(changes(run)).toEqual([]);
  });
});

describe('what looks inside a pod', () => {
  const POD = JSON.stringify({
    items: [
      {
        metadata: { name: 'zakpos-postgres-0' },
        spec: { containers: [{ name: 'postgres', image: 'postgres:16-alpine' }] },
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      },
    ],
  });
  /** Answers with a pod, and ends with 4 what runs in it. */
  const kubectl = `case "$*" in *" get pods "*) echo '${POD}' ;; *) exit 4 ;; esac`;
  const EXEC = 'kubectl --context office -n zakpos exec -i zakpos-postgres-0 -c postgres --';

  test.concurrent.each<[string, readonly string[], string]>([
    ['psql has its options', ['db', '-Atc', 'select 1'], 'psql -U zakpos_user -d zakpos_db -Atc select 1'],
    ['psql is another role', ['db', '--as', 'owner', '-c', 'x'], 'psql -U zakpos_owner -d zakpos_db -c x'],
    [
      'redis-cli has its arguments',
      ['redis', '-n', '1', 'get', 'k'],
      'sh /usr/local/etc/redis/cli.sh -n 1 get k',
    ],
  ])('%s, wherever ours are, and its exit code comes through', async (_, [name = '', ...args], ran) => {
    const run = await zakpos([name, ...args, '--env', 'test', '--context', 'office'], { kubectl });
    expect(run.code).toBe(4);
    expect(run.calls.at(-1)).toMatch(new RegExp(`^${EXEC} env [A-Z_]+=/dev/null `));
    expect(run.calls.at(-1)).toContain(ran);
  });

  test.concurrent.each<[string, object, string]>([
    ['db', { postgres: { mode: 'external', external: { host: 'db.example.com' } } }, 'psql '],
    ['redis', { redis: { mode: 'external', external: { host: 'redis.example.com' } } }, 'redis-cli -h '],
    ['kafka', { kafka: { mode: 'external', external: { brokers: ['b-1:9096'] } } }, 'kafka-topics '],
  ])('%s says how to reach a server that is somebody else’s', async (name, values, client) => {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify({ environment: 'prod', ...values }));
    const command = name === 'kafka' ? ['kafka', 'topics'] : [name];
    const run = await zakpos([...command, '--env', 'prod'], {}, { ZAKPOS_CONFIG: file });
    expect(run.stderr).toMatch(/external/);
    expect(run.stderr).toContain(`From where it can be reached: \`${client}`);
    expectMistake(run);
  });
});

test.concurrent('the stores alone are not for production', async () => {
  const run = await zakpos(['up', '--env', 'prod', '--only', 'infra']);
  expect(run.stderr).toContain("`--only infra` is for dev's own kind cluster");
  expectMistake(run);
});
