/**
 * Runs a program of TypeScript fast: bundled into one script, made again when a source has changed, together with what
 * V8 has compiled of it. Loading that takes a fraction of compiling and resolving hundreds of files.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire, SourceMap } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { inspect } from 'node:util';
import { Script } from 'node:vm';

const root = import.meta.dirname;
const cache = join(root, 'node_modules/.cache/zakpos');

const BANNER = `
const __urlOf = (file) => require('node:url').pathToFileURL(file).href;
const __bundleUrl = __urlOf(__filename);`;

/** Runs a program of this repository, such as `main.ts`, as if from its own file. */
export async function runProgram(entry) {
  const name = entry.replaceAll('/', '-').replace(/\.ts$/, '');
  const bundle = freshBundle(name) ?? (await build(entry, name));
  process.argv[1] = join(root, entry);
  process.once('uncaughtException', (error) => {
    console.error(inSources(inspect(error), bundle.path));
    process.exit(1);
  });
  run(bundle);
}

/** Node knows the lines of the bundle; reading the map of all of them is for when somebody asks. */
function inSources(text, bundle) {
  const contents = readIfThere(`${bundle}.map`);
  if (contents === undefined) return text;
  const map = new SourceMap(JSON.parse(contents.toString()));
  return text.replaceAll(/([^\s(]+):(\d+):(\d+)/g, (place, file, line, column) => {
    const { originalSource, originalLine, originalColumn } =
      file === bundle ? map.findEntry(line - 1, column - 1) : {};
    if (originalSource === undefined) return place;
    return `${join(cache, originalSource)}:${originalLine + 1}:${originalColumn + 1}`;
  });
}

/** What a bundle was made of: the stamps of its sources. */
const recordOf = (name) => join(cache, `${name}.json`);

/**
 * The bundle, where its sources are as they were: by name, size and time of change. It is read at once, since a run after
 * an edit may remove it.
 */
function freshBundle(name) {
  try {
    const { bundle, inputs } = JSON.parse(readFileSync(recordOf(name), 'utf8'));
    const isFresh = Object.entries(inputs).every(([file, stamp]) => stamp === stampOf(file));
    const path = join(cache, bundle);
    return isFresh ? { path, text: readFileSync(path, 'utf8') } : undefined;
  } catch {
    return undefined;
  }
}

const stampOf = (file) => {
  const { size, mtimeMs } = statSync(join(root, file));
  return `${size} ${mtimeMs}`;
};

/** Renamed into place, since another run may be reading it. */
function write(path, contents) {
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}

/**
 * Its name tells what is in it, since V8 takes whatever it has compiled of a text for that of another one of the same
 * length.
 */
async function build(entry, name) {
  const { build } = await import('esbuild');
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    entryNames: `${name}.[hash]`,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: 'linked',
    metafile: true,
    write: false,
    outdir: cache,
    outExtension: { '.js': '.cjs' },
    // Sources know their own place, packages that of the bundle.
    plugins: [{ name: 'own-urls', setup: ({ onLoad }) => onLoad({ filter: /\.ts$/ }, withOwnUrl) }],
    define: { 'import.meta.url': '__bundleUrl' },
    banner: { js: BANNER },
    logLevel: 'error',
  }).catch(() => process.exit(1));
  mkdirSync(cache, { recursive: true });
  for (const { path, contents } of result.outputFiles) write(path, contents);
  const { path, text } = result.outputFiles.find((file) => file.path.endsWith('.cjs'));
  const bundle = basename(path);
  const isOld = (file) => file.startsWith(`${name}.`) && file.includes('.cjs') && !file.startsWith(bundle);
  for (const file of readdirSync(cache).filter(isOld)) rmSync(join(cache, file), { force: true });
  const files = [...Object.keys(result.metafile.inputs), 'bundle.mjs', 'package-lock.json'];
  const inputs = Object.fromEntries(files.map((file) => [file, stampOf(file)]));
  write(recordOf(name), JSON.stringify({ bundle, inputs }));
  return { path, text };
}

async function withOwnUrl({ path }) {
  const text = await readFile(path, 'utf8');
  if (!text.includes('import.meta.url')) return undefined;
  const file = `require('node:path').join(__dirname, ${JSON.stringify(relative(cache, path))})`;
  return { contents: text.replaceAll('import.meta.url', `__urlOf(${file})`), loader: 'ts' };
}

function run({ path, text }) {
  const compiled = `${path}.v8`;
  const source = `(function (require, module, exports, __filename, __dirname) {${text}\n})`;
  const cachedData = readIfThere(compiled);
  const script = new Script(source, { filename: path, cachedData });
  const module = { exports: {} };
  // What has run by then is compiled; another version of Node takes no one else's.
  if (cachedData === undefined || script.cachedDataRejected)
    process.once('exit', () => write(compiled, script.createCachedData()));
  script.runInThisContext()(createRequire(path), module, module.exports, path, dirname(path));
}

const readIfThere = (file) => {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
};
