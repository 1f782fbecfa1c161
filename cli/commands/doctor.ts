/** `npm run doctor`: what keeps ZakPOS from working on this machine, each with the fix. It changes nothing. */
import { freemem } from 'node:os';
import type { Config } from '../../environments/schema.ts';
import { templateOf, type KindCluster } from '../cluster.ts';
import { componentsOf, look, progressOf } from '../components.ts';
import { compareWithCluster } from '../diff/cluster.ts';
import { clusterDns, networkPolicies, nodes, readiness, state } from '../doctor/cluster.ts';
import { dist, drift } from '../doctor/drift.ts';
import { examine, leftOut, ok, type Finding } from '../doctor/finding.ts';
import { checkout, disk, inotify, memory, node, readDockerInfo, tool } from '../doctor/machine.ts';
import { names, ports, proxy } from '../doctor/network.ts';
import { preview, readConfig, type Preview } from '../environment.ts';
import { mappedPorts } from '../kind-config.ts';
import type { Kubectl } from '../kubectl.ts';
import { partIn } from '../part.ts';
import { flagsOf, kindOf, type TargetOptions } from '../target.ts';
import type { Tool } from '../tools.ts';

export interface DoctorOptions extends Omit<TargetOptions, 'context'> {
  /**
   * Whether findings are printed for programs.
   * @default false
   */
  readonly json?: boolean;
}

/** Prints what it finds, as it finds it, and answers whether there is no problem. */
export async function doctor(options: DoctorOptions): Promise<boolean> {
  const { json = false } = options;
  const all: Finding[] = [];
  for await (const findings of examinations(options)) {
    all.push(...findings);
    if (!json) for (const finding of findings) console.log(lineOf(finding));
  }
  const problems = all.filter(({ outcome }) => outcome === 'problem').length;
  if (json) console.log(JSON.stringify(all, undefined, 2));
  else console.log(`\n${problems === 0 ? 'No problem was found.' : `${problems} to put right.`}`);
  return problems === 0;
}

const SIGNS = { ok: '✔', problem: '✖', advice: '!', 'left out': '-' } as const;
const ABOUT = 16;

const lineOf = ({ about, outcome, fact, fix }: Finding): string =>
  [
    `${SIGNS[outcome]} ${about.padEnd(ABOUT)} ${outcome === 'left out' ? 'left out: ' : ''}${fact}`,
    ...(fix === undefined ? [] : [`${' '.repeat(ABOUT + 3)}${fix}`]),
  ].join('\n');

/** What there is to look at, in an order in which each needs only what came before it. */
async function* examinations(options: DoctorOptions): AsyncGenerator<readonly Finding[]> {
  const tools: Tool[] = [];
  yield await examine('node', () => node());
  for (const name of ['docker', 'kind', 'kubectl'] as const) {
    const found = await examine(name, () => tool(name));
    if (isOk(found)) tools.push(name);
    yield found;
  }
  yield await examine('checkout', () => checkout());
  yield await examine('inotify', () => inotify());
  yield await examine('proxy', () => proxy());

  let rendered: { readonly config: Config; readonly manifests: Preview } | undefined;
  yield await examine('configuration', async () => {
    const config = readConfig(options);
    const part = tools.includes('kubectl') ? await partIn(kindOf(options).kubectl, config) : {};
    rendered = { config, manifests: await preview(config, { ...options, ...part }) };
    const { length } = rendered.manifests.objects;
    return ok('configuration', `${length} objects are rendered${part.only === undefined ? '' : ONLY_STORES}`);
  });
  if (rendered === undefined) return;
  const { config, manifests } = rendered;
  yield await examine('DNS', () => names(config));
  yield await examine('dist', () => dist(config, manifests));

  const kind = kindOf(options);
  const hasDocker = tools.includes('docker');
  const found = tools.length === 3 ? await kind.state() : undefined;
  if (hasDocker) {
    const docker = await readDockerInfo();
    const available = found === 'ours' ? Infinity : freemem();
    yield await examine('memory', () => memory(docker, manifests.objects, available));
    yield await examine('disk', () => disk(docker, found === 'ours' || found === 'stopped'));
  } else yield [leftOut('memory', 'docker tells it, as it does of the disk')];
  // A cluster that runs has its ports.
  if (!hasDocker || found === 'stopped' || (await kind.nodes()).length === 0) {
    yield await examine('ports', () => ports(mappedPorts(templateOf(config), config.localPorts)));
  }
  if (found === undefined) yield [leftOut('cluster', 'it takes docker, kind and kubectl to look into it')];
  else {
    yield [state(kind, found)];
    if (found === 'ours') yield* inCluster(options, kind, config, manifests);
  }
}

const ONLY_STORES = ', of the stores alone, since `npm run up -- --only infra` has made the cluster';

const isOk = (findings: readonly Finding[]): boolean => findings.every(({ outcome }) => outcome === 'ok');

async function* inCluster(
  options: DoctorOptions,
  kind: KindCluster,
  config: Config,
  manifests: Preview,
): AsyncGenerator<readonly Finding[]> {
  const { kubectl } = kind;
  const flags = flagsOf(options);
  yield await examine('nodes', () => nodes(kind, config));
  yield await examine('components', async () => readiness(await waiting(kubectl, manifests), flags));
  yield await examine('cluster DNS', () => clusterDns(kubectl, config));
  yield await examine('network policies', () => networkPolicies(kubectl, config));
  yield await examine('drift', async () =>
    drift(await compareWithCluster(config, manifests, { kubectl, onKind: true, flags }), flags),
  );
}

/** Components that aren't ready. */
async function waiting(kubectl: Kubectl, { objects }: Preview): Promise<string[]> {
  const components = componentsOf(objects);
  const snapshot = await look(kubectl, [...new Set(components.map(({ namespace }) => namespace))]);
  return components.filter((component) => !progressOf(component, snapshot).ready).map(({ name }) => name);
}
