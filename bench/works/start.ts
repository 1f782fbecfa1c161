/** How long a shop takes from nothing but images on the computer to its first sale. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shopProject, type ComposeProject } from '../peers/compose-project.ts';
import { COMPOSE_PORT } from '../peers/compose.ts';
import { NAMESPACES, shop } from '../shop.ts';
import { secondsToFirstSale } from '../till.ts';
import { versionOf } from '../tools.ts';
import type { Side, Work } from '../work.ts';

/** Longer than any start that is worth a figure. */
const PATIENCE_SECONDS = 300;
const FLOOR = 'the longest chain of starts, alone';
const COMPOSE = `docker compose ${versionOf('docker compose')} up`;

type Start = 'seconds';

async function removed(): Promise<void> {
  // An API extension without its server keeps namespaces from ending.
  await shop.kubectl('delete', 'apiservice', 'v1beta1.metrics.k8s.io', '--ignore-not-found');
  await shop.kubectl('delete', 'namespace', ...NAMESPACES, '--ignore-not-found', '--wait');
  await shop.kubectl('delete', 'persistentvolume', '--all', '--wait');
}

/** On a cluster that is there already, as Docker is. */
function applied(): Side<Start> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
  let manifests = '';
  return {
    name: 'kubectl apply',
    prepare: async () => {
      await shop.open();
      manifests = await shop.render(folder);
    },
    run: async () => {
      await removed();
      const apply = (path: string) => shop.kubectl('apply', '--server-side', '-f', path);
      const [seconds] = await Promise.all([
        secondsToFirstSale(shop.entranceAt(shop.config.localPorts.http), PATIENCE_SECONDS),
        apply(join(manifests, 'crds')).then(() => apply(manifests)),
      ]);
      // So that the next side has the computer to itself.
      await removed();
      return { seconds };
    },
    cleanUp: () => {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  };
}

/** A Compose project of the shop, started in some way from nothing. */
function projectSide(
  name: string,
  project: ComposeProject,
  started: (project: ComposeProject) => Promise<number>,
): Side<Start> {
  return {
    name,
    prepare: () => project.prepare(),
    run: async () => {
      const seconds = await started(project);
      await project.down();
      return { seconds };
    },
    cleanUp: () => project.remove(),
  };
}

const composed = (): Side<Start> =>
  projectSide(COMPOSE, shopProject('zakpos-bench'), async (project) => {
    const [seconds] = await Promise.all([
      secondsToFirstSale(shop.entranceAt(COMPOSE_PORT), PATIENCE_SECONDS),
      project.compose('up', '--detach'),
    ]);
    return seconds;
  });

/** PostgreSQL with an empty volume, then the migration, then the API: each with the computer to itself. */
const floor = (): Side<Start> =>
  projectSide(FLOOR, shopProject('zakpos-bench-floor'), async (project) => {
    // What the API asks for before it serves, and what stands before it.
    await project.compose('up', '--detach', '--no-deps', 'zakpos-redis');
    const began = performance.now();
    await project.compose('up', '--detach', '--no-deps', 'zakpos-postgres');
    await project.until('zakpos-postgres', 'pg_isready', '-q', '-h', '127.0.0.1');
    await project.compose('run', '--no-deps', '--rm', 'zakpos-api-migrate');
    await project.compose('up', '--detach', '--no-deps', 'zakpos-api');
    await project.until('zakpos-api', 'wget', '-qO/dev/null', 'http://127.0.0.1:3000/health/startup');
    return (performance.now() - began) / 1000;
  });

export const start = (): Work<Start> => ({
  id: 'start',
  what: 'From nothing but images on the computer to the first sale',
  rounds: 5,
  sides: [applied(), composed(), floor()],
  figures: [
    {
      id: 'start',
      title: 'from apply to the first sale',
      reading: 'seconds',
      unit: 's',
      goals: [
        { than: COMPOSE, bound: 'at most', value: 0.8 },
        { than: FLOOR, bound: 'at most', value: 1.3 },
      ],
    },
  ],
});
