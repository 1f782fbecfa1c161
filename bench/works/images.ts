/** What an app's image weighs, and how long its build takes: by our Dockerfile, and by one without stages and caches. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { buildOf, type Build } from '../../environments/images.ts';
import { loadConfig } from '../../environments/load.ts';
import { withOneLineMore } from '../one-line.ts';
import type { Figure, Goal, Side, Work } from '../work.ts';

type Reading = 'size' | 'cold' | 'warm';

const ROOT = join(import.meta.dirname, '../..');
const PLAIN = 'one stage, no caches';

interface App {
  readonly build: Build;
  /** In `apps/`, of which a line is changed. */
  readonly source: string;
  /** The image that it begins with: what nodes have anyway is not its own. */
  readonly base: string;
  /** Lines of a Dockerfile that the build needs. */
  readonly needs: string;
  readonly goals: Readonly<Partial<Record<Reading, readonly Goal[]>>>;
}

const NODE = 'node:22-alpine';
const WARM: readonly Goal[] = [{ bound: 'at most', value: 15 }];
const APPS: readonly App[] = [
  {
    build: 'api',
    source: 'api/src/server.ts',
    base: NODE,
    needs: '',
    goals: { size: [{ bound: 'at most', value: 120 }], warm: WARM },
  },
  { build: 'web', source: 'web/server/till-server.ts', base: NODE, needs: '', goals: {} },
  {
    build: 'mobile',
    source: 'mobile/src/ui/LoginScreen.tsx',
    base: 'nginxinc/nginx-unprivileged:1.27-alpine',
    needs: 'ENV EXPO_OFFLINE=1 EXPO_NO_TELEMETRY=1 EXPO_NO_TYPESCRIPT_SETUP=1\n',
    goals: {},
  },
];

const bytesOf = async (image: string): Promise<number> =>
  Number((await execa('docker', ['image', 'inspect', '--format', '{{.Size}}', image])).stdout);

interface Dockerfile {
  readonly name: string;
  /** Of the image that is made. */
  readonly tag: string;
  /** Options of `docker build` that name it. */
  readonly options: readonly string[];
  readonly base: string;
}

function side(app: App, { name, tag, options: dockerfile, base }: Dockerfile): Side<Reading> {
  const image = `zakpos-bench-${app.build}:${tag}`;
  const built = async (...options: readonly string[]): Promise<number> => {
    const { context } = buildOf(app.build, loadConfig('prod', {}));
    const args = ['build', '--quiet', '--tag', image, ...options, ...dockerfile, context];
    const { durationMs } = await execa('docker', args, { cwd: ROOT, env: { DOCKER_BUILDKIT: '1' } });
    return durationMs / 1000;
  };
  return {
    name,
    // What is fetched but once, such as the base, is there.
    prepare: async () => {
      await built();
    },
    run: async () => {
      const cold = await built('--no-cache');
      const warm = await withOneLineMore(app.source, () => built());
      return { cold, warm, size: ((await bytesOf(image)) - (await bytesOf(base))) / 1e6 };
    },
    cleanUp: async () => {
      await execa('docker', ['image', 'rm', '--force', image]);
    },
  };
}

function ours(app: App): Side<Reading> {
  const { dockerfile, target } = buildOf(app.build, loadConfig('prod', {}));
  const stage = target === undefined ? [] : ['--target', target];
  const options = [...stage, '--file', dockerfile];
  return side(app, { name: 'our Dockerfile', tag: 'ours', options, base: app.base });
}

/** As it is written first: everything is copied, installed and built, and that is the image. */
function plain(app: App): Side<Reading> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
  const dockerfile = join(folder, 'Dockerfile');
  writeFileSync(
    dockerfile,
    `FROM ${NODE}\n${app.needs}WORKDIR /app\nCOPY . .\nRUN npm ci && npm run build\n`,
  );
  const made = side(app, { name: PLAIN, tag: 'plain', options: ['--file', dockerfile], base: NODE });
  return {
    ...made,
    cleanUp: async () => {
      rmSync(folder, { recursive: true });
      await made.cleanUp?.();
    },
  };
}

function work(app: App): Work<Reading> {
  const figure = (reading: Reading, title: string, unit: Figure['unit']): Figure<Reading> => ({
    id: `image-${app.build}-${reading}`,
    title,
    reading,
    unit,
    goals: app.goals[reading] ?? [],
  });
  return {
    id: `image-${app.build}`,
    what: `The image of ${app.build}`,
    rounds: 3,
    sides: [ours(app), plain(app)],
    figures: [
      figure('size', `layers of ${app.build}'s image, without the base's`, 'MB'),
      figure('cold', `build of ${app.build}'s image without a layer of before`, 's'),
      figure('warm', `build of ${app.build}'s image after a change of one line`, 's'),
    ],
  };
}

export const images = (): readonly Work<Reading>[] => APPS.map(work);
