/** Whether docker, kind and kubectl are there, new enough and running; else what to do about it on this system. */
import { release } from 'node:os';
import { z } from 'zod';
import { CliError } from './errors.ts';
import { attempt, lastLines } from './exec.ts';

/** The oldest versions that work. kind enforces NetworkPolicies and resolves names under them from 0.25 on. */
export const MINIMUM = { docker: '20.10', kind: '0.25', kubectl: '1.28' } as const;
export type Tool = keyof typeof MINIMUM;

export type System = 'linux' | 'macos' | 'wsl';

const INSTALL: Readonly<Record<Tool, Readonly<Record<System, string>>>> = {
  docker: {
    linux:
      'Install Docker Engine (https://docs.docker.com/engine/install/) and add yourself to the group docker.',
    macos: 'Install Docker Desktop (`brew install --cask docker`) or colima (`brew install colima docker`).',
    wsl: 'Install Docker Desktop on Windows and switch on "WSL integration" for this distribution in its settings.',
  },
  kind: {
    linux:
      'Install kind: https://kind.sigs.k8s.io/docs/user/quick-start/#installation (one file; or `go install sigs.k8s.io/kind@latest`).',
    macos: 'Install kind with `brew install kind`.',
    wsl: 'Install kind inside this distribution, as on Linux: https://kind.sigs.k8s.io/docs/user/quick-start/#installation',
  },
  kubectl: {
    linux: 'Install kubectl: https://kubernetes.io/docs/tasks/tools/install-kubectl-linux/',
    macos: 'Install kubectl with `brew install kubectl`.',
    wsl: 'Install kubectl inside this distribution, as on Linux: https://kubernetes.io/docs/tasks/tools/install-kubectl-linux/',
  },
};

const START_DOCKER: Readonly<Record<System, string>> = {
  linux: 'Start it with `sudo systemctl start docker`; `docker info` must answer.',
  macos: 'Start Docker Desktop, or `colima start`; `docker info` must answer.',
  wsl: 'Start Docker Desktop on Windows; `docker info` must answer in this distribution.',
};

export function currentSystem(): System {
  if (process.platform === 'darwin') return 'macos';
  return /microsoft/i.test(release()) ? 'wsl' : 'linux';
}

/**
 * Checks the tools and answers their versions.
 * @throws {CliError} for the first that is missing, too old or not running
 */
export async function checkTools(tools: readonly Tool[]): Promise<string> {
  const versions = tools.map(async (tool) => `${tool} ${await versionOf(tool)}`);
  // With all of them at their end, the first in order is named, whichever answered first.
  await Promise.allSettled(versions);
  return (await Promise.all(versions)).join(', ');
}

async function versionOf(tool: Tool): Promise<string> {
  const system = currentSystem();
  const result = await attempt(tool, VERSION_ARGS[tool], { timeoutSeconds: 20 });
  if (result.notFound) {
    throw new CliError(`${tool} is not installed, or not in PATH.`, INSTALL[tool][system]);
  }
  if (!result.ok && tool === 'docker') {
    if (/permission denied/i.test(result.stderr)) {
      throw new CliError(
        `docker is installed, but this user may not use it: ${lastLines(result.stderr, 1)}`,
        'Run `sudo usermod -aG docker "$USER"`, log out and in again; `docker info` must answer.',
      );
    }
    throw new CliError(
      `docker is installed, but its engine does not answer: ${lastLines(result.stderr, 1)}`,
      START_DOCKER[system],
    );
  }
  if (!result.ok) {
    throw new CliError(
      `\`${tool} ${VERSION_ARGS[tool].join(' ')}\` failed: ${lastLines(result.stderr, 3)}`,
      INSTALL[tool][system],
    );
  }
  const version = parseVersion(tool, result.stdout);
  if (isOlder(version, MINIMUM[tool])) {
    throw new CliError(
      `${tool} ${version} is too old; ${MINIMUM[tool]} is the oldest that works.`,
      INSTALL[tool][system],
    );
  }
  return version;
}

const VERSION_ARGS: Readonly<Record<Tool, readonly string[]>> = {
  docker: ['version', '--format', '{{.Server.Version}}'],
  kind: ['version'],
  kubectl: ['version', '--client', '-o', 'json'],
};

const kubectlVersion = z.object({ clientVersion: z.object({ gitVersion: z.string() }) });

/** The version in what a tool printed, such as `0.31.0` of "kind v0.31.0 go1.26.8 linux/amd64". */
export function parseVersion(tool: Tool, output: string): string {
  const text =
    tool === 'kubectl' ? kubectlVersion.parse(JSON.parse(output)).clientVersion.gitVersion : output;
  const [version] = /\d+\.\d+(\.\d+)?/.exec(text) ?? [];
  if (version === undefined) {
    throw new CliError(
      `\`${tool} ${VERSION_ARGS[tool].join(' ')}\` names no version: ${lastLines(output, 1)}`,
      `Check that \`${tool}\` in PATH is the real one.`,
    );
  }
  return version;
}

/** Whether a version comes before another; missing parts count as 0. */
export function isOlder(version: string, minimum: string): boolean {
  const numbers = (text: string): number[] => text.split('.').map(Number);
  const [left, right] = [numbers(version), numbers(minimum)];
  const differing = [0, 1, 2].find((i) => (left[i] ?? 0) !== (right[i] ?? 0));
  return differing !== undefined && (left[differing] ?? 0) < (right[differing] ?? 0);
}
