/**
 * Who talks to whom: the one list that the network policies, the diagram in the README and the tests of both are
 * made from. What isn't here can't connect.
 */
import { hasBackups } from '../environments/backups.ts';
import {
  expiryCommand,
  hasGrafana,
  hasLogs,
  isBundled,
  isMonitored,
  receiverPort,
  SEVERITIES,
} from '../environments/monitoring.ts';
import { isMounted } from '../environments/images.ts';
import { kafkaEndpoint, postgresEndpoint, redisEndpoint, type Endpoint } from '../environments/endpoints.ts';
import { agentsNamespace } from '../environments/namespaces.ts';
import type { Config } from '../environments/schema.ts';
import { NAME_LABEL } from '../lib/labels.ts';
import type { AddressPeer, Edge, Peer } from '../lib/network-policies.ts';
import {
  ALERTMANAGER,
  API,
  BACKUP,
  BACKUP_DAILY,
  EXPIRY,
  GRAFANA,
  KAFKA,
  KAFKA_TOPICS,
  LOG_COLLECTOR,
  LOKI,
  METRICS_SERVER,
  MOBILE,
  PGBOUNCER,
  POD_NETWORK,
  PORTS,
  POSTGRES,
  POSTGRES_EXPORTER,
  POSTGRES_INSTANCES,
  PROMETHEUS,
  REDIS,
  REDIS_EXPORTER,
  REPORTS,
  RESTORE,
  RESTORE_DRILL,
  TASK,
  TRAEFIK,
  WEB,
  ZOOKEEPER,
} from './names.ts';
import { scrapeTargets } from './scrape-targets.ts';

/** A part of the system, or something outside that it talks to. */
export interface Component {
  /** Identifier in the diagram; for a workload, its name. */
  readonly name: string;
  readonly title: string;
  readonly peer: Peer;
  /** Where the diagram draws it. */
  readonly group: 'edge' | 'apps' | 'stores' | 'cluster' | 'outside';
  /** Whether it is a workload of this project, which gets a policy of its own by its name. */
  readonly ours: boolean;
}

/** An arrow of the diagram. */
export interface Connection extends Edge {
  readonly source: Component;
  readonly target: Component;
  /** What goes over it, in a word or two. */
  readonly carries: string;
}

export interface Architecture {
  readonly components: readonly Component[];
  readonly connections: readonly Connection[];
}

