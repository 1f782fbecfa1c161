/** kube-score: https://github.com/zegl/kube-score */
import { z } from 'zod';
import { lastLines, attempt } from '../../cli/exec.ts';
import { CliError } from '../../cli/errors.ts';
import type { Finding, Scan } from './grade.ts';
import { nameOf } from './objects.ts';

/** Kubernetes in which every API that kube-score calls outdated has a successor. */
const KUBERNETES = 'v1.33';
/** Grades up to which a check counts as critical and as a warning; 7 and 10 are fine. */
const CRITICAL = 1;
const WARNING = 5;

const output = z
  .array(
    z.object({
      type_meta: z.object({ kind: z.string() }),
      object_meta: z.object({ name: z.string(), namespace: z.string().optional() }),
      checks: z
        .array(
          z.object({
            check: z.object({ id: z.string() }),
            grade: z.int(),
            skipped: z.boolean(),
            comments: z.array(z.object({ path: z.string(), summary: z.string() })).nullable(),
          }),
        )
        .nullable(),
    }),
  )
  // Where it knows none of the objects.
  .nullable();

/** Lets kube-score look at files. */
export async function scanWithKubeScore(command: string, files: readonly string[]): Promise<Scan> {
  const args = ['score', '--output-format', 'json', '--kubernetes-version', KUBERNETES, ...files];
  // It ends with 1 both for critical findings and for errors; only the former are JSON.
  const { stdout, stderr } = await attempt(command, args);
  if (!/^(\[|null)/.test(stdout)) {
    throw new CliError(
      `kube-score could not grade ${files.length} files: ${lastLines(stderr || stdout)}`,
      'Put right the object that it names; `npm run synth` writes it.',
    );
  }
  return parseKubeScore(stdout);
}

export function parseKubeScore(json: string): Scan {
  const objects = (output.parse(JSON.parse(json)) ?? []).map(({ type_meta, object_meta, checks }) => ({
    name: nameOf({ ...type_meta, ...object_meta }),
    checks: checks ?? [],
  }));
  return {
    seen: objects.map(({ name }) => name),
    findings: objects.flatMap(({ name, checks }) =>
      checks
        .filter(({ skipped, grade }) => !skipped && grade <= WARNING)
        .map(({ check, grade, comments }): Finding => ({
          check: check.id,
          object: name,
          severity: grade <= CRITICAL ? 'critical' : 'warning',
          says: (comments ?? []).map(({ path, summary }) => (path === '' ? summary : `${path}: ${summary}`)),
        })),
    ),
  };
}
