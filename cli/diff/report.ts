/** The whole of a comparison as text: in words first, then as YAML. */
import { NEVER_PRUNED } from '../prune.ts';
import type { Change } from './changes.ts';
import { factsOf, SECTIONS, type Fact, type Section } from './reasons.ts';
import { patchOf } from './yaml.ts';

export interface Comparison {
  readonly changes: readonly Change[];
  /** What else is to be said. */
  readonly facts: readonly Fact[];
  /** Objects that were compared. */
  readonly compared: number;
}

export interface ReportOptions {
  /** What is compared, such as `dev in the cluster of context kind-zakpos`. */
  readonly subject: string;
  /**
   * Whether it is to be a comment of a pull request.
   * @default false
   */
  readonly markdown?: boolean;
}

/** Characters of YAML that fit into a comment on GitHub, with the words before them. */
const COMMENT = 50_000;

/** Whether there is anything that an apply would do, or not manage. */
export const isEmpty = ({ changes, facts }: Comparison): boolean =>
  changes.length === 0 && facts.every(({ section }) => section === 'warnings');

export function reportOf(comparison: Comparison, { subject, markdown = false }: ReportOptions): string {
  const { changes, facts, compared } = comparison;
  const all = [...facts, ...changes.flatMap((change) => describe(change, changes))];
  const count = changes.filter(({ after }) => after !== undefined).length;
  const head = isEmpty(comparison)
    ? `Nothing would change: ${compared} objects of ${subject} are as they are rendered.`
    : `${count} of ${compared} objects of ${subject} would change.`;
  const words = SECTIONS.flatMap(({ section, title }) => {
    const found = all.filter((fact) => fact.section === section).map(({ text }) => text);
    const texts = LISTS.includes(section) ? byKind(found) : found;
    if (texts.length === 0) return [];
    return markdown
      ? ['', `**${title}**`, '', ...texts.map((text) => `- ${text.replaceAll('\n', '\n  ')}`)]
      : ['', title, ...texts.map((text) => `  ${text.replaceAll('\n', '\n    ')}`)];
  });
  return [head, ...words, ...yamlOf(changes, markdown)].join('\n');
}

function describe(change: Change, changes: readonly Change[]): Fact[] {
  const { kind, name, before, after } = change;
  const text = `${kind} ${name}`;
  if (after === undefined) {
    return [{ section: NEVER_PRUNED.some((kept) => kept === kind) ? 'kept' : 'pruned', text }];
  }
  if (before !== undefined) return factsOf(change, changes);
  return [{ section: kind === 'Job' ? 'run' : 'created', text }];
}

/** Sections that may name a hundred objects. */
const LISTS: readonly Section[] = ['run', 'created', 'pruned', 'kept'];

/** A line for each kind. */
function byKind(titles: readonly string[]): string[] {
  const kinds = new Map<string, string[]>();
  for (const title of titles) {
    const [kind = '', name = ''] = title.split(' ');
    kinds.set(kind, [...(kinds.get(kind) ?? []), name]);
  }
  return [...kinds].map(([kind, names]) => `${kind} ${names.join(', ')}`);
}

/** What is there already, and what is created beside it; of a first apply, the manifests are all there is to say. */
function yamlOf(changes: readonly Change[], markdown: boolean): string[] {
  if (changes.every(({ before }) => before === undefined)) return [];
  const patches = changes
    .filter(({ after }) => after !== undefined)
    .map(patchOf)
    .join('\n\n');
  if (patches === '') return [];
  if (!markdown) return ['', patches];
  const shown =
    patches.length > COMMENT ? `${patches.slice(0, COMMENT)}\n… and more than fits here` : patches;
  // A fence of four, since contents may hold one of three.
  return ['', '<details><summary>As YAML</summary>', '', '````diff', shown, '````', '', '</details>'];
}
