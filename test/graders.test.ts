import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failureOf, withTools } from './cli/fakes.ts';
import { parseCheckov } from './graders/checkov.ts';
import {
  gradeOf,
  MOST_WAIVED_CHECKS,
  passes,
  type Finding,
  type Grade,
  type Tool,
  type Waiver,
} from './graders/grade.ts';
import { parseKubeScore } from './graders/kube-score.ts';
import { manifestsOf, waiversOf, withoutWaivers, workloadsOf } from './graders/objects.ts';
import { reportOf } from './graders/report.ts';
import { checkovIn, CHECKOV, kubeScoreIn } from './graders/tools.ts';

const API = 'Deployment zakpos/zakpos-api';
const REDIS = 'StatefulSet zakpos/zakpos-redis';

const finding = (check: string, object: string, severity: Finding['severity'] = 'critical'): Finding => ({
  check,
  object,
  severity,
  says: [`${check} is not met`],
});
const waiver = (check: string, object: string, reason = 'It is as it is.'): Waiver => ({
  tool: 'kube-score',
  check,
  object,
  reason,
});

/** The grade of kube-score for two workloads. */
function grade(
  before: readonly Finding[],
  after: readonly Finding[],
  waivers: readonly Waiver[] = [],
  tool: Tool = 'kube-score',
): Grade {
  const seen = [API, REDIS];
  return gradeOf(
    tool,
    { before: { findings: before, seen }, after: { findings: after, seen } },
    waivers,
    seen,
  );
}

describe('what counts', () => {
  test('without findings and waivers it passes', () => {
    expect(passes(grade([], []))).toBe(true);
  });

  test('a finding remains, be it critical or a warning', () => {
    const warning = finding('uid', API, 'warning');
    const result = grade([warning], [warning]);
    expect(result).toMatchObject({ before: [warning], after: [warning], waived: [], problems: [] });
    expect(passes(result)).toBe(false);
  });

  test('a waived finding counts before waivers and not after them', () => {
    const result = grade([finding('uid', API)], [], [waiver('uid', API)]);
    expect(result).toMatchObject({ after: [], waived: [{ reason: 'It is as it is.' }], problems: [] });
    expect(result.before).toHaveLength(1);
    expect(passes(result)).toBe(true);
  });

  test('a waiver is for its own object alone', () => {
    const redis = finding('uid', REDIS);
    const result = grade([finding('uid', API), redis], [redis], [waiver('uid', API)]);
    expect(result.after).toEqual([redis]);
    expect(passes(result)).toBe(false);
  });

  test('a waiver of the other tool is none of this one', () => {
    const result = grade([], [], [waiver('uid', API)], 'checkov');
    expect(result).toMatchObject({ waived: [], needless: [] });
  });

  test('a waiver of a check that passes is needless, and no failure', () => {
    const result = grade([], [], [waiver('uid', API)]);
    expect(result.needless).toEqual([waiver('uid', API)]);
    expect(passes(result)).toBe(true);
  });

  test('a waiver without a reason fails', () => {
    const result = grade([finding('uid', API)], [], [waiver('uid', API, '')]);
    expect(result.problems).toEqual([`${API}: uid is waived without a reason.`]);
    expect(passes(result)).toBe(false);
  });

  test('a finding that is gone without an annotation of its object fails', () => {
    expect(grade([finding('uid', API)], [], [waiver('uid', REDIS)]).problems).toEqual([
      `${API}: uid is waived, but not by an annotation of its own.`,
    ]);
  });

  test('the same check waived on many objects counts once', () => {
    const objects = [API, REDIS];
    const result = grade(
      objects.map((object) => finding('uid', object)),
      [],
      objects.map((object) => waiver('uid', object)),
    );
    expect(result.waived).toHaveLength(2);
    expect(passes(result)).toBe(true);
  });

  test.each([
    [MOST_WAIVED_CHECKS, true],
    [MOST_WAIVED_CHECKS + 1, false],
  ])('%i different waived checks pass: %s', (count, expected) => {
    const checks = Array.from({ length: count }, (_, i) => `check-${i}`);
    const result = grade(
      checks.map((check) => finding(check, API)),
      [],
      checks.map((check) => waiver(check, API)),
    );
    expect(passes(result)).toBe(expected);
    expect(result.problems).toHaveLength(expected ? 0 : 1);
  });

  test('a workload that the tool left out fails', () => {
    const scan = { findings: [], seen: [API] };
    expect(gradeOf('checkov', { before: scan, after: scan }, [], [API, REDIS]).problems).toEqual([
      `${REDIS} was not looked at: checkov leaves out what it can't read.`,
    ]);
  });
});