export function architecture(config: Config): Architecture {
  const { namespace, systemNamespace, postgres, kafka, zookeeper, addons, backups, monitoring } = config;
  const components: Component[] = [];
  const connections: Connection[] = [];

  const add = (component: Component): Component => {
    components.push(component);
    return component;
  };
  const workload = (
    name: string,
    title: string,
    group: Component['group'],
    inNamespace = namespace,
  ): Component =>
    add({
      name,
      title,
      group,
      ours: true,
      peer: { kind: 'pods', namespace: inNamespace, labels: { [NAME_LABEL]: name } },
    });
  const outside = (
    name: string,
    title: string,
    peer: Peer,
    group: Component['group'] = 'outside',
  ): Component => add({ name, title, group, ours: false, peer });
  const connect = (
    source: Component,
    target: Component,
    carries: string,
    ports: readonly number[],
    udp = false,
  ): void => {
    connections.push({ source, target, carries, ports, udp, from: source.peer, to: target.peer });
  };
  /** A store of this project, or the existing server in its place. */
  const store = (
    name: string,
    title: string,
    { ports, cidr }: Endpoint,
  ): { component: Component; ports: readonly number[] } => ({
    component:
      cidr === undefined
        ? workload(name, title, 'stores')
        : outside(name, `${title} (external)`, { kind: 'address', cidr }, 'stores'),
    ports,
  });

  const storage = ({ cidr }: S3): Component => outside('s3', 'S3 storage', { kind: 'address', cidr });
  /** The cluster itself, drawn where somebody talks to it. */
  const kubernetes = once(() => outside('kubernetes-api', 'Kubernetes API', ANYWHERE, 'cluster'));
  const kubelets = once(() => outside('kubelets', 'Kubelets', ANYWHERE, 'cluster'));

  // Who reaches an inspector can do whatever the app can: the laptop, and no pod.
  const debuggers = once(() => outside('debugger', 'Debugger', { ...ANYWHERE, except: [POD_NETWORK] }));
  const browser = outside('browser', 'Tills and browsers', ANYWHERE);
  const dns = outside(
    'dns',
    'Cluster DNS',
    { kind: 'pods', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
    'cluster',
  );
  const ingress = addons.traefik.enabled
    ? workload(TRAEFIK, 'Traefik', 'edge', systemNamespace)
    : outside(
        'ingress-controller',
        'Ingress controller',
        { kind: 'pods', namespace: config.ingress.controllerNamespace, labels: {} },
        'edge',
      );
  const api = workload(API, 'API (NestJS)', 'apps');
  const database =
    postgres.mode === 'cloudnativepg'
      ? {
          component: outside(
            POSTGRES,
            'PostgreSQL (CloudNativePG)',
            { kind: 'pods', namespace, labels: POSTGRES_INSTANCES },
            'stores',
          ),
          ports: [PORTS.postgres],
        }
      : store(POSTGRES, 'PostgreSQL', postgresEndpoint(config));
  const pooler = postgres.pooler.enabled ? workload(PGBOUNCER, 'PgBouncer', 'stores') : undefined;
  const cache = store(REDIS, 'Redis', redisEndpoint(config));
  const broker = store(KAFKA, 'Kafka', kafkaEndpoint(config));
  const resolvers: Component[] = [api];

  if (addons.traefik.enabled) {
    const { traefikHttp, traefikHttps, traefikApi, traefikWeb, traefikMobile } = PORTS;
    connect(browser, ingress, 'HTTP(S)', [traefikHttp, traefikHttps, traefikApi, traefikWeb, traefikMobile]);
  }
  if (config.web.enabled) {
    const web = workload(WEB, 'Web till (Next.js)', 'apps');
    connect(ingress, web, 'pages', [config.web.port]);
    if (isMounted(config, 'web')) connect(debuggers(), web, 'inspector', [PORTS.webDebug]);
  }
  if (config.mobile.enabled) {
    connect(ingress, workload(MOBILE, 'Mobile app (Expo)', 'apps'), 'pages', [config.mobile.port]);
  }
  connect(ingress, api, 'API, live feed', [config.api.port]);
  if (isMounted(config, 'api')) connect(debuggers(), api, 'inspector', [PORTS.apiDebug]);
  if (pooler !== undefined) {
    connect(api, pooler, 'SQL', [PORTS.postgres]);
    connect(pooler, database.component, 'SQL', database.ports);
    resolvers.push(pooler);
  }
  if (pooler === undefined || config.api.migrations !== null) {
    connect(api, database.component, pooler === undefined ? 'SQL' : 'migrations', database.ports);
  }
  if (config.api.migrations !== null) {
    const task = workload(TASK, 'Single tasks', 'apps');
    connect(task, database.component, 'SQL', database.ports);
    resolvers.push(task);
  }
  connect(api, cache.component, 'sessions, cache', cache.ports);
  connect(api, broker.component, 'events', broker.ports);

  if (config.reports.enabled) {
    const reports = workload(REPORTS, 'Reports worker', 'apps');
    connect(reports, broker.component, 'events', broker.ports);
    if (pooler === undefined) connect(reports, database.component, 'SQL', database.ports);
    else connect(reports, pooler, 'SQL', [PORTS.postgres]);
    resolvers.push(reports);
  }
  if (kafka.mode === 'statefulset') {
    const ensemble = workload(ZOOKEEPER, 'ZooKeeper', 'stores');
    const topics = workload(KAFKA_TOPICS, 'Topics Job', 'apps');
    connect(broker.component, ensemble, 'metadata', [PORTS.zookeeper]);
    connect(topics, broker.component, 'topics', [PORTS.kafkaInternal]);
    resolvers.push(broker.component, topics);
    // A broker also opens its own advertised listener, alone or among others.
    connect(broker.component, broker.component, 'replication', [PORTS.kafkaInternal]);
    if (zookeeper.replicas > 1) {
      connect(ensemble, ensemble, 'quorum', [PORTS.zookeeperPeer, PORTS.zookeeperElection]);
      resolvers.push(ensemble);
    }
  }

  if (backups.s3 !== undefined && hasBackups(config)) {
    const archive = workload(BACKUP, 'Log archive', 'stores');
    const daily = workload(BACKUP_DAILY, 'Backups', 'stores');
    const bucket = storage(backups.s3);
    connect(archive, database.component, 'log', database.ports);
    connect(daily, database.component, 'data', database.ports);
    for (const component of [
      archive,
      daily,
      workload(RESTORE_DRILL, 'Restore drill', 'stores'),
      workload(RESTORE, 'Restore', 'stores'),
    ]) {
      connect(component, bucket, 'backups', [s3Port(backups.s3)]);
      resolvers.push(component);
    }
  }

  if (config.localStores) {
    const machine: Peer = { ...ANYWHERE, except: [POD_NETWORK] };
    const apps = outside('this-machine', 'Apps on this machine', machine);
    if (postgres.mode === 'statefulset') connect(apps, database.component, 'SQL', database.ports);
    if (config.redis.mode === 'statefulset') connect(apps, cache.component, 'sessions, cache', cache.ports);
    if (kafka.mode === 'statefulset') connect(apps, broker.component, 'events', [PORTS.kafkaLocal]);
  }

  if (addons.traefik.enabled) connect(ingress, kubernetes(), 'Ingresses', KUBERNETES_API_PORTS);
  if (postgres.mode === 'cloudnativepg') {
    const servers = database.component;
    const operator = outside(
      'cloudnativepg',
      "CloudNativePG's operator",
      {
        kind: 'pods',
        namespace: postgres.operatorNamespace,
        labels: { [NAME_LABEL]: 'cloudnative-pg' },
      },
      'cluster',
    );
    connect(operator, servers, 'status', [PORTS.postgresStatus, PORTS.postgres]);
    connect(servers, servers, 'replication', [PORTS.postgres, PORTS.postgresStatus]);
    connect(servers, kubernetes(), 'their Cluster', KUBERNETES_API_PORTS);
    if (backups.s3 !== undefined) connect(servers, storage(backups.s3), 'backups', [s3Port(backups.s3)]);
    resolvers.push(servers);
  }
  if (addons.metricsServer.enabled) {
    const metrics = workload(METRICS_SERVER, 'metrics-server', 'cluster', systemNamespace);
    connect(kubernetes(), metrics, 'metrics API', [PORTS.metricsServer]);
    connect(metrics, kubernetes(), 'pods, nodes', KUBERNETES_API_PORTS);
    connect(metrics, kubelets(), 'usage', [PORTS.kubelet]);
  }
  if (isMonitored(config)) {
    const exporters = [
      { name: POSTGRES_EXPORTER, title: 'PostgreSQL exporter', of: database, carries: 'statistics' },
      { name: REDIS_EXPORTER, title: 'Redis exporter', of: cache, carries: 'statistics' },
    ];
    for (const { name, title, of, carries } of exporters) {
      const exporter = workload(name, title, 'cluster');
      connect(exporter, of.component, carries, of.ports);
      resolvers.push(exporter);
    }
  }
  // It reads files, and is asked.
  if (expiryCommand(config) !== undefined) workload(EXPIRY, 'Ends of certificates', 'cluster');
  /** Everybody who tells metrics is asked by `prometheus`; so this comes after everybody. */
  const askedBy = (prometheus: Component): void => {
    for (const { workload: name, port } of scrapeTargets(config)) {
      const target = components.find((component) => component.ours && component.name === name);
      if (target === undefined) throw new Error(`${name} tells metrics, but is no component; add it above`);
      connect(prometheus, target, 'metrics', [port.number]);
    }
  };
  if (monitoring.mode === 'operator') {
    const peer = {
      kind: 'pods' as const,
      namespace: monitoring.namespace,
      labels: { [NAME_LABEL]: 'prometheus' },
    };
    askedBy(outside('prometheus', 'Prometheus', peer, 'cluster'));
  }
  if (isBundled(config)) {
    const prometheus = workload(PROMETHEUS, 'Prometheus', 'cluster');
    const alertmanager = workload(ALERTMANAGER, 'Alertmanager', 'cluster');
    connect(prometheus, kubernetes(), 'pods, nodes', KUBERNETES_API_PORTS);
    connect(prometheus, kubelets(), 'usage', [PORTS.kubelet]);
    connect(prometheus, alertmanager, 'alerts', [PORTS.alertmanager]);
    resolvers.push(prometheus);
    const { alertmanager: settings } = monitoring.bundled;
    const told = SEVERITIES.filter((severity) => settings.receivers[severity].type !== 'none');
    for (const severity of told) {
      const { cidr, ...receiver } = settings.receivers[severity];
      const people = outside(`receiver-${severity}`, `Receiver of ${severity}s`, { kind: 'address', cidr });
      connect(alertmanager, people, 'messages', [receiverPort(receiver)]);
    }
    if (told.length > 0) resolvers.push(alertmanager);
    const loki = hasLogs(config) ? workload(LOKI, 'Loki', 'cluster') : undefined;
    if (loki !== undefined) {
      const collector = workload(LOG_COLLECTOR, 'Log collector', 'cluster', agentsNamespace(config));
      connect(collector, loki, 'logs', [PORTS.loki]);
      connect(collector, kubernetes(), 'pods', KUBERNETES_API_PORTS);
      resolvers.push(collector);
    }
    if (hasGrafana(config)) {
      const grafana = workload(GRAFANA, 'Grafana', 'cluster');
      connect(grafana, prometheus, 'metrics', [PORTS.prometheus]);
      if (loki !== undefined) connect(grafana, loki, 'logs', [PORTS.loki]);
      resolvers.push(grafana);
    }
    askedBy(prometheus);
  }
  for (const component of resolvers) connect(component, dns, 'names', [53], true);

  return { components, connections };
}

const ANYWHERE: AddressPeer = { kind: 'address', cidr: '0.0.0.0/0' };

/** Made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function s3Port({ endpoint = 'https://s3.amazonaws.com' }: S3): number {
  const { protocol, port } = new URL(endpoint);
  return port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port);
}

type S3 = NonNullable<Config['backups']['s3']>;

/** The Service's port and the API server's own: a policy sees the one or the other, as the cluster's network does it. */
const KUBERNETES_API_PORTS = [443, 6443];
