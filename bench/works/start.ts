/** How long a shop takes from nothing but images on the computer to its first sale. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APPLY } from '../../cli/apply.ts';
import { shopProject } from '../peers/compose-project.ts';
import { COMPOSE_PORT } from '../peers/compose.ts';
import { NAMESPACES, shop } from '../shop.ts';
import { secondsToFirstSale } from '../till.ts';
import { versionOf } from '../tools.ts';
import type { Side, Work } from '../work.ts';

/** Longer than any start that is worth a figure. */
const PATIENCE_SECONDS = 300;
const FLOOR = 'its longest chain of starts, alone';
const COMPOSE = `docker compose ${versionOf('docker compose')} up`;
/** Of the manifests, what a first sale waits for: the database, its migration, the API, and the way to it. */
const CHAIN =
  /^(?:crds|\d\d-(?:namespace|capacity|secrets|.*network-policies|traefik|postgres|redis|api|middlewares|ingress)\.yaml)$/;

type Start = 'seconds';

async function removed(): Promise<void> {
  // An API extension without its server keeps namespaces from ending.
  await shop.kubectl('delete', 'apiservice', 'v1beta1.metrics.k8s.io', '--ignore-not-found');
  await shop.kubectl('delete', 'namespace', ...NAMESPACES, '--ignore-not-found', '--wait');
  await shop.kubectl('delete', 'persistentvolume', '--all', '--wait');
}

/** What is applied is all of the manifests, or those files that a pattern names; on a cluster that is there already, as Docker is. */
function applied(name: string, files?: RegExp): Side<Start> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
  let manifests = '';
  return {
    name,
    prepare: async () => {
      await shop.open();
      manifests = await shop.render(folder);
      for (const file of readdirSync(manifests)) {
        if (files?.test(file) === false) rmSync(join(manifests, file), { recursive: true });
      }
    },
    run: async () => {
      await removed();
      const apply = (path: string) => shop.kubectl(...APPLY, '-f', path);
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

function composed(): Side<Start> {
  const project = shopProject('zakpos-bench');
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

export const start = (): Work<Start> => ({
  id: 'start',
  what: 'From nothing but images on the computer to the first sale',
  rounds: 3,
  sides: [applied(`kubectl ${APPLY.join(' ')}`), composed(), applied(FLOOR, CHAIN)],
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
