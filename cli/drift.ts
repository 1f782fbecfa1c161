/** What of the manifests is otherwise in the cluster: what an apply would change. */
import type { Rendered } from './environment.ts';
import type { Kubectl } from './kubectl.ts';

export interface Drift {
  /** Such as `Deployment zakpos-api`. */
  readonly object: string;
  readonly missing: boolean;
  /** Lines of the object as it is (-) and as it would be (+); none of a Secret. */
  readonly lines: readonly string[];
}

/** Large manifests on a slow cluster. */
const DIFF_SECONDS = 300;

/** @throws {CliError} when the API server can't tell, as of an object whose kind it doesn't know */
export async function driftOf(kubectl: Kubectl, { files, registrations }: Rendered): Promise<Drift[]> {
  const result = await kubectl.attempt(
    [
      ...['diff', '--server-side', '--force-conflicts'],
      ...[...files, ...registrations].flatMap((file) => ['-f', file]),
    ],
    // Somebody's own program for differences would print them in its own way.
    { env: { KUBECTL_EXTERNAL_DIFF: '' }, timeoutSeconds: DIFF_SECONDS },
  );
  if (result.ok) return [];
  // It compares when it has asked about all of them, and prints nothing before.
  if (result.stdout.trim() === '') throw kubectl.explain(result.stderr);
  return parseDiff(result.stdout);
}

/** Reads what `kubectl diff` prints: unified differences of files that are named by their objects. */
export function parseDiff(text: string): Drift[] {
  return text
    .split(/^diff .*\n/m)
    .slice(1)
    .map((part) => {
      const file = /^\+\+\+ (\S+)/m.exec(part)?.[1]?.split('/').at(-1) ?? '';
      const [, kind = '', name = file] = /(?:^|\.)v\d\w*\.([A-Z]\w*)\.[^.]*\.(.+)$/.exec(file) ?? [];
      const changes = part
        .split('\n')
        .filter((line) => /^[-+](?![-+]{2} )/.test(line) && !/^[-+] {2}generation: /.test(line));
      return {
        object: `${kind} ${name}`.trim(),
        missing: !part.split('\n').some((line) => /^[- ](?!-- )/.test(line)),
        lines: kind === 'Secret' ? [] : changes.map((line) => `${line[0] ?? ''} ${line.slice(1).trim()}`),
      };
    });
}
