/** `npm run import`: writes the types of the CRDs in imports/crds, one file for each API group. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const IMPORTS = import.meta.dirname;
const CRDS = join(IMPORTS, 'crds');
const CDK8S = join(IMPORTS, '../node_modules/cdk8s-cli/bin/cdk8s');

/** CRDs that only have to be in the cluster: no chart makes objects of them. */
const UNTYPED = 'traefik-others.yaml';

/** The CRDs that have types, as one file. */
export const typedCrds = (): string =>
  readdirSync(CRDS)
    .filter((file) => file !== UNTYPED)
    .sort()
    .map((file) => readFileSync(join(CRDS, file), 'utf8'))
    .join('');

export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** Each generated file as it has to be now. */
export function generatedTypes(): GeneratedFile[] {
  const directory = mkdtempSync(join(tmpdir(), 'zakpos-import-'));
  try {
    // Imported at once: each import writes the whole file of a group, and so over what another import put there.
    writeFileSync(join(directory, 'crds.yaml'), typedCrds());
    execFileSync(
      process.execPath,
      [
        CDK8S,
        'import',
        'crds.yaml',
        '--language=typescript',
        '--output=types',
        '--no-save',
        '--no-check-upgrade',
      ],
      { cwd: directory, stdio: 'pipe' },
    );
    const types = join(directory, 'types');
    return readdirSync(types).map((file) => ({
      path: join(IMPORTS, file),
      text: erasable(readFileSync(join(types, file), 'utf8')),
    }));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * The importer has no option for TypeScript that can run by taking its types away, which this project's tsconfig asks
 * for: types are imported as such, enums become unions of their values, a parameter property becomes a property.
 */
function erasable(text: string): string {
  return text
    .replace('ApiObjectMetadata, GroupVersionKind', 'type ApiObjectMetadata, type GroupVersionKind')
    .replace(/^export enum (\w+) \{\n([^}]*)\}$/gm, (_, name: string, members: string) => {
      const values = [...members.matchAll(/^ {2}\w+ = (.+),$/gm)].map(([, value]) => `\n  | ${value ?? ''}`);
      return `export type ${name} =${values.join('')};`;
    })
    .replaceAll(
      '  private constructor(public readonly value: number | string) {\n  }',
      '  public readonly value: number | string;\n' +
        '  private constructor(value: number | string) {\n    this.value = value;\n  }',
    );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { path, text } of generatedTypes()) {
    writeFileSync(path, text);
    console.log(path);
  }
}
