/** What the CLI and the parsing of the configuration can say, as their sources have it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '..');

/** Every text in the sources of these folders; what is put in when it is said is `…`. */
export function textsOf(folders: readonly string[]): Set<string> {
  const texts = new Set<string>();
  for (const file of folders.flatMap(sources)) {
    const visit = (node: ts.Node): void => {
      if (ts.isStringLiteralLike(node)) texts.add(node.text);
      if (ts.isTemplateExpression(node)) {
        texts.add([node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…'));
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest));
  }
  return texts;
}

const sources = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(ROOT, folder, name));
