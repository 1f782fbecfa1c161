/** What a shop sells in a second, and what a sale costs: through the ingress, and by the same process without Kubernetes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { hostVariables } from '../../cli/host-env.ts';
import { Kubectl } from '../../cli/kubectl.ts';
import { parseMetrics } from '../../cli/metrics.ts';
import { NODE_PORTS } from '../../environments/local-ports.ts';
import { NAMESPACE, shop } from '../shop.ts';
import { Till, WARM_UP_SECONDS, type Entrance } from '../till.ts';
import type { Side, Work } from '../work.ts';

type Reading = 'perSecond' | 'p99' | 'cpu';

const SECONDS = 20;
/** Tills that sell as fast as they get answers; more of them only wait for each other on two cores. */
const AT_ONCE = 8;
const API = 'zakpos-api';
const PROCESS = 'the process on this machine';
const PROCESS_PORT = 22900;
const ONE_POD = 'one pod, through the ingress';

/** Seconds of CPU that processes of the API have used so far, by their own metrics. */
const cpuOf = async (urls: readonly string[]): Promise<number> => {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
  return texts
    .flatMap(parseMetrics)
    .filter(({ name }) => name === 'process_cpu_seconds_total')
    .reduce((sum, { value }) => sum + value, 0);
};

/** Sells at an address by so many at once, with what was used meanwhile. */
async function measured(
  entrance: Entrance,
  atOnce: number,
  cpu: () => Promise<number>,
): Promise<Record<Reading, number>> {
  const till = new Till(entrance);
  try {
    await till.open();
    await till.sellFor(WARM_UP_SECONDS, atOnce);
    const before = await cpu();
    const { sold, failed, perSecond, p99 } = await till.sellFor(SECONDS, atOnce);
    if (failed > 0) throw new Error(`${failed} sales failed, ${sold} did not`);
    return { perSecond, p99, cpu: (1000 * ((await cpu()) - before)) / sold };
  } finally {
    till.close();
  }
}

/** Names of pods that are not about to end. */
const STAYING =
  '{{range .items}}{{if not .metadata.deletionTimestamp}}pod/{{.metadata.name}}{{"\\n"}}{{end}}{{end}}';

/**
 * As the shop runs, with so many pods of the API, each of which has as many tills: one that has fewer at a time does
 * less in each turn of its loop, and takes more for a sale.
 */
const inCluster = (name: string, pods: number): Side<Reading> => ({
  name,
  prepare: () => shop.open(),
  run: async () => {
    await shop.kubectl('-n', NAMESPACE, 'scale', 'deployment', API, `--replicas=${pods}`);
    await shop.kubectl('-n', NAMESPACE, 'rollout', 'status', `deployment/${API}`);
    await shop.stockUp();
    const selector = `app.kubernetes.io/name=${API}`;
    const { stdout } = await shop.kubectl(
      ...['-n', NAMESPACE, 'get', 'pods', '-l', selector, '-o', `go-template=${STAYING}`],
    );
    const through = new Kubectl(shop.context);
    const cpu = async (): Promise<number> => {
      const each = stdout
        .trim()
        .split('\n')
        .map((pod) =>
          through.withPort({ namespace: NAMESPACE, pod, port: shop.config.api.port }, (url) => cpuOf([url])),
        );
      return (await Promise.all(each)).reduce((sum, seconds) => sum + seconds, 0);
    };
    return measured(await shop.entrance(), AT_ONCE * pods, cpu);
  },
});

/** The API's own image as a container of this machine's network, without limits, at the same stores. */
function onThisMachine(): Side<Reading> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
  const container = 'zakpos-bench-api';
  return {
    name: PROCESS,
    run: async () => {
      const path = '{.spec.template.spec.containers[0].image}';
      const { stdout: image } = await shop.kubectl(
        '-n',
        NAMESPACE,
        'get',
        'deployment',
        API,
        '-o',
        `jsonpath=${path}`,
      );
      await shop.stockUp();
      writeFileSync(join(folder, 'env'), await variables(), { mode: 0o600 });
      await execa('docker', ['rm', '--force', container]);
      const network = ['--network', 'host', '--env-file', join(folder, 'env')];
      await execa('docker', ['run', '--detach', '--rm', '--name', container, ...network, image]);
      try {
        await ready();
        return await measured(shop.entranceAt(PROCESS_PORT), AT_ONCE, () =>
          cpuOf([`http://127.0.0.1:${PROCESS_PORT}`]),
        );
      } finally {
        await execa('docker', ['rm', '--force', container]);
      }
    },
    cleanUp: () => {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  };
}

/** What dev's API is told on this machine, and what the pod is told beside it; as `--env-file` has it. */
async function variables(): Promise<string> {
  const node = await shop.nodeAddress();
  const told = {
    ...hostVariables(shop.config),
    NODE_ENV: 'production',
    PORT: String(PROCESS_PORT),
    DATABASE_POOL_SIZE: '10',
    RATE_LIMIT_PER_MINUTE: String(shop.config.api.rateLimitPerMinute),
    RATE_LIMIT_LOGIN_PER_MINUTE: String(shop.config.api.loginLimitPerMinute),
  };
  const { postgres, redis } = shop.config.localPorts;
  return Object.entries(told)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
    .replaceAll(`localhost:${postgres}`, `${node}:${NODE_PORTS.postgres}`)
    .replaceAll(`localhost:${redis}`, `${node}:${NODE_PORTS.redis}`);
}

async function ready(): Promise<void> {
  const ends = Date.now() + 60_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${PROCESS_PORT}/health/ready`).catch(() => undefined);
    if (answer?.ok === true) return;
    if (Date.now() > ends) throw new Error(`${PROCESS} is not ready after 60 s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const sales = (): Work<Reading> => ({
  id: 'sales',
  what: `Sales by ${AT_ONCE} tills at once`,
  rounds: 5,
  sides: [inCluster(ONE_POD, 1), onThisMachine()],
  figures: [
    {
      id: 'sales-per-second',
      title: 'sales in a second',
      reading: 'perSecond',
      unit: '/s',
      goals: [{ than: PROCESS, bound: 'at least', value: 0.85 }],
    },
    { id: 'sales-p99', title: 'p99 of a sale', reading: 'p99', unit: 'ms', goals: [] },
    { id: 'sales-cpu', title: "the API's CPU for a sale", reading: 'cpu', unit: 'ms CPU', goals: [] },
  ],
});

export const twoPods = (): Work<Reading> => ({
  id: 'two-pods',
  what: 'Sales by two pods of the API',
  rounds: 3,
  sides: [inCluster('two pods', 2), inCluster(ONE_POD, 1)],
  figures: [
    {
      id: 'two-pods-per-second',
      title: 'sales in a second with two pods',
      reading: 'perSecond',
      unit: '/s',
      goals: [],
    },
    {
      id: 'two-pods-cpu',
      title: "the API's CPU for a sale with two pods",
      reading: 'cpu',
      unit: 'ms CPU',
      goals: [{ than: ONE_POD, bound: 'at most', value: 1.1 }],
    },
  ],
});
