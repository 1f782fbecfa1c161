/** The program that runs an app from the checkout: what a save does, and what a mistake doesn't. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { Mirror } from '../../develop/mirror.ts';
import { transpile } from '../../develop/transpile.ts';
import { ROOT } from '../manifests.ts';

/** What lets a process of any folder run this project's TypeScript; in the apps' images, Node.js does by itself. */
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const folder = (): string => mkdtempSync(join(tmpdir(), 'zakpos-develop-'));
const writer =
  (root: string) =>
  (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };

describe('the mirror', () => {
  let from: string;
  let to: string;
  let mirror: Mirror;
  const read = (path: string): string => readFileSync(join(to, path), 'utf8');

  beforeEach(async () => {
    from = folder();
    to = folder();
    writer(from)('package.json', '{}');
    writer(from)('src/main.ts', 'one');
    writer(from)('src/deep/down.ts', 'one');
    mirror = new Mirror(from, to);
    await mirror.bring();
  });

  test('brings everything at first, and nothing when nothing has changed', async () => {
    expect(read('src/deep/down.ts')).toBe('one');
    expect(await mirror.bring()).toEqual([]);
  });

  test('brings what was saved, made and removed, with the folders that are empty then', async () => {
    writer(from)('src/main.ts', 'two');
    writer(from)('src/other.ts', 'new');
    rmSync(join(from, 'src/deep'), { recursive: true });
    expect(await mirror.bring()).toEqual(['src/deep/down.ts', 'src/main.ts', 'src/other.ts']);
    expect(read('src/main.ts') + read('src/other.ts')).toBe('twonew');
    expect(existsSync(join(to, 'src/deep'))).toBe(false);
  });

  test('counts no file as changed whose text is the same', async () => {
    writer(from)('src/main.ts', 'one');
    expect(await mirror.bring()).toEqual([]);
  });

  test.each([
    'node_modules/zod/index.js',
    'dist/main.js',
    '.next/cache',
    '.env',
    'test/a.test.ts',
    '.env.local',
  ])('leaves %s where it is, on both sides', async (path) => {
    writer(from)(path, 'of the laptop');
    writer(to)(path, 'of the image');
    expect(await mirror.bring()).toEqual([]);
    expect(read(path)).toBe('of the image');
  });

  test('after a restart, takes away what is gone since, and answers everything, changed or not', async () => {
    rmSync(join(from, 'src/deep'), { recursive: true });
    writer(from)('src/main.ts', 'two');
    expect(await new Mirror(from, to).bring()).toEqual(['package.json', 'src/deep/down.ts', 'src/main.ts']);
    expect(read('src/main.ts')).toBe('two');
    expect(existsSync(join(to, 'src/deep'))).toBe(false);
  });

  test('takes nothing away when the mount is', async () => {
    rmSync(from, { recursive: true });
    await expect(mirror.bring()).rejects.toThrow('ENOENT');
    expect(read('src/main.ts')).toBe('one');
  });
});

const map = z.object({
  sources: z.array(z.string()),
  sourceRoot: z.string(),
  sourcesContent: z.array(z.string()),
});

