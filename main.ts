/** The composition root: environments in, charts out, one folder of YAML for each environment. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App, Yaml } from 'cdk8s';
import { AlertmanagerChart } from './charts/alertmanager.ts';
import { ApiChart } from './charts/api.ts';
import { BackupsChart } from './charts/backups.ts';
import { CapacityChart } from './charts/capacity.ts';
import { CertificatesChart, issuedCertificates } from './charts/certificates.ts';
import { CloudNativePgChart } from './charts/cloudnativepg.ts';
import { DashboardsChart } from './charts/dashboards.ts';
import { ExpiryChart } from './charts/expiry.ts';
import { ExternalSecretsChart } from './charts/external-secrets.ts';
import { GatewayChart } from './charts/gateway.ts';
import { GrafanaChart } from './charts/grafana.ts';
import { IngressChart } from './charts/ingress.ts';
import { KafkaChart } from './charts/kafka.ts';
import { LogCollectorChart } from './charts/log-collector.ts';
import { LokiChart } from './charts/loki.ts';
import { MetricsApiChart, MetricsServerChart } from './charts/metrics-server.ts';
import { hasMiddlewares, MiddlewareChart } from './charts/middlewares.ts';
import { MobileChart } from './charts/mobile.ts';
import { MonitoringChart } from './charts/monitoring.ts';
import { NamespaceChart } from './charts/namespace.ts';
import { NetworkPolicyChart } from './charts/network-policies.ts';
import { PgBouncerChart } from './charts/pgbouncer.ts';
import { PostgresExporterChart } from './charts/postgres-exporter.ts';
import { PostgresChart } from './charts/postgres.ts';
import { PrometheusChart } from './charts/prometheus.ts';
import { RedisExporterChart } from './charts/redis-exporter.ts';
import { RedisChart } from './charts/redis.ts';
import { RestoreChart, RestoreClaimChart, RestorePlanChart, type RestoreRequest } from './charts/restore.ts';
import { SecretsChart } from './charts/secrets.ts';
import { SourcesChart } from './charts/sources.ts';
import { TaskChart } from './charts/task.ts';
import { TraefikChart } from './charts/traefik.ts';
import { UpgradeChart, type UpgradeRequest } from './charts/upgrade.ts';
import { WebChart } from './charts/web.ts';
import type { ZakposChartProps } from './charts/zakpos-chart.ts';
import { ZookeeperChart } from './charts/zookeeper.ts';
import { hasBackups } from './environments/backups.ts';
import { APPS, imageOf, isMounted, sourceHashes, type Build } from './environments/images.ts';
import { ConfigError, environmentName, loadConfig } from './environments/load.ts';
import { expiryCommand, hasGrafana, hasLogs, isBundled, isMonitored } from './environments/monitoring.ts';
import { agentsNamespace } from './environments/namespaces.ts';
import { ENVIRONMENTS, type Config } from './environments/schema.ts';
import { KEPT } from './lib/kept.ts';
import { renderedOf, UnreadableError } from './policies/rendered.ts';
import { constructMetadata, excusesOf, PolicyError } from './policies/report.ts';
import { judge } from './policies/verdict.ts';

/** All of an environment, or what its apps need when they run elsewhere. */
export const PARTS = ['all', 'infra'] as const;
export type Part = (typeof PARTS)[number];

/** The charts of one environment. The numbers in their ids order the files, and so `kubectl apply -f` of the folder. */
export function compose(
  config: Config,
  hashes: Readonly<Record<Build, string>>,
  outdir: string,
  part: Part = 'all',
): App {
  const app = new App({ outdir, outputFileExtension: '.yaml' });
  const props = chartProps(config, hashes);
  composeInfrastructure(app, config, props, part);
  if (part === 'all') composeApps(app, config, props);
  return app;
}

