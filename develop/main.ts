/**
 * Runs an app of the checkout in the image that has its packages: brings the mounted sources to where they can be
 * worked on, and every later change of them.
 *
 *     node main.ts serve api node dist/main.js     until it is told to end
 *     node main.ts once api node dist/migrate.js   one thing, with its exit code
 *
 * Variables: SOURCES is the mounted folder of all apps, WORK where they go, PACKAGES the folder with node_modules and the
 * package.json that they are of; HEALTH the URL that answers once the app has started; WARM a page that is asked for
 * then, and STARTED a file that is written after it; with AHEAD=true, the process of the next save loads its packages now.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Build } from './build.ts';
import { Dependencies } from './dependencies.ts';
import { isSystemError, log, reasonOf } from './log.ts';
import { Mirror } from './mirror.ts';
import { Server } from './server.ts';
import { warm } from './warm.ts';

const POLL_MS = 250;
/** What a request in hand gets when a save ends its server. */
const FINISH_MS = 2000;

/** What of an app this program translates, and files that only a start reads; its dev server does the rest. */
const APPS = {
  api: { build: { from: 'src', to: 'dist', config: 'tsconfig.build.json' }, restartedBy: [] },
  web: {
    build: { from: 'server', to: 'dist', config: 'tsconfig.server.json' },
    restartedBy: ['next.config.ts'],
  },
  mobile: { build: undefined, restartedBy: ['metro.config.js', 'babel.config.js', 'app.json'] },
} as const;

const {
  SOURCES = '/zakpos/apps',
  WORK = '/app/work',
  PACKAGES = '/app',
  HEALTH = '',
  WARM,
  STARTED,
  AHEAD,
} = process.env;

class Development {
  private readonly app: keyof typeof APPS;
  private readonly command: readonly string[];
  private readonly mirror: Mirror;
  private readonly dependencies: Dependencies;
  private readonly build: Build | undefined;
  private readonly restartedBy: readonly string[];
  private server: Server | undefined;
  /** The process of the next save. */
  private next: Server | undefined;
  private hasServed = false;
  private isEnding = false;

  constructor(app: keyof typeof APPS, command: readonly string[]) {
    this.app = app;
    this.command = command;
    this.mirror = new Mirror(join(SOURCES, app), WORK);
    this.dependencies = new Dependencies({ app, image: PACKAGES, folder: WORK });
    const { build, restartedBy } = APPS[app];
    this.build = build === undefined ? undefined : new Build({ folder: WORK, ...build });
    this.restartedBy = restartedBy;
  }

  /** Brings the sources, runs the command to its end, and answers its exit code. */
  async once(): Promise<number> {
    const changed = await this.mirror.bring();
    if (this.build !== undefined && !(await this.build.take(changed))) return 1;
    const [program = '', ...args] = this.command;
    const child = spawn(program, args, { cwd: WORK, stdio: 'inherit' });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => child.kill(signal));
    return new Promise((resolve, reject) => {
      child.once('error', reject).once('exit', (code) => {
        resolve(code ?? 143);
      });
    });
  }

  async serve(): Promise<never> {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void this.end());
    let first = true;
    let trouble = '';
    for (;;) {
      try {
        await this.takeChanges(first);
        first = false;
        trouble = '';
      } catch (error) {
        const now = this.troubleOf(error);
        if (now !== trouble) log('error', now);
        trouble = now;
      }
      await sleep(POLL_MS);
    }
  }

  private async takeChanges(first: boolean): Promise<void> {
    const changed = await this.mirror.bring();
    if (this.isEnding || (changed.length === 0 && !first)) return;
    await this.dependencies.check();
    const built = (await this.build?.take(changed)) ?? first;
    if (built || (!first && changed.some((path) => this.restartedBy.includes(path)))) await this.restart();
  }

  private async restart(): Promise<void> {
    const before = this.server;
    this.server = undefined;
    await before?.stop(FINISH_MS);
    this.start();
  }

  private start(): void {
    if (this.isEnding) return;
    const server = this.next?.isAlive === true ? this.next : this.newServer();
    this.next = this.hasServed ? this.serverAhead() : undefined;
    this.server = server;
    server.run();
    void this.follow(server);
  }

  private newServer(): Server {
    return new Server({ command: this.command, folder: WORK, health: HEALTH, ahead: AHEAD === 'true' });
  }

  private serverAhead(): Server | undefined {
    return AHEAD === 'true' ? this.newServer() : undefined;
  }

  /** What becomes of a server; nothing more is of interest once another one has its place. */
  private async follow(server: Server): Promise<void> {
    if (await server.hasStarted()) {
      if (this.server !== server) return;
      this.build?.keep();
      if (!this.hasServed) await this.tellStarted();
      this.hasServed = true;
      this.next ??= this.serverAhead();
    }
    const code = await server.ended;
    if (this.server !== server) return;
    // As without this program: the pod's restarts tell of it, and so does `npm run up`.
    if ((await this.build?.goBack()) !== true) process.exit(code);
    log('error', `The change ended it with code ${code}; the last version that ran serves on.`);
    this.start();
  }

  private async tellStarted(): Promise<void> {
    if (WARM !== undefined) await warm(WARM);
    if (STARTED !== undefined) await writeFile(STARTED, '');
  }

  private async end(): Promise<void> {
    this.isEnding = true;
    const { server, next } = this;
    this.server = undefined;
    await Promise.all([server?.stop(), next?.stop()]);
    process.exit(0);
  }

  private troubleOf(error: unknown): string {
    if (isSystemError(error, 'EACCES')) {
      return `apps/${this.app} can't be read by uid ${String(process.getuid?.())}: ${reasonOf(error)}. \`chmod -R go+rX apps/${this.app}\` lets it.`;
    }
    if (isSystemError(error, 'ENOENT')) {
      return `${join(SOURCES, this.app)} isn't there: ${reasonOf(error)}. It is mounted when kind makes the cluster: \`npm run down\`, then \`npm run up\`.`;
    }
    return reasonOf(error);
  }
}

const [mode, name, ...command] = process.argv.slice(2);
if (name !== 'api' && name !== 'web' && name !== 'mobile') throw new Error(`"${String(name)}" is no app`);
const development = new Development(name, command);
if (mode === 'once') process.exit(await development.once());
else await development.serve();
