/** Programs as `npm run synth` runs them: bundled, and no older than their sources. */
import { execFile } from 'node:child_process';
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
import { promisify } from 'node:util';
import { ROOT } from './manifests.ts';

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
const run = async (): Promise<string> =>
  (await promisify(execFile)(process.execPath, ['run.mjs'], { cwd: folder })).stdout;
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

test('what is thrown names the line of the source', async () => {
  write('\n\nconst port: number = 1;\nthrow new Error(`no port ${port}`);\n');
  await expect(run()).rejects.toThrow(/main\.ts:4/);
});
