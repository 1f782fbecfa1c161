/** Whether the time of a synthesis grows with what is synthesized, and no faster. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceHashes } from '../../environments/images.ts';
import { loadConfig } from '../../environments/load.ts';
import type { Side, Work } from '../work.ts';

type PerObject = 'milliseconds';

const nameOf = (count: number): string => `${count} tenants`;

/** Prod for each of several tenants, in a namespace and a folder of its own. */
function tenants(count: number): Side<PerObject> {
  const hashes = sourceHashes(join(import.meta.dirname, '../..'), loadConfig('prod', {}));
  const outdir = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
  return {
    name: nameOf(count),
    run: async () => {
      // Loaded by whoever measures it, not by who asks what there is to measure.
      const { compose } = await import('../../main.ts');
      const started = performance.now();
      let objects = 0;
      for (let i = 0; i < count; i += 1) {
        const namespace = `shop-${i}`;
        const app = compose({ ...loadConfig('prod', {}), namespace }, hashes, join(outdir, namespace));
        app.synth();
        objects += app.charts.reduce((sum, chart) => sum + chart.apiObjects.length, 0);
      }
      return { milliseconds: (performance.now() - started) / objects };
    },
    cleanUp: () => {
      rmSync(outdir, { recursive: true });
      return Promise.resolve();
    },
  };
}

const FEW = 5;

export const growth = (): Work<PerObject> => ({
  id: 'growth',
  what: 'Synthesis of many tenants, in one process',
  rounds: 5,
  sides: [tenants(50), tenants(FEW)],
  figures: [
    {
      id: 'growth',
      title: 'time for each object, with 50 tenants',
      reading: 'milliseconds',
      unit: 'ms',
      goals: [{ than: nameOf(FEW), bound: 'at most', value: 1.2 }],
    },
  ],
});
