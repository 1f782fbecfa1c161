/** The pages of the documentation, parsed: their headings, links and code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import GithubSlugger from 'github-slugger';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { toString } from 'mdast-util-to-string';
import { visit } from 'unist-util-visit';

const ROOT = join(import.meta.dirname, '..');

/** A fenced block of code. */
export interface Block {
  /** Page and line, for messages. */
  readonly at: string;
  readonly language: string;
  /** What follows the language on the fence; readers don't see it. */
  readonly about: string;
  readonly text: string;
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly headings: readonly { readonly depth: number; readonly text: string; readonly anchor: string }[];
  readonly links: readonly string[];
  readonly blocks: readonly Block[];
  /** Code within sentences. */
  readonly inlineCode: readonly string[];
}

/** README and everything in docs/. */
export function allPages(): Page[] {
  const files = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .sort()
    .map((file) => `docs/${file}`);
  return ['README.md', ...files].map((path) => pageOf(path, readFileSync(join(ROOT, path), 'utf8')));
}

export function pageOf(path: string, text: string): Page {
  const tree = fromMarkdown(text);
  const slugger = new GithubSlugger();
  const headings: Page['headings'][number][] = [];
  const links: string[] = [];
  const blocks: Block[] = [];
  const inlineCode: string[] = [];
  visit(tree, (node) => {
    if (node.type === 'heading') {
      const title = toString(node);
      headings.push({ depth: node.depth, text: title, anchor: slugger.slug(title) });
    }
    if (node.type === 'link') links.push(node.url);
    if (node.type === 'inlineCode') inlineCode.push(node.value);
    if (node.type === 'code') {
      blocks.push({
        at: `${path}:${node.position?.start.line ?? 0}`,
        language: node.lang ?? '',
        about: node.meta ?? '',
        text: node.value,
      });
    }
  });
  return { path, headings, links, blocks, inlineCode };
}
