/** How long a shop takes from nothing but images on the computer to its first sale. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ComposeProject } from '../peers/compose-project.ts';
import { COMPOSE_PORT, writeCompose } from '../peers/compose.ts';
import { renderedFiles } from '../peers/rendered.ts';
import { NAMESPACE, shop } from '../shop.ts';
import { secondsToFirstSale } from '../till.ts';
import { versionOf } from '../tools.ts';
import type { Side, Work } from '../work.ts';

/** Longer than any start that is worth a figure. */
const PATIENCE_SECONDS = 300;
const FLOOR = 'the longest chain of starts, alone';
const COMPOSE = `docker compose ${versionOf('docker compose')} up`;

type Start = 'seconds';

/** The shop's namespaces, without which nothing of it is there: neither pods nor volumes. */
const NAMESPACES = [NAMESPACE, 'zakpos-system'];

async function removed(): Promise<void> {
  // An API extension without its server keeps namespaces from ending.
  await shop.kubectl('delete', 'apiservice', 'v1beta1.metrics.k8s.io', '--ignore-not-found');
  await shop.kubectl('delete', 'namespace', ...NAMESPACES, '--ignore-not-found', '--wait');
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
      await shop.kubectl('wait', '--for=delete', 'persistentvolume', '--all', '--timeout=120s');
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

/** All of the shop as a Compose project. */
const projectOf = (name: string): ComposeProject =>
  new ComposeProject(name, async (folder) => {
    const manifests = await shop.render(join(folder, 'rendered'));
    return writeCompose(renderedFiles(manifests), NAMESPACE, join(folder, 'compose'));
  });

function composed(): Side<Start> {
  const project = projectOf('zakpos-bench');
  return {
    name: COMPOSE,
    prepare: () => project.prepare(),
    run: async () => {
      const [seconds] = await Promise.all([
        secondsToFirstSale(shop.entranceAt(COMPOSE_PORT), PATIENCE_SECONDS),
        project.compose('up', '--detach'),
      ]);
      await project.down();
      return { seconds };
    },
    cleanUp: () => project.remove(),
  };
}

/** PostgreSQL with an empty volume, then the migration, then the API: each with the computer to itself. */
function floor(): Side<Start> {
  const project = projectOf('zakpos-bench-floor');
  return {
    name: FLOOR,
    prepare: () => project.prepare(),
    run: async () => {
      // What the API asks for before it serves, and what stands before it.
      await project.compose('up', '--detach', '--no-deps', 'zakpos-redis');
      const started = performance.now();
      await project.compose('up', '--detach', '--no-deps', 'zakpos-postgres');
      await project.until('zakpos-postgres', 'pg_isready', '-q', '-h', '127.0.0.1');
      await project.compose('run', '--no-deps', '--rm', 'zakpos-api-migrate');
      await project.compose('up', '--detach', '--no-deps', 'zakpos-api');
      await project.until('zakpos-api', 'wget', '-qO/dev/null', 'http://127.0.0.1:3000/health/startup');
      const seconds = (performance.now() - started) / 1000;
      await project.down();
      return { seconds };
    },
    cleanUp: () => project.remove(),
  };
}

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
