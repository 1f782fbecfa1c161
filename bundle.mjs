/**
 * Runs a program of TypeScript fast: bundled into one script, made again when a source has changed, together with what
 * V8 has compiled of it. Loading that takes a fraction of compiling and resolving hundreds of files.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

const root = import.meta.dirname;
const cache = join(root, 'node_modules/.cache/zakpos');

/** Runs a program of this repository, such as `main.ts`; it finds itself in `process.argv[1]`. */
export async function runProgram(entry) {
  const name = entry.replaceAll('/', '-').replace(/\.ts$/, '');
  const bundle = join(cache, `${name}.cjs`);
  const inputsFile = join(cache, `${name}.inputs.json`);
  if (!isFresh(inputsFile)) await build(entry, bundle, inputsFile);
  process.argv[1] = bundle;
  try {
    run(bundle, join(cache, `${name}.v8`));
  } catch {
    // Once more as Node itself loads it, so that the stack names lines of the sources: reading the map costs each run.
    const { status } = spawnSync(process.execPath, ['--enable-source-maps', bundle], { stdio: 'inherit' });
    process.exitCode = status ?? 1;
  }
}

/** The bundle's inputs are as they were: by name, size and time of change. */
function isFresh(inputsFile) {
  try {
    const inputs = JSON.parse(readFileSync(inputsFile, 'utf8'));
    return Object.entries(inputs).every(([file, stamp]) => stamp === stampOf(file));
  } catch {
    return false;
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

async function build(entry, bundle, inputsFile) {
  const { build } = await import('esbuild');
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: 'linked',
    metafile: true,
    write: false,
    outfile: bundle,
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'error',
  });
  mkdirSync(cache, { recursive: true });
  for (const { path, contents } of result.outputFiles) write(path, contents);
  const files = [...Object.keys(result.metafile.inputs), 'bundle.mjs', 'package-lock.json'];
  write(inputsFile, JSON.stringify(Object.fromEntries(files.map((file) => [file, stampOf(file)]))));
}

function run(bundle, compiled) {
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