/** The stores, and what they stand on. */
function composeInfrastructure(app: App, config: Config, props: ZakposChartProps, part: Part): void {
  const { addons } = config;
  new NamespaceChart(app, '00-namespace', props, part === 'all' ? {} : { only: part });
  new CapacityChart(app, '05-capacity', props);
  if (config.secrets.source === 'literal') new SecretsChart(app, '10-secrets', props);
  if (config.secrets.source === 'external-secrets')
    new ExternalSecretsChart(app, '10-external-secrets', props);
  if (issuedCertificates(config).length > 0) new CertificatesChart(app, '15-certificates', props);
  new NetworkPolicyChart(app, '20-network-policies', props, config.namespace);
  if (addons.traefik.enabled || addons.metricsServer.enabled) {
    new NetworkPolicyChart(app, '21-system-network-policies', props, config.systemNamespace);
  }
  if (hasLogs(config)) {
    new NetworkPolicyChart(app, '22-node-agents-network-policies', props, agentsNamespace(config));
  }
  if (config.postgres.mode === 'statefulset') new PostgresChart(app, '40-postgres', props);
  if (hasBackups(config)) new BackupsChart(app, '44-backups', props);
  if (config.postgres.mode === 'cloudnativepg') new CloudNativePgChart(app, '40-cloudnativepg', props);
  if (config.redis.mode === 'statefulset') new RedisChart(app, '41-redis', props);
  if (config.kafka.mode === 'statefulset') {
    new ZookeeperChart(app, '42-zookeeper', props);
    new KafkaChart(app, '43-kafka', props);
  }
}

/** What serves people and looks after it, and the add-ons that the cluster lacks for that. */
function composeApps(app: App, config: Config, props: ZakposChartProps): void {
  const { addons } = config;
  if (addons.traefik.enabled) new TraefikChart(app, '30-traefik', props);
  if (addons.metricsServer.enabled) new MetricsServerChart(app, '31-metrics-server', props);
  if (config.postgres.pooler.enabled) new PgBouncerChart(app, '45-pgbouncer', props);
  if (APPS.some((name) => isMounted(config, name))) new SourcesChart(app, '49-sources', props);
  new ApiChart(app, '50-api', props);
  if (config.web.enabled) new WebChart(app, '51-web', props);
  if (config.mobile.enabled) new MobileChart(app, '52-mobile', props);
  if (isMonitored(config)) {
    new PostgresExporterChart(app, '54-postgres-exporter', props);
    new RedisExporterChart(app, '55-redis-exporter', props);
  }
  const expiry = expiryCommand(config);
  if (expiry !== undefined) new ExpiryChart(app, '56-expiry', props, expiry);
  if (hasMiddlewares(config)) new MiddlewareChart(app, '59-middlewares', props);
  if (config.ingress.api === 'ingress') new IngressChart(app, '60-ingress', props);
  else new GatewayChart(app, '60-gateway', props);
  if (addons.metricsServer.enabled) new MetricsApiChart(app, '70-metrics-api', props);
  if (config.monitoring.mode === 'operator') new MonitoringChart(app, '80-monitoring', props);
  if (isBundled(config)) {
    new PrometheusChart(app, '80-prometheus', props);
    new AlertmanagerChart(app, '81-alertmanager', props);
  }
  if (hasLogs(config)) {
    new LokiChart(app, '82-loki', props);
    new LogCollectorChart(app, '83-log-collector', props);
  }
  if (config.monitoring.mode === 'operator' || hasGrafana(config)) {
    const { configMaps } = new DashboardsChart(app, '84-dashboards', props);
    if (hasGrafana(config)) new GrafanaChart(app, '85-grafana', props, configMaps);
  }
}

const chartProps = (config: Config, hashes: Readonly<Record<Build, string>>): ZakposChartProps => ({
  config,
  images: {
    api: imageOf(config, 'api', hashes),
    web: imageOf(config, 'web', hashes),
    mobile: imageOf(config, 'mobile', hashes),
    expiry: imageOf(config, 'expiry', hashes),
    'jmx-agent': imageOf(config, 'jmx-agent', hashes),
  },
});

/** What a restore of the database takes, in a namespace where it may be alone; the command applies it file by file. */
export function composeRestore(
  config: Config,
  hashes: Readonly<Record<Build, string>>,
  outdir: string,
  request: RestoreRequest,
): App {
  const app = new App({ outdir, outputFileExtension: '.yaml' });
  const props = chartProps(config, hashes);
  new NamespaceChart(app, '00-namespace', props);
  new RestorePlanChart(app, '10-plan', props, request);
  new NetworkPolicyChart(app, '20-network-policies', props, config.namespace);
  new RestoreClaimChart(app, '30-claim', props);
  new RestoreChart(app, '40-restore', props, request);
  new PostgresChart(app, '50-postgres', props);
  return app;
}

/** What takes the database to another major version of PostgreSQL, and the database itself. */
export function composeUpgrade(
  config: Config,
  hashes: Readonly<Record<Build, string>>,
  outdir: string,
  request: UpgradeRequest,
): App {
  const app = new App({ outdir, outputFileExtension: '.yaml' });
  const props = chartProps(config, hashes);
  new UpgradeChart(app, '10-upgrade', props, request);
  new PostgresChart(app, '50-postgres', props);
  return app;
}

