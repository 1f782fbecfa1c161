/** What a whole shop takes of a computer's memory: by pods, by Compose, and what it may take at the most. */
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { loadConfig } from '../../environments/load.ts';
import { toBytes } from '../../environments/quantities.ts';
import { shopProject } from '../peers/compose-project.ts';
import { COMPOSE_PORT } from '../peers/compose.ts';
import { LIMITS, NAMESPACES, Shop, shop as benchShop } from '../shop.ts';
import { secondsToFirstSale, Till } from '../till.ts';
import { usageOf } from '../usage.ts';
import { Unavailable, type Side, type Work } from '../work.ts';

type Reading = 'idle' | 'loaded';

const SECONDS = 30;
const AT_ONCE = 8;
const PATIENCE_SECONDS = 300;
const GIB = 2 ** 30;

/** What is in use before sales, and what near the end of many. */
async function beforeAndWhile(till: Till, inUse: () => Promise<number>): Promise<Record<Reading, number>> {
  const idle = await inUse();
  const [, loaded] = await Promise.all([
    till.sellFor(SECONDS, AT_ONCE),
    sleep(SECONDS * 900).then(() => inUse()),
  ]);
  till.close();
  return { idle, loaded };
}

/** The environment as it is, on a cluster that nothing has run on. */
const inPods = (environment: 'dev' | 'test' | 'prod'): Side<Reading> => ({
  name: environment,
  run: async () => {
    const shop = new Shop(`memory-${environment}`, environment, LIMITS);
    await shop.open();
    const used = await beforeAndWhile(await shop.till(), async () =>
      (await usageOf(shop))
        .filter(({ namespace }) => NAMESPACES.includes(namespace))
        .reduce((sum, { memory }) => sum + memory / GIB, 0),
    );
    await shop.close();
    return used;
  },
});

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** The pods of dev with its apps from images, as services of Compose. */
function inCompose(): Side<Reading> {
  const name = 'zakpos-bench-memory';
  const project = shopProject(name);
  const inUse = async (): Promise<number> => {
    const filter = ['--filter', `label=com.docker.compose.project=${name}`];
    const { stdout: ids } = await execa('docker', ['ps', '--quiet', ...filter]);
    const format = ['--no-stream', '--format', '{{.MemUsage}}'];
    const { stdout } = await execa('docker', ['stats', ...format, ...ids.split('\n')]);
    return stdout.split('\n').reduce((sum, line) => {
      const [, amount, unit = ''] = /^([\d.]+)([KMG]?i?B) /.exec(line) ?? [];
      return sum + (Number(amount) * (UNITS[unit] ?? NaN)) / GIB;
    }, 0);
  };
  return {
    name: 'docker compose',
    prepare: async () => {
      await benchShop.open();
      await project.prepare();
    },
    run: async () => {
      await project.compose('up', '--detach');
      const entrance = benchShop.entranceAt(COMPOSE_PORT);
      await secondsToFirstSale(entrance, PATIENCE_SECONDS);
      await project.exec('zakpos-postgres', ...benchShop.stockingUp());
      const till = new Till(entrance);
      await till.open();
      const used = await beforeAndWhile(till, inUse);
      await project.down();
      return used;
    },
    cleanUp: () => project.remove(),
  };
}

/** What one pod of each is given in production at the most. */
const limits = (): Side<Reading> => ({
  name: 'limits of one pod of each in production',
  run: () => {
    const { postgres, redis, kafka, api, web, mobile } = loadConfig('prod');
    const sum = [postgres, redis, kafka, api, web, mobile].reduce(
      (bytes, { resources }) => bytes + toBytes(resources.limits.memory) / GIB,
      0,
    );
    return Promise.resolve({ idle: sum, loaded: sum });
  },
});

const bitnami = (): Side<Reading> => ({
  name: "Bitnami's charts",
  prepare: () =>
    Promise.reject(new Unavailable('its charts and images come from a container registry alone')),
  run: () => Promise.resolve({ idle: NaN, loaded: NaN }),
});

function work(environment: 'dev' | 'test' | 'prod', others: readonly Side<Reading>[]): Work<Reading> {
  const figure = (reading: Reading, when: string): Work<Reading>['figures'][number] => ({
    id: `memory-${environment}-${reading}`,
    title: `memory of ${environment} in use, ${when}`,
    reading,
    unit: 'GiB',
    goals: environment === 'dev' ? [{ bound: 'at most', value: 2.5 }] : [],
  });
  return {
    id: `memory-${environment}`,
    what: `The memory of ${environment}`,
    rounds: 1,
    sides: [inPods(environment), ...others],
    figures: [figure('idle', 'idle'), figure('loaded', 'selling')],
  };
}

export const memory = (): readonly Work<Reading>[] => [
  work('dev', [inCompose(), limits(), bitnami()]),
  work('test', []),
  work('prod', []),
];
