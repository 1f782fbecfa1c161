/** checkov's checks of Kubernetes objects: https://www.checkov.io */
import { z } from 'zod';
import { lastLines, attempt } from '../../cli/exec.ts';
import { CliError } from '../../cli/errors.ts';
import type { Finding, Scan } from './grade.ts';
import { nameOf } from './objects.ts';

const record = z.object({
  check_id: z.string(),
  check_name: z.string(),
  /** `<kind>.<namespace>.<name>`; of a template's pod: `Pod.<namespace>.<name of the workload>.<labels>`. */
  resource: z.string(),
  check_result: z.object({ evaluated_keys: z.array(z.string()).default([]) }),
});

const output = z.object({
  results: z.object({
    passed_checks: z.array(record),
    failed_checks: z.array(record),
    skipped_checks: z.array(record),
    parsing_errors: z.array(z.string()),
  }),
});

/** Lets checkov look at a folder of files, whose workloads are `workloads`. */
export async function scanWithCheckov(
  command: string,
  folder: string,
  workloads: readonly string[],
): Promise<Scan> {
  const args = ['--directory', '.', '--framework', 'kubernetes', '--output', 'json', '--compact'];
  const { ok, stdout, stderr } = await attempt(
    command,
    // Findings are no error, and nothing is asked of anybody on the network.
    [...args, '--soft-fail', '--skip-download'],
    // In the folder itself, where no .checkov.yaml of a project lies.
    { cwd: folder, env: { CKV_SKIP_PACKAGE_UPDATE_CHECK: 'true' } },
  );
  if (!ok || !stdout.startsWith('{')) {
    throw new CliError(
      `checkov could not grade ${folder}: ${lastLines(stderr || stdout)}`,
      'Put right what it names; `npm run synth` writes the files.',
    );
  }
  return parseCheckov(stdout, workloads);
}

/** @throws {CliError} where it read no object, or not all files */
export function parseCheckov(json: string, workloads: readonly string[]): Scan {
  const { success, data } = output.safeParse(JSON.parse(json));
  if (!success) {
    throw new CliError(
      'checkov found no Kubernetes objects, or said so in another form than its pinned version.',
      'Check that `npm run synth` has written the environment.',
    );
  }
  const { failed_checks, passed_checks, skipped_checks, parsing_errors } = data.results;
  if (parsing_errors.length > 0) {
    throw new CliError(
      `checkov can't read ${parsing_errors.join(', ')}.`,
      'Make it YAML that other tools read, too; `npm run synth` writes it.',
    );
  }
  const objectOf = ({ resource }: { readonly resource: string }): string => objectName(resource, workloads);
  return {
    seen: [...new Set([...failed_checks, ...passed_checks, ...skipped_checks].map(objectOf))],
    findings: failed_checks.map((failed): Finding => ({
      check: failed.check_id,
      object: objectOf(failed),
      severity: 'failed',
      says: [[failed.check_name, ...failed.check_result.evaluated_keys].join(', ')],
    })),
  };
}

/** The object that checkov means, which for a template's pod is its workload. */
function objectName(resource: string, workloads: readonly string[]): string {
  const [kind = '', namespace = '', ...rest] = resource.split('.');
  const name = rest.join('.');
  const owner =
    kind === 'Pod'
      ? workloads.find((workload) => `${namespace}/${name}`.startsWith(`${workload.split(' ')[1] ?? ''}.`))
      : undefined;
  return owner ?? nameOf({ kind, namespace, name });
}