describe('the compiler', () => {
  const root = folder();
  const write = writer(root);
  const one = (path: string, target: string) => {
    const [translated] = transpile({ folder: root, config: 'tsconfig.json', sources: [{ path, target }] });
    if (translated === undefined) throw new Error(`${path} was not translated`);
    return translated;
  };
  beforeAll(() => {
    write('package.json', '{ "type": "module" }');
    write(
      'tsconfig.json',
      '{ "compilerOptions": { "target": "es2023", "module": "nodenext", "strict": true, "rootDir": "src", "outDir": "dist", "sourceRoot": "elsewhere" } }',
    );
  });

  test("keeps a package's modules, and leads from what runs to the file of the checkout", () => {
    write('src/sales/sell.ts', "import { a } from '../a.js';\nexport const b: number = a;\n");
    const { text } = one('src/sales/sell.ts', 'dist/sales/sell.js');
    expect(text).toContain("import { a } from '../a.js'");
    const [, data = ''] = /sourceMappingURL=data:application\/json;base64,(.+)$/m.exec(text) ?? [];
    const { sources, sourceRoot, sourcesContent } = map.parse(
      JSON.parse(Buffer.from(data, 'base64').toString()),
    );
    const named = new URL(`${sourceRoot}${String(sources[0])}`, 'file:///app/work/dist/sales/sell.js');
    expect(named.pathname).toBe('/app/work/src/sales/sell.ts');
    expect(sourcesContent).toEqual([readFileSync(join(root, 'src/sales/sell.ts'), 'utf8')]);
  });

  test('says where a file is no TypeScript, and minds no type', () => {
    write('src/wrong.ts', 'const a: number = "text";\nlet b = ;\n');
    expect(one('src/wrong.ts', 'dist/wrong.js').problems).toEqual([
      'src/wrong.ts(2,9): Expression expected.',
    ]);
  });

  test('leaves out what is gone', () => {
    expect(
      transpile({
        folder: root,
        config: 'tsconfig.json',
        sources: [{ path: 'src/no.ts', target: 'dist/no.js' }],
      }),
    ).toEqual([]);
  });
});

const manifest = '{ "type": "module", "dependencies": { "slow": "1.0.0" } }';
/** An app that answers with what its source says, and tells when it was let finish. */
const app = (answer: string, more = ''): string => `
import { createServer } from 'node:http';
${more}
const server = createServer((request, response) => response.end(${JSON.stringify(answer)}));
server.listen(Number(process.env.PORT));
process.on('SIGTERM', () => server.close(() => { console.log('finished'); process.exit(0); }));
`;

