import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { commandsOf, placeOf } from '../../docs/commands.ts';
import { problemsOf } from '../../docs/npm-run.ts';
import { allPages, pageOf, type Block, type Page } from '../../docs/pages.ts';
import { typeErrorsOf } from '../../docs/type-check.ts';
import { loadConfig } from '../../environments/load.ts';
import { configSchema, ENVIRONMENTS, type EnvironmentName } from '../../environments/schema.ts';
import { ROOT } from '../manifests.ts';

const pages = allPages();
const blocks = pages.flatMap((page) => page.blocks);
const shell = blocks.filter(({ language }) => language === 'sh');

/** Where a link within the repository leads: a path, and an anchor in it. */
function targetOf({ path }: Page, url: string): { path: string; anchor: string } | undefined {
  if (/^[a-z]+:/.test(url)) return undefined;
  const [file = '', anchor = ''] = url.split('#');
  return { path: file === '' ? path : normalize(join(dirname(path), file)), anchor };
}

/** Links that lead nowhere. */
const brokenLinks = (page: Page, others: readonly Page[]): string[] =>
  page.links.filter((url) => {
    const target = targetOf(page, url);
    if (target === undefined) return false;
    const linked = others.find(({ path }) => path === target.path);
    if (linked === undefined && !existsSync(join(ROOT, target.path))) return true;
    const headings = linked?.headings ?? [];
    return target.anchor !== '' && !headings.some(({ anchor }) => anchor === target.anchor);
  });

describe('links', () => {
  test('lead to files and headings that are there', () => {
    expect(pages.flatMap((page) => brokenLinks(page, pages).map((url) => `${page.path}: ${url}`))).toEqual(
      [],
    );
  });

  test('to a file or a heading that is not there are found', () => {
    const page = pageOf('docs/x.md', '# Here\n\n[a](#here) [b](#there) [c](y.md) [d](../README.md#nothing)');
    expect(brokenLinks(page, [page, ...pages])).toEqual(['#there', 'y.md', '../README.md#nothing']);
  });

  test('reach every page from the README or docs/README.md', () => {
    const reached = new Set(['README.md', 'docs/README.md']);
    for (const path of reached) {
      const page = pages.find((candidate) => candidate.path === path);
      for (const url of page?.links ?? []) {
        const target = page === undefined ? undefined : targetOf(page, url);
        if (target?.path.endsWith('.md') === true) reached.add(target.path);
      }
    }
    expect(pages.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe('commands', () => {
  test('each block says where it is run, or why it is not', () => {
    expect(
      shell.filter((block) => placeOf(block) === undefined).map(({ at, about }) => `${at} ${about}`),
    ).toEqual([]);
  });

  test('are counted', () => {
    const counts = { unit: 0, dev: 0, prod: 0, incomplete: 0, 'not run': 0 };
    const reasons: string[] = [];
    for (const block of shell) {
      const place = placeOf(block);
      const commands = commandsOf(block);
      if (place === undefined) continue;
      if ('reason' in place) reasons.push(`${block.at} (${commands.length}): ${place.reason}`);
      for (const { incomplete } of commands) {
        counts['reason' in place ? 'not run' : incomplete ? 'incomplete' : place.suite] += 1;
      }
    }
    console.log(`commands of the documentation: ${JSON.stringify(counts)}; not run:\n${reasons.join('\n')}`);
    expect(counts.unit + counts.dev + counts.prod).toBeGreaterThanOrEqual(50);
  });

  test('are scripts of package.json, with options that the command has', () => {
    const texts = [
      ...shell.flatMap((block) => commandsOf(block).map(({ text }) => ({ at: block.at, text }))),
      ...pages.flatMap(({ path, inlineCode }) => inlineCode.map((text) => ({ at: path, text }))),
    ];
    expect(texts.flatMap(({ at, text }) => problemsOf(text).map((problem) => `${at}: ${problem}`))).toEqual(
      [],
    );
  });

  test.each([
    ['npm run upp', 'package.json has no script "upp"'],
    ['npm --prefix apps/api run develop', 'apps/api/package.json has no script "develop"'],
    ['npm run up --env prod', 'npm takes --env for its own: put -- before it'],
    ['npm run up -- --environment=prod', 'up has no option --environment=prod'],
    ['npm run secrets rotate redis kafka', 'rotate takes no kafka'],
  ])('%s is found', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });
});

describe('blocks of YAML', () => {
  const yaml = blocks.filter(({ language }) => language === 'yaml');
  const fields = Object.keys(configSchema.shape);
  const mapping = z.record(z.string(), z.unknown());
  const topLevel = ({ text }: Block): string[] => Object.keys(mapping.safeParse(parse(text)).data ?? {});
  const isConfiguration = (block: Block): boolean => {
    const keys = block.text.includes('\n---') ? [] : topLevel(block);
    return keys.length > 0 && keys.every((key) => fields.includes(key));
  };

  test('are configuration that can be used', () => {
    const configuration = yaml.filter(isConfiguration);
    console.log(`blocks of configuration: ${configuration.length}`);
    expect(configuration.flatMap(problemOfConfiguration)).toEqual([]);
  });

  test('or objects of Kubernetes, or say what they are', () => {
    const others = yaml.filter((block) => !isConfiguration(block) && !/^of="[^"]+"$/.test(block.about));
    const object = z.object({ apiVersion: z.string(), kind: z.string() });
    const wrong = others.filter(
      ({ text }) =>
        !parseAllDocuments(text).every(
          (document) => document.errors.length === 0 && object.safeParse(document.toJS()).success,
        ),
    );
    expect(wrong.map(({ at }) => at)).toEqual([]);
  });

  function problemOfConfiguration({ at, text }: Block): string[] {
    const folder = mkdtempSync(join(tmpdir(), 'zakpos-docs-'));
    const configFile = join(folder, 'values.yaml');
    writeFileSync(configFile, text);
    // An app of somebody's own, beside the checkout.
    mkdirSync(join(folder, 'my-api'));
    writeFileSync(join(folder, 'my-api/Dockerfile'), '');
    const named = z.enum(ENVIRONMENTS).safeParse(mapping.parse(parse(text)).environment);
    const environment: EnvironmentName = named.success ? named.data : 'prod';
    try {
      loadConfig(environment, { configFile, root: join(folder, 'checkout') });
      return [];
    } catch (error) {
      return [`${at}: ${String(error)}`];
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
});

describe('blocks of TypeScript', () => {
  const typescript = blocks.filter(({ language }) => ['ts', 'typescript'].includes(language));
  const fileOf = ({ text }: Block): string => /^\/\/ ([\w/.-]+\.ts)\b/.exec(text)?.[1] ?? '';

  test('begin with a comment that names their file, and have types that fit there', () => {
    expect(typescript.length).toBeGreaterThan(0);
    expect(
      typescript.flatMap((block) =>
        fileOf(block) === '' ? [`${block.at}: which file?`] : typeErrorsOf(fileOf(block), block.text),
      ),
    ).toEqual([]);
  });

  test('that do not fit are found', () => {
    const wrong = "import type { Policy } from './policy.ts';\nexport const ours: Policy = { rules: {} };\n";
    expect(typeErrorsOf('policies/ours.ts', wrong)).toEqual([expect.stringContaining("Property 'name'")]);
  });
});