/** A Job that does one thing to the database in the API's image. */
export function composeTask(
  config: Config,
  hashes: Readonly<Record<Build, string>>,
  outdir: string,
  command: readonly string[],
): App {
  const app = new App({ outdir, outputFileExtension: '.yaml' });
  new TaskChart(app, 'task', chartProps(config, hashes), command);
  return app;
}

/**
 * Writes `<outdir>/<environment>/*.yaml`. Variables: ZAKPOS_ENV narrows to one environment, ZAKPOS_CONFIG names a
 * file of own values, ZAKPOS_ON_KIND says whether what a kind cluster lacks is added, ZAKPOS_ONLY=infra leaves the apps
 * out, CDK8S_OUTDIR names the output folder. Everything is built and judged before anything is written, and a folder is
 * only replaced whole.
 * @throws {PolicyError} when the manifests break a policy, unless cdk8s itself is going to ask for the verdict
 */
function synthesize(root: string): void {
  const outdir = resolve(root, process.env.CDK8S_OUTDIR ?? 'dist');
  const wanted = process.env.ZAKPOS_ENV ? [environmentName(process.env.ZAKPOS_ENV)] : ENVIRONMENTS;
  const part = partNamed(process.env.ZAKPOS_ONLY ?? 'all');
  const environments = wanted.map((name) => {
    const config = loadConfig(name, {
      configFile: process.env.ZAKPOS_CONFIG,
      dotEnvFile: join(root, '.env'),
      onKind: onKind(),
      root,
    });
    const folder = join(outdir, `.${name}.new`);
    const hashes = sourceHashes(root, config);
    const rendered = renderedOf(name, config, compose(config, hashes, folder));
    // A part is judged as what it is a part of: its arrows lead to the rest.
    const written =
      part === 'all' ? rendered : renderedOf(name, config, compose(config, hashes, folder, part));
    return { name, folder, rendered, written, verdict: judge(rendered) };
  });
  const isForCdk8s = process.env.CDK8S_RECORD_CONSTRUCT_METADATA === 'true';
  if (!isForCdk8s) for (const excuse of excusesOf(environments)) console.error(excuse);
  for (const { name, folder, written } of environments) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    // Those that were judged: App.synth() would make every object once more.
    for (const { id, objects } of written.charts) {
      const documents = objects.map(({ raw }) => raw);
      Yaml.save(join(folder, `${id}.yaml`), documents);
    }
    if (part === 'all') copyCrds(written.config, join(root, 'imports/crds'), join(folder, 'crds'));
    rmSync(join(outdir, name), { recursive: true, force: true });
    renameSync(folder, join(outdir, name));
  }
  if (isForCdk8s)
    writeFileSync(join(outdir, 'construct-metadata.json'), constructMetadata(environments, outdir));
}

function partNamed(name: string): Part {
  const part = PARTS.find((candidate) => candidate === name);
  if (part === undefined) {
    throw new ConfigError(
      `ZAKPOS_ONLY: "${name}" is no part of an environment; choose one of ${PARTS.join(', ')}`,
    );
  }
  return part;
}

/** What ZAKPOS_ON_KIND says, if it says anything. */
function onKind(): boolean | undefined {
  const { ZAKPOS_ON_KIND } = process.env;
  return ZAKPOS_ON_KIND === undefined ? undefined : ZAKPOS_ON_KIND === 'true';
}

/**
 * The CRDs of what this project brings itself, to be applied first; everything else brings its own. They are kept, since
 * whatever others have made of them would go with them.
 */
function copyCrds({ addons }: Config, from: string, to: string): void {
  if (!addons.traefik.enabled) return;
  mkdirSync(to);
  const kept = Object.entries(KEPT).map(([name, value]) => `    ${name}: ${value}\n`);
  for (const file of readdirSync(from).filter((name) => name.startsWith('traefik-'))) {
    const text = readFileSync(join(from, file), 'utf8');
    writeFileSync(join(to, file), text.replaceAll(/^metadata:\n  annotations:\n/gm, `$&${kept.join('')}`));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    synthesize(process.cwd());
  } catch (error) {
    const isOfPolicies = error instanceof PolicyError || error instanceof UnreadableError;
    if (!(isOfPolicies || error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exitCode = isOfPolicies ? 2 : 1;
  }
}
