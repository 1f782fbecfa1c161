/** What the tests read: an environment rendered in memory, with the eyes of the policies. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Yaml } from 'cdk8s';
import { parseAllDocuments } from 'yaml';
import type { RestoreRequest } from '../charts/restore.ts';
import type { UpgradeRequest } from '../charts/upgrade.ts';
import { loadConfig } from '../environments/load.ts';
import type { Config, EnvironmentName } from '../environments/schema.ts';
import { compose, composeRestore, composeTask, composeUpgrade } from '../main.ts';
import { configMaps } from '../policies/objects.ts';
import { remembered, renderedOf, toManifest, type Manifest, type Rendered } from '../policies/rendered.ts';
import { workloads, type Container, type Workload } from '../policies/workloads.ts';

export * from '../policies/known-secrets.ts';
export * from '../policies/objects.ts';
export * from '../policies/rendered.ts';
export * from '../policies/workloads.ts';

export const ROOT = join(import.meta.dirname, '..');

export const workload = (rendered: Rendered, name: string): Workload =>
  only(
    workloads(rendered).filter((each) => each.podLabels['app.kubernetes.io/name'] === name),
    `workload ${name}`,
  );

/** The one container of a workload that goes on running. */
export const mainContainer = (rendered: Rendered, name: string): Container =>
  only(workload(rendered, name).pod.containers, `container of ${name}`);

/** The text of a file of a ConfigMap. */
export function configFile(rendered: Rendered, configMap: string, file: string): string {
  const { data } = only(
    configMaps(rendered).filter(({ name }) => name === configMap),
    `ConfigMap ${configMap}`,
  );
  return defined(data[file], `file ${file} of ConfigMap ${configMap}`);
}

/** The value of a container's environment variable, as text. */
export const envOf = (of: Container, name: string): string | undefined =>
  of.env.find((variable) => variable.name === name)?.value;

/** The configuration of an environment with some values of a file of one's own. */
export function configWith(environment: EnvironmentName, overrides: object = {}, onKind?: boolean): Config {
  return withFile('own.json', JSON.stringify(overrides), (configFile) =>
    loadConfig(environment, { configFile, onKind }),
  );
}

/** Runs something with the path of a file that is gone afterwards. */
export function withFile<T>(name: string, content: string, use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-test-'));
  try {
    writeFileSync(join(folder, name), content);
    return use(join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Stands for the hashes of the apps' sources, which are no matter of the charts. */
const HASHES = {
  api: 'HASH',
  web: 'HASH',
  mobile: 'HASH',
  'api-dev': 'HASH',
  'web-dev': 'HASH',
  'mobile-dev': 'HASH',
  'jmx-agent': 'HASH',
};

/** What was rendered, by what it is called: test files of one process share it. */
const known = new Map<string, Rendered>();

/** The charts of an environment, composed in memory. */
export function render(environment: EnvironmentName, overrides: object = {}, onKind?: boolean): Rendered {
  const own = Object.keys(overrides).length === 0 ? '' : ` with ${JSON.stringify(overrides)}`;
  const name = `${environment}${onKind === undefined ? '' : onKind ? ' on kind' : ' elsewhere'}${own}`;
  let rendered = known.get(name);
  if (rendered === undefined) {
    const config = configWith(environment, overrides, onKind);
    rendered = renderedOf(name, config, compose(config, HASHES, NEVER_WRITTEN));
    known.set(name, rendered);
  }
  return rendered;
}

/** The charts of a restore, composed in memory. */
export const renderRestore = (config: Config, request: RestoreRequest): Rendered =>
  renderedOf('a restore', config, composeRestore(config, HASHES, NEVER_WRITTEN, request));

/** The Job of an upgrade of the database, and the database. */
export const renderUpgrade = (config: Config, request: UpgradeRequest): Rendered =>
  renderedOf('an upgrade', config, composeUpgrade(config, HASHES, NEVER_WRITTEN, request));

/** The Job that a command runs in the API's image. */
export const renderTask = (config: Config, command: readonly string[]): Rendered =>
  renderedOf('a task', config, composeTask(config, HASHES, NEVER_WRITTEN, command));

const NEVER_WRITTEN = join(tmpdir(), 'zakpos-never-written');

/** The text that is written of an environment. */
export const yamlOf = remembered((rendered) => Yaml.stringify(...rendered.objects.map(({ raw }) => raw)));

/** Objects of a text, read as kubectl does it, where an unquoted `no` is false. */
export const parseManifests = (yaml: string): Manifest[] =>
  parseAllDocuments(yaml, { version: '1.1' }).map((document) => toManifest(document.toJS()));

/** The one element of a list, or an error that says of what there is none or several. */
export function only<T>(list: readonly T[], what: string): T {
  const [first] = list;
  if (first === undefined || list.length > 1) throw new Error(`${list.length} instead of one ${what}`);
  return first;
}

export function defined<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no ${what}`);
  return value;
}
