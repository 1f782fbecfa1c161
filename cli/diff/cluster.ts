/** What an apply to a cluster would do: asked of its API server, and of what would be pruned or is missing. */
import type { Config } from '../../environments/schema.ts';
import type { Preview } from '../environment.ts';
import { immutableChanges, type ImmutableChange, type Ways } from '../immutable.ts';
import type { Kubectl } from '../kubectl.ts';
import { releaseChangeOf } from '../postgres-release.ts';
import { findUnwanted, NEVER_PRUNED, pruneScopeOf } from '../prune.ts';
import { describeProblem, problemsToMend, readSecrets } from '../secrets.ts';
import { changesBetween, type Change } from './changes.ts';
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
  const changes = changesBetween(before, after);
  const facts: Fact[] = [
    ...changes.flatMap((change) => otherRelease(change, flags)),
    ...refused.flatMap((refusal) => describeRefusal(refusal, { kubectl, flags })),
    ...unwanted.map(({ kind, metadata }): Fact => ({ section: 'pruned', text: `${kind} ${metadata.name}` })),
    ...problems.map((problem): Fact => ({ section: 'secrets', text: describeProblem(problem) })),
    ...unknown.map(({ apiVersion, kind, metadata }): Fact => ({
      section: 'unknown',
      text: `${kind} ${metadata.name} of ${apiVersion}`,
    })),
    ...warnings.map((text): Fact => ({ section: 'warnings', text: text.replace(/^Warning: /, '') })),
  ];
  return { changes, facts, compared: objects.length + definitions.length };
}

function describeRefusal({ live, wanted, said }: Refusal, ways: Ways): Fact[] {
  const known = [
    ...otherRelease({ before: live, after: wanted }, ways.flags),
    ...immutableChanges(live, wanted, ways).map(impossible),
  ];
  if (known.length > 0) return known;
  const { kind, metadata } = wanted;
  const { name, namespace } = metadata;
  // The API server may quote what it refuses.
  const reason = kind === 'Secret' ? 'the API server refuses it' : said;
  const target = `${namespace === undefined ? '' : `-n ${namespace} `}delete ${kind.toLowerCase()} ${name}`;
  const way =
    live === undefined || !FIXED.test(said)
      ? 'Put right what it names.'
      : HOLDS_DATA.includes(kind)
        ? 'Put the old value back.'
        : `Put the old value back; or \`${ways.kubectl.command(target)}\`, if nothing is lost with it, and the next apply makes it anew.`;
  return [{ section: 'impossible', text: `${kind} ${name}: ${reason}\n${way}` }];
}

/** What API servers say of a field that only a new object may have otherwise. */
const FIXED = /immutable|(may not|cannot) (be )?chang|updates to .* (is|are) forbidden|Forbidden: updates to/;
/** Kinds that nobody is to be told to delete. */
const HOLDS_DATA: readonly string[] = [...NEVER_PRUNED, 'StatefulSet'];

/** A database whose server couldn't read its files. */
export function otherRelease({ before, after }: Pick<Change, 'before' | 'after'>, flags: string): Fact[] {
  const other = releaseChangeOf(before, after, flags);
  return other === undefined ? [] : [{ section: 'impossible', text: `${other.fact}.\n${other.fix}` }];
}

/** What can't be changed, with the way out. */
export const impossible = ({ fact, way }: ImmutableChange): Fact => ({
  section: 'impossible',
  text: `${fact}\nPut the old value back; or ${way}.`,
});
