/** The peers' tools, each installed by its ordinary package client into a cache of the benchmark's own. */
import { existsSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { Unavailable } from './work.ts';

const CACHE = join(homedir(), '.cache/zakpos-bench');

/** Packages of Go, with the version that is measured. */
const PACKAGES = {
  'helm 3': 'helm.sh/helm/v3/cmd/helm@v3.22.0',
  'helm 4': 'helm.sh/helm/v4/cmd/helm@v4.3.1',
  kustomize: 'sigs.k8s.io/kustomize/kustomize/v5@v5.8.2',
  'docker compose': 'github.com/docker/compose/v5/cmd@v5.0.2',
} as const;
export type PeerTool = keyof typeof PACKAGES;

/**
 * The tool's program, built by `go install` the first time.
 * @throws {Unavailable} without Go, or when it can't be built
 */
export async function toolOf(tool: PeerTool): Promise<string> {
  const source = PACKAGES[tool];
  const folder = join(CACHE, source.replace(/[^\w.@-]+/g, '-'));
  const program = join(folder, tool.replace(' ', '-'));
  if (existsSync(program)) return program;
  const { failed, stderr } = await execa('go', ['install', '-trimpath', source], {
    // A package may ask for a newer Go, which Go brings itself.
    env: { GOBIN: folder, CGO_ENABLED: '0', GOTOOLCHAIN: 'auto' },
    reject: false,
  });
  if (failed) {
    const [last = 'go is not installed'] = stderr.trim().split('\n').slice(-1);
    throw new Unavailable(`\`go install ${source}\` failed: ${last}`);
  }
  renameSync(join(folder, installedName(source)), program);
  return program;
}

/** The version that is measured, as tables show it. */
export const versionOf = (tool: PeerTool): string => PACKAGES[tool].split('@')[1] ?? '';

/** As `go install` calls a program: the last part of its path that is no version. */
const installedName = (source: string): string => {
  const path = (source.split('@')[0] ?? source).replace(/\/v\d+$/, '');
  return basename(path);
};
