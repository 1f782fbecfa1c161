/** Our own rendered objects, as what the peers' packages are made of: the same objects on both sides. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const object = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({ replicas: z.int().optional() }).optional(),
});

export interface RenderedFile {
  /** Such as `40-postgres`. */
  readonly name: string;
  readonly objects: readonly z.output<typeof object>[];
}

/** The files of `dist/<environment>`, its CRDs left out. */
export function renderedFiles(folder: string): RenderedFile[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => ({
      name: basename(file, '.yaml'),
      objects: parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) =>
        object.parse(document.toJS()),
      ),
    }));
}

/** What an operator of a package usually sets, and where it is in an object. */
export type Setting = 'image' | 'replicas' | 'host' | 'storage';

/** The object with each such value replaced by what `put` gives for it. */
export function withSettings(
  value: unknown,
  put: (setting: Setting, value: string | number) => unknown,
): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => withSettings(each, put));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]: [string, unknown]) => {
      const isSetting = (typeof each === 'string' || typeof each === 'number') && isSettingKey(key);
      return [key, isSetting ? put(key, each) : withSettings(each, put)];
    }),
  );
}

const SETTINGS: ReadonlySet<string> = new Set<Setting>(['image', 'replicas', 'host', 'storage']);
const isSettingKey = (key: string): key is Setting => SETTINGS.has(key);
