/** What a change of one object comes to, in words: what is rolled and why, what is scaled, what only changes. */
import { CHECKSUM_ANNOTATION } from '../../lib/pod.ts';
import type { LiveObject } from '../apply.ts';
import { HIDDEN, type Change } from './changes.ts';
import { differingFields, dotted, isRecord, type Field } from './fields.ts';

/** What is to be known of changes, in the order in which it is told. */
export const SECTIONS = [
  { section: 'impossible', title: "Can't be changed" },
  { section: 'rolled', title: 'Rolled: their pods are replaced' },
  { section: 'scaled', title: 'Scaled' },
  { section: 'run', title: 'Run once' },
  { section: 'created', title: 'Created' },
  { section: 'changed', title: 'Changed in place' },
  { section: 'labels', title: 'Only labels or annotations change' },
  { section: 'pruned', title: 'Deleted by `npm run up`; kubectl leaves them' },
  { section: 'kept', title: 'No longer rendered, and there until somebody deletes them' },
  { section: 'secrets', title: 'Secrets to put right first' },
  { section: 'unknown', title: 'Of a kind that the cluster does not know: install its CRD first' },
  { section: 'warnings', title: 'Warnings of the API server' },
] as const;
export type Section = (typeof SECTIONS)[number]['section'];

export interface Fact {
  readonly section: Section;
  readonly text: string;
}

/** Kinds whose controllers replace pods when the template is another one. */
const ROLLING = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** The facts about an object that is on both sides; `changes` are all there are, for who uses whose contents. */
export function factsOf(change: Change, changes: readonly Change[]): Fact[] {
  const { kind, name, before, after } = change;
  const title = `${kind} ${name}`;
  const fields = differingFields(before, after);
  const rolls = ROLLING.includes(kind);
  const template = fields.filter(({ path }) => rolls && startsWith(path, TEMPLATE));
  const replicas = fields.filter(({ path }) => rolls && dotted(path) === 'spec.replicas');
  const described = fields.filter(({ path }) => isDescription(path));
  const told = [...template, ...replicas, ...described];
  const others = fields.filter((field) => !told.includes(field) && !isFixed(kind, field));

  const facts: Fact[] = [];
  if (template.length > 0) {
    const reasons = template.flatMap((field) => reasonsOf(field, after, changes));
    facts.push({ section: 'rolled', text: `${title}: ${[...new Set(reasons)].join(', ')}` });
  }
  for (const field of replicas) facts.push({ section: 'scaled', text: `${title}: ${describe(field)}` });
  if (others.length > 0)
    facts.push({ section: 'changed', text: `${title}: ${others.map(describe).join(', ')}` });
  if (facts.length === 0 && described.length > 0) {
    facts.push({ section: 'labels', text: `${title}: ${described.map(describe).join(', ')}` });
  }
  return facts;
}

const TEMPLATE = ['spec', 'template'];
const startsWith = (path: readonly string[], start: readonly string[]): boolean =>
  start.every((part, i) => path[i] === part);

/** What nobody can change is told as such. */
const isFixed = (kind: string, { path }: Field): boolean =>
  kind === 'StatefulSet' &&
  /^spec\.(serviceName|podManagementPolicy|selector|volumeClaimTemplates)\b/.test(dotted(path));

const isDescription = ([first, second]: readonly string[]): boolean =>
  first === 'metadata' && (second === 'labels' || second === 'annotations');

/** Why a pod template is another one. */
function reasonsOf(field: Field, after: LiveObject | undefined, changes: readonly Change[]): string[] {
  const path = field.path.slice(TEMPLATE.length);
  if (path.includes('annotations') && path.at(-1) === CHECKSUM_ANNOTATION)
    return configReasons(after, changes);
  const [list, container, what, variable] = path[0] === 'spec' ? path.slice(1) : [];
  if (list !== undefined && /^(initC|c)ontainers$/.test(list) && container !== undefined) {
    if (what === 'image') return [`image ${arrow(field) ?? `of ${container}`}`];
    if (what === 'env' && variable !== undefined) return [`env ${variable} of ${container}`];
  }
  return [describe({ ...field, path })];
}

/** Which contents have another checksum: of those ConfigMaps and Secrets that the pods use, the ones that change. */
function configReasons(after: LiveObject | undefined, changes: readonly Change[]): string[] {
  const used = referencesOf(after);
  const found = changes.filter(({ kind, name }) => used.has(`${kind} ${name}`));
  const reasons = found.map((change) => {
    const keys = differingFields(change.before, change.after).flatMap(({ path: [field, key] }) =>
      key !== undefined && ['data', 'stringData', 'binaryData'].includes(field ?? '') ? [key] : [],
    );
    return `${change.kind} ${change.name}${keys.length === 0 ? '' : ` (${keys.join(', ')})`}`;
  });
  return reasons.length === 0 ? ['configuration'] : reasons;
}

/** The ConfigMaps and Secrets that are named anywhere in an object, such as `ConfigMap zakpos-redis`. */
function referencesOf(value: unknown): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((item) => [...referencesOf(item)]));
  if (!isRecord(value)) return new Set();
  return new Set(
    Object.entries(value).flatMap(([key, below]) => {
      const [, kind] = /^(configMap|secret)(?:Ref|KeyRef)?$/.exec(key) ?? [];
      const name = isRecord(below) ? (below.secretName ?? below.name) : undefined;
      return kind !== undefined && typeof name === 'string'
        ? [`${kind === 'secret' ? 'Secret' : 'ConfigMap'} ${name}`]
        : [...referencesOf(below)];
    }),
  );
}

/** A field with what it was and becomes, where that is short. */
function describe(field: Field): string {
  const path = field.path[0] === 'spec' && field.path.length > 1 ? field.path.slice(1) : field.path;
  const name = dotted(path);
  if (field.before === undefined) return `${name} is added`;
  if (field.after === undefined) return `${name} is removed`;
  const values = arrow(field);
  return values === undefined ? name : `${name} ${values}`;
}

/** Both values, where they are short; a Secret's never are. */
function arrow({ before, after }: Field): string | undefined {
  const [is, becomes] = [shortly(before), shortly(after)];
  return is === undefined || becomes === undefined ? undefined : `${is} → ${becomes}`;
}

function shortly(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.length <= 100 && !value.includes('\n') && value !== HIDDEN
    ? value
    : undefined;
}