test('the report has the totals, what remains and what is waived with its reason', () => {
  const remaining = finding('storage', REDIS);
  const result = grade(
    [finding('uid', API), remaining, finding('spread', API, 'warning')],
    [remaining],
    [waiver('uid', API), waiver('spread', API, 'One node.'), waiver('tag', API)],
  );
  expect(reportOf(result).split('\n')).toEqual([
    'kube-score: not passed',
    '  before waivers: 2 critical, 1 warning',
    '  after waivers:  1 critical, 0 warning',
    '  critical storage (1)',
    `    ${REDIS}: storage is not met`,
    '  waived: 2 different checks',
    '    spread (1)',
    '      One node.',
    `        ${API}`,
    '    uid (1)',
    '      It is as it is.',
    `        ${API}`,
    `  needless: ${API} waives tag, which it passes`,
  ]);
});

const RENDERED = `apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    checkov.io/skip1: CKV_K8S_43=The tag is the hash of the sources.
    checkov.io/skip2: CKV_K8S_15
    kube-score/ignore: container-image-pull-policy, pod-probes
    waiver.zakpos.io/container-image-pull-policy: The tag is the hash of the sources.
    zakpos.io/kept: "yes"
  name: zakpos-api
  namespace: zakpos
spec:
  template:
    metadata:
      annotations:
        kube-score/ignore: pod-networkpolicy
---
apiVersion: v1
kind: Namespace
metadata:
  name: zakpos
`;

describe('waivers of objects', () => {
  const manifests = manifestsOf(RENDERED);

  test('are read with their reasons from the object itself, not from its template', () => {
    expect(manifests.flatMap(waiversOf)).toEqual([
      { tool: 'checkov', check: 'CKV_K8S_43', object: API, reason: 'The tag is the hash of the sources.' },
      { tool: 'checkov', check: 'CKV_K8S_15', object: API, reason: '' },
      {
        tool: 'kube-score',
        check: 'container-image-pull-policy',
        object: API,
        reason: 'The tag is the hash of the sources.',
      },
      { tool: 'kube-score', check: 'pod-probes', object: API, reason: '' },
    ]);
  });

  test('are stripped wherever they are, and nothing else is', () => {
    const stripped = withoutWaivers(RENDERED);
    expect(stripped).not.toMatch(/ignore|skip/);
    expect(stripped).toContain('zakpos.io/kept: "yes"');
    expect(manifestsOf(stripped).flatMap(waiversOf)).toEqual([]);
    expect(manifestsOf(stripped)).toHaveLength(2);
  });

  test('a reason on which checkov would break off is named', async () => {
    const broken = RENDERED.replace('hash of', 'hash = of');
    expect(await failureOf(() => manifestsOf(broken).flatMap(waiversOf))).toMatch(
      /^Deployment zakpos\/zakpos-api: the reason in its annotation checkov\.io\/skip1 contains a "="/,
    );
  });

  test('workloads are the objects with pods', () => {
    expect(workloadsOf(manifests)).toEqual([API]);
  });
});

