/** `npm run grade`: what kube-score and checkov say of a rendered environment, before and after waivers. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { CliError } from '../../cli/errors.ts';
import { step } from '../../cli/steps.ts';
import { scanWithCheckov } from './checkov.ts';
import { gradeOf, passes, type Grade, type Scan, type Scans } from './grade.ts';
import { scanWithKubeScore } from './kube-score.ts';
import { manifestsOf, waiversOf, withoutWaivers, workloadsOf } from './objects.ts';
import { reportOf } from './report.ts';
import { cacheFolder, CHECKOV, checkovIn, KUBE_SCORE, kubeScoreIn } from './tools.ts';

interface RenderedFile {
  readonly name: string;
  readonly text: string;
}

/** Files of a rendered environment. They are read once, since another synth may replace them at any time. */
function readRendered(environment: string): RenderedFile[] {
  const folder = resolve(process.env.CDK8S_OUTDIR ?? 'dist', environment);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.yaml')) : [];
  if (names.length === 0) {
    throw new CliError(
      `${folder} has no manifests.`,
      'Write them with `npm run synth`; --env is dev, test, prod or cloud.',
    );
  }
  return names.sort().map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
}

/** A folder with the files, to be looked at by both tools. */
function copyTo(folder: string, files: readonly RenderedFile[]): string {
  mkdirSync(folder);
  for (const { name, text } of files) writeFileSync(join(folder, name), text);
  return folder;
}

async function grade(environment: string, work: string): Promise<Grade[]> {
  const files = readRendered(environment);
  const manifests = files.flatMap(({ text }) => manifestsOf(text));
  const workloads = workloadsOf(manifests);
  const waivers = manifests.flatMap(waiversOf);
  const stripped = files.map(({ name, text }) => ({ name, text: withoutWaivers(text) }));
  const before = copyTo(join(work, 'before'), stripped);
  const after = copyTo(join(work, 'after'), files);
  const scanned = async (scan: (folder: string) => Promise<Scan>): Promise<Scans> => ({
    before: await scan(before),
    after: await scan(after),
  });

  const kubeScore = await step(`kube-score ${KUBE_SCORE}`, async (line) => {
    const command = await kubeScoreIn(cacheFolder(), (text) => {
      line.note(text);
    });
    return scanned((folder) =>
      scanWithKubeScore(
        command,
        files.map(({ name }) => join(folder, name)),
      ),
    );
  });
  const checkov = await step(`checkov ${CHECKOV}`, async (line) => {
    const command = await checkovIn(cacheFolder(), (text) => {
      line.note(text);
    });
    return scanned((folder) => scanWithCheckov(command, folder, workloads));
  });
  return [
    gradeOf('kube-score', kubeScore, waivers, workloads),
    gradeOf('checkov', checkov, waivers, workloads),
  ];
}

const { env } = new Command('grade')
  .description('kube-score and checkov on dist/<environment>; nothing may remain but what an object waives')
  .option('--env <environment>', 'dev, test, prod or cloud', 'prod')
  .showHelpAfterError()
  .parse()
  .opts<{ env: string }>();
const work = mkdtempSync(join(tmpdir(), 'zakpos-grade-'));
try {
  const grades = await grade(env, work);
  console.log(`\n${grades.map(reportOf).join('\n\n')}`);
  if (!grades.every(passes)) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  console.error(`\n${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
