/** Programs as `npm run synth` runs them: bundled, and no older than their sources. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defined, ROOT } from '../manifests.ts';
import { runNode, type Run } from './node.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zakpos-bundle-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules/esbuild'), join(folder, 'node_modules/esbuild'));
  copyFileSync(join(ROOT, 'bundle.mjs'), join(folder, 'bundle.mjs'));
  writeFileSync(join(folder, 'package-lock.json'), '');
  writeFileSync(
    join(folder, 'run.mjs'),
    "import { runProgram } from './bundle.mjs';\nawait runProgram('main.ts');\n",
  );
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const write = (program: string): void => {
  writeFileSync(join(folder, 'main.ts'), program);
};

const tryRun = (): Promise<Run> => runNode(['run.mjs'], folder, process.env);
async function run(): Promise<string> {
  const { code, stdout, stderr } = await tryRun();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}
const cached = (): string[] => readdirSync(join(folder, 'node_modules/.cache/zakpos')).sort();

test('what they say follows each edit, also one that leaves the length as it was', async () => {
  write('const replicas: number = 2;\nconst say = () => console.log(replicas);\nsay();\n');
  expect(await run()).toBe('2\n');
  expect(await run()).toBe('2\n');
  write('const replicas: number = 3;\nconst say = () => console.log(replicas);\nsay();\n');
  expect(await run()).toBe('3\n');
});

test('a bundle is made once, and no older one is kept', async () => {
  write('console.log(1);\n');
  await run();
  const before = cached();
  expect(before.map((file) => file.replace(/^main\.\w{8}\./, 'main.*.'))).toEqual([
    'main.*.cjs',
    'main.*.cjs.map',
    'main.*.cjs.v8',
    'main.json',
  ]);
  await run();
  expect(cached()).toEqual(before);
  write('console.log(2);\n');
  await run();
  expect(cached()).toHaveLength(before.length);
  expect(cached()).not.toEqual(before);
});

test('a bundle that another run has removed is made again', async () => {
  write('console.log(1);\n');
  await run();
  const before = cached();
  rmSync(join(folder, 'node_modules/.cache/zakpos', defined(before[0], 'bundle')));
  expect(await run()).toBe('1\n');
  expect(cached()).toEqual(before);
});

const FAILS = '\n\nconst fail = () => { throw new Error("no port"); };\n';

test.each([
  ['at once', `${FAILS}fail();\n`],
  ['later', `${FAILS}setTimeout(() => fail(), 1);\n`],
  ['by what nobody waits for', `${FAILS}void Promise.resolve().then(fail);\n`],
])('what is thrown %s ends them, and names the line of the source', async (_, program) => {
  write(program);
  const { code, stderr } = await tryRun();
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Error: no port\n +at fail \(\S+\/main\.ts:3:28\)/);
});

test('what can’t be read ends them with its line alone', async () => {
  write('const = 1;\n');
  const { code, stderr } = await tryRun();
  expect(code).toBe(1);
  expect(stderr).toMatch(/ERROR.* Expected identifier[^]*main\.ts:1:6(?![^]*\bat )/);
});

test('a source knows its own place and its arguments, whatever it is bundled with', async () => {
  mkdirSync(join(folder, 'lib'));
  writeFileSync(join(folder, 'lib/place.ts'), 'export const place: string = import.meta.url;\n');
  write("import { place } from './lib/place.ts';\nconsole.log(place, import.meta.url, process.argv[1]);\n");
  const url = pathToFileURL(folder).href;
  expect(await run()).toBe(`${url}/lib/place.ts ${url}/main.ts ${folder}/main.ts\n`);
});
