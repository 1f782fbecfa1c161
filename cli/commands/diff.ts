/** `npm run diff`: what an apply would change, in words and as YAML. Nothing is written anywhere. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../../environments/schema.ts';
import { changesBetween } from '../diff/changes.ts';
import { dryRun, type Refusal } from '../diff/dry-run.ts';
import type { Fact } from '../diff/reasons.ts';
import { isEmpty, reportOf, type Comparison } from '../diff/report.ts';
import { preview, readConfig, readManifests, type Preview } from '../environment.ts';
import { CliError } from '../errors.ts';
import { immutableChanges, type ImmutableChange, type Ways } from '../immutable.ts';
import { findUnwanted, pruneScopeOf } from '../prune.ts';
import { describeProblem, problemsToMend, readSecrets } from '../secrets.ts';
import { flagsOf, targetOf, type TargetOptions } from '../target.ts';
import { checkTools } from '../tools.ts';

export interface DiffOptions extends TargetOptions {
  /**
   * A folder of manifests that were rendered before.
   * @default - the cluster
   */
  readonly against?: string;
  /** Whether it is written as a comment of a pull request. */
  readonly markdown?: boolean;
  /** Whether the exit code tells that something would change. */
  readonly exitCode?: boolean;
}

/** Prints what would change, and answers whether anything would. */
export async function diff(options: DiffOptions): Promise<boolean> {
  const { against, markdown = false } = options;
  const { comparison, subject } =
    against === undefined ? await withCluster(options) : await withFolder(options, against);
  console.log(reportOf(comparison, { subject, markdown }));
  return !isEmpty(comparison);
}

interface Compared {
  readonly comparison: Comparison;
  readonly subject: string;
}

async function withCluster(options: TargetOptions): Promise<Compared> {
  const config = readConfig(options);
  const { kubectl, kind } = targetOf(options);
  await checkTools(['kubectl']);
  await kind?.require();
  const rendered = await preview(config, options);
  const comparison = await compareWithCluster(config, rendered, options);
  return { comparison, subject: `${config.environment} in the cluster of context ${kubectl.context}` };
}

/** What an apply to the cluster, and the `up` around it, would do. */
export async function compareWithCluster(
  config: Config,
  { objects, definitions }: Preview,
  options: TargetOptions,
  { kubectl, kind } = targetOf(options),
): Promise<Comparison> {
  const { before, after, refused, unknown, warnings } = await dryRun(kubectl, objects, definitions);
  const unwanted = await findUnwanted(kubectl, objects, pruneScopeOf(config, kind !== undefined));
  const inManifests = new Set(
    objects.filter((object) => object.kind === 'Secret').map(({ metadata }) => metadata.name),
  );
  const problems = problemsToMend(config, await readSecrets(kubectl, config)).filter(
    ({ secret }) => !inManifests.has(secret.name),
  );
  const facts: Fact[] = [
    ...refused.flatMap((refusal) => describeRefusal(refusal, { kubectl, flags: flagsOf(options) })),
    ...unwanted.map(({ kind, metadata }): Fact => ({ section: 'pruned', text: `${kind} ${metadata.name}` })),
    ...problems.map((problem): Fact => ({ section: 'secrets', text: describeProblem(problem) })),
    ...unknown.map(({ apiVersion, kind, metadata }): Fact => ({
      section: 'unknown',
      text: `${kind} ${metadata.name} of ${apiVersion}`,
    })),
    ...warnings.map((text): Fact => ({ section: 'warnings', text: text.replace(/^Warning: /, '') })),
  ];
  return { changes: changesBetween(before, after), facts, compared: objects.length + definitions.length };
}

function describeRefusal({ live, wanted, said }: Refusal, ways: Ways): Fact[] {
  const known = immutableChanges(live, wanted, ways);
  if (known.length > 0) return known.map(impossible);
  const { kind, metadata } = wanted;
  const { name, namespace } = metadata;
  // The API server may quote what it refuses.
  const reason = kind === 'Secret' ? 'the API server refuses it' : said;
  const target = `${namespace === undefined ? '' : `-n ${namespace} `}delete ${kind.toLowerCase()} ${name}`;
  const way =
    live === undefined
      ? 'Put right what it names.'
      : `Put the old value back; or \`${ways.kubectl.command(target)}\`, if nothing is lost with it, and the next apply makes it anew.`;
  return [{ section: 'impossible', text: `${kind} ${name}: ${reason}\n${way}` }];
}

const impossible = ({ fact, way }: ImmutableChange): Fact => ({
  section: 'impossible',
  text: `${fact}\nPut the old value back; or ${way}.`,
});

/** What is rendered from here, compared with what was rendered elsewhere: neither as on kind, nor with any cluster. */
async function withFolder(options: TargetOptions, against: string): Promise<Compared> {
  const anyCluster = { ...options, context: 'CONTEXT' };
  const config = readConfig(anyCluster);
  const folder = renderedIn(config, against);
  const old = readManifests(folder);
  const rendered = await preview(config, anyCluster);
  const after = [...rendered.definitions, ...rendered.objects];
  const changes = changesBetween([...old.definitions, ...old.objects], after);
  const ways = { kubectl: targetOf(anyCluster).kubectl, flags: flagsOf(options) };
  return {
    comparison: {
      changes,
      facts: changes.flatMap(({ before, after }) => immutableChanges(before, after, ways).map(impossible)),
      compared: after.length,
    },
    subject: `${config.environment}, compared with ${folder},`,
  };
}

/** The environment's folder in a dist/ of before, or that folder itself. */
function renderedIn({ environment }: Config, against: string): string {
  const found = [join(resolve(against), environment), resolve(against)].find((folder) =>
    existsSync(join(folder, '00-namespace.yaml')),
  );
  if (found !== undefined) return found;
  throw new CliError(
    `There are no manifests of ${environment} in ${against}.`,
    'Render them where that version is checked out: `CDK8S_OUTDIR=<folder> npm run synth`.',
  );
}
