/** How long it takes to write the manifests: this project, its peers on the same objects, and the floor under it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { ENVIRONMENTS } from '../../environments/schema.ts';
import { writeHelmChart } from '../peers/helm.ts';
import { writeKustomization } from '../peers/kustomize.ts';
import { renderedFiles } from '../peers/rendered.ts';
import { toolOf, versionOf } from '../tools.ts';
import type { Side, Work } from '../work.ts';

const ROOT = join(import.meta.dirname, '../..');

type Seconds = 'seconds';

/** The time of a whole process, from its start to its end. */
async function timed(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Record<Seconds, number>> {
  const { durationMs } = await execa(program, args, { cwd: ROOT, env, stdout: 'ignore' });
  return { seconds: durationMs / 1000 };
}

/** A program of cdk8s into a folder of its own, warmed up: its bundle is there. */
function program(
  name: string,
  args: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Side<Seconds> {
  const outdir = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
  const run = () => timed(process.execPath, args, { CDK8S_OUTDIR: outdir, ...env });
  return {
    name,
    prepare: async () => {
      // Twice: what was compiled in the first run is there in the second.
      await run();
      await run();
    },
    run,
    cleanUp: () => {
      rmSync(outdir, { recursive: true });
      return Promise.resolve();
    },
  };
}

const FLOOR = 'a bundled hello world of cdk8s';
const HELM = `helm ${versionOf('helm 3')} template`;

const ours = (environment?: string): Side<Seconds> =>
  program('npm run synth', ['synth.mjs'], environment === undefined ? {} : { ZAKPOS_ENV: environment });

const hello = (): Side<Seconds> => program(FLOOR, ['bench/floor/hello.mjs']);

const OBJECTS = 'cdk8s alone, with the same objects';

/** The floor under this project's own synthesis: what is left of it when the objects are there already. */
function objectsAlone(): Side<Seconds> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
  const env = { BENCH_OBJECTS: join(folder, 'objects.json') };
  const side = program(OBJECTS, ['bench/floor/objects.mjs'], env);
  return {
    ...side,
    prepare: async () => {
      await execa(process.execPath, ['synth.mjs'], { cwd: ROOT, env: { CDK8S_OUTDIR: folder } });
      const objects = ENVIRONMENTS.map((environment): [string, object] => {
        const files = renderedFiles(join(folder, environment));
        return [environment, Object.fromEntries(files.map(({ name, objects }) => [name, objects]))];
      });
      writeFileSync(env.BENCH_OBJECTS, JSON.stringify(Object.fromEntries(objects)));
      await side.prepare?.();
    },
    cleanUp: async () => {
      rmSync(folder, { recursive: true });
      await side.cleanUp?.();
    },
  };
}

/** Prod's objects, in a folder that a peer's package is made in. */
function peer(
  name: string,
  write: (rendered: string, folder: string) => string,
  command: (folder: string) => Promise<readonly [string, ...string[]]>,
): Side<Seconds> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
  let words: readonly [string, ...string[]] | undefined;
  return {
    name,
    prepare: async () => {
      const rendered = join(folder, 'rendered');
      await execa(process.execPath, ['synth.mjs'], {
        cwd: ROOT,
        env: { ZAKPOS_ENV: 'prod', CDK8S_OUTDIR: rendered },
      });
      words = await command(write(join(rendered, 'prod'), join(folder, 'package')));
      await timed(words[0], words.slice(1));
    },
    run: () => {
      if (words === undefined) throw new Error(`${name} was not prepared`);
      return timed(words[0], words.slice(1));
    },
    cleanUp: () => {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  };
}

const helm = (tool: 'helm 3' | 'helm 4'): Side<Seconds> =>
  peer(
    `helm ${versionOf(tool)} template`,
    (rendered, folder) => {
      writeHelmChart(renderedFiles(rendered), folder);
      return folder;
    },
    async (folder) => [await toolOf(tool), 'template', 'zakpos', folder],
  );

const kustomize = (): Side<Seconds> =>
  peer(
    `kustomize ${versionOf('kustomize')} build`,
    (rendered, folder) => writeKustomization(renderedFiles(rendered), folder),
    async (folder) => [await toolOf('kustomize'), 'build', folder],
  );

export const synthesisOfAll = (): Work<Seconds> => ({
  id: 'synth',
  what: 'Synthesis of all four environments',
  rounds: 15,
  sides: [
    ours(),
    hello(),
    objectsAlone(),
    program('npx cdk8s synth', ['node_modules/cdk8s-cli/bin/cdk8s', 'synth', '--no-check-upgrade']),
  ],
  figures: [
    {
      id: 'synth',
      title: 'synthesis of all four environments',
      reading: 'seconds',
      unit: 's',
      goals: [{ than: FLOOR, bound: 'at most', value: 1.5 }],
    },
  ],
});

export const synthesisOfOne = (): Work<Seconds> => ({
  id: 'synth-one',
  what: 'Synthesis of prod',
  rounds: 15,
  sides: [ours('prod'), helm('helm 3'), helm('helm 4'), kustomize(), hello()],
  figures: [
    {
      id: 'synth-one',
      title: 'synthesis of prod',
      reading: 'seconds',
      unit: 's',
      goals: [{ than: HELM, bound: 'at most', value: 0.7 }],
    },
  ],
});

/** As after a clone or an edit: the bundle is made first. */
export function synthesisWithBuild(): Work<Seconds> {
  const side = ours();
  return {
    id: 'synth-first',
    what: 'The first synthesis of all four environments',
    sides: [
      {
        ...side,
        run: () => {
          rmSync(join(ROOT, 'node_modules/.cache/zakpos'), { recursive: true, force: true });
          return side.run();
        },
      },
    ],
    figures: [
      {
        id: 'synth-first',
        title: 'first synthesis, with the build of the bundle',
        reading: 'seconds',
        unit: 's',
        goals: [],
      },
    ],
  };
}
