/** `npm run ci:diff`: what a change does to the manifests of prod and cloud, in words and as YAML. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ROOT } from '../cli/environment.ts';
import { run } from '../cli/exec.ts';
import { writeJobSummary } from '../cli/job-summary.ts';

export interface CiDiffOptions {
  /** The dist/ of the commit that the change is for. */
  readonly against: string;
  /** File that gets the text. */
  readonly out: string;
}

export async function ciDiff({ against, out }: CiDiffOptions): Promise<void> {
  const parts: string[] = [];
  for (const environment of ['prod', 'cloud']) {
    parts.push(
      `## ${environment}`,
      await run(
        'npm',
        [
          ...['run', '--silent', 'diff', '--', '--env', environment, '--markdown'],
          // Without a kind cluster's own values; the cluster itself is not asked.
          ...['--context', 'none', '--against', resolve(join(against, environment))],
        ],
        { cwd: ROOT, fix: '`npm run synth` in a checkout of that commit writes its manifests.' },
      ),
    );
  }
  const text = `${parts.join('\n\n')}\n`;
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, text);
  writeJobSummary({ title: 'What changes in the manifests', facts: { manifests: text } });
  console.log(text);
}