describe('what the tools write', () => {
  const check = (id: string, value: number, skipped = false) => ({
    check: { id },
    grade: value,
    skipped,
    comments: [{ path: 'api', summary: 'Not so' }],
  });

  test('of kube-score, critical checks and warnings are findings', () => {
    const json = JSON.stringify([
      {
        type_meta: { kind: 'Deployment', apiVersion: 'apps/v1' },
        object_meta: { name: 'zakpos-api', namespace: 'zakpos', creationTimestamp: null },
        checks: [check('a', 1), check('b', 5), check('c', 7), check('d', 10), check('e', 1, true)],
      },
    ]);
    expect(parseKubeScore(json)).toEqual({
      seen: [API],
      findings: [
        { check: 'a', object: API, severity: 'critical', says: ['api: Not so'] },
        { check: 'b', object: API, severity: 'warning', says: ['api: Not so'] },
      ],
    });
    expect(parseKubeScore('null')).toEqual({ seen: [], findings: [] });
  });

  const record = (id: string, resource: string) => ({
    check_id: id,
    check_name: 'Be so',
    resource,
    check_result: { result: 'FAILED', evaluated_keys: ['spec/x'] },
  });
  const results = { passed_checks: [], failed_checks: [], skipped_checks: [], parsing_errors: [] };

  test('of checkov, failed checks are findings, and a template counts as its workload', () => {
    const json = JSON.stringify({
      results: {
        ...results,
        passed_checks: [record('CKV_K8S_1', 'StatefulSet.zakpos.zakpos-redis')],
        failed_checks: [record('CKV2_K8S_6', 'Pod.zakpos.zakpos-api.app.kubernetes.io/name-zakpos-api')],
      },
    });
    expect(parseCheckov(json, ['Deployment zakpos/zakpos', API])).toEqual({
      seen: [API, REDIS],
      findings: [{ check: 'CKV2_K8S_6', object: API, severity: 'failed', says: ['Be so, spec/x'] }],
    });
  });

  test('checkov that read nothing, or not all, is an error', async () => {
    expect(await failureOf(() => parseCheckov('{"passed": 0, "failed": 0}', []))).toMatch(
      /^checkov found no Kubernetes objects/,
    );
    const json = JSON.stringify({ results: { ...results, parsing_errors: ['/50-api.yaml'] } });
    expect(await failureOf(() => parseCheckov(json, []))).toMatch(/^checkov can't read \/50-api\.yaml\./);
  });
});

describe('installing the tools', () => {
  let cache: string;
  beforeEach(() => (cache = mkdtempSync(join(tmpdir(), 'zakpos-graders-'))));
  afterEach(() => {
    rmSync(cache, { recursive: true });
  });
  const quiet = (): void => undefined;

  test('without go or python it says what is missing', async () => {
    const [withoutGo, withoutPython] = await withTools({}, async () => [
      await failureOf(() => kubeScoreIn(cache, quiet)),
      await failureOf(() => checkovIn(cache, quiet)),
    ]);
    expect(withoutGo).toMatch(
      /^go is not installed, or not in PATH; kube-score is installed with it\.\n {2}Install Go/,
    );
    expect(withoutPython).toMatch(
      /^python3 is not installed, or not in PATH; checkov is installed with it\.\n {2}Install Python/,
    );
  });

  test('happens once', async () => {
    const go = 'test ! -e "$GOBIN/kube-score" && : > "$GOBIN/kube-score"';
    await withTools({ go }, async () => {
      const first = await kubeScoreIn(cache, quiet);
      expect(existsSync(first)).toBe(true);
      expect(await kubeScoreIn(cache, quiet)).toBe(first);
    });
  });

  test('checkov counts as installed once pip is through', async () => {
    const venv = (pip: string) =>
      `/bin/mkdir -p "$3/bin" && printf '#!/bin/sh\\n${pip}\\n' > "$3/bin/python" && /bin/chmod +x "$3/bin/python"`;
    const said = await withTools({ python3: venv('echo no network >&2; exit 1') }, () =>
      failureOf(() => checkovIn(cache, quiet)),
    );
    expect(said).toMatch(
      /^checkov could not be installed: .* ended with\nno network\n {2}The first run needs/,
    );
    const command = join(cache, `checkov-${CHECKOV}`, 'bin/checkov');
    expect(await withTools({ python3: venv('exit 0') }, () => checkovIn(cache, quiet))).toBe(command);
    expect(await withTools({}, () => checkovIn(cache, quiet))).toBe(command);
  });
});
