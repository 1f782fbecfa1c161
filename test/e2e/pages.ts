/** The commands of the documentation on the suites' cluster, which has other ports, and a name of its own. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../environments/load.ts';
import { followPages } from '../reader.ts';
import { CLUSTER, CONTEXT, config, ENVIRONMENT, valuesFile } from './harness.ts';

const values = z.record(z.string(), z.unknown());

/** A test for each command of the documentation that this environment's cluster runs. */
export function followPagesOnCluster(): void {
  followPages(ENVIRONMENT, {
    env: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'zakpos-docs-env-'));
      const kubeconfig = join(folder, 'kubeconfig');
      await execa('kind', ['export', 'kubeconfig', '--name', CLUSTER, '--kubeconfig', kubeconfig]);
      await execa('kubectl', ['--kubeconfig', kubeconfig, 'config', 'use-context', CONTEXT]);
      writeFileSync(join(folder, '.curlrc'), curlConfig());
      return {
        ZAKPOS_CLUSTER: CLUSTER,
        ZAKPOS_CONFIG: valuesFile(),
        KUBECONFIG: kubeconfig,
        CURL_HOME: folder,
      };
    },
    fileText: (text) => readFileSync(valuesFile(values.parse(parse(text))), 'utf8'),
    seconds: 180,
  });
}

/** Has curl find behind the ports that the pages name those of this cluster. */
function curlConfig(): string {
  const usual = loadConfig(ENVIRONMENT).localPorts;
  const { http, https, api, web, mobile } = config.localPorts;
  const pairs = [
    [usual.http, http],
    [usual.https, https],
    [usual.api, api],
    [usual.web, web],
    [usual.mobile, mobile],
  ];
  return pairs.map(([from, to]) => `connect-to = ":${from ?? 0}:127.0.0.1:${to ?? 0}"\n`).join('');
}
