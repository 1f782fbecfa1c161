/** promtool, the tool of Prometheus itself, over the alerts of prod with all that they look at. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { alertGroups } from '../../../alerts/groups.ts';
import { toFileGroup, type AlertRule } from '../../../alerts/rule.ts';
import { configWith } from '../../manifests.ts';

const PROMETHEUS = 'prom/prometheus:v2.53.0';

export const config = configWith('prod', {
  monitoring: { mode: 'operator' },
  backups: { s3: { bucket: 'till', endpoint: 'https://s3.example.com' } },
  addons: { traefik: { enabled: true } },
});
export const groups = alertGroups(config);
export const rules: readonly AlertRule[] = groups.flatMap((group) => group.rules);

/** Runs promtool on the rules and a file of tests, and answers what it says; 0 is good. */
export async function promtool(
  args: readonly string[],
  tests: unknown = {},
): Promise<[number | undefined, string]> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-alerts-'));
  try {
    // For the user of the image, too.
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: groups.map(toFileGroup) }));
    writeFileSync(join(folder, 'tests.yaml'), JSON.stringify(tests));
    const container = ['run', '--rm', '--network=none', '-v', `${folder}:/rules:ro`, '-w', '/rules'];
    const { exitCode, all } = await execa(
      'docker',
      [...container, '--entrypoint', 'promtool', PROMETHEUS, ...args],
      { reject: false, all: true },
    );
    return [exitCode, all];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
