/** amtool, the tool of Alertmanager itself, over the configuration that is rendered for it. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { alertmanagerConfig } from '../../../charts/alertmanager-config.ts';
import { configWith } from '../../manifests.ts';

const ALERTMANAGER = 'prom/alertmanager:v0.27.0';

/** Runs it over production with these receivers, and answers its exit code and what it says. */
export async function amtool(
  receivers: object,
  ...args: readonly string[]
): Promise<[number | undefined, string]> {
  const config = configWith('prod', {
    monitoring: { mode: 'bundled', bundled: { alertmanager: { receivers } } },
  });
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-amtool-'));
  try {
    // For the user of the image, too.
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'alertmanager.yaml'), stringify(alertmanagerConfig(config)));
    const container = ['run', '--rm', '--network=none', '-v', `${folder}:/config:ro`, '-w', '/config'];
    const { exitCode, all } = await execa(
      'docker',
      [...container, '--entrypoint', 'amtool', ALERTMANAGER, ...args],
      { reject: false, all: true },
    );
    return [exitCode, all];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
