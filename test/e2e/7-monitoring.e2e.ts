/** The bundled monitoring on one node: switched on, with data, within its memory, and switched off again. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { scrapeTargets } from '../../charts/scrape-targets.ts';
import { dashboardsOf } from '../../dashboards/list.ts';
import { agentsNamespace } from '../../environments/namespaces.ts';
import { loadConfig } from '../../environments/load.ts';
import {
  call,
  ENVIRONMENT,
  eventually,
  kubectl,
  logIn,
  NAMESPACE,
  pods,
  product,
  rendered,
  saleAnswer,
  secretTexts,
  sql,
  valuesFile,
  zakpos,
} from './harness.ts';
import { describeReport, Load } from './load.ts';
import { askPanels } from './panels.ts';
import { disconnect, firing, query, scraped } from './prometheus.ts';

/** The images of Loki and the collector take long to be had where there is no registry. */
const LOGS = process.env.E2E_WITHOUT_LOGS === undefined;
/** Grafana's image isn't to be had there at all; its manifests are checked by the API server, below. */
const values = {
  monitoring: { mode: 'bundled', bundled: { grafana: { enabled: false }, logs: { enabled: LOGS } } },
};
const config = loadConfig(ENVIRONMENT, { configFile: valuesFile(values), onKind: true });
const AGENTS = agentsNamespace(config);
const OWN = [
  ...['zakpos-prometheus', 'zakpos-alertmanager'],
  ...(LOGS ? ['zakpos-loki', 'zakpos-log-collector'] : []),
];

/**
 * Of backups, limits of CPU, certificates and Secrets that rotate, which dev has none of, and volumes that kind's driver
 * doesn't measure.
 */
const NOT_ON_DEV = [
  'zakpos-overview: Last backup',
  'zakpos-postgres: Log that is kept',
  'zakpos-nodes: Throttled',
  'zakpos-nodes: Taken',
  'zakpos-nodes: Free in four days',
  'zakpos-nodes: Certificates',
  'zakpos-nodes: Secrets',
];

const run = (command: string, ...args: string[]) => zakpos(command, args, { values });

beforeAll(async () => {
  // What backups that were tried have left.
  await sql('select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active');
  const { all, exitCode } = await run('up', '--no-smoke');
  if (exitCode !== 0) throw new Error(all);
});

afterAll(disconnect);

test('everything is asked for metrics, and answers', async () => {
  const wanted = [
    ...scrapeTargets(config).map(({ namespace, workload }) => `${namespace}/${workload}`),
    ...['kube-state-metrics', 'kubelet', 'kubelet'],
  ].sort();
  await eventually('every target answers', 120, async () => {
    const found = await scraped();
    const silent = found.filter(({ health }) => health !== 'up');
    if (silent.length > 0) throw new Error(JSON.stringify(silent));
    return found
      .map(({ job }) => job)
      .sort()
      .join() === wanted.join()
      ? true
      : undefined;
  });
});

test('after a load every panel has data of what there is, and nothing has fired', async () => {
  const load = await Load.start({ salesPerSecond: 5 });
  const token = await logIn();
  // What is refused is data, too.
  for (const body of [{ email: 'nobody@zakpos.example', password: 'wrong-password' }, {}])
    await call('/api/v1/auth/login', { body });
  await call('/api/v1/products/none', { token });
  const shown = await eventually('sales in the metrics', 90, async () => {
    const [sales] = await query(`sum(increase(zakpos_sales_total{namespace="${NAMESPACE}"}[1m]))`);
    return (sales?.value ?? 0) > 100 ? run('status', '--load', '--once') : undefined;
  });
  expect(shown.all).toMatch(/^sales +[1-9][\d.]* a second +p50 \d+ ms, p99 \d+ ms/m);
  expect(shown.exitCode).toBe(0);
  const panels = await askPanels(config);
  const report = await load.stop();
  console.log(`${describeReport('monitored', report)}\n${panels.queries} queries of panels`);
  expect([panels.empty, panels.still]).toEqual([NOT_ON_DEV, []]);
  expect(report.failures).toEqual([]);
  expect(await firing()).toEqual([]);
});