describe('the program', () => {
  const sources = folder();
  const work = folder();
  const packages = folder();
  const write = writer(join(sources, 'api'));
  let program: ChildProcess;
  let said = '';
  let own = '';

  const exitOf = (child: ChildProcess): Promise<number | null> =>
    new Promise((resolve) => child.once('exit', resolve));
  const start = (mode: string, ...command: readonly string[]): ChildProcess => {
    const child = spawn(
      process.execPath,
      ['--import', TSX, join(ROOT, 'develop/main.ts'), mode, 'api', ...command],
      {
        cwd: ROOT,
        env: {
          ...process.env,
          SOURCES: sources,
          WORK: work,
          PACKAGES: packages,
          HEALTH: own,
          WARM: own,
          STARTED: join(packages, 'started'),
          AHEAD: 'true',
          PORT: new URL(own).port,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    return child;
  };
  const until = async (what: string, isSo: () => Promise<boolean> | boolean): Promise<void> => {
    const deadline = Date.now() + 30_000;
    while (!(await isSo())) {
      if (Date.now() > deadline) throw new Error(`${what}: not within 30 s; it said:\n${said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const answers = (text: string): Promise<void> =>
    until(`the answer ${text}`, () =>
      fetch(own).then(
        async (answer) => (await answer.text()) === text,
        () => false,
      ),
    );
  const says = (text: string): Promise<void> => until(`the words ${text}`, () => said.includes(text));
  const times = (text: string): number => said.split(text).length - 1;

  beforeAll(async () => {
    const free = createServer().listen(0);
    await once(free, 'listening');
    const { port } = z.object({ port: z.number() }).parse(free.address());
    free.close();
    await once(free, 'close');
    own = `http://127.0.0.1:${port}/`;
    writer(work)('node_modules/slow/package.json', '{ "type": "module", "exports": "./slow.js" }');
    writer(work)(
      'node_modules/slow/slow.js',
      `import { appendFileSync } from 'node:fs';\nappendFileSync(${JSON.stringify(join(packages, 'loaded'))}, 'x');`,
    );
    writer(packages)('package.json', manifest);
    write('package.json', manifest);
    write('tsconfig.build.json', '{ "compilerOptions": { "target": "es2023" } }');
    write('src/main.ts', app('one'));
    write('src/unused.ts', 'export const unused: number = 1;\n');
    program = start('serve', process.execPath, '--enable-source-maps', 'dist/main.js');
    await answers('one');
  });
  afterAll(() => {
    program.kill('SIGKILL');
  });
  beforeEach(() => {
    said = '';
  });

  test('says by a file that the first page was made', () =>
    until('the file', () => existsSync(join(packages, 'started'))));

  test('loads the packages for the next version while this one serves', async () => {
    const loaded = (): number => readFileSync(join(packages, 'loaded'), 'utf8').length;
    await until('a second process', () => loaded() === 2);
    write('src/main.ts', app('next'));
    await answers('next');
    await until('a third process', () => loaded() === 3);
  });

  test('lets the version before finish, and runs the one that was saved', async () => {
    write('src/main.ts', app('two'));
    await answers('two');
    expect(said).toContain('finished');
  });

  test('tells a mistake with its place, serves on, and runs what mends it', async () => {
    write('src/main.ts', `${app('three')}const = ;`);
    await says('src/main.ts(7,7)');
    await answers('two');
    expect(said).not.toContain('finished');
    // A save of another file leaves the mistake where it is.
    write('src/unused.ts', 'export const unused: number = 2;\n');
    await until('a second look', () => times('src/main.ts(7,7)') >= 2);
    await answers('two');
    write('src/main.ts', app('three'));
    await answers('three');
  });

  test('goes back to the version that ran when a start fails, and on to the next save', async () => {
    write('src/main.ts', app('four', "throw new Error('not like this');"));
    await says('the last version that ran serves on');
    await answers('three');
    expect(said).toContain('not like this');
    expect(said).toContain(join('src', 'main.ts'));
    write('src/main.ts', app('five'));
    await answers('five');
  });

  test('takes away what was made of a file that is gone', async () => {
    rmSync(join(sources, 'api/src/unused.ts'));
    await until('the file gone', () => !existsSync(join(work, 'dist/unused.js')));
    await answers('five');
  });

  test('says once of other packages that it takes another image', async () => {
    write('package.json', '{ "type": "module", "dependencies": { "zod": "4" } }');
    await says('npm run up');
    write('src/main.ts', app('six'));
    await answers('six');
    expect(times('package.json')).toBe(1);
    write('package.json', manifest);
    write('src/main.ts', app('seven'));
    await answers('seven');
    expect(times('package.json')).toBe(1);
  });

  test('ends when it is told to, after the app, and leaves nothing behind', async () => {
    const helper = `import { spawn } from 'node:child_process'; const helper = spawn('sleep', ['600']); console.log('helper', helper.pid);`;
    write('src/main.ts', app('eight', helper));
    await answers('eight');
    const pid = Number(/helper (\d+)/.exec(said)?.[1]);
    expect(() => process.kill(pid, 0)).not.toThrow();
    program.kill('SIGTERM');
    expect(await exitOf(program)).toBe(0);
    expect(said).toContain('finished');
    await until('no helper', () => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    });
  });

  test('starts again where a container before it has brought everything', async () => {
    write('src/main.ts', app('eight'));
    const again = start('serve', process.execPath, 'dist/main.js');
    await answers('eight');
    again.kill('SIGTERM');
    expect(await exitOf(again)).toBe(0);
    const another = start('serve', process.execPath, 'dist/main.js');
    await answers('eight');
    another.kill('SIGTERM');
    expect(await exitOf(another)).toBe(0);
  });

  test('ends with the code of an app that never started, as its image would', async () => {
    write('src/main.ts', "console.error('no configuration'); process.exit(3);");
    expect(await exitOf(start('serve', process.execPath, 'dist/main.js'))).toBe(3);
    await says('no configuration');
  });

  test('does one thing, and ends with its code', async () => {
    write('src/migrate.ts', "console.log('migrated'); process.exitCode = 7;");
    expect(await exitOf(start('once', process.execPath, 'dist/migrate.js'))).toBe(7);
    await says('migrated');
  });
});
