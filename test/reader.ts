/** Somebody who follows a page: writes the files that it shows and types its commands, in their order. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { stepsOf, type Step, type Suite } from '../docs/commands.ts';
import { allPages } from '../docs/pages.ts';
import { ROOT } from './manifests.ts';

export interface Surroundings {
  /** Variables that stand for what the pages leave to a machine: the cluster, its ports, a file of values. */
  readonly env: () => Promise<Readonly<Record<string, string>>>;
  /**
   * What a file that a page shows holds here.
   * @default - what the page shows
   */
  readonly fileText?: (text: string) => string;
  /** Seconds that a command may take. */
  readonly seconds: number;
}

/** A test for each command that `suite` runs, page by page. */
export function followPages(suite: Suite, { env, fileText = (text) => text, seconds }: Surroundings): void {
  for (const page of allPages()) {
    const steps = stepsOf(page, suite);
    if (!steps.some(({ kind }) => kind === 'command')) continue;
    describe(page.path, () => {
      let folder = '';
      let variables: Readonly<Record<string, string>> = {};
      let exported = '';
      beforeAll(async () => {
        folder = repositoryFolder();
        variables = await env();
      });
      afterAll(() => {
        rmSync(folder, { recursive: true });
      });

      for (const step of steps) {
        if (step.kind === 'file') {
          test(`${step.name} is written`, () => {
            writeFileSync(join(folder, step.name), fileText(step.text));
          });
          continue;
        }
        test(
          `${step.at.replace(/.*:/, '')}: ${step.text.split('\n')[0] ?? ''}`,
          async () => {
            const said = await typed(`${exported}${step.text}`, step, folder, variables, seconds);
            if (/^(export|cd) /.test(step.text)) exported += `${step.text}\n`;
            if (said !== undefined) throw new Error(`${step.at}: ${step.text}\n${said}`);
          },
          (seconds + 30) * 1000,
        );
      }
    });
  }
}

/** The repository's files under another folder, so that what commands write there, but for the CLI's own, is of no matter. */
function repositoryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-docs-'));
  for (const name of readdirSync(ROOT)) {
    if (name !== 'dist' && name !== '.git') symlinkSync(join(ROOT, name), join(folder, name));
  }
  mkdirSync(join(folder, 'dist'));
  return folder;
}

/** Runs a command and tells what it said if it failed. */
async function typed(
  script: string,
  { endless, conditional, text }: Extract<Step, { kind: 'command' }>,
  cwd: string,
  env: Readonly<Record<string, string>>,
  seconds: number,
): Promise<string | undefined> {
  const child = execa('bash', ['-euc', script], {
    cwd,
    // npm says what it runs, as at a terminal, also to whoever is run by a silent npm.
    env: { npm_config_loglevel: 'notice', ...env },
    reject: false,
    all: true,
    stdin: 'ignore',
    // A group of its own, which gets the Ctrl-C as one at a terminal would.
    detached: true,
  });
  const tell = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // Nobody is left.
    }
  };
  const late = setTimeout(() => {
    tell('SIGKILL');
  }, seconds * 1000);
  let pressing: NodeJS.Timeout | undefined;
  if (endless) {
    // Until it ends, as a person would who sees it go on: npm says something before the command is there to be ended.
    child.stdout.once('data', () => {
      pressing = setInterval(() => {
        tell('SIGINT');
      }, 1000);
    });
  }
  const result = await child;
  clearInterval(pressing);
  clearTimeout(late);
  const timedOut = result.signal === 'SIGKILL';
  if (endless && result.stdout !== '' && !timedOut) return undefined;
  // grep says so when it finds nothing.
  if (conditional || result.exitCode === 0 || (result.exitCode === 1 && /\| *grep\b/.test(text)))
    return undefined;
  return `${timedOut ? `not at its end after ${seconds} s` : `exit code ${String(result.exitCode)}`}\n${result.all}`;
}
