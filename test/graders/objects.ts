/** The objects of a rendered environment: what they are called, what they waive, and the same without their waivers. */
import { parseAllDocuments, visit, type Document } from 'yaml';
import { z } from 'zod';
import { CliError } from '../../cli/errors.ts';
import type { Waiver } from './grade.ts';

/** Checks of kube-score that an object waives, with commas between them. */
const KUBE_SCORE = 'kube-score/ignore';
/** kube-score knows no reasons; each has an annotation with the check behind this prefix. */
const KUBE_SCORE_REASON = 'waiver.zakpos.io/';
/** A check of checkov that an object waives, as `id=reason`; the annotations are numbered. */
const CHECKOV = 'checkov.io/skip';
/** All that the tools take for a waiver. */
const WAIVERS = [KUBE_SCORE, CHECKOV, 'bridgecrew.io/skip', 'cortex.io/skip'];

const WORKLOADS = ['CronJob', 'DaemonSet', 'Deployment', 'Job', 'Pod', 'ReplicaSet', 'StatefulSet'];

export interface Reference {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
}

/** How reports call an object. Those without a namespace have the one that checkov takes them to be in. */
export const nameOf = ({ kind, namespace, name }: Reference): string =>
  `${kind} ${namespace ?? 'default'}/${name}`;

const manifest = z.object({
  kind: z.string(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string().optional(),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
});
export type Manifest = z.output<typeof manifest>;

/** The objects of one file. */
export const manifestsOf = (text: string): Manifest[] =>
  documentsOf(text).map((document) => manifest.parse(document.toJS()));

const documentsOf = (text: string): Document[] =>
  [...parseAllDocuments(text)].filter(({ contents }) => contents !== null);

/** Names of the objects that have pods. */
export const workloadsOf = (manifests: readonly Manifest[]): string[] =>
  manifests
    .filter(({ kind }) => WORKLOADS.includes(kind))
    .map(({ kind, metadata }) => nameOf({ kind, ...metadata }));

/**
 * What an object waives by its own annotations.
 * @throws {CliError} where an annotation would end checkov with an error that doesn't name it
 */
export function waiversOf({ kind, metadata }: Manifest): Waiver[] {
  const object = nameOf({ kind, ...metadata });
  return Object.entries(metadata.annotations).flatMap(([key, value]): Waiver[] => {
    if (key === KUBE_SCORE) {
      return value.split(',').map((id) => {
        const check = id.trim();
        const reason = metadata.annotations[KUBE_SCORE_REASON + check] ?? '';
        return { tool: 'kube-score', check, object, reason: reason.trim() };
      });
    }
    if (!key.startsWith(CHECKOV)) return [];
    const [check = '', reason = '', ...more] = value.split('=');
    if (more.length > 0) {
      throw new CliError(
        `${object}: the reason in its annotation ${key} contains a "=", on which checkov breaks off.`,
        `Write the reason without it: ${value}`,
      );
    }
    return [{ tool: 'checkov', check, object, reason: reason.trim() }];
  });
}

/** The same file without anything that waives a check, on objects and in their templates alike. */
export function withoutWaivers(text: string): string {
  return documentsOf(text)
    .map((document) => {
      visit(document, {
        Pair: (_, { key }) => (isWaiver(String(key)) ? visit.REMOVE : undefined),
      });
      // Scalars keep their quotes, and documents the lines between them; long scalars would be folded.
      return document.toString({ lineWidth: 0 });
    })
    .join('');
}

const isWaiver = (key: string): boolean => WAIVERS.some((waiver) => key.startsWith(waiver));
