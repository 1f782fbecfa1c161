/** The two tools in a cache folder outside the repository: installed once by their own package clients, then offline. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { attempt, lastLines, type RunOptions } from '../../cli/exec.ts';
import { CliError } from '../../cli/errors.ts';

export const KUBE_SCORE = 'v1.20.0';
export const ACTIONLINT = 'v1.7.12';
/** The newest that installs on Python 3.11. */
export const CHECKOV = '3.3.30';

/** Where the tools are: ZAKPOS_GRADERS_CACHE, else below ~/.cache. */
export const cacheFolder = (): string =>
  resolve(process.env.ZAKPOS_GRADERS_CACHE ?? join(homedir(), '.cache/zakpos-graders'));

type OnLine = NonNullable<RunOptions['onLine']>;

/** The command kube-score, installed if it isn't there. */
export const kubeScoreIn = (cache: string, onLine: OnLine): Promise<string> =>
  goProgramIn(cache, 'kube-score', `github.com/zegl/kube-score/cmd/kube-score@${KUBE_SCORE}`, onLine);

/** The command actionlint, installed if it isn't there. */
export const actionlintIn = (cache: string, onLine: OnLine): Promise<string> =>
  goProgramIn(cache, 'actionlint', `github.com/rhysd/actionlint/cmd/actionlint@${ACTIONLINT}`, onLine);

async function goProgramIn(cache: string, name: string, source: string, onLine: OnLine): Promise<string> {
  const folder = join(cache, `${name}-${source.split('@')[1] ?? ''}`);
  const command = join(folder, name);
  if (existsSync(command)) return command;
  onLine('installing');
  mkdirSync(folder, { recursive: true });
  await install(name, 'go', ['install', source], { env: { GOBIN: folder }, onLine });
  return command;
}

/** The command checkov, installed if it isn't there. */
export async function checkovIn(cache: string, onLine: OnLine): Promise<string> {
  const folder = join(cache, `checkov-${CHECKOV}`);
  const command = join(folder, 'bin/checkov');
  // Written last, since an installation that was broken off has the command, too.
  const complete = join(folder, '.complete');
  if (existsSync(complete)) return command;
  onLine('installing, which takes a minute');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  await install('checkov', 'python3', ['-m', 'venv', folder], { onLine });
  await install(
    'checkov',
    join(folder, 'bin/python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', `checkov==${CHECKOV}`],
    { onLine },
  );
  writeFileSync(complete, '');
  return command;
}

const MISSING: Readonly<Record<string, string>> = {
  go: 'Install Go (https://go.dev/dl/, or golang-go of Debian 13 or newer, or `brew install go`).',
  python3:
    'Install Python 3.9 or newer with its venv module (python3 and python3-venv of Debian, or `brew install python`).',
};

async function install(
  tool: string,
  client: string,
  args: readonly string[],
  options: RunOptions,
): Promise<void> {
  const { ok, notFound, stdout, stderr } = await attempt(client, args, options);
  if (ok) return;
  if (notFound) {
    throw new CliError(
      `${client} is not installed, or not in PATH; ${tool} is installed with it.`,
      MISSING[client] ?? `Remove ${cacheFolder()} and run the same command again.`,
    );
  }
  throw new CliError(
    `${tool} could not be installed: \`${client} ${args.join(' ')}\` ended with\n${lastLines(stderr || stdout, 5)}`,
    client === 'python3'
      ? `${MISSING.python3 ?? ''} Then run the same command again.`
      : 'The first run needs the network: go its module proxy, pip its package index. Then run the same command again.',
  );
}
