/** What the policies judge: an environment as it was rendered, and objects read as just the fields that are looked at. */
import { ApiObject, type App } from 'cdk8s';
import { z } from 'zod';
import type { Config } from '../environments/schema.ts';

/** An object of the output: what all kinds have, and the rest as it was read. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Path of the construct that makes it, such as `40-postgres/database/stateful-set`; empty for what was read from a text. */
  readonly path: string;
  readonly raw: unknown;
}

export interface Rendered {
  /** Which environment it is, and with what values, for messages. */
  readonly title: string;
  readonly config: Config;
  readonly charts: readonly { readonly id: string; readonly objects: readonly Manifest[] }[];
  readonly objects: readonly Manifest[];
}

export const text = z.record(z.string(), z.string());
export const intOrString = z.union([z.int(), z.string()]);
export const labelSelector = z.object({ matchLabels: text.default({}) });

const manifest = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string().optional(),
    labels: text.default({}),
    annotations: text.default({}),
  }),
});

/** The rule of whatever can't be judged by any other. */
export const READABLE = {
  rule: 'policies.readable',
  fix: 'write it in the form that policies/ reads, or teach policies/workloads.ts or objects.ts this one',
} as const;

/** An object of a form that the policies can't judge. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
  readonly object: Manifest;
  readonly fact: string;

  constructor(object: Manifest, { issues }: z.ZodError) {
    const fact = issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    super(`${object.path} (${called(object)}) breaks ${READABLE.rule}: ${fact}\n    ${READABLE.fix}`);
    this.object = object;
    this.fact = fact;
  }
}

/**
 * What a schema makes of an object, or of a part of it.
 * @throws {UnreadableError} when it is of another form
 */
export function read<Fields>(object: Manifest, schema: z.ZodType<Fields>, raw: unknown = object.raw): Fields {
  const result = schema.safeParse(raw);
  if (!result.success) throw new UnreadableError(object, result.error);
  return result.data;
}

/** An environment's objects, as its charts make them. */
export function renderedOf(title: string, config: Config, app: App): Rendered {
  const charts = app.charts.map((chart) => ({
    id: chart.node.id,
    objects: chart.node
      .findAll()
      .filter((construct) => ApiObject.isApiObject(construct))
      .map((object) => toManifest(object.toJson(), object.node.path)),
  }));
  return { title, config, charts, objects: charts.flatMap(({ objects }) => objects) };
}

/** An object of which nothing is sure but who makes it. */
function named(raw: unknown, path: string): Manifest {
  const { data } = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) }).safeParse(raw);
  const [kind, name] = [data?.kind ?? 'object', data?.metadata.name ?? 'without a name'];
  return { apiVersion: '', kind, name, namespace: undefined, labels: {}, annotations: {}, path, raw };
}

/**
 * An object as it was made by the construct at a path.
 * @throws {UnreadableError} when it lacks what every object has
 */
export function toManifest(raw: unknown, path = ''): Manifest {
  const { apiVersion, kind, metadata } = read(named(raw, path), manifest);
  return { apiVersion, kind, ...metadata, namespace: metadata.namespace, path, raw };
}

/** The answer for each environment is worked out once, since many ask for it many times. */
export function remembered<T>(of: (rendered: Rendered) => T): (rendered: Rendered) => T {
  const answers = new WeakMap<Rendered, { readonly answer: T }>();
  return (rendered) => {
    const known = answers.get(rendered) ?? { answer: of(rendered) };
    answers.set(rendered, known);
    return known.answer;
  };
}

export const objectsOf = (rendered: Rendered, kind: string): Manifest[] =>
  rendered.objects.filter((object) => object.kind === kind);

/** How messages name an object. */
export const called = ({ kind, name }: Manifest): string => `${kind} ${name}`;

export const hasLabels = (
  labels: Readonly<Record<string, string>>,
  selector: Readonly<Record<string, string>>,
): boolean => Object.entries(selector).every(([name, value]) => labels[name] === value);
