/** What an apply to a cluster would do: asked of its API server, and of what would be pruned or is missing. */
import type { Config } from '../../environments/schema.ts';
import type { Preview } from '../environment.ts';
import { immutableChanges, type ImmutableChange, type Ways } from '../immutable.ts';
import type { Kubectl } from '../kubectl.ts';
import { findUnwanted, pruneScopeOf } from '../prune.ts';
import { describeProblem, problemsToMend, readSecrets } from '../secrets.ts';
import { changesBetween } from './changes.ts';
import { dryRun, type Refusal } from './dry-run.ts';
import type { Fact } from './reasons.ts';
import type { Comparison } from './report.ts';

export interface Target {
  readonly kubectl: Kubectl;
  /** Whether it is a kind cluster of this project. */
  readonly onKind: boolean;
  /** The options that name the cluster, as a person types them. */
  readonly flags: string;
}

/** What an apply to the cluster, and the `up` around it, would do. */
export async function compareWithCluster(
  config: Config,
  { objects, definitions }: Preview,
  { kubectl, onKind, flags }: Target,
): Promise<Comparison> {
  const { before, after, refused, unknown, warnings } = await dryRun(kubectl, objects, definitions);
  const unwanted = await findUnwanted(kubectl, objects, pruneScopeOf(config, onKind));
  const inManifests = new Set(
    objects.filter((object) => object.kind === 'Secret').map(({ metadata }) => metadata.name),
  );
  const problems = problemsToMend(config, await readSecrets(kubectl, config)).filter(
    ({ secret }) => !inManifests.has(secret.name),
  );
  const facts: Fact[] = [
    ...refused.flatMap((refusal) => describeRefusal(refusal, { kubectl, flags })),
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

/** What can't be changed, with the way out. */
export const impossible = ({ fact, way }: ImmutableChange): Fact => ({
  section: 'impossible',
  text: `${fact}\nPut the old value back; or ${way}.`,
});
