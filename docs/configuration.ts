/** docs/reference/configuration.md, made from the schema and the environments. */
import { z } from 'zod';
import { loadConfig } from '../environments/load.ts';
import { configSchema, ENVIRONMENTS, valueAt, type EnvironmentName } from '../environments/schema.ts';

/** What is read of a field's JSON Schema. */
interface Field {
  readonly description?: string;
  readonly expected?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly items?: Field;
  readonly anyOf?: readonly Field[];
}

const fieldSchema: z.ZodType<Field> = z.lazy(() =>
  z.object({
    description: z.string().optional(),
    expected: z.string().optional(),
    type: z.string().optional(),
    enum: z.array(z.unknown()).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    properties: z.record(z.string(), fieldSchema).optional(),
    items: fieldSchema.optional(),
    anyOf: z.array(fieldSchema).optional(),
  }),
);

interface Row {
  readonly path: readonly string[];
  readonly field: Field;
}

export function configurationReference(): string {
  const root = fieldSchema.parse(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }));
  const configs = ENVIRONMENTS.map((name) => ({ name, config: loadConfig(name) }));
  const sections = Object.entries(root.properties ?? {}).map(([name, field]) => ({
    name,
    rows: leaves(field, [name]),
  }));
  const top = sections.filter(({ rows }) => rows.length === 1).flatMap(({ rows }) => rows);
  const grouped = sections.filter(({ rows }) => rows.length > 1);

  const table = (rows: readonly Row[]) =>
    [
      '| field | expected | value | meaning |',
      '| --- | --- | --- | --- |',
      ...rows.map(
        ({ path, field }) =>
          `| \`${path.join('.')}\` | ${escape(expected(field))} | ${escape(values(path, configs))} | ${escape(meaning(field))} |`,
      ),
    ].join('\n');

  return [
    '# Configuration',
    '',
    'Every field of `environments/*.ts` and of a file named by `ZAKPOS_CONFIG`, which is merged over the environment:',
    'mappings field by field, everything else whole. The column "value" is what the environments have: one value where',
    'they agree, else each with its names. This page is made by `npm run docs` from `environments/schema.ts`.',
    '',
    '## The environment',
    '',
    table(top),
    ...grouped.flatMap(({ name, rows }) => ['', `## ${name}`, '', table(rows)]),
    '',
  ].join('\n');
}

/** The fields below one that hold values: those of mappings and of a list's mappings. */
function leaves(field: Field, path: readonly string[]): Row[] {
  if (field.properties !== undefined) {
    return Object.entries(field.properties).flatMap(([name, below]) => leaves(below, [...path, name]));
  }
  const items = field.items?.properties;
  if (items !== undefined) {
    const below = Object.entries(items).map(([name, item]) => ({
      path: [...path.slice(0, -1), `${path.at(-1)}[]`, name],
      field: item,
    }));
    return [{ path, field }, ...below];
  }
  return [{ path, field }];
}

function expected(field: Field): string {
  if (field.expected !== undefined) return field.expected;
  if (field.enum !== undefined) return field.enum.map(String).join(', ');
  const alternatives = field.anyOf?.filter(({ type }) => type !== 'null');
  if (alternatives?.[0] !== undefined) return `${expected(alternatives[0])}; or null`;
  if (field.type === 'integer')
    return `${field.minimum ?? '…'} to ${field.maximum === Number.MAX_SAFE_INTEGER ? '…' : (field.maximum ?? '…')}`;
  if (field.type === 'boolean') return 'true, false';
  if (field.type === 'array') return 'a list';
  if (field.type === 'object') return 'a mapping';
  return 'text';
}

/** A field that may be null has its sentence on what it is otherwise. */
const meaning = (field: Field): string => field.description ?? field.anyOf?.[0]?.description ?? '';

function values(
  path: readonly string[],
  configs: readonly { name: EnvironmentName; config: unknown }[],
): string {
  if (path.some((name) => name.endsWith('[]')) || path[0] === 'environment') return '';
  const secret = path[0] === 'secrets' && path[1] === 'values';
  const byValue = new Map<string, string[]>();
  for (const { name, config } of configs) {
    const value = valueAt(config, path);
    if (value === undefined || value === null || secret) continue;
    const shown = Array.isArray(value) ? value.map(item).join(', ') : JSON.stringify(value);
    byValue.set(shown, [...(byValue.get(shown) ?? []), name]);
  }
  const [only] = byValue;
  if (byValue.size === 1 && only?.[1].length === configs.length) return code(only[0]);
  return [...byValue].map(([value, names]) => `${names.join(', ')}: ${code(value)}`).join('; ');
}

/** One element of a list, by its name where it has one. */
const item = (value: unknown): string => String(valueAt(value, ['name']) ?? value);
const code = (text: string): string =>
  text === '' || text === '{}' ? '(none)' : `\`${text.replaceAll('"', '')}\``;
const escape = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
