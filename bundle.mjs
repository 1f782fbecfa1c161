/**
 * Runs a program of TypeScript fast: bundled into one script, made again when a source has changed, together with what
 * V8 has compiled of it. Loading that takes a fraction of compiling and resolving hundreds of files.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Script } from 'node:vm';

const root = import.meta.dirname;
const cache = join(root, 'node_modules/.cache/zakpos');

/** Runs a program of this repository, such as `main.ts`; it finds itself in `process.argv[1]`. */
export async function runProgram(entry) {
  const name = entry.replaceAll('/', '-').replace(/\.ts$/, '');
  const bundle = freshBundle(name) ?? (await build(entry, name));
  process.argv[1] = bundle;
  try {
    run(bundle);
  } catch {
    // Once more as Node itself loads it, so that the stack names lines of the sources: reading the map costs each run.
    const { status } = spawnSync(process.execPath, ['--enable-source-maps', bundle], { stdio: 'inherit' });
    process.exitCode = status ?? 1;
  }
}

/** What a bundle was made of: the stamps of its sources. */
const recordOf = (name) => join(cache, `${name}.json`);

/** The bundle, where its sources are as they were: by name, size and time of change. */
function freshBundle(name) {
  try {
    const { bundle, inputs } = JSON.parse(readFileSync(recordOf(name), 'utf8'));
    const isFresh = Object.entries(inputs).every(([file, stamp]) => stamp === stampOf(file));
    return isFresh ? join(cache, bundle) : undefined;
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
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'error',
  });
  mkdirSync(cache, { recursive: true });
  for (const { path, contents } of result.outputFiles) write(path, contents);
  const path = result.outputFiles.find(({ path }) => path.endsWith('.cjs')).path;
  const bundle = basename(path);
  const isOld = (file) => file.startsWith(`${name}.`) && file.includes('.cjs') && !file.startsWith(bundle);
  for (const file of readdirSync(cache).filter(isOld)) rmSync(join(cache, file), { force: true });
  const files = [...Object.keys(result.metafile.inputs), 'bundle.mjs', 'package-lock.json'];
  const inputs = Object.fromEntries(files.map((file) => [file, stampOf(file)]));
  write(recordOf(name), JSON.stringify({ bundle, inputs }));
  return path;
}

function run(bundle) {
  const compiled = `${bundle}.v8`;
  const source = `(function (require, module, exports, __filename, __dirname) {${readFileSync(bundle, 'utf8')}\n})`;
  const cachedData = readIfThere(compiled);
  const script = new Script(source, { filename: bundle, cachedData });
  const module = { exports: {} };
  script.runInThisContext()(createRequire(bundle), module, module.exports, bundle, dirname(bundle));
  // What has run by now is compiled; another version of Node takes no one else's.
  if (cachedData === undefined || script.cachedDataRejected) write(compiled, script.createCachedData());
}

const readIfThere = (file) => {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
};
