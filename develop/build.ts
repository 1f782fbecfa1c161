/** The JavaScript of an app's TypeScript: that of now, and that of the last version that ran. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { log } from './log.ts';
import type { Request, Source, Translated } from './transpile.ts';

/** Without a save for so long, the compiler is ended: it takes as much memory as the app. */
const IDLE_MS = 60_000;

export interface BuildProps {
  /** Folder of the app, in which all other paths are. */
  readonly folder: string;
  /** Folder of the TypeScript. */
  readonly from: string;
  /** Folder of the JavaScript. */
  readonly to: string;
  /** The tsconfig.json that says how. */
  readonly config: string;
}

type Outputs = ReadonlyMap<string, string>;

export class Build {
  private readonly props: BuildProps;
  /** What has changed since the last version without a mistake. */
  private readonly pending = new Set<string>();
  private outputs: Outputs = new Map<string, string>();
  private written: Outputs | undefined;
  private good: Outputs | undefined;
  private compiler: ChildProcess | undefined;
  private idle: NodeJS.Timeout | undefined;

  constructor(props: BuildProps) {
    this.props = props;
  }

  /**
   * Translates what has changed. What isn't TypeScript is told, and then nothing is written until it is mended.
   * Answers whether there is another version to run.
   */
  async take(changed: readonly string[]): Promise<boolean> {
    for (const path of changed) if (this.isSource(path)) this.pending.add(path);
    if (this.pending.size === 0) return false;
    const translated = await this.translate([...this.pending].map((path) => this.source(path)));
    const problems = translated.flatMap((each) => each.problems);
    for (const problem of problems) log('error', problem);
    if (problems.length > 0) return false;

    const outputs = new Map(this.outputs);
    for (const { path, target } of [...this.pending].map((each) => this.source(each))) {
      const found = translated.find((each) => each.path === path);
      if (found === undefined) outputs.delete(target);
      else outputs.set(target, found.text);
    }
    this.pending.clear();
    this.outputs = outputs;
    await this.write(outputs);
    return true;
  }

  /** This version runs: it is what {@link goBack} goes back to. */
  keep(): void {
    this.good = this.written;
  }

  /** Writes the last version that ran in the place of this one. Answers whether there is one. */
  async goBack(): Promise<boolean> {
    if (this.good === undefined || this.good === this.written) return false;
    await this.write(this.good);
    return true;
  }

  private isSource(path: string): boolean {
    return path.startsWith(`${this.props.from}/`) && path.endsWith('.ts') && !path.endsWith('.d.ts');
  }

  private source(path: string): Source {
    const { from, to } = this.props;
    return { path, target: join(to, relative(from, dirname(path)), `${basename(path, '.ts')}.js`) };
  }

  private async translate(sources: readonly Source[]): Promise<readonly Translated[]> {
    const { folder, config } = this.props;
    clearTimeout(this.idle);
    const compiler = (this.compiler ??= fork(new URL('compiler.ts', import.meta.url), {
      // Most of its start is compiling TypeScript itself, nine megabytes, which the next one is spared.
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, '.compiled') },
    }));
    const end = (): void => {
      this.compiler = undefined;
      // It ends by itself then, and writes what it has compiled.
      if (compiler.connected) compiler.disconnect();
    };
    const translated = await new Promise<readonly Translated[]>((resolve, reject) => {
      const failed = (): void => {
        end();
        reject(new Error('The compiler has ended; the next save starts it again.'));
      };
      compiler.once('exit', failed).once('message', (found: readonly Translated[]) => {
        compiler.off('exit', failed);
        resolve(found);
      });
      compiler.send({ folder, config, sources } satisfies Request);
    });
    this.idle = setTimeout(end, IDLE_MS).unref();
    return translated;
  }

  private async write(outputs: Outputs): Promise<void> {
    const { folder, to } = this.props;
    const before = this.written;
    // Of a container before this one, nobody knows whether it ran.
    if (before === undefined) await rm(join(folder, to), { recursive: true, force: true });
    for (const [target, text] of outputs) {
      if (before?.get(target) === text) continue;
      await mkdir(dirname(join(folder, target)), { recursive: true });
      await writeFile(join(folder, target), text);
    }
    for (const target of before?.keys() ?? []) {
      if (!outputs.has(target)) await rm(join(folder, target), { force: true });
    }
    this.written = outputs;
  }
}