test('it takes less than 1.5 GiB together', async () => {
  const used = await query(
    `sum by (pod, container) (container_memory_working_set_bytes{pod=~"(${OWN.join('|')})-.+"})`,
  );
  const there = [...(await pods()), ...(LOGS ? await pods(AGENTS) : [])].map(({ name }) => name);
  const mebibytes = used
    .filter(({ labels }) => there.includes(labels.pod ?? ''))
    .map(({ labels, value }) => ({
      container: `${labels.pod ?? ''} ${labels.container ?? ''}`,
      mebibytes: Math.round(value / 2 ** 20),
    }));
  const sum = mebibytes.reduce((total, each) => total + each.mebibytes, 0);
  console.log(`memory of the monitoring: ${sum} MiB\n${JSON.stringify(mebibytes)}`);
  expect(mebibytes.length).toBe(OWN.length + 1);
  expect(sum).toBeLessThan(1536);
});

describe('a sale in the logs', () => {
  const id = `e2e-${randomUUID()}`;
  const customer = { name: 'Zdenka Prochazkova', phone: '+420700123456' };

  beforeAll(async () => {
    const token = await logIn();
    const answer = await call('/api/v1/sales', {
      token,
      headers: { 'x-request-id': id, 'idempotency-key': randomUUID() },
      body: { items: [{ productId: (await product(token)).id, quantity: 1 }], payment: 'cash', customer },
    });
    expect(answer.status).toBe(201);
    saleAnswer.parse(answer.body);
    expect(answer.headers['x-request-id']).toBe(id);
  });

  test.each([...(LOGS ? [['Loki', []] as const] : []), ['the nodes', ['--nodes']] as const])(
    'is found in %s by its request, from the ingress to the report',
    async (_, more) => {
      const ways = [/^\S+ +traefik/m, /^\S+ +zakpos-api/m, /^\S+ +zakpos-reports/m];
      await eventually('lines of all three', 60, async () => {
        const { all } = await run('logs', '--request', id, ...more);
        const missing = ways.filter((way) => !way.test(all));
        if (missing.length > 0) throw new Error(`${missing.join()} in\n${all}`);
        return true;
      });
    },
  );

  test('has neither the customer nor a secret in it, in any pod', async () => {
    const secrets = await secretTexts();
    expect(secrets.length).toBeGreaterThan(5);
    const { all } = await run('logs', '--since', '1h', '--json', '--nodes');
    expect(all).toContain(id);
    const found = [customer.name, customer.phone, ...secrets].filter((text) => all.includes(text));
    expect(found).toEqual([]);
  });
});

test('the API server accepts Grafana and its dashboards', async () => {
  const folder = await rendered(ENVIRONMENT, { monitoring: { mode: 'bundled' } });
  const files = ['84-dashboards.yaml', '85-grafana.yaml'].map((file) => join(folder, file));
  const { stdout, stderr } = await kubectl(
    ...['apply', '--server-side', '--dry-run=server', ...files.flatMap((file) => ['-f', file])],
  );
  expect(stdout).toContain('deployment.apps/zakpos-grafana serverside-applied (server dry run)');
  expect(stdout.match(/configmap\/zakpos-\w+-dashboard/g)?.length).toBe(dashboardsOf(config).length);
  expect(stderr).toBe('');
});

test('switched off, it goes, and its claims stay', async () => {
  const { all, exitCode } = await zakpos('up', ['--no-smoke']);
  if (exitCode !== 0) throw new Error(all);
  await eventually('its pods are gone', 120, async () => {
    const left = [...(await pods()), ...(LOGS ? await pods(AGENTS) : [])].filter(({ workload }) =>
      OWN.includes(workload),
    );
    return left.length === 0 ? true : undefined;
  });
  const { stdout } = await kubectl('-n', NAMESPACE, 'get', 'pvc', '-o', 'name');
  for (const claim of ['prometheus', 'alertmanager', ...(LOGS ? ['loki'] : [])])
    expect(stdout).toContain(`persistentvolumeclaim/data-zakpos-${claim}-0`);
});
